"""The coefficients of `outcomes.doac_events` that make each trial's arms come out as published.

Each trial's population is simulated on each arm at steady state. Warfarin's arms give the scales:
what a trial differs by from the mean of the four, in stroke and in bleeding, is its own factor,
which no patient of the environments has. Then every drug's coefficients follow from its arms: two
arms of a drug (dabigatran, edoxaban) give the slope of its exposure, for the two others the slopes
are assumptions.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq

from hemosim_jax.models import doac
from hemosim_jax.outcomes import atrial_fibrillation as scores
from hemosim_jax.outcomes import doac_events, doac_labels
from hemosim_jax.outcomes.doac_events import SITES, WARFARIN_SITE_SHARES, Coefficients
from hemosim_jax.patients import atrial_fibrillation as patients_af
from hemosim_jax.patients.atrial_fibrillation import Patient
from hemosim_jax.patients.atrial_fibrillation_trials import TRIALS, Arm, Trial
from hemosim_jax.patients.doac_course import CourseRisks

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


class _Cohort(NamedTuple):
    """NumPy arrays by patient."""

    patients: Patient
    untreated_stroke: np.ndarray
    warfarin_bleeding: np.ndarray


def sample_patients(trial: Trial, key: jax.Array, size: int) -> Patient:
    """Stacked patients of a trial's population, to whom nothing happens but strokes and bleeds."""
    draw = jax.jit(jax.vmap(lambda k: patients_af.sample(k, trial.population, CourseRisks())))
    return draw(jax.random.split(key, size))


def reduced(arm: Arm, patient: Patient) -> jax.Array:
    """Whether the arm's protocol gives this patient (or these) the reduced dose."""
    criteria = patients_af.label_criteria(patient, jnp.zeros_like(patient.covariates.age_y))
    kidneys = criteria.creatinine_clearance_ml_per_min
    rules = {
        "rivaroxaban": kidneys < 50.0,
        "dabigatran": jnp.zeros_like(criteria.inhibitor),
        "apixaban": doac_labels.two_of_three(criteria),
        "edoxaban": (kidneys <= 50.0) | (criteria.weight_kg <= 60.0) | criteria.inhibitor,
    }
    return rules[doac.DRUGS[arm.drug]]


def exposure(arm: Arm, patients: Patient) -> jax.Array:
    """Mean concentration at steady state over the drug's typical one; of stacked patients."""
    zero = jnp.zeros_like(patients.covariates.age_y)
    covariates = patients_af.pharmacokinetic_covariates(patients, zero)
    parameters = doac.parameters(covariates, patients.effects, len(doac.DRUGS))[arm.drug]
    full, less = (doac.regimen(dose, arm.drug) for dose in (arm.dose_mg, arm.reduced_dose_mg))
    daily_mg = jnp.where(
        reduced(arm, patients),
        less.morning_mg + less.evening_mg,
        full.morning_mg + full.evening_mg,
    )
    absorbed_mg = daily_mg * parameters.bioavailability
    mean_ng_per_ml = 1000.0 * absorbed_mg / 24.0 / parameters.clearance_l_per_h
    return mean_ng_per_ml / doac_events.TYPICAL_MEAN_NG_PER_ML[arm.drug]


def risks_of(patients: Patient) -> tuple[jax.Array, jax.Array]:
    """The untreated rate of stroke and the rate of bleeding on warfarin, at the start."""
    covariates = patients.covariates
    age_y, male, risk = covariates.age_y, covariates.male, covariates.risk
    creatinine = patients_af.creatinine_now(patients, jnp.zeros_like(age_y))
    return (
        doac_events.stroke_without_treatment(scores.cha2ds2_vasc(age_y, male, risk)),
        doac_events.bleeding_on_warfarin(scores.has_bled(age_y, creatinine, risk), age_y),
    )


