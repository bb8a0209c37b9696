"""Patients with disseminated intravascular coagulation: causes, severity, individual parameters.

All distributions are assumptions (working values), chosen so that untreated courses have the
published scores and mortality (`benchmarks.dic_physiology`), where no source is named.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from hemosim_jax.choose import choose
from hemosim_jax.cohort import Cohort
from hemosim_jax.models import dic
from hemosim_jax.models.dic import Parameters
from hemosim_jax.patients.draws import as_normal, as_uniform, draw

AGE_Y = (18.0, 95.0)
WEIGHT_KG = (40.0, 150.0)


class Cause(NamedTuple):
    """What tells one underlying disease from another."""

    name: str
    half_life_h: float  # of the tissue factor, under treatment of the disease
    lysed: float  # share of the fibrin: fibrinolysis is shut off in sepsis, runs free in trauma
    bleeding_tendency: float
    organ_damage: float  # relative
    fibrinogen_g_per_l: float  # set-point: raised in the acute phase and in pregnancy


CAUSES = (
    Cause("sepsis", 60.0, 0.30, 1.0, 1.5, 4.5),
    Cause("trauma", 24.0, 0.70, 1.5, 0.9, 3.0),
    Cause("malignancy", 400.0, 0.55, 1.1, 0.7, 4.0),
    Cause("obstetric", 16.0, 0.70, 1.5, 0.7, 5.0),
    Cause("vascular", 1000.0, 0.50, 1.0, 0.7, 3.2),
)


@struct.dataclass
class Population:
    """The distributions patients are drawn from; every leaf a parameter that may be vmapped."""

    cause_shares: tuple[float, ...] = (0.5, 0.15, 0.15, 0.1, 0.1)  # in the order of CAUSES
    tissue_factor_pm: tuple[float, float] = (18.0, 0.15)  # median, SD of the log
    exposed_per_h: tuple[float, float] = (0.035, 0.20)
    onset_h: tuple[float, float] = (12.0, 36.0)  # since the disease began, uniform
    organ_damage: tuple[float, float] = (0.10, 0.5)  # per h and g/L; median, SD of the log
    # Organ function before, lost to the disease itself.
    organ_function: tuple[float, float] = (0.7, 0.9)  # uniform
    bleeding_share: float = 0.1  # who bleed already
    bleeding: tuple[float, float] = (0.2, 0.5)  # how severely, uniform
    age_y: tuple[float, float] = (60.0, 15.0)  # mean, SD
    weight_kg: tuple[float, float] = (76.0, 0.2)  # median, SD of the log
    platelets_1e9_per_l: tuple[float, float] = (240.0, 0.25)
    fibrinogen_log_sd: float = 0.2


EASY = Population(
    cause_shares=(1.0, 0.0, 0.0, 0.0, 0.0),
    tissue_factor_pm=(5.0, 0.20),
    onset_h=(8.0, 24.0),
    organ_function=(0.85, 1.0),
    bleeding_share=0.05,
)
MEDIUM = Population()
HARD = Population(
    tissue_factor_pm=(20.0, 0.15),
    onset_h=(24.0, 48.0),
    organ_function=(0.6, 0.8),
    bleeding_share=1.0,
    bleeding=(0.1, 0.35),
)


@struct.dataclass
class Covariates:
    """What is known of a patient."""

    cause: Int[Array, "*b"]  # index into CAUSES
    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]


@struct.dataclass
class Patient:
    """One virtual patient as admitted."""

    covariates: Covariates
    parameters: Parameters
    onset_h: Float[Array, "*b"]  # since the disease began
    organ_function: Float[Array, "*b"]  # on admission
    bleeding: Float[Array, "*b"]


# Organ damage of the old (assumption).
DAMAGE_RATIO_PER_Y = 1.01
TYPICAL_AGE_Y = 60.0

N_COVARIATE_DRAWS = 3
N_DRAWS = 9


def sample(key: jax.Array, of: Population) -> Patient:
    """Draws one patient."""
    u_cause, z_age, z_weight, *others = draw(key, N_COVARIATE_DRAWS + N_DRAWS)
    passed, cause = 0.0, jnp.zeros((), jnp.int32)
    for share in of.cause_shares[:-1]:
        passed = passed + share
        cause = cause + (as_uniform(u_cause) >= passed).astype(jnp.int32)
    covariates = Covariates(
        cause=cause,
        age_y=jnp.clip(of.age_y[0] + of.age_y[1] * as_normal(z_age), *AGE_Y),
        weight_kg=jnp.clip(_log_normal(of.weight_kg, as_normal(z_weight)), *WEIGHT_KG),
    )
    return _complete(covariates, others, of)


def complete_cohort(key: jax.Array, covariates: Covariates, of: Population) -> Cohort:
    """Real (stacked) covariates with what no file records, drawn as in the population `of`."""

    def complete(patient_key, own):
        return _complete(own, draw(patient_key, N_DRAWS), of)

    keys = jax.random.split(key, covariates.age_y.shape[0])
    return Cohort(jax.vmap(complete)(keys, covariates))


def on_admission(patient: Patient, *, differentiable: bool = False) -> dic.State:
    """What the disease has done until now."""
    state = dic.untreated(patient.parameters, patient.onset_h, differentiable=differentiable)
    return state.replace(organ_function=patient.organ_function, bleeding=patient.bleeding)


def _complete(covariates: Covariates, drawn, of: Population) -> Patient:
    u_onset, u_organ, u_bleeds, u_severity = map(as_uniform, drawn[:4])
    z_factor, z_exposed, z_damage, z_platelets, z_fibrinogen = map(as_normal, drawn[4:])

    def of_cause(field):
        values = [getattr(one, field) for one in CAUSES]
        return choose(covariates.cause, values).astype(u_onset.dtype)

    older_y = covariates.age_y - TYPICAL_AGE_Y
    damage = of_cause("organ_damage") * DAMAGE_RATIO_PER_Y**older_y
    parameters = Parameters(
        weight_kg=covariates.weight_kg,
        tissue_factor_pm=_log_normal(of.tissue_factor_pm, z_factor),
        tissue_factor_decay_per_h=math.log(2.0) / of_cause("half_life_h"),
        exposed_per_h=_log_normal(of.exposed_per_h, z_exposed),
        lysed=of_cause("lysed"),
        organ_damage=damage * _log_normal(of.organ_damage, z_damage),
        bleeding_tendency=of_cause("bleeding_tendency"),
        normal_platelets_1e9_per_l=_log_normal(of.platelets_1e9_per_l, z_platelets),
        normal_fibrinogen_g_per_l=of_cause("fibrinogen_g_per_l")
        * jnp.exp(of.fibrinogen_log_sd * z_fibrinogen),
    )
    bleeding = _between(of.bleeding, u_severity)
    return Patient(
        covariates=covariates,
        parameters=parameters,
        onset_h=_between(of.onset_h, u_onset),
        organ_function=_between(of.organ_function, u_organ),
        bleeding=jnp.where(u_bleeds < of.bleeding_share, bleeding, 0.0),
    )


def _log_normal(median_and_log_sd, z):
    median, log_sd = median_and_log_sd
    return median * jnp.exp(log_sd * z)


def _between(bounds, u):
    return bounds[0] + (bounds[1] - bounds[0]) * u
