"""Patients with sepsis: who they are, how ill they come, what is individual in them.

Distributions are assumptions (working values) where no source is named, not calibrated to real
patients yet.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_exponential, as_normal, as_uniform, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate import StepMap, solve
from hemosim_jax.physiology import reynolds2006
from hemosim_jax.tasks.sepsis.body import Body, Parameters, healthy, no_drugs
from hemosim_jax.tasks.sepsis.rates import flow, rates, still

AGE_Y = (18.0, 95.0)
WEIGHT_KG = (40.0, 160.0)

# The untreated course until admission: the infection alone in equal steps, then the body in the
# last hours, with the infection as it is on admission.
COURSE_STEPS = 10
LAST_H = (3.0, 5.0)


class Population(Node):
    """The distributions patients are drawn from; every leaf a parameter that may be vmapped."""

    age_y: tuple[Scalar, Scalar] = (65.0, 16.0)  # mean, SD
    weight_kg: tuple[Scalar, Scalar] = (78.0, 0.22)  # median, SD of the log
    male: Scalar = 0.56
    hypertension: Scalar = 0.45
    heart_failure: Scalar = 0.15
    lung_source: Scalar = 0.45
    first_dose_1e6_per_ml: tuple[Scalar, Scalar] = (1.0, 0.5)  # of the pathogen; median, SD of log
    growth_per_h: tuple[Scalar, Scalar] = (0.5, 0.2)
    delay_h: tuple[Scalar, Scalar] = (6.0, 17.0)  # from infection to admission, uniform
    resistant: Scalar = 0.05
    frailty: Scalar = 1.0  # median


class Covariates(Node):
    """What is known of a patient."""

    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]
    male: Bool[Array, "*b"]
    hypertension: Bool[Array, "*b"]
    heart_failure: Bool[Array, "*b"]
    lung_source: Bool[Array, "*b"]


class Patient(Node):
    """One virtual patient as admitted."""

    covariates: Covariates
    parameters: Parameters
    first_dose_1e6_per_ml: Float[Array, "*b"]
    delay_h: Float[Array, "*b"]
    until_death: Float[Array, "*b"]  # hazard


# SDs of the logs of what is individual.
RESPONSE_SD = {
    "vessels": 0.25,
    "depression": 0.4,
    "leak": 0.3,
    "pressor": 0.4,
    "organs": 0.3,
    "heart": 0.35,
}
SET_MMHG = (85.0, 6.0)
HYPERTENSION_MMHG = 9.0
HEART_RATE_PER_MIN = (76.0, 0.10)
FAILING_HEART = 0.75
FILTRATION_LOG_SD = 0.25
FRAILTY_LOG_PER_Y = 0.03
FRAILTY_LOG_SD = 0.3
DEFENSE_LOG_SD = 0.15  # killing by phagocytes
PERSISTENCE = (0.007, 0.4)  # activation by damage, k_nd; the paper has 0.02, by which damage
# that is not small never heals
MIC_MG_PER_L = (0.25, 0.8)
RESISTANT_MIC_MG_PER_L = 32.0

N_COVARIATE_DRAWS = 6
N_DRAWS = 19


def sample(key: jax.Array, population: Population) -> Patient:
    """Draws one patient."""
    draws = uniform_vector(key, N_COVARIATE_DRAWS + N_DRAWS)
    z_age, z_weight, *flags = draws[:N_COVARIATE_DRAWS]
    shares = (
        population.male,
        population.hypertension,
        population.heart_failure,
        population.lung_source,
    )
    male, hypertension, failure, lungs = (
        as_uniform(u) < share for u, share in zip(flags, shares, strict=True)
    )
    covariates = Covariates(
        age_y=jnp.clip(population.age_y[0] + population.age_y[1] * as_normal(z_age), *AGE_Y),
        weight_kg=jnp.clip(_log_normal(population.weight_kg, as_normal(z_weight)), *WEIGHT_KG),
        male=male,
        hypertension=hypertension,
        heart_failure=failure,
        lung_source=lungs,
    )
    return _complete(covariates, draws[N_COVARIATE_DRAWS:], population)


def _complete(covariates: Covariates, drawn, population: Population) -> Patient:
    u_delay, u_resistant = map(as_uniform, drawn[:2])
    normals = list(map(as_normal, drawn[2:15]))
    own = {
        name: jnp.exp(sd * z)
        for (name, sd), z in zip(RESPONSE_SD.items(), normals[:6], strict=True)
    }
    z_set, z_rate, z_filtration, z_frail, z_defense, z_persistence, z_mic = normals[6:]
    dtype = u_delay.dtype
    age_y, weight_kg = covariates.age_y, covariates.weight_kg
    own["heart"] = own["heart"] * jnp.where(covariates.heart_failure, FAILING_HEART, 1.0)
    usual = reynolds2006.Parameters()
    z_growth, z_dose = as_normal(drawn[15]), as_normal(drawn[16])
    host = jax.tree.map(lambda value: jnp.full_like(u_delay, value), usual).replace(
        k_pg=_log_normal(population.growth_per_h, z_growth),
        k_pn=usual.k_pn * jnp.exp(DEFENSE_LOG_SD * z_defense),
        k_nd=_log_normal(PERSISTENCE, z_persistence),
    )
    young = 105.0 - 0.8 * jnp.maximum(age_y - 30.0, 0.0)  # mL/min, falls with age
    parameters = Parameters(
        weight_kg=weight_kg,
        host=host,
        mic_mg_per_l=jnp.where(
            u_resistant < population.resistant,
            RESISTANT_MIC_MG_PER_L,
            _log_normal(MIC_MG_PER_L, z_mic),
        ),
        filtration_ml_per_min=young
        * (weight_kg / 70.0)
        * jnp.exp(FILTRATION_LOG_SD * z_filtration),
        set_mmhg=SET_MMHG[0]
        + SET_MMHG[1] * z_set
        + jnp.where(covariates.hypertension, HYPERTENSION_MMHG, 0.0),
        heart_rate_per_min=_log_normal(HEART_RATE_PER_MIN, z_rate),
        lungs=covariates.lung_source.astype(dtype),
        frailty=population.frailty
        * jnp.exp(FRAILTY_LOG_PER_Y * (age_y - 65.0) + FRAILTY_LOG_SD * z_frail),
        **own,
    )
    low, high = population.delay_h
    return Patient(
        covariates=covariates,
        parameters=parameters,
        first_dose_1e6_per_ml=_log_normal(population.first_dose_1e6_per_ml, z_dose),
        delay_h=low + (high - low) * u_delay,
        until_death=as_exponential(drawn[17], drawn[18]),
    )


def on_admission(patient: Patient, *, differentiable: bool = False) -> Body:
    """What the infection has done until now."""
    own = patient.parameters
    zero = jnp.zeros_like(own.weight_kg)

    def infect(hours, state, args):
        def later(length, now, at):
            return reynolds2006.step(
                length, now, own.host, reynolds2006.rates(at, own.host, zero, zero)
            )

        return later(hours, state, later(0.5 * hours, state, state))

    start = healthy(own, patient.first_dose_1e6_per_ml)
    infection, _ = solve(
        still,
        StepMap(infect),
        start.infection,
        patient.delay_h,
        None,
        grid=tuple(n / COURSE_STEPS for n in range(COURSE_STEPS + 1)),
        differentiable=differentiable,
    )
    body = start
    for hours in LAST_H:
        ill = body.replace(infection=infection)
        body = flow(zero + hours, ill, own, rates(ill, own, no_drugs(zero)))
    return body.replace(infection=infection, urine_l=zero, death_hazard=zero)


def _log_normal(median_and_log_sd, z):
    median, log_sd = median_and_log_sd
    return median * jnp.exp(log_sd * z)
