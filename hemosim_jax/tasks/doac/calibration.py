"""The coefficients of `hazards` that make each trial's arms come out as published.

Each trial's population is simulated on each arm at steady state. Warfarin's arms give the scales:
what a trial differs by from the mean of the four, in stroke and in bleeding, is its own factor,
which no patient of the environments has. Then every drug's coefficients follow from its arms: two
arms of a drug (dabigatran, edoxaban) give the slope of its exposure, for the two others the slopes
are assumptions.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import root_scalar

from hemosim_jax.outcomes.atrial_fibrillation import cha2ds2_vasc, has_bled
from hemosim_jax.tasks.doac import disturbances, drugs, hazards, labels, population
from hemosim_jax.tasks.doac.disturbances import Risks
from hemosim_jax.tasks.doac.hazards import SITES, WARFARIN_SITE_SHARES, Coefficients
from hemosim_jax.tasks.doac.population import Patient
from hemosim_jax.tasks.doac.trials import TRIALS, Arm, Trial

PATIENTS = 20_000
# Where a drug had one dose only (assumptions): edoxaban's for strokes (dabigatran's is 2.8), the
# mean of both for bleeds.
STROKE_STEEPNESS = 1.0
BLEEDING_STEEPNESS = 1.0


class Calibrated(NamedTuple):
    """The fit, and what each trial differs by."""

    coefficients: Coefficients
    stroke_factors: dict[str, float]
    bleeding_factors: dict[str, float]


def _root(function: Callable[[float], Any], low: float, high: float) -> float:
    return float(root_scalar(function, bracket=(low, high), method="brentq").root)


class _Cohort(NamedTuple):
    """NumPy arrays by patient."""

    patients: Patient
    untreated_stroke: np.ndarray
    warfarin_bleeding: np.ndarray


def sample_patients(trial: Trial, key: jax.Array, size: int) -> Patient:
    """Stacked patients of a trial's population, to whom nothing happens but strokes and bleeds."""
    draw = jax.jit(jax.vmap(lambda k: population.sample(k, trial.population, Risks())))
    return draw(jax.random.split(key, size))


def _drug_of(arm: Arm) -> int:
    """**Raises:** `ValueError` for an arm on warfarin."""
    if arm.drug is None:
        raise ValueError(f"{arm.name} is no direct anticoagulant")
    return arm.drug


def reduced(arm: Arm, patient: Patient) -> jax.Array:
    """Whether the arm's protocol gives this patient (or these) the reduced dose."""
    zero = jnp.zeros_like(patient.covariates.age_y)
    criteria = population.label_criteria(patient, disturbances.well(patient.thresholds), zero, zero)
    kidneys = criteria.creatinine_clearance_ml_per_min
    rules = {
        "rivaroxaban": kidneys < 50.0,
        "dabigatran": jnp.zeros_like(criteria.inhibitor),
        "apixaban": labels.two_of_three(criteria),
        "edoxaban": (kidneys <= 50.0) | (criteria.weight_kg <= 60.0) | criteria.inhibitor,
    }
    return rules[drugs.DRUGS[_drug_of(arm)]]


def exposure(arm: Arm, patients: Patient) -> jax.Array:
    """Mean concentration at steady state over the drug's typical one; of stacked patients."""
    drug, zero = _drug_of(arm), jnp.zeros_like(patients.covariates.age_y)
    covariates = population.pharmacokinetic_covariates(
        patients, disturbances.well(patients.thresholds), zero
    )
    parameters = drugs.parameters(covariates, patients.effects, len(drugs.DRUGS))[drug]
    full, less = (drugs.regimen(dose, drug) for dose in (arm.dose_mg, arm.reduced_dose_mg))
    daily_mg = jnp.where(
        reduced(arm, patients),
        less.morning_mg + less.evening_mg,
        full.morning_mg + full.evening_mg,
    )
    absorbed_mg = daily_mg * parameters.bioavailability
    mean_ng_per_ml = 1000.0 * absorbed_mg / 24.0 / parameters.clearance_l_per_h
    return mean_ng_per_ml / hazards.TYPICAL_MEAN_NG_PER_ML[drug]


def risks_of(patients: Patient) -> tuple[jax.Array, jax.Array]:
    """The untreated rate of stroke and the rate of bleeding on warfarin, at the start."""
    covariates = patients.covariates
    age_y, male, risk = covariates.age_y, covariates.male, covariates.risk
    creatinine = population.creatinine_now(patients, jnp.zeros_like(age_y))
    return (
        hazards.stroke_without_treatment(cha2ds2_vasc(age_y, male, risk)),
        hazards.bleeding_on_warfarin(has_bled(age_y, creatinine, risk), age_y),
    )


