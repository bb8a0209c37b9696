"""Virtual patients with atrial fibrillation: covariates, components of the scores, kidneys."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.description import plain_numbers
from hemosim_jax.core.hazards import thresholds
from hemosim_jax.core.laboratory.assay import measured
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, as_uniform, divide, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.outcomes.atrial_fibrillation import RiskFactors
from hemosim_jax.physiology.assay_catalog import CREATININE_CLEARANCE
from hemosim_jax.tasks.doac import disturbances, drugs
from hemosim_jax.tasks.doac.covariates import (
    PharmacokineticCovariates,
    creatinine_clearance_ml_per_min,
)
from hemosim_jax.tasks.doac.disturbances import Disturbances, Risks
from hemosim_jax.tasks.doac.labels import Criteria

# Bounds within which covariates are drawn; also the scale of the observation.
AGE_Y = (40.0, 95.0)
WEIGHT_KG = (40.0, 150.0)
CREATININE_CLEARANCE_ML_PER_MIN = (15.0, 150.0)
MAX_CREATININE_MG_PER_DL = 6.0


class Prevalences(Node):
    """Shares of a population that have a component of the scores, at its mean age and mix of sexes.

    `LOG_ODDS` says how they differ by age and sex.
    """

    heart_failure: Scalar
    hypertension: Scalar
    diabetes: Scalar
    prior_stroke: Scalar
    vascular_disease: Scalar
    antiplatelet: Scalar
    bleeding_history: Scalar
    uncontrolled_pressure: Scalar = 0.15  # assumptions, the same everywhere
    liver_disease: Scalar = 0.02
    alcohol: Scalar = 0.05


# Log odds of a component by decade of age, and of a woman against a man (assumptions: the old have
# more strokes, failing hearts and bleeds behind them, women have less vascular disease and drink).
LOG_ODDS = {
    "heart_failure": (0.20, 0.0),
    "hypertension": (0.10, 0.25),
    "diabetes": (0.0, -0.10),
    "prior_stroke": (0.25, 0.10),
    "vascular_disease": (0.15, -0.60),
    "antiplatelet": (0.10, -0.20),
    "bleeding_history": (0.20, 0.0),
    "uncontrolled_pressure": (0.0, 0.20),
    "liver_disease": (0.0, 0.0),
    "alcohol": (-0.40, -1.20),
}


class Population(Node):
    """The distributions patients are drawn from; every leaf a parameter that may be vmapped.

    The default is a clinic's, near the mean of the four trials, with kidneys that trials leave out
    (assumption).
    """

    age_y: tuple[Scalar, Scalar] = (73.0, 9.5)  # mean, SD
    female: Scalar = 0.40
    weight_kg: tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]] = (
        (73.0, 0.22),  # median and SD of the log, of women (assumption)
        (86.0, 0.20),  # of men
    )
    creatinine_mg_per_dl: tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]] = (
        (0.93, 0.27),  # idem (assumption): a median clearance near 70 mL/min
        (1.10, 0.27),
    )
    lowest_clearance_ml_per_min: Scalar = 15.0
    asian: Scalar = 0.10
    prevalences: Prevalences = Prevalences(
        heart_failure=0.40,
        hypertension=0.85,
        diabetes=0.28,
        prior_stroke=0.25,
        vascular_disease=0.22,
        antiplatelet=0.30,
        bleeding_history=0.12,
    )
    variability: Scalar = 1.0  # scale of the random effects on pharmacokinetics


class Covariates(Node):
    """What is known of a patient at the start."""

    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]
    male: Bool[Array, "*b"]
    asian: Bool[Array, "*b"]
    creatinine_clearance_ml_per_min: Float[Array, "*b"]
    risk: RiskFactors


class Patient(Node):
    """One virtual patient, before the first tablet."""

    covariates: Covariates
    effects: tuple[Float[Array, "*b"], ...]  # standard normals, in the order of `drugs`
    renal_decline_per_y: Float[Array, "*b"]
    thresholds: tuple[Float[Array, "*b"], ...]  # of the first events, see `disturbances`
    first_error: Float[Array, "*b"]  # of the creatinine on admission, standard normal
    evidence: Float[Array, "*b"]  # uniform: the draw of the posterior this patient lives in


RISK_NAMES = tuple(RiskFactors.__dataclass_fields__)
_N_UNIFORMS = 1 + len(RISK_NAMES)
_N_OWN = 2 + drugs.N_EFFECTS + disturbances.N_THRESHOLDS


def sample(key: jax.Array, population: Population, risks: Risks) -> Patient:
    """Draws one patient."""
    draws = uniform_vector(key, 3 + _N_OWN + _N_UNIFORMS)
    z_age, z_weight, z_creatinine = map(as_normal, draws[:3])
    u_sex, *u_risk = map(as_uniform, draws[3 + _N_OWN :])
    female, rest = divide(u_sex, population.female)
    asian, evidence = divide(rest, population.asian)
    male = ~female
    age_y = jnp.clip(population.age_y[0] + population.age_y[1] * z_age, *AGE_Y)
    weight_kg = jnp.clip(_log_normal(population.weight_kg, male, z_weight), *WEIGHT_KG)
    creatinine = _log_normal(population.creatinine_mg_per_dl, male, z_creatinine)
    clearance = creatinine_clearance_ml_per_min(age_y, weight_kg, male, creatinine)
    covariates = Covariates(
        age_y=age_y,
        weight_kg=weight_kg,
        male=male,
        asian=asian,
        creatinine_clearance_ml_per_min=jnp.clip(
            clearance, population.lowest_clearance_ml_per_min, CREATININE_CLEARANCE_ML_PER_MIN[1]
        ),
        risk=_risk_factors(u_risk, age_y, female, population),
    )
    return _complete(covariates, draws[3 : 3 + _N_OWN], evidence, population, risks)


def complete(
    key: jax.Array, covariates: Covariates, population: Population, risks: Risks
) -> Patient:
    """One patient with these covariates; effects, kidneys and fate are drawn."""
    *draws, evidence = uniform_vector(key, _N_OWN + 1)
    return _complete(covariates, draws, as_uniform(evidence), population, risks)


def _complete(covariates, draws, evidence, population, risks):
    z_decline, z_error, *z_effects = map(as_normal, draws[: 2 + drugs.N_EFFECTS])
    return Patient(
        covariates=covariates,
        effects=tuple(population.variability * z for z in z_effects),
        renal_decline_per_y=disturbances.draw_renal_decline_per_y(z_decline, risks),
        thresholds=thresholds(draws[2 + drugs.N_EFFECTS :]),
        first_error=z_error,
        evidence=evidence,
    )


def complete_cohort(
    key: jax.Array, covariates: Covariates, population: Population, risks: Risks
) -> Cohort:
    """Real (stacked) covariates with what no file records: effects and kidneys."""
    keys = jax.random.split(key, covariates.age_y.shape[0])
    return Cohort(
        jax.vmap(lambda one, own: complete(one, own, population, risks))(keys, covariates)
    )


def age_y(patient: Patient, elapsed_h: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Now."""
    return patient.covariates.age_y + elapsed_h / disturbances.HOURS_PER_Y


