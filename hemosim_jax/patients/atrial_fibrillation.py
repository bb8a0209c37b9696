"""Virtual patients with atrial fibrillation: covariates, components of the scores, course."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from hemosim_jax.cohort import Cohort
from hemosim_jax.models import doac, doac_covariates
from hemosim_jax.models.doac_covariates import creatinine_clearance_ml_per_min
from hemosim_jax.outcomes.atrial_fibrillation import RiskFactors
from hemosim_jax.outcomes.doac_labels import Criteria
from hemosim_jax.patients import doac_course
from hemosim_jax.patients.doac_course import Course, CourseRisks
from hemosim_jax.patients.draws import as_normal, as_uniform, draw

# Bounds within which covariates are drawn; also the scale of the observation.
AGE_Y = (40.0, 95.0)
WEIGHT_KG = (40.0, 150.0)
CREATININE_CLEARANCE_ML_PER_MIN = (15.0, 150.0)
MAX_CREATININE_MG_PER_DL = 6.0


@struct.dataclass
class Prevalences:
    """Shares of a population that have a component of the scores."""

    heart_failure: float
    hypertension: float
    diabetes: float
    prior_stroke: float
    vascular_disease: float
    antiplatelet: float
    bleeding_history: float
    uncontrolled_pressure: float = 0.15  # assumptions, the same everywhere
    liver_disease: float = 0.02
    alcohol: float = 0.05


@struct.dataclass
class Population:
    """The distributions patients are drawn from; every leaf a parameter that may be vmapped.

    The default is a clinic's, near the mean of the four trials, with kidneys that trials leave out
    (assumption).
    """

    age_y: tuple[float, float] = (73.0, 9.5)  # mean, SD
    female: float = 0.40
    weight_kg: tuple[tuple[float, float], tuple[float, float]] = (
        (73.0, 0.22),  # median and SD of the log, of women (assumption)
        (86.0, 0.20),  # of men
    )
    creatinine_mg_per_dl: tuple[tuple[float, float], tuple[float, float]] = (
        (0.93, 0.27),  # idem (assumption): a median clearance near 70 mL/min
        (1.10, 0.27),
    )
    lowest_clearance_ml_per_min: float = 15.0
    asian: float = 0.10
    prevalences: Prevalences = Prevalences(
        heart_failure=0.40,
        hypertension=0.85,
        diabetes=0.28,
        prior_stroke=0.25,
        vascular_disease=0.22,
        antiplatelet=0.30,
        bleeding_history=0.12,
    )
    variability: float = 1.0  # scale of the random effects on pharmacokinetics


@struct.dataclass
class Covariates:
    """What is known of a patient at the start."""

    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]
    male: Bool[Array, "*b"]
    asian: Bool[Array, "*b"]
    creatinine_clearance_ml_per_min: Float[Array, "*b"]
    risk: RiskFactors


@struct.dataclass
class Patient:
    """One virtual patient, before the first tablet."""

    covariates: Covariates
    effects: tuple[Float[Array, "*b"], ...]  # standard normals, in the order of `models.doac`
    course: Course


RISK_NAMES = tuple(RiskFactors.__dataclass_fields__)
_N_UNIFORMS = 2 + len(RISK_NAMES)


def sample(key: jax.Array, of: Population, risks: CourseRisks) -> Patient:
    """Draws one patient."""
    draws = draw(key, 4 + doac.N_EFFECTS + _N_UNIFORMS)
    n_normals = 4 + doac.N_EFFECTS
    z_age, z_weight, z_creatinine, z_decline, *z_effects = map(as_normal, draws[:n_normals])
    u_sex, u_asian, *u_risk = map(as_uniform, draws[n_normals:])
    male = u_sex >= of.female
    age_y = jnp.clip(of.age_y[0] + of.age_y[1] * z_age, *AGE_Y)
    weight_kg = jnp.clip(_log_normal(of.weight_kg, male, z_weight), *WEIGHT_KG)
    creatinine = _log_normal(of.creatinine_mg_per_dl, male, z_creatinine)
    clearance = creatinine_clearance_ml_per_min(age_y, weight_kg, male, creatinine)
    covariates = Covariates(
        age_y=age_y,
        weight_kg=weight_kg,
        male=male,
        asian=u_asian < of.asian,
        creatinine_clearance_ml_per_min=jnp.clip(
            clearance, of.lowest_clearance_ml_per_min, CREATININE_CLEARANCE_ML_PER_MIN[1]
        ),
        risk=_risk_factors(u_risk, of.prevalences),
    )
    return Patient(
        covariates=covariates,
        effects=tuple(of.variability * z for z in z_effects),
        course=doac_course.begin(z_decline, risks),
    )


def complete_cohort(
    key: jax.Array, covariates: Covariates, of: Population, risks: CourseRisks
) -> Cohort:
    """Real (stacked) covariates with what no file records: random effects and course."""

    def complete(patient_key, own):
        z_decline, *z_effects = map(as_normal, draw(patient_key, 1 + doac.N_EFFECTS))
        effects = tuple(of.variability * z for z in z_effects)
        return Patient(own, effects, doac_course.begin(z_decline, risks))

    keys = jax.random.split(key, covariates.age_y.shape[0])
    return Cohort(jax.vmap(complete)(keys, covariates))


def age_y(patient: Patient, elapsed_h: Float[Array, ""]) -> Float[Array, ""]:
    """Now."""
    return patient.covariates.age_y + elapsed_h / doac_course.HOURS_PER_Y


def clearance_now(patient: Patient, elapsed_h: Float[Array, ""]) -> Float[Array, ""]:
    """Creatinine clearance, mL/min."""
    left = doac_course.renal_ratio(patient.course, elapsed_h)
    return patient.covariates.creatinine_clearance_ml_per_min * left


def creatinine_now(patient: Patient, elapsed_h: Float[Array, ""]) -> Float[Array, ""]:
    """Serum creatinine, mg/dL: Cockcroft and Gault's formula the other way round."""
    covariates = patient.covariates
    creatinine = creatinine_clearance_ml_per_min(
        age_y(patient, elapsed_h),
        covariates.weight_kg,
        covariates.male,
        clearance_now(patient, elapsed_h),
    )
    return jnp.minimum(creatinine, MAX_CREATININE_MG_PER_DL)


