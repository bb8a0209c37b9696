"""The Hamberg models refined on the IWPC development cohort (N Engl J Med 2009;360:753).

The published models ask for about a quarter more warfarin than these patients take. In both models
the steady-state dose is proportional to clearance and to EC50, so a regression of
log(stable dose / published dose) on the covariates is a calibration of the two. What belongs to
clearance (weight, age, CYP2C9, co-medication) is put there; the intercept, VKORC1 and race are put
on EC50, because concentrations were measured directly in the published cohorts and sensitivity was
not. `benchmarks/warfarin_iwpc.py` repeats the fit and reports its errors.
"""

import functools
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.core.options import check_choice
from hemosim_jax.tasks.warfarin import factors, hamberg2007, hamberg2010
from hemosim_jax.tasks.warfarin.covariates import (
    CYP2C9_ALLELES,
    RACES,
    REFERENCE_AGE_Y,
    REFERENCE_WEIGHT_KG,
    Calibration,
    Covariates,
    FactorCalibration,
    RandomEffects,
)
from hemosim_jax.tasks.warfarin.factors import FactorTurnover
from hemosim_jax.tasks.warfarin.hamberg2007 import Hamberg2007
from hemosim_jax.tasks.warfarin.hamberg2010 import Hamberg2010
from hemosim_jax.tasks.warfarin.model import WarfarinModel

TARGET_INR = 2.5
TYPICAL_BASELINE_INR = 1.06  # assumption: middle of the normal range

# What `fit` gives on the 1,747 subjects of the development half, rounded.
IWPC_HAMBERG2010 = hamberg2010.PUBLISHED.replace(
    amiodarone_clearance_ratio=0.777,
    inducer_clearance_ratio=1.817,
    omega_ec50=0.254,
    typical_baseline_inr=TYPICAL_BASELINE_INR,
    weight_exponent=0.506,
    clearance_per_decade=-0.0319,
    star2_clearance_ratio=1.156,
    star3_clearance_ratio=1.182,
    ec50_ratio=0.793,
    vkorc1_aa_ec50_ratio=1.076,
    asian_ec50_ratio=1.013,
    black_ec50_ratio=0.898,
)
IWPC_HAMBERG2007 = hamberg2007.PUBLISHED.replace(
    amiodarone_clearance_ratio=0.783,
    inducer_clearance_ratio=1.934,
    omega_ec50=0.263,
    typical_baseline_inr=TYPICAL_BASELINE_INR,
    weight_exponent=0.484,
    clearance_per_decade=-0.0011,
    star2_clearance_ratio=1.309,
    star3_clearance_ratio=1.337,
    ec50_ratio=0.832,
    vkorc1_aa_ec50_ratio=0.990,
    asian_ec50_ratio=1.024,
    black_ec50_ratio=0.864,
)
# What `benchmarks.warfarin_factors_fit` estimates of the model of factors; logarithms, but for the
# exponent and the slope.
FITTED = (
    "ec50",
    "vkorc1_ga",
    "vkorc1_aa",
    "hill",
    "r_potency",
    "sensitivity_vii",
    "sensitivity_x",
    "sensitivity_pc",
    "weight_ii",
    "weight_vii",
    "weight_x",
    "weight_exponent",
    "clearance_per_decade",
    "amiodarone",
    "enzyme_inducer",
    "asian",
    "black",
    "mixed",
    "residual",
)
SENSITIVITY_IX = 0.6  # assumption: on a stable dose factor IX lies between VII and II (Kumar 1990)


def calibration_from(fitted: Mapping[str, Any]) -> FactorCalibration:
    """The calibration of the model of factors with these values of `FITTED`."""
    value = {name: jnp.exp(fitted[name]) for name in FITTED}
    # The residual of log dose, a t distribution of 5 degrees of freedom, is clearance and EC50.
    residual_variance = 5.0 / 3.0 * value["residual"] ** 2
    omega_clearance_s = factors.PUBLISHED.omega_clearance_s
    return factors.PUBLISHED.replace(
        amiodarone_clearance_ratio=value["amiodarone"],
        inducer_clearance_ratio=value["enzyme_inducer"],
        omega_ec50=jnp.sqrt(jnp.maximum(residual_variance - omega_clearance_s**2, 0.01)),
        typical_baseline_inr=factors.TYPICAL_BASELINE_INR,
        weight_exponent=fitted["weight_exponent"],
        clearance_per_decade=fitted["clearance_per_decade"],
        asian_ec50_ratio=value["asian"],
        black_ec50_ratio=value["black"],
        mixed_ec50_ratio=value["mixed"],
        ec50_mg_per_l=value["ec50"],
        vkorc1_ec50_ratios=(value["vkorc1_ga"], value["vkorc1_aa"]),
        hill=value["hill"],
        r_potency=value["r_potency"],
        sensitivity=(
            1.0,
            value["sensitivity_vii"],
            SENSITIVITY_IX,
            value["sensitivity_x"],
            value["sensitivity_pc"],
        ),
        pt_weights=(value["weight_ii"], value["weight_vii"], value["weight_x"]),
    )


CALIBRATIONS = ("iwpc", "published")