def fit(key: jax.Array, size: int = PATIENTS, trials: Sequence[Trial] = TRIALS) -> Calibrated:
    """Fits all coefficients to these trials; in float64 if that is enabled.

    A drug that none of them has is given the mean of the others.
    """
    keys = jax.random.split(key, len(trials))
    cohorts = []
    for trial, its_key in zip(trials, keys, strict=True):
        patients = sample_patients(trial, its_key, size)
        cohorts.append(_Cohort(patients, *map(np.asarray, risks_of(patients))))
    scales = [
        _warfarin_scales(trial, cohort) for trial, cohort in zip(trials, cohorts, strict=True)
    ]
    stroke_scale, bleeding_scale = np.exp(np.mean(np.log(scales), axis=0))
    half, steep_stroke, steep_bleeding, sites = {}, {}, {}, {}
    for trial, cohort, scale in zip(trials, cohorts, scales, strict=True):
        arms = [arm for arm in trial.arms if arm.drug is not None]
        drug = _drug_of(arms[-1])
        exposures = [np.asarray(exposure(arm, cohort.patients), float) for arm in arms]
        half[drug], steep_stroke[drug] = _stroke(
            arms, exposures, scale[0] * cohort.untreated_stroke
        )
        sites[drug], steep_bleeding[drug] = _bleeding(
            arms, exposures, scale[1] * cohort.warfarin_bleeding
        )
    every = range(len(drugs.DRUGS))
    for of_drug in (half, steep_stroke, steep_bleeding, sites):
        mean = np.exp(np.mean(np.log(list(of_drug.values())), axis=0))
        for drug in every:
            of_drug.setdefault(drug, tuple(mean) if mean.ndim else float(mean))
    coefficients = Coefficients(
        stroke_scale=float(stroke_scale),
        bleeding_scale=float(bleeding_scale),
        stroke_half_exposure=tuple(half[d] for d in every),
        stroke_steepness=tuple(steep_stroke[d] for d in every),
        bleeding_steepness=tuple(steep_bleeding[d] for d in every),
        site_ratios=tuple(sites[d] for d in every),
    )
    names = [trial.name for trial in trials]
    return Calibrated(
        coefficients,
        {n: float(s[0] / stroke_scale) for n, s in zip(names, scales, strict=True)},
        {n: float(s[1] / bleeding_scale) for n, s in zip(names, scales, strict=True)},
    )


def _ischemic_percent_per_y(arm: Arm) -> float:
    """What is left of an arm's strokes and embolisms without hemorrhagic strokes."""
    hemorrhagic = hazards.HEMORRHAGIC_STROKE_SHARE * arm.intracranial_percent_per_y
    return arm.stroke_percent_per_y - hemorrhagic


def _warfarin_scales(trial: Trial, cohort: _Cohort) -> tuple[float, float]:
    warfarin = trial.arms[-1]
    plain = hazards.hazards_on_warfarin(
        trial.warfarin_time_in_range_percent,
        jnp.asarray(cohort.untreated_stroke),
        jnp.asarray(cohort.warfarin_bleeding),
        stroke_scale=1.0,
        bleeding_scale=1.0,
    )
    bleeding = np.mean(np.sum([np.asarray(site, float) for site in plain.bleeding], axis=0))
    # Here the model's own share of intracranial bleeds among all counts, not the trial's.
    hemorrhagic = (
        hazards.HEMORRHAGIC_STROKE_SHARE
        * WARFARIN_SITE_SHARES[0]
        * warfarin.major_bleeding_percent_per_y
    )
    stroke = warfarin.stroke_percent_per_y - hemorrhagic
    return (
        float(0.01 * stroke / np.mean(np.asarray(plain.stroke, float))),
        float(0.01 * warfarin.major_bleeding_percent_per_y / bleeding),
    )


def _stroke(arms, exposures, untreated) -> tuple[float, float]:
    """Half-effect exposure and steepness."""

    def rate(exposure, half, steepness):
        return 100.0 * np.mean(untreated / (1.0 + (exposure / half) ** steepness))

    def half_for(arm, exposure, steepness):
        target = _ischemic_percent_per_y(arm)
        return _root(lambda log_half: rate(exposure, np.exp(log_half), steepness) - target, -20, 5)

    if len(arms) == 1:
        return float(np.exp(half_for(arms[0], exposures[0], STROKE_STEEPNESS))), STROKE_STEEPNESS

    def mismatch(steepness):
        logs = [half_for(a, e, steepness) for a, e in zip(arms, exposures, strict=True)]
        return logs[0] - logs[1]

    steepness = _root(mismatch, 0.1, 10.0)
    return float(np.exp(half_for(arms[0], exposures[0], steepness))), float(steepness)


def _bleeding(arms, exposures, on_warfarin) -> tuple[tuple[float, ...], float]:
    """Ratio of each site at the first arm, and the steepness that gives the second arm's total."""
    background = hazards.BACKGROUND_BLEEDING
    total = 100.0 * np.mean(on_warfarin)

    def driven(exposure, steepness):
        return 100.0 * np.mean(on_warfarin * exposure**steepness)

    def rates(arm):
        known = arm.intracranial_percent_per_y, arm.gastrointestinal_percent_per_y
        return (*known, arm.major_bleeding_percent_per_y - sum(known))

    def excess(arm):
        return arm.major_bleeding_percent_per_y - background * total

    steepness = BLEEDING_STEEPNESS
    if len(arms) == 2:
        ratio = excess(arms[0]) / excess(arms[1])
        steepness = _root(
            lambda s: driven(exposures[0], s) / driven(exposures[1], s) - ratio, 0.01, 10.0
        )
    per_share = [
        (rate - background * share * total) / (share * driven(exposures[0], steepness))
        for rate, share in zip(rates(arms[0]), WARFARIN_SITE_SHARES, strict=True)
    ]
    if min(per_share) < 0.0:
        site = SITES[int(np.argmin(per_share))]
        raise ValueError(f"{arms[0].name}: fewer {site} bleeds than without any anticoagulant")
    return tuple(map(float, per_share)), float(steepness)
