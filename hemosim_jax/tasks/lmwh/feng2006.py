"""Enoxaparin by Feng et al., Br J Clin Pharmacol 2006;62:165: infused or under the skin.

Its creatinine clearance is taken to be that of Cockcroft and Gault at actual weight (assumption).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.tasks.lmwh.model import Parameters

RENAL_CLEARANCE_L_PER_H = 0.744  # at a creatinine clearance of 80 mL/min
OTHER_CLEARANCE_L_PER_H = 0.229
CENTRAL_L = 6.78  # at 70 kg
ABSORPTION_PER_H = 0.476
PERIPHERAL_L = 6.19
EXCHANGE_L_PER_H = 0.429
BIOAVAILABILITY = 0.94
# Between patients, SD of the log of clearance and central volume: the published coefficients of
# variation, 41 and 29 %.
OMEGA_CLEARANCE = 0.41
OMEGA_CENTRAL = 0.29


def typical_parameters(
    weight_kg: Float[Array, ""],
    creatinine_clearance_ml_per_min: Float[Array, ""],
    ideal_creatinine_clearance_ml_per_min: Float[Array, ""],
) -> Parameters:
    """The typical patient of this weight and these kidneys."""
    one = jnp.ones_like(weight_kg)
    renal = RENAL_CLEARANCE_L_PER_H * creatinine_clearance_ml_per_min / 80.0
    return Parameters(
        absorption_per_h=ABSORPTION_PER_H * one,
        clearance_l_per_h=renal + OTHER_CLEARANCE_L_PER_H,
        central_l=CENTRAL_L * weight_kg / 70.0,
        exchange_l_per_h=EXCHANGE_L_PER_H * one,
        peripheral_l=PERIPHERAL_L * one,
        bioavailability=BIOAVAILABILITY * one,
        basal_iu_per_ml=0.0 * one,
    )
