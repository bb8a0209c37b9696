"""Dabigatran: a working model (assumption); the published models' tables were not found.

Two compartments and a lag, calibrated to the median peak and trough of RE-LY (175 and 91 ng/mL at
150 mg twice daily, 68 mL/min). Clearance goes with creatinine clearance as the label's AUC ratios
ask for (1.5, 3.2, 6.3 in mild, moderate and severe impairment), through 106.2 L/h at 76 mL/min
(Liesenfeld 2006), and is 12.4 L/h without kidneys (Liesenfeld 2013).
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.physiology.oral_dosing import Parameters
from hemosim_jax.tasks.doac.covariates import PharmacokineticCovariates, interaction_ratio

# Low, standard, high (tried with mechanical valves: RE-ALIGN).
DOSES_MG = (110.0, 150.0, 220.0)
US_LOW_DOSE_MG = 75.0
DOSES_PER_DAY = 2

ABSORPTION_PER_H = 0.74
LAG_H = 0.5
CLEARANCE_L_PER_H = 106.2  # at 76 mL/min
RENAL_EXPONENT = 1.1  # assumption, from the label's AUC ratios
CLEARANCE_WITHOUT_KIDNEYS_L_PER_H = 12.4
MAX_CLEARANCE_ML_PER_MIN = 120.0
CENTRAL_L = 885.0
EXCHANGE_L_PER_H = 168.0
PERIPHERAL_L = 765.0
INHIBITOR_BIOAVAILABILITY_RATIO = 1.5  # recalled: verapamil 1.2–1.5, dronedarone 1.7–2 (label)
INDUCER_BIOAVAILABILITY_RATIO = 0.34  # recalled: rifampicin lowers the AUC by 66 % (label)

N_EFFECTS = 2
OMEGA_CLEARANCE = 0.47  # a CV of 50 % after renal function (PMC4243910)
OMEGA_CENTRAL = 0.14  # of patients without kidneys (Liesenfeld 2013)


def relative_bioavailability(dose_mg: float) -> float:
    """Does not depend on the dose."""
    return 1.0


def parameters(
    covariates: PharmacokineticCovariates, normals: Sequence[Float[Array, "*b"]]
) -> Parameters:
    """Of a patient with these covariates and `N_EFFECTS` standard normals (all 0: typical)."""
    z_clearance, z_central = normals
    kidneys = jnp.minimum(covariates.creatinine_clearance_ml_per_min, MAX_CLEARANCE_ML_PER_MIN)
    clearance = jnp.maximum(
        CLEARANCE_L_PER_H * (kidneys / 76.0) ** RENAL_EXPONENT, CLEARANCE_WITHOUT_KIDNEYS_L_PER_H
    )
    one = jnp.ones_like(clearance)
    central_l = CENTRAL_L * jnp.exp(OMEGA_CENTRAL * z_central)
    return Parameters(
        absorption_per_h=ABSORPTION_PER_H * one,
        evening_absorption_ratio=one,
        lag_h=LAG_H * one,
        clearance_l_per_h=clearance * jnp.exp(OMEGA_CLEARANCE * z_clearance),
        central_l=central_l,
        k12_per_h=EXCHANGE_L_PER_H / central_l,
        k21_per_h=EXCHANGE_L_PER_H / PERIPHERAL_L * one,
        bioavailability=interaction_ratio(
            covariates, INHIBITOR_BIOAVAILABILITY_RATIO, INDUCER_BIOAVAILABILITY_RATIO
        ),
    )
