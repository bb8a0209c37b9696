"""Virtual patients for enoxaparin: covariates, kidneys, individual parameters."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.description import plain_numbers
from hemosim_jax.core.hazards import thresholds
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, as_uniform, uniform_vector
from hemosim_jax.core.scalar import Scalar

# Bounds within which covariates are drawn; also the scale of the observation.
AGE_Y = (18.0, 95.0)
WEIGHT_KG = (40.0, 160.0)
HEIGHT_CM = (140.0, 210.0)
CREATININE_MG_PER_DL = (0.4, 8.0)
# Beyond 150 mL/min the formula says nothing of the kidneys; below 10 patients are dialyzed, which
# neither model describes.
CREATININE_CLEARANCE_ML_PER_MIN = (10.0, 150.0)


class Population(Node):
    """The distributions patients are drawn from; every leaf a parameter that may be vmapped.

    Adults with venous thromboembolism. Demographics are assumptions near those of Merli et al., Ann
    Intern Med 2001;134:191 (recalled: mean age 61 y, 83 kg).
    """

    female: Scalar = 0.45
    age_y: tuple[Scalar, Scalar] = (61.0, 17.0)  # mean, SD
    weight_kg: tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]] = (
        (75.0, 0.22),  # median and SD of the log, of women
        (85.0, 0.20),  # of men
    )
    height_cm: tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]] = (
        (162.0, 7.0),  # mean, SD, of women
        (176.0, 7.5),  # of men
    )
    creatinine_mg_per_dl: tuple[Scalar, Scalar] = (0.75, 0.95)  # medians, of women and of men
    creatinine_log_sd: Scalar = 0.25
    impaired: Scalar = 0.0  # share whose creatinine is `impaired_ratio` times as high
    impaired_ratio: Scalar = 2.0
    variability: Scalar = 1.0  # scale of what follows
    omega_clearance: Scalar = 0.41  # SD of the log; of the model chosen
    omega_central: Scalar = 0.29


class Covariates(Node):
    """What is known of a patient on admission."""

    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]
    height_cm: Float[Array, "*b"]
    male: Bool[Array, "*b"]
    creatinine_mg_per_dl: Float[Array, "*b"]


class Patient(Node):
    """One virtual patient: covariates, and the ratios of the own parameters to the typical ones."""

    covariates: Covariates
    clearance_ratio: Float[Array, "*b"]
    central_ratio: Float[Array, "*b"]
    thresholds: tuple[Float[Array, "*b"], ...]  # of the first events, see `disturbances`


def creatinine_clearance_ml_per_min(
    age_y: Any, weight_kg: Any, male: Any, creatinine_mg_per_dl: Any
) -> Float[Array, "*b"]:
    """By the formula of Cockcroft and Gault (Nephron 1976;16:31), within its bounds here."""
    by_sex = jnp.where(male, 1.0, 0.85)
    clearance = by_sex * (140.0 - age_y) * weight_kg / (72.0 * creatinine_mg_per_dl)
    return jnp.clip(clearance, *CREATININE_CLEARANCE_ML_PER_MIN)


def ideal_weight_kg(height_cm: Any, male: Any) -> Float[Array, "*b"]:
    """By the formula of Devine (1974), not below 40 kg."""
    return jnp.maximum(jnp.where(male, 50.0, 45.5) + 2.3 * (height_cm / 2.54 - 60.0), 40.0)


N_EFFECTS = 2
_N_OWN = N_EFFECTS + 2  # and thresholds


def sample(key: jax.Array, population: Population) -> Patient:
    """Draws one patient."""
    u_sex, u_impaired, *draws = uniform_vector(key, 2 + 4 + _N_OWN)
    z_age, z_weight, z_height, z_creatinine = map(as_normal, draws[:4])
    male = as_uniform(u_sex) >= population.female
    (women_kg, women_sd), (men_kg, men_sd) = population.weight_kg
    weight_kg = jnp.where(male, men_kg, women_kg) * jnp.exp(
        jnp.where(male, men_sd, women_sd) * z_weight
    )
    (women_cm, women_cm_sd), (men_cm, men_cm_sd) = population.height_cm
    height_cm = jnp.where(male, men_cm, women_cm) + jnp.where(male, men_cm_sd, women_cm_sd) * (
        z_height
    )
    covariates = Covariates(
        age_y=jnp.clip(population.age_y[0] + population.age_y[1] * z_age, *AGE_Y),
        weight_kg=jnp.clip(weight_kg, *WEIGHT_KG),
        height_cm=jnp.clip(height_cm, *HEIGHT_CM),
        male=male,
        creatinine_mg_per_dl=_creatinine(male, z_creatinine, as_uniform(u_impaired), population),
    )
    return _complete(covariates, draws[4:], population)


def complete(key: jax.Array, covariates: Covariates, population: Population) -> Patient:
    """One patient with these covariates; random effects and fate are drawn."""
    return _complete(covariates, uniform_vector(key, _N_OWN), population)


def complete_cohort(
    key: jax.Array,
    covariates: Covariates,
    creatinine_known: Bool[Array, " patients"],
    height_known: Bool[Array, " patients"],
    population: Population,
) -> Cohort:
    """Real (stacked) covariates with what no file records, drawn as in `population`."""

    def complete(patient_key, own, knows_creatinine, knows_height):
        u_impaired, *draws = uniform_vector(patient_key, 1 + 2 + _N_OWN)
        z_height, z_creatinine = map(as_normal, draws[:2])
        (women_cm, women_sd), (men_cm, men_sd) = population.height_cm
        height_cm = jnp.where(own.male, men_cm + men_sd * z_height, women_cm + women_sd * z_height)
        drawn = _creatinine(own.male, z_creatinine, as_uniform(u_impaired), population)
        own = own.replace(
            height_cm=jnp.where(knows_height, own.height_cm, jnp.clip(height_cm, *HEIGHT_CM)),
            creatinine_mg_per_dl=jnp.where(knows_creatinine, own.creatinine_mg_per_dl, drawn),
        )
        return _complete(own, draws[2:], population)

    keys = jax.random.split(key, covariates.age_y.shape[0])
    return Cohort(jax.vmap(complete)(keys, covariates, creatinine_known, height_known))


def _complete(covariates, draws, population):
    effects = map(as_normal, draws[:N_EFFECTS])
    z_clearance, z_central = (population.variability * z for z in effects)
    return Patient(
        covariates=covariates,
        clearance_ratio=jnp.exp(population.omega_clearance * z_clearance),
        central_ratio=jnp.exp(population.omega_central * z_central),
        thresholds=thresholds(draws[N_EFFECTS:]),
    )


def _creatinine(male, normal, uniform, population):
    women, men = population.creatinine_mg_per_dl
    typical = jnp.where(male, men, women)
    ratio = jnp.where(uniform < population.impaired, population.impaired_ratio, 1.0)
    drawn = typical * ratio * jnp.exp(population.creatinine_log_sd * normal)
    return jnp.clip(drawn, *CREATININE_MG_PER_DL)


def describe(patient: Patient) -> dict[str, Any]:
    """Covariates by name, creatinine clearance, and the individual parameters."""
    own = patient.covariates
    clearance = creatinine_clearance_ml_per_min(
        own.age_y, own.weight_kg, own.male, own.creatinine_mg_per_dl
    )
    return {
        "sex": "male" if own.male else "female",
        **plain_numbers(own),
        "creatinine_clearance_ml_per_min": round(float(clearance), 1),
        "clearance_ratio": round(float(patient.clearance_ratio), 4),
        "central_ratio": round(float(patient.central_ratio), 4),
    }
