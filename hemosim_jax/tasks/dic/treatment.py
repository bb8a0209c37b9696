"""What can be decided in DIC: products, heparin, and on request what else a ward has."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.fields import ActionFields, category
from hemosim_jax.core.node import Node
from hemosim_jax.tasks.dic import blood_products
from hemosim_jax.tasks.dic.blood import Blood
from hemosim_jax.tasks.dic.blood_products import Products, red_cells_needed

# What the numbers of an action mean (the paper, section 4.4): units, and U/h.
PLATELET_UNITS = (0.0, 1.0, 2.0, 4.0)
PLASMA_UNITS = (0.0, 2.0, 4.0, 6.0)
CRYOPRECIPITATE_UNITS = (0.0, 5.0, 10.0)
HEPARIN_U_PER_H = (0.0, 500.0, 1000.0)
USUAL = ActionFields(
    (
        category("platelet_units", PLATELET_UNITS, once=True),
        category("plasma_units", PLASMA_UNITS, once=True),
        category("cryoprecipitate_units", CRYOPRECIPITATE_UNITS, once=True),
        category("heparin_u_per_h", HEPARIN_U_PER_H),
    )
)
# The others, at doses of trials and labels: PROCOAG 25 U/kg, CRASH-2 1 g, KyberSept 6000 U and the
# Japanese 1500 U of antithrombin; of thrombomodulin 380 U/kg once a day.
ALL = ActionFields(
    (
        *USUAL.fields,
        category("fibrinogen_g", (0.0, 2.0, 4.0), once=True),
        category("prothrombin_complex_u", (0.0, 1000.0, 2000.0), once=True),
        category("antithrombin_u", (0.0, 1500.0, 6000.0), once=True),
        category("tranexamic_acid_g", (0.0, 1.0), once=True),
        category("thrombomodulin_doses", (0.0, 1.0), once=True),
    )
)
OPTIONS = {"usual": USUAL, "all": ALL}
U_PER_VIAL = 500.0

# Of tranexamic acid in the body's water (assumption).
TRANEXAMIC_VOLUME_L_PER_KG = 0.4


class Treatment(Node):
    """One decision."""

    products: Products  # units, given at once; red cells are the ward's
    heparin_u_per_h: Float[Array, ""]
    tranexamic_acid_g: Float[Array, ""]
    thrombomodulin_doses: Float[Array, ""]


def nothing() -> Treatment:
    """No treatment."""
    zero = jnp.zeros((), jnp.result_type(float))
    return Treatment(blood_products.units(platelets=zero), zero, zero, zero)


def decoded(chosen: Any) -> Treatment:
    """Of a record with the fields of `USUAL` or `ALL`."""

    def of(name):
        return getattr(chosen, name, jnp.zeros_like(chosen.platelet_units))

    return Treatment(
        blood_products.units(
            platelets=chosen.platelet_units,
            plasma=chosen.plasma_units,
            cryoprecipitate=chosen.cryoprecipitate_units,
            fibrinogen=of("fibrinogen_g"),
            prothrombin_complex=of("prothrombin_complex_u") / U_PER_VIAL,
            antithrombin=of("antithrombin_u") / U_PER_VIAL,
        ),
        heparin_u_per_h=chosen.heparin_u_per_h,
        tranexamic_acid_g=of("tranexamic_acid_g"),
        thrombomodulin_doses=of("thrombomodulin_doses"),
    )


def given(blood: Blood, treatment: Treatment, weight_kg: Float[Array, ""]) -> tuple[Blood, Array]:
    """The blood after all that is given at once, and the red cells (units) the ward has added."""
    red_cells = red_cells_needed(blood)
    products = treatment.products.replace(red_cells=red_cells)
    after = blood_products.give(blood, products, weight_kg)
    tranexamic = 1e3 * treatment.tranexamic_acid_g / (TRANEXAMIC_VOLUME_L_PER_KG * weight_kg)
    return after.replace(
        tranexamic_mg_per_l=after.tranexamic_mg_per_l + tranexamic,
        thrombomodulin=after.thrombomodulin + treatment.thrombomodulin_doses,
    ), red_cells
