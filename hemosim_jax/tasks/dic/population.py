"""Patients with disseminated intravascular coagulation: causes, severity, individual parameters.

All distributions are assumptions (working values), chosen so that treated courses have the
published laboratory values and mortality (`benchmarks.dic_causes`), where no source is named.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from hemosim_jax.core.choose import choose
from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.description import plain_numbers
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import (
    as_exponential,
    as_normal,
    as_uniform,
    divide,
    uniform_vector,
)
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.tasks.dic.blood import Blood, Parameters
from hemosim_jax.tasks.dic.model import untreated

AGE_Y = (18.0, 95.0)
WEIGHT_KG = (40.0, 150.0)


class Cause(NamedTuple):
    """What tells one underlying disease from another (working values, `benchmarks.dic_causes`)."""

    name: str
    half_life_h: float  # of tissue factor and inflammation, under treatment of the disease
    onset: float  # time until admission, relative
    tissue_factor: float  # relative
    exposure: float  # relative
    inflammation: float  # 1: septic shock
    lytic: float  # release of plasminogen activator; fibrinolysis is shut off in sepsis by PAI-1
    diluted: float  # share of the blood lost and replaced by fluid at the onset
    bleeding_share: float  # who bleed on admission
    bleeding_tendency: float
    organ_damage: float  # relative
    fibrinogen_g_per_l: float  # usual level before the disease: raised in pregnancy
    platelets: float  # usual count, relative: low under chemotherapy


CAUSES = (
    Cause("sepsis", 60.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.1, 1.0, 1.0, 4.2, 1.0),
    Cause("trauma", 30.0, 0.3, 1.3, 0.35, 0.6, 3.0, 0.22, 0.5, 1.5, 7.0, 2.6, 1.1),
    Cause("malignancy", 400.0, 3.0, 1.0, 0.45, 0.12, 2.0, 0.0, 0.15, 1.1, 3.6, 3.5, 0.52),
    Cause("obstetric", 16.0, 0.3, 1.5, 1.4, 0.3, 4.0, 0.25, 0.8, 1.0, 0.1, 4.5, 1.0),
    Cause("vascular", 1000.0, 5.0, 1.0, 0.48, 0.03, 2.0, 0.0, 0.15, 1.0, 3.5, 3.0, 0.85),
)


class Population(Node):
    """The distributions patients are drawn from; every leaf a parameter that may be vmapped."""

    cause_shares: tuple[Scalar, ...] = (0.5, 0.15, 0.15, 0.1, 0.1)  # in the order of CAUSES
    tissue_factor_pm: tuple[Scalar, Scalar] = (10.0, 0.8)  # median, SD of the log
    exposed_per_h: Scalar = 0.04
    inflammation: tuple[Scalar, Scalar] = (1.0, 0.5)  # relative; median, SD of the log
    onset_h: tuple[Scalar, Scalar] = (12.0, 36.0)  # since the disease began, uniform
    organ_damage: tuple[Scalar, Scalar] = (1.0, 0.4)  # relative; median, SD of the log
    organ_function: Scalar = 0.9  # before the disease
    bleeding_ratio: Scalar = 1.0  # of who bleed already; everybody from 20 on
    bleeding: tuple[Scalar, Scalar] = (0.2, 0.5)  # how severely, uniform
    age_y: tuple[Scalar, Scalar] = (60.0, 15.0)  # mean, SD
    weight_kg: tuple[Scalar, Scalar] = (76.0, 0.2)  # median, SD of the log
    platelets_1e9_per_l: tuple[Scalar, Scalar] = (240.0, 0.25)
    fibrinogen_log_sd: Scalar = 0.2


EASY = Population(
    cause_shares=(1.0, 0.0, 0.0, 0.0, 0.0),
    tissue_factor_pm=(3.0, 0.8),
    inflammation=(0.6, 0.5),
    onset_h=(8.0, 24.0),
    organ_function=1.0,
    bleeding_ratio=0.5,
)
MEDIUM = Population()
HARD = Population(
    tissue_factor_pm=(18.0, 0.6),
    onset_h=(24.0, 48.0),
    organ_function=0.85,
    bleeding_ratio=20.0,
    bleeding=(0.1, 0.35),
)


class Covariates(Node):
    """What is known of a patient."""

    cause: Int[Array, "*b"]  # index into CAUSES
    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]


class Patient(Node):
    """One virtual patient as admitted."""

    covariates: Covariates
    parameters: Parameters
    onset_h: Float[Array, "*b"]  # since the disease began
    organ_function: Float[Array, "*b"]  # before it
    bleeding: Float[Array, "*b"]  # on admission
    until_bleed: Float[Array, "*b"]  # hazard until the first bleed under treatment,
    until_death: Float[Array, "*b"]  # and until death
    first_errors: tuple[Float[Array, "*b"], ...]  # of what is measured on admission, normals


# Organ damage of the old (assumption).
DAMAGE_RATIO_PER_Y = 1.01
TYPICAL_AGE_Y = 60.0

N_COVARIATE_DRAWS = 3
N_ERRORS = 4
N_DRAWS = 7 + 2 + N_ERRORS  # and two thresholds


def sample(key: jax.Array, population: Population) -> Patient:
    """Draws one patient."""
    u_cause, z_age, z_weight, *others = uniform_vector(key, N_COVARIATE_DRAWS + N_DRAWS)
    passed, cause = 0.0, jnp.zeros((), jnp.int32)
    for share in population.cause_shares[:-1]:
        passed = passed + share
        cause = cause + (as_uniform(u_cause) >= passed).astype(jnp.int32)
    covariates = Covariates(
        cause=cause,
        age_y=jnp.clip(population.age_y[0] + population.age_y[1] * as_normal(z_age), *AGE_Y),
        weight_kg=jnp.clip(_log_normal(population.weight_kg, as_normal(z_weight)), *WEIGHT_KG),
    )
    return _complete(covariates, others, population)


def complete(key: jax.Array, covariates: Covariates, population: Population) -> Patient:
    """One patient with these covariates; severity and individual parameters are drawn."""
    return _complete(covariates, uniform_vector(key, N_DRAWS), population)


def complete_cohort(key: jax.Array, covariates: Covariates, population: Population) -> Cohort:
    """Real (stacked) covariates with what no file records, drawn as in `population`."""
    keys = jax.random.split(key, covariates.age_y.shape[0])
    return Cohort(jax.vmap(lambda one, own: complete(one, own, population))(keys, covariates))


def on_admission(patient: Patient, *, differentiable: bool = False) -> Blood:
    """What the disease has done until now."""
    ill = untreated(patient.parameters, patient.onset_h, differentiable=differentiable)
    organ_function = patient.organ_function * ill.organ_function
    return ill.replace(organ_function=organ_function, bleeding=patient.bleeding)


def _complete(covariates: Covariates, drawn, population: Population) -> Patient:
    u_onset, u_bleeds = map(as_uniform, drawn[:2])
    z_factor, z_inflamed, z_damage, z_platelets, z_fibrinogen = map(as_normal, drawn[2:7])

    def of_cause(field):
        values = [getattr(one, field) for one in CAUSES]
        return choose(covariates.cause, values).astype(u_onset.dtype)

    share = jnp.minimum(population.bleeding_ratio * of_cause("bleeding_share"), 1.0)
    bleeds, u_severity = divide(u_bleeds, share)
    older_y = covariates.age_y - TYPICAL_AGE_Y
    damage = of_cause("organ_damage") * DAMAGE_RATIO_PER_Y**older_y
    parameters = Parameters(
        weight_kg=covariates.weight_kg,
        tissue_factor_pm=of_cause("tissue_factor")
        * _log_normal(population.tissue_factor_pm, z_factor),
        decay_per_h=math.log(2.0) / of_cause("half_life_h"),
        exposed_per_h=of_cause("exposure") * population.exposed_per_h,
        inflammation=of_cause("inflammation") * _log_normal(population.inflammation, z_inflamed),
        lytic=of_cause("lytic"),
        organ_damage=damage * _log_normal(population.organ_damage, z_damage),
        bleeding_tendency=of_cause("bleeding_tendency"),
        diluted=of_cause("diluted"),
        normal_platelets_1e9_per_l=of_cause("platelets")
        * _log_normal(population.platelets_1e9_per_l, z_platelets),
        normal_fibrinogen_g_per_l=of_cause("fibrinogen_g_per_l")
        * jnp.exp(population.fibrinogen_log_sd * z_fibrinogen),
    )
    bleeding = _between(population.bleeding, u_severity)
    return Patient(
        covariates=covariates,
        parameters=parameters,
        onset_h=of_cause("onset") * _between(population.onset_h, u_onset),
        organ_function=population.organ_function * jnp.ones_like(u_onset),
        bleeding=jnp.where(bleeds, bleeding, 0.0),
        until_bleed=as_exponential(drawn[7], drawn[0]),
        until_death=as_exponential(drawn[8], drawn[1]),
        first_errors=tuple(map(as_normal, drawn[9:])),
    )


def _log_normal(median_and_log_sd, z):
    median, log_sd = median_and_log_sd
    return median * jnp.exp(log_sd * z)


def _between(bounds, u):
    return bounds[0] + (bounds[1] - bounds[0]) * u


def describe(patient: Patient) -> dict[str, Any]:
    """Cause, covariates by name, and how severe it is."""
    parameters = patient.parameters
    return {
        "cause": CAUSES[int(patient.covariates.cause)].name,
        **plain_numbers(patient.covariates),
        "tissue_factor_pm": round(float(parameters.tissue_factor_pm), 2),
        "inflammation": round(float(parameters.inflammation), 2),
        "hours_since_onset": round(float(patient.onset_h), 1),
    }
