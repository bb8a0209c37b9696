"""Edoxaban: Niebecker et al., Br J Clin Pharmacol 2015;80:1374 (patients with thrombosis).

Two compartments and a lag. The model is of patients with venous thromboembolism and is taken over
to atrial fibrillation (assumption).
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.physiology.oral_dosing import Parameters
from hemosim_jax.tasks.doac.covariates import PharmacokineticCovariates, interaction_ratio

DOSES_MG = (30.0, 60.0, 90.0)  # low, standard, high (of early trials; assumption)
DOSES_PER_DAY = 1

ABSORPTION_PER_H = 3.36
LAG_H = 0.25
CENTRAL_L = 209.0  # volumes and flow at 70 kg
CENTRAL_ASIAN_RATIO = 1.226
PERIPHERAL_L = 92.3
EXCHANGE_L_PER_H = 5.91 * 1.646  # of patients
INHIBITOR_BIOAVAILABILITY_RATIO = 2.25  # of P-gp inhibitors in healthy volunteers
INHIBITOR_CLEARANCE_RATIO = 1.33  # idem
INDUCER_CLEARANCE_RATIO = 1.5  # recalled: rifampicin lowers the AUC by 35 % (label)

N_EFFECTS = 2
OMEGA_CLEARANCE = 0.149
CENTRAL_EFFECT_RATIO = 1.56  # of clearance's effect
OMEGA_PERIPHERAL = 0.527  # shared by peripheral volume and flow
CORRELATION = 0.43


def relative_bioavailability(dose_mg: float) -> float:
    """Does not depend on the dose."""
    return 1.0


def parameters(
    covariates: PharmacokineticCovariates, normals: Sequence[Float[Array, "*b"]]
) -> Parameters:
    """Of a patient with these covariates and `N_EFFECTS` standard normals (all 0: typical)."""
    z_clearance, z_own = normals
    z_peripheral = CORRELATION * z_clearance + math.sqrt(1.0 - CORRELATION**2) * z_own
    kidneys = covariates.creatinine_clearance_ml_per_min
    size = covariates.weight_kg / 70.0
    above_90 = jnp.clip(kidneys, 90.0, 150.0) - 90.0
    clearance = (
        (15.2 + 0.202 * jnp.minimum(kidneys, 90.0) + 0.120 * above_90)
        * size**0.75
        * interaction_ratio(covariates, INHIBITOR_CLEARANCE_RATIO, INDUCER_CLEARANCE_RATIO)
    )
    central_l = CENTRAL_L * size * jnp.where(covariates.asian, CENTRAL_ASIAN_RATIO, 1.0)
    effect_clearance = OMEGA_CLEARANCE * z_clearance
    effect_peripheral = jnp.exp(OMEGA_PERIPHERAL * z_peripheral)
    central_l = central_l * jnp.exp(CENTRAL_EFFECT_RATIO * effect_clearance)
    exchange = EXCHANGE_L_PER_H * size * effect_peripheral
    peripheral_l = PERIPHERAL_L * size**0.75 * effect_peripheral
    one = jnp.ones_like(clearance)
    return Parameters(
        absorption_per_h=ABSORPTION_PER_H * one,
        evening_absorption_ratio=one,
        lag_h=LAG_H * one,
        clearance_l_per_h=clearance * jnp.exp(effect_clearance),
        central_l=central_l,
        k12_per_h=exchange / central_l,
        k21_per_h=exchange / peripheral_l,
        bioavailability=interaction_ratio(covariates, INHIBITOR_BIOAVAILABILITY_RATIO, 1.0),
    )
