"""Rivaroxaban: Willmann et al., CPT Pharmacometrics Syst Pharmacol 2018;7:309 (4,918 patients).

One compartment. Clearance and volume are those of patients with atrial fibrillation.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.physiology.oral_dosing import EMPTY_K21_PER_H, Parameters
from hemosim_jax.tasks.doac.covariates import (
    PharmacokineticCovariates,
    body_surface_m2,
    interaction_ratio,
)

# Low, standard, high. 15 mg twice daily is what the first weeks of a thrombosis are treated with;
# here its 30 mg are taken at once, as the two others are.
DOSES_MG = (15.0, 20.0, 30.0)
DOSES_PER_DAY = 1

ABSORPTION_PER_H = 0.821
CLEARANCE_L_PER_H = 6.58 * 0.849  # at 93 mL/min and 81 kg; in atrial fibrillation
VOLUME_L = 62.5  # of a man of 61 y and 81 kg
INHIBITOR_CLEARANCE_RATIO = 0.863  # moderate CYP3A4 inhibitors
INDUCER_CLEARANCE_RATIO = 2.0  # recalled: rifampicin halves the AUC (label); all inducers 1.30
MAX_CLEARANCE_ML_PER_MIN = 140.0  # of creatinine, for 1.73 m2

N_EFFECTS = 3
OMEGA_ABSORPTION = math.sqrt(0.628)
OMEGA_CLEARANCE = math.sqrt(0.167)
OMEGA_VOLUME = math.sqrt(0.0391)
CORRELATION = 0.0674 / (OMEGA_CLEARANCE * OMEGA_VOLUME)


def relative_bioavailability(dose_mg: float) -> float:
    """Falls with the dose, taken with food."""
    return 0.590 + 0.660 * math.exp(-math.log(2.0) * dose_mg / 14.4)


def parameters(
    covariates: PharmacokineticCovariates, normals: Sequence[Float[Array, "*b"]]
) -> Parameters:
    """Of a patient with these covariates and `N_EFFECTS` standard normals (all 0: typical)."""
    z_absorption, z_clearance, z_own = normals
    z_volume = CORRELATION * z_clearance + math.sqrt(1.0 - CORRELATION**2) * z_own
    surface = body_surface_m2(covariates.weight_kg, covariates.male) / 1.73
    kidneys = jnp.minimum(
        covariates.creatinine_clearance_ml_per_min, MAX_CLEARANCE_ML_PER_MIN * surface
    )
    clearance = (
        CLEARANCE_L_PER_H
        * (kidneys / 93.0) ** 0.406
        * (covariates.weight_kg / 81.0) ** -0.278
        * interaction_ratio(covariates, INHIBITOR_CLEARANCE_RATIO, INDUCER_CLEARANCE_RATIO)
    )
    volume = (
        VOLUME_L
        * (covariates.weight_kg / 81.0) ** 0.216
        * (covariates.age_y / 61.0) ** -0.189
        * jnp.where(covariates.male, 1.0, 0.889)
    )
    one = jnp.ones_like(clearance)
    return Parameters(
        absorption_per_h=ABSORPTION_PER_H * jnp.exp(OMEGA_ABSORPTION * z_absorption),
        evening_absorption_ratio=one,
        lag_h=0.0 * one,
        clearance_l_per_h=clearance * jnp.exp(OMEGA_CLEARANCE * z_clearance),
        central_l=volume * jnp.exp(OMEGA_VOLUME * z_volume),
        k12_per_h=0.0 * one,
        k21_per_h=EMPTY_K21_PER_H * one,
        bioavailability=one,
    )
