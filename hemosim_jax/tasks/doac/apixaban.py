"""Apixaban: Cirincione et al., CPT Pharmacometrics Syst Pharmacol 2018;7:728 (4,385 subjects).

Two compartments; a renal and a non-renal path. Values are those of atrial fibrillation.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.physiology.oral_dosing import Parameters
from hemosim_jax.tasks.doac.covariates import PharmacokineticCovariates, interaction_ratio

DOSES_MG = (2.5, 5.0, 10.0)  # low, standard, high (the first week of a thrombosis)
DOSES_PER_DAY = 2

ABSORPTION_PER_H = 0.473
EVENING_ABSORPTION_RATIO = 0.567
RENAL_CLEARANCE_L_PER_H = 1.57  # at 80 mL/min
OTHER_CLEARANCE_L_PER_H = 2.02  # of a man of 65 y
FIBRILLATION_CLEARANCE_RATIO = 1.0 - 0.139
CENTRAL_L = 30.0 * (1.0 - 0.0405)  # at 70 kg; in atrial fibrillation
EXCHANGE_L_PER_H = 1.91
PERIPHERAL_L = 27.0
MAX_CLEARANCE_ML_PER_MIN = 150.0
INHIBITOR_CLEARANCE_RATIO = 1.0 - 0.146  # inhibitors of CYP3A4 and P-gp
INDUCER_CLEARANCE_RATIO = 2.2  # recalled: rifampicin lowers the AUC by 54 % (label)

N_EFFECTS = 5
OMEGA_ABSORPTION = math.sqrt(0.263)
OMEGA_ELIMINATION = math.sqrt(0.0954)  # of clearance / central volume
OMEGA_CENTRAL = math.sqrt(0.0294)
OMEGA_K21 = math.sqrt(0.24)
OMEGA_K12 = math.sqrt(1.55)


def relative_bioavailability(dose_mg: float) -> float:
    """1 at 2.5 mg, falling with the dose."""
    return 1.0 - 0.420 * ((dose_mg - 2.5) / 47.5) ** 0.857


def parameters(
    covariates: PharmacokineticCovariates, normals: Sequence[Float[Array, "*b"]]
) -> Parameters:
    """Of a patient with these covariates and `N_EFFECTS` standard normals (all 0: typical)."""
    z_absorption, z_elimination, z_central, z_k21, z_k12 = normals
    kidneys = jnp.minimum(covariates.creatinine_clearance_ml_per_min, MAX_CLEARANCE_ML_PER_MIN)
    other = (
        OTHER_CLEARANCE_L_PER_H
        * (covariates.age_y / 65.0) ** -0.429
        * jnp.where(covariates.male, 1.0, 1.0 - 0.216)
    )
    clearance = (
        (RENAL_CLEARANCE_L_PER_H * kidneys / 80.0 + other)
        * FIBRILLATION_CLEARANCE_RATIO
        * jnp.where(covariates.asian, 1.0 - 0.119, 1.0)
        * interaction_ratio(covariates, INHIBITOR_CLEARANCE_RATIO, INDUCER_CLEARANCE_RATIO)
    )
    typical_l = CENTRAL_L * (covariates.weight_kg / 70.0) ** 0.79
    central_l = typical_l * jnp.exp(OMEGA_CENTRAL * z_central)
    elimination_per_h = clearance / typical_l * jnp.exp(OMEGA_ELIMINATION * z_elimination)
    one = jnp.ones_like(clearance)
    return Parameters(
        absorption_per_h=ABSORPTION_PER_H * jnp.exp(OMEGA_ABSORPTION * z_absorption),
        evening_absorption_ratio=EVENING_ABSORPTION_RATIO * one,
        lag_h=0.0 * one,
        clearance_l_per_h=elimination_per_h * central_l,
        central_l=central_l,
        k12_per_h=EXCHANGE_L_PER_H / typical_l * jnp.exp(OMEGA_K12 * z_k12),
        k21_per_h=EXCHANGE_L_PER_H / PERIPHERAL_L * jnp.exp(OMEGA_K21 * z_k21),
        bioavailability=one,
    )
