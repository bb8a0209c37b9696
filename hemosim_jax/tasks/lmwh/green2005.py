"""Enoxaparin by Green et al., Br J Clin Pharmacol 2005;59:281: acute coronary syndromes.

Clearance rises with the creatinine clearance of Cockcroft and Gault at ideal weight; the basal
activity is part of the published model.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.tasks.lmwh.model import Parameters

RENAL_CLEARANCE_L_PER_H = 0.681  # at a creatinine clearance of 80 mL/min
OTHER_CLEARANCE_L_PER_H = 0.229
CENTRAL_L = 5.22  # at 80 kg
ABSORPTION_PER_H = 0.255
PERIPHERAL_L = 29.6
EXCHANGE_L_PER_H = 0.632
BASAL_IU_PER_ML = 0.0499
# Between patients, SD of the log of clearance and central volume. That the published coefficients
# of variation, 33 and 34 %, are of these two is an assumption; the third, 70 %, is left out.
OMEGA_CLEARANCE = 0.33
OMEGA_CENTRAL = 0.34


def typical_parameters(
    weight_kg: Float[Array, ""],
    creatinine_clearance_ml_per_min: Float[Array, ""],
    ideal_creatinine_clearance_ml_per_min: Float[Array, ""],
) -> Parameters:
    """The typical patient of this weight and these kidneys."""
    one = jnp.ones_like(weight_kg)
    renal = RENAL_CLEARANCE_L_PER_H * ideal_creatinine_clearance_ml_per_min / 80.0
    return Parameters(
        absorption_per_h=ABSORPTION_PER_H * one,
        clearance_l_per_h=renal + OTHER_CLEARANCE_L_PER_H,
        central_l=CENTRAL_L * weight_kg / 80.0,
        exchange_l_per_h=EXCHANGE_L_PER_H * one,
        peripheral_l=PERIPHERAL_L * one,
        bioavailability=one,
        basal_iu_per_ml=BASAL_IU_PER_ML * one,
    )