def calibration_of(name: str, model: WarfarinModel) -> Calibration:
    """The calibration called "iwpc" or "published" of one of the models.

    **Raises:** `ValueError` for another name, or if nothing was published of the model.
    """
    check_choice("calibration", name, CALIBRATIONS)
    if isinstance(model, FactorTurnover):
        if name == "published":
            raise ValueError("calibration must be iwpc with the model of factors; got 'published'")
        names, mean, _ = _posterior()
        return calibration_from(dict(zip(names, mean, strict=True)))
    if name == "published":
        return model.PUBLISHED
    return IWPC_HAMBERG2010 if model.PUBLISHED is hamberg2010.PUBLISHED else IWPC_HAMBERG2007


def draw_calibration(key: jax.Array) -> Calibration:
    """One of the calibrations of the model of factors that its evidence leaves possible.

    From the normal distribution that `benchmarks.warfarin_factors_fit` gives; traceable, so that
    `vmap` over keys and `params.patients.replace(calibration=...)` carries the uncertainty of the
    parameters into a result.
    """
    names, mean, covariance = _posterior()
    drawn = jax.random.multivariate_normal(key, jnp.asarray(mean), jnp.asarray(covariance))
    return calibration_from(dict(zip(names, drawn, strict=True)))


@functools.cache
def _posterior() -> tuple[list[str], np.ndarray, np.ndarray]:
    stored = json.loads(
        files("hemosim_jax.tasks.warfarin").joinpath("factors_posterior.json").read_text("utf-8")
    )
    dtype = np.float32
    return stored["names"], np.array(stored["mean"], dtype), np.array(stored["covariance"], dtype)


def typical_dose_mg_per_week(
    model: WarfarinModel, covariates: Covariates, calibration: Calibration
) -> jax.Array:
    """Weekly dose that the typical patient of these (stacked) covariates needs for INR 2.5."""
    none = jnp.zeros_like(covariates.age_y)
    typical = RandomEffects(clearance_s=none, clearance_r=none, volume=none, ec50=none)
    parameters = model.individual_parameters(covariates, typical, calibration)
    return 7.0 * model.steady_state_dose_mg_per_day(parameters, TARGET_INR)


def fit(
    model: Hamberg2007 | Hamberg2010, covariates: Covariates, weekly_dose_mg: np.ndarray
) -> Calibration:
    """Least absolute deviations of log dose, the variability from the spread of the residuals.

    Arguments stacked over subjects with a stable dose. The published variability of clearance is
    kept; EC50 takes the rest of the residual variance.
    """
    start = model.PUBLISHED.replace(
        amiodarone_clearance_ratio=1.0,
        inducer_clearance_ratio=1.0,
        typical_baseline_inr=TYPICAL_BASELINE_INR,
    )
    covariates = covariates.replace(
        baseline_inr=jnp.full_like(covariates.age_y, TYPICAL_BASELINE_INR)
    )
    predicted = np.asarray(typical_dose_mg_per_week(model, covariates, start))
    response = np.log(weekly_dose_mg / predicted)
    design = _design(covariates)
    coefficients = _least_absolute_deviations(design, response)
    residual_sd = float(np.std(response - design @ coefficients, ddof=design.shape[1]))
    constant, weight, decade, star2, star3, amiodarone, inducer, aa, asian, black = (
        float(c) for c in coefficients
    )
    return start.replace(
        weight_exponent=weight,
        clearance_per_decade=decade,
        star2_clearance_ratio=np.exp(star2).item(),
        star3_clearance_ratio=np.exp(star3).item(),
        amiodarone_clearance_ratio=np.exp(amiodarone).item(),
        inducer_clearance_ratio=np.exp(inducer).item(),
        ec50_ratio=np.exp(constant).item(),
        vkorc1_aa_ec50_ratio=np.exp(aa).item(),
        asian_ec50_ratio=np.exp(asian).item(),
        black_ec50_ratio=np.exp(black).item(),
        omega_ec50=(residual_sd**2 - start.omega_clearance_s**2) ** 0.5,
    )


def _design(covariates: Covariates) -> np.ndarray:
    cyp2c9, race = np.asarray(covariates.cyp2c9), np.asarray(covariates.race)
    carries = lambda star: np.array([star in pair for pair in CYP2C9_ALLELES])[cyp2c9]  # noqa: E731
    columns = (
        np.ones_like(cyp2c9),
        np.log(np.asarray(covariates.weight_kg) / REFERENCE_WEIGHT_KG),
        (np.asarray(covariates.age_y) - REFERENCE_AGE_Y) / 10.0,
        carries(2),
        carries(3),
        covariates.amiodarone,
        covariates.enzyme_inducer,
        np.asarray(covariates.vkorc1) == 2,
        race == RACES.index("Asian"),
        race == RACES.index("Black"),
    )
    return np.stack([np.asarray(column, float) for column in columns], axis=1)


def _least_absolute_deviations(design: np.ndarray, response: np.ndarray) -> np.ndarray:
    """By iteratively reweighted least squares (Schlossmacher 1973)."""
    weights, coefficients = np.ones_like(response), np.zeros(design.shape[1])
    for _ in range(200):
        root = np.sqrt(weights)[:, None]
        coefficients = np.linalg.lstsq(design * root, response * root[:, 0], rcond=None)[0]
        weights = 1.0 / np.maximum(np.abs(response - design @ coefficients), 1e-4)
    return coefficients
