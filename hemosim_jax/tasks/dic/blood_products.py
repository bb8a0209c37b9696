"""What a unit of a blood product brings to a person of 70 kg; others in proportion.

Platelets: a random donor's, +5 to 10. Plasma: 10 to 20 mL/kg raise every factor by 30 %, a unit is
240 mL with 0.5 g of fibrinogen. A unit of cryoprecipitate raises fibrinogen by 7 to 10 mg/dL
(middles of the published ranges); factor VIII: 80 U in 3 L of plasma (recalled).
"""

from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.tasks.dic.blood import Blood

REFERENCE_WEIGHT_KG = 70.0
PLATELETS_PER_UNIT = 7.5  # 1e9/L
PLASMA_PER_UNIT = 0.30 * 240.0 / (15.0 * 70.0)  # of normal
FIBRINOGEN_G_PER_L_PER_PLASMA = 0.5 / 2.97
FIBRINOGEN_G_PER_L_PER_CRYO = 0.085
FACTOR_VIII_PER_CRYO = 80.0 / 3000.0


class Products(Node):
    """Units."""

    platelets: Float[Array, "*b"]
    plasma: Float[Array, "*b"]
    cryoprecipitate: Float[Array, "*b"]


def give(blood: Blood, products: Products, weight_kg: Float[Array, "*b"]) -> Blood:
    """The blood after these transfusions, all at once."""
    scale = REFERENCE_WEIGHT_KG / weight_kg
    plasma = PLASMA_PER_UNIT * products.plasma * scale
    cryo = products.cryoprecipitate * scale
    factors = {name: level + plasma for name, level in blood.factors.items()}
    factors["VIII"] = factors["VIII"] + FACTOR_VIII_PER_CRYO * cryo
    fibrinogen = (
        FIBRINOGEN_G_PER_L_PER_PLASMA * products.plasma * scale + FIBRINOGEN_G_PER_L_PER_CRYO * cryo
    )
    platelets = PLATELETS_PER_UNIT * products.platelets * scale
    return blood.replace(
        factors=factors,
        antithrombin=blood.antithrombin + plasma,
        fibrinogen_g_per_l=blood.fibrinogen_g_per_l + fibrinogen,
        platelets_1e9_per_l=blood.platelets_1e9_per_l + platelets,
    )