def clearance_now(patient: Patient, elapsed_h: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Creatinine clearance, mL/min."""
    left = disturbances.renal_ratio(patient.renal_decline_per_y, elapsed_h)
    return patient.covariates.creatinine_clearance_ml_per_min * left


def creatinine_now(patient: Patient, elapsed_h: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Serum creatinine, mg/dL: Cockcroft and Gault's formula the other way round."""
    covariates = patient.covariates
    creatinine = creatinine_clearance_ml_per_min(
        age_y(patient, elapsed_h),
        covariates.weight_kg,
        covariates.male,
        clearance_now(patient, elapsed_h),
    )
    return jnp.minimum(creatinine, MAX_CREATININE_MG_PER_DL)


def label_criteria(
    patient: Patient, now: Disturbances, elapsed_h: Float[Array, "*b"], error: Float[Array, "*b"]
) -> Criteria:
    """What a label asks of this patient now, creatinine as it was measured (`error`: a normal)."""
    clearance = clearance_now(patient, elapsed_h)
    seen = measured(CREATININE_CLEARANCE, clearance, error)
    return Criteria(
        age_y=age_y(patient, elapsed_h),
        weight_kg=patient.covariates.weight_kg,
        creatinine_mg_per_dl=creatinine_now(patient, elapsed_h) * clearance / seen,
        creatinine_clearance_ml_per_min=seen,
        inhibitor=now.interaction == 1,
        inducer=now.interaction == 2,
    )


def risk_now(patient: Patient, now: Disturbances) -> RiskFactors:
    """The components, with what happened under treatment."""
    risk = patient.covariates.risk
    return risk.replace(bleeding_history=risk.bleeding_history | now.has_bled)


def pharmacokinetic_covariates(
    patient: Patient, now: Disturbances, elapsed_h: Float[Array, "*b"]
) -> PharmacokineticCovariates:
    """What the models of the drugs depend on, now."""
    covariates = patient.covariates
    return PharmacokineticCovariates(
        age_y=age_y(patient, elapsed_h),
        weight_kg=covariates.weight_kg,
        male=covariates.male,
        asian=covariates.asian,
        creatinine_clearance_ml_per_min=clearance_now(patient, elapsed_h),
        interaction=now.interaction,
    )


def _log_normal(by_sex: Any, male, z):
    (women, women_sd), (men, men_sd) = by_sex
    return jnp.where(male, men, women) * jnp.exp(jnp.where(male, men_sd, women_sd) * z)


def _risk_factors(uniforms, age_y, female, population: Population) -> RiskFactors:
    decades = 0.1 * (age_y - population.age_y[0])
    sex = female.astype(age_y.dtype) - population.female

    def has(name, uniform):
        share, (by_decade, of_woman) = getattr(population.prevalences, name), LOG_ODDS[name]
        odds = share * jnp.exp(by_decade * decades + of_woman * sex)
        return uniform * (1.0 - share + odds) < odds

    return RiskFactors(
        **{name: has(name, uniform) for name, uniform in zip(RISK_NAMES, uniforms, strict=True)}
    )


def describe(patient: Patient) -> dict[str, Any]:
    """Covariates by name, the risk factors, and the pace at which the kidneys decline."""
    own = patient.covariates
    return {
        "sex": "male" if own.male else "female",
        "asian": bool(own.asian),
        "risk_factors": [name for name, has in vars(own.risk).items() if has],
        **plain_numbers(own),
        "renal_decline_per_y": round(float(patient.renal_decline_per_y), 4),
    }