def label_criteria(patient: Patient, elapsed_h: Float[Array, ""]) -> Criteria:
    """What a label asks of this patient now."""
    return Criteria(
        age_y=age_y(patient, elapsed_h),
        weight_kg=patient.covariates.weight_kg,
        creatinine_mg_per_dl=creatinine_now(patient, elapsed_h),
        creatinine_clearance_ml_per_min=clearance_now(patient, elapsed_h),
        inhibitor=patient.course.interaction == 1,
        inducer=patient.course.interaction == 2,
    )


def risk_now(patient: Patient) -> RiskFactors:
    """The components, with what happened under treatment."""
    risk = patient.covariates.risk
    return risk.replace(bleeding_history=risk.bleeding_history | patient.course.has_bled)


def pharmacokinetic_covariates(
    patient: Patient, elapsed_h: Float[Array, ""]
) -> doac_covariates.Covariates:
    """What the models of the drugs depend on, now."""
    covariates = patient.covariates
    return doac_covariates.Covariates(
        age_y=age_y(patient, elapsed_h),
        weight_kg=covariates.weight_kg,
        male=covariates.male,
        asian=covariates.asian,
        creatinine_clearance_ml_per_min=clearance_now(patient, elapsed_h),
        interaction=patient.course.interaction,
    )


def _log_normal(by_sex: Any, male, z):
    (women, women_sd), (men, men_sd) = by_sex
    return jnp.where(male, men, women) * jnp.exp(jnp.where(male, men_sd, women_sd) * z)


def _risk_factors(uniforms, prevalences: Prevalences) -> RiskFactors:
    return RiskFactors(
        **{
            name: u < getattr(prevalences, name)
            for name, u in zip(RISK_NAMES, uniforms, strict=True)
        }
    )
