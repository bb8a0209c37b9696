"""What the model gives in the arms of a trial, at steady state: rates over its population."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.scalar import Scalar
from hemosim_jax.outcomes.atrial_fibrillation import cha2ds2_vasc, has_bled
from hemosim_jax.tasks.doac import disturbances, drugs, hazards, labels, population
from hemosim_jax.tasks.doac.disturbances import Risks
from hemosim_jax.tasks.doac.hazards import Coefficients, Hazards
from hemosim_jax.tasks.doac.population import Patient
from hemosim_jax.tasks.doac.trials import Arm, Trial


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


def hazards_in(
    trial: Trial,
    arm: Arm,
    exposure: Float[Array, " patients"],
    risks: tuple[Float[Array, " patients"], Float[Array, " patients"]],
    coefficients: Coefficients,
) -> Hazards:
    """Of every patient, `risks` as `risks_of`; the trial's own factors are not in them."""
    if arm.drug is not None:
        drug = jnp.full_like(exposure, arm.drug, jnp.int32)
        return hazards.hazards_on_drug(exposure, drug, *risks, coefficients)
    scales = coefficients.stroke_scale, coefficients.bleeding_scale
    return hazards.hazards_on_warfarin(trial.warfarin_time_in_range_percent, *risks, *scales)


def percent_per_y(rates: Hazards, stroke_ratio: Scalar = 1.0) -> tuple[Array, ...]:
    """Strokes of any kind, ischemic ones times a ratio, and major bleeds by site: means."""
    bleeds = tuple(100.0 * jnp.mean(site) for site in rates.bleeding)
    ischemic = 100.0 * stroke_ratio * jnp.mean(rates.stroke)
    return (ischemic + hazards.HEMORRHAGIC_STROKE_SHARE * bleeds[0], *bleeds)