def fit(key: jax.Array, size: int = PATIENTS) -> Calibrated:
    """Fits all coefficients; in float64 if that is enabled."""
    keys = jax.random.split(key, len(TRIALS))
    cohorts = []
    for trial, its_key in zip(TRIALS, keys, strict=True):
        patients = sample_patients(trial, its_key, size)
        cohorts.append(_Cohort(patients, *map(np.asarray, risks_of(patients))))
    scales = [
        _warfarin_scales(trial, cohort) for trial, cohort in zip(TRIALS, cohorts, strict=True)
    ]
    stroke_scale, bleeding_scale = np.exp(np.mean(np.log(scales), axis=0))
    half, steep_stroke, steep_bleeding, sites = {}, {}, {}, {}
    for trial, cohort, scale in zip(TRIALS, cohorts, scales, strict=True):
        arms = [arm for arm in trial.arms if arm.drug is not None]
        drug = arms[-1].drug
        exposures = [np.asarray(exposure(arm, cohort.patients), float) for arm in arms]
        half[drug], steep_stroke[drug] = _stroke(
            arms, exposures, scale[0] * cohort.untreated_stroke
        )
        sites[drug], steep_bleeding[drug] = _bleeding(
            arms, exposures, scale[1] * cohort.warfarin_bleeding
        )
    drugs = range(len(doac.DRUGS))
    coefficients = Coefficients(
        stroke_scale=float(stroke_scale),
        bleeding_scale=float(bleeding_scale),
        stroke_half_exposure=tuple(half[d] for d in drugs),
        stroke_steepness=tuple(steep_stroke[d] for d in drugs),
        bleeding_steepness=tuple(steep_bleeding[d] for d in drugs),
        site_ratios=tuple(sites[d] for d in drugs),
    )
    names = [trial.name for trial in TRIALS]
    return Calibrated(
        coefficients,
        {n: float(s[0] / stroke_scale) for n, s in zip(names, scales, strict=True)},
        {n: float(s[1] / bleeding_scale) for n, s in zip(names, scales, strict=True)},
    )


def _ischemic_percent_per_y(arm: Arm) -> float:
    """What is left of an arm's strokes and embolisms without hemorrhagic strokes."""
    hemorrhagic = doac_events.HEMORRHAGIC_STROKE_SHARE * arm.intracranial_percent_per_y
    return arm.stroke_percent_per_y - hemorrhagic


def _warfarin_scales(trial: Trial, cohort: _Cohort) -> tuple[float, float]:
    warfarin = trial.arms[-1]
    plain = doac_events.hazards_on_warfarin(
        trial.warfarin_time_in_range_percent,
        jnp.asarray(cohort.untreated_stroke),
        jnp.asarray(cohort.warfarin_bleeding),
        stroke_scale=1.0,
        bleeding_scale=1.0,
    )
    bleeding = np.mean(sum(np.asarray(site, float) for site in plain.bleeding))
    # Here the model's own share of intracranial bleeds among all counts, not the trial's.
    hemorrhagic = (
        doac_events.HEMORRHAGIC_STROKE_SHARE
        * WARFARIN_SITE_SHARES[0]
        * warfarin.major_bleeding_percent_per_y
    )
    stroke = warfarin.stroke_percent_per_y - hemorrhagic
    return (
        0.01 * stroke / np.mean(np.asarray(plain.stroke, float)),
        0.01 * warfarin.major_bleeding_percent_per_y / bleeding,
    )


def _stroke(arms, exposures, untreated) -> tuple[float, float]:
    """Half-effect exposure and steepness."""

    def rate(exposure, half, steepness):
        return 100.0 * np.mean(untreated / (1.0 + (exposure / half) ** steepness))

    def half_for(arm, exposure, steepness):
        target = _ischemic_percent_per_y(arm)
        return brentq(lambda log_half: rate(exposure, np.exp(log_half), steepness) - target, -20, 5)

    if len(arms) == 1:
        return float(np.exp(half_for(arms[0], exposures[0], STROKE_STEEPNESS))), STROKE_STEEPNESS

    def mismatch(steepness):
        logs = [half_for(a, e, steepness) for a, e in zip(arms, exposures, strict=True)]
        return logs[0] - logs[1]

    steepness = brentq(mismatch, 0.1, 10.0)
    return float(np.exp(half_for(arms[0], exposures[0], steepness))), float(steepness)


def _bleeding(arms, exposures, on_warfarin) -> tuple[tuple[float, ...], float]:
    """Ratio of each site at the first arm, and the steepness that gives the second arm's total."""
    background = doac_events.BACKGROUND_BLEEDING
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
        steepness = brentq(
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
