"""Meropenem: its course in intensive care, and how fast it kills.

Kinetics: Gijsen et al. 2022 (10.2147/IDR.S343264), 58 adults with severe sepsis or shock without
renal replacement. Effect: as a beta-lactam's on a growing culture, 2.7 per hour at most (Nielsen
et al. 2011, of cefuroxime and streptococci), half of it near the MIC (assumption), a steepness of
1.4.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.scalar import Scalar
from hemosim_jax.tasks.sepsis.body import Parameters

LOADING_MG = 1000.0
MAINTENANCE_MG_PER_H = 125.0  # 3 g a day, as an infusion that goes on
CLEARANCE_L_PER_H = 13.7  # at a creatinine clearance of 111.7 mL/min
FILTRATION_ML_PER_MIN = 111.7
FILTRATION_POWER = 0.637
CENTRAL_L = 25.5
BETWEEN_L_PER_H = 8.13
PERIPHERAL_L = 12.4

KILL_PER_H = 2.7
STEEPNESS = 1.35

Amounts = tuple[Float[Array, "*b"], Float[Array, "*b"]]


def clearance_l_per_h(filtration_ml_per_min: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """By kidneys that filter so much now."""
    relative = jnp.maximum(filtration_ml_per_min, 5.0) / FILTRATION_ML_PER_MIN
    return CLEARANCE_L_PER_H * relative**FILTRATION_POWER


def turnover(
    amounts_mg: Amounts, filtration_ml_per_min: Float[Array, "*b"], given_mg_per_h: Scalar
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """What is given to, or made of, and the share that is lost of both compartments, per hour."""
    central, peripheral = amounts_mg
    there, back = BETWEEN_L_PER_H / CENTRAL_L, BETWEEN_L_PER_H / PERIPHERAL_L
    out = clearance_l_per_h(filtration_ml_per_min) / CENTRAL_L
    return (
        (given_mg_per_h + back * peripheral, out + there),
        (there * central, jnp.full_like(central, back)),
    )


def kill_per_h(amounts_mg: Amounts, own: Parameters) -> Float[Array, "*b"]:
    """Of the pathogen."""
    relative = (amounts_mg[0] / CENTRAL_L / own.mic_mg_per_l) ** STEEPNESS
    return KILL_PER_H * relative / (1.0 + relative)
