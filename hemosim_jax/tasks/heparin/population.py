"""Virtual patients for heparin: covariates, individual parameters, fate."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.description import plain_numbers
from hemosim_jax.core.hazards import thresholds
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, as_uniform, divide, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.tasks.heparin import disturbances, model
from hemosim_jax.tasks.heparin.disturbances import Risks
from hemosim_jax.tasks.heparin.model import Parameters

# Bounds within which covariates are drawn; also the scale of the observation.
AGE_Y = (18.0, 95.0)
WEIGHT_KG = (40.0, 180.0)
RENAL_FUNCTION = (0.1, 1.0)
PLATELETS_1E9_PER_L = (120.0, 450.0)
ANTITHROMBIN = (0.4, 1.4)


# SD between patients of the log of the aPTT's gain. Of adults with 0.3 to 0.7 U/mL 56 % were below
# the range of their hospital, 38 % in it and 6 % above (Arachchillage, 250 adults): with that of
# the level an SD of 0.36 of the aPTT's log, of which the level makes 0.15 and the gain, 0.9 in the
# log at 75 s, the rest. Where a reagent was calibrated by anti-Xa in the same
# laboratory it is less (assumption; the trial of Raschke 1993 comes out with it).
OMEGA_APTT_GAIN = {"paper": 0.36, "raschke": 0.15}


class Population(Node):
    """The distributions patients are drawn from; every leaf a parameter that may be vmapped.

    Adults with venous or arterial thromboembolism. Demographics are assumptions near those of the
    24 courses in the MIMIC-III demo (median age 72 y, half women, 77 kg). Variability of aPTT
    response and drug-free aPTT: working calibration (assumption).
    """

    female: Scalar = 0.45
    age_y: tuple[Scalar, Scalar] = (65.0, 15.0)  # mean, SD
    weight_kg: tuple[tuple[Scalar, Scalar], tuple[Scalar, Scalar]] = (
        (72.0, 0.22),  # median and SD of the log, of women
        (84.0, 0.20),  # of men
    )
    renal_decline_per_y: Scalar = 0.008  # of normal, from 40 y on (assumption)
    renal_log_sd: Scalar = 0.25  # between patients of an age (assumption)
    recently_exposed: Scalar = 0.0  # share who had heparin in the last 100 days
    variability: Scalar = 1.0  # scale of all that follows
    # Chosen so that the trial of Raschke 1993, simulated with a laboratory that takes an hour,
    # comes near its result (working value).
    omega_elimination: Scalar = 0.20
    omega_volume: Scalar = 0.15  # assumption
    omega_aptt_gain: Scalar = OMEGA_APTT_GAIN["paper"]
    baseline_aptt_s: tuple[Scalar, Scalar] = (model.TYPICAL_APTT_S, 3.0)
    antithrombin: tuple[Scalar, Scalar] = (1.0, 0.12)  # assumption
    # Median, SD of the log (assumption).
    platelets_1e9_per_l: tuple[Scalar, Scalar] = (model.TYPICAL_PLATELETS_1E9_PER_L, 0.25)
    # Recalled: 85–90 % of the thrombocytopenic lose more than half.
    omega_platelet_destruction: Scalar = 1.07


class Covariates(Node):
    """What is known of a patient."""

    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]
    male: Bool[Array, "*b"]
    renal_function: Float[Array, "*b"]  # fraction of normal
    recently_exposed: Bool[Array, "*b"]


class Patient(Node):
    """One virtual patient, before heparin."""

    covariates: Covariates
    parameters: Parameters
    hit_onset_h: Float[Array, "*b"]  # of antibodies, since the start of therapy; inf: never
    thresholds: tuple[Float[Array, "*b"], ...]  # of the first bleed and thrombosis
    first_errors: tuple[Float[Array, "*b"], ...]  # of the measurements of admission, normal


N_EFFECTS = 7
_N_FATE = 2 + 2  # thresholds; errors of the first aPTT and platelets


def sample(key: jax.Array, population: Population, risks: Risks) -> Patient:
    """Draws one patient."""
    draws = uniform_vector(key, 3 + N_EFFECTS + 2 + _N_FATE)
    z_age, z_weight, z_renal, *z_effects = map(as_normal, draws[: 3 + N_EFFECTS])
    u_sex, u_hit = map(as_uniform, draws[3 + N_EFFECTS : -_N_FATE])
    female, rest = divide(u_sex, population.female)
    exposed, hour = divide(rest, population.recently_exposed)
    male = ~female
    age_y = jnp.clip(population.age_y[0] + population.age_y[1] * z_age, *AGE_Y)
    (women_kg, women_sd), (men_kg, men_sd) = population.weight_kg
    weight_kg = jnp.where(male, men_kg, women_kg) * jnp.exp(
        jnp.where(male, men_sd, women_sd) * z_weight
    )
    covariates = Covariates(
        age_y=age_y,
        weight_kg=jnp.clip(weight_kg, *WEIGHT_KG),
        male=male,
        renal_function=_renal_function(age_y, z_renal, population),
        recently_exposed=exposed,
    )
    fate = (u_hit, hour, *draws[-_N_FATE:])
    return _complete(covariates, z_effects, fate, population, risks)


def complete(
    key: jax.Array, covariates: Covariates, population: Population, risks: Risks
) -> Patient:
    """One patient with these covariates; individual parameters and fate are drawn."""
    draws = uniform_vector(key, N_EFFECTS + 2 + _N_FATE)
    u_hit, hour = map(as_uniform, draws[N_EFFECTS:-_N_FATE])
    fate = (u_hit, hour, *draws[-_N_FATE:])
    return _complete(covariates, list(map(as_normal, draws[:N_EFFECTS])), fate, population, risks)


def complete_cohort(
    key: jax.Array,
    covariates: Covariates,
    renal_known: Bool[Array, " patients"],
    population: Population,
    risks: Risks,
) -> Cohort:
    """Real (stacked) covariates with what no file records, drawn as in `population`.

    Renal function is drawn where it is not known; exposure always.
    """

    def complete(patient_key, own, knows_renal):
        draws = uniform_vector(patient_key, 1 + N_EFFECTS + 2 + _N_FATE)
        z_renal, *z_effects = map(as_normal, draws[: 1 + N_EFFECTS])
        u_exposed, u_hit = map(as_uniform, draws[1 + N_EFFECTS : -_N_FATE])
        exposed, hour = divide(u_exposed, population.recently_exposed)
        drawn = _renal_function(own.age_y, z_renal, population)
        own = own.replace(
            renal_function=jnp.where(knows_renal, own.renal_function, drawn),
            recently_exposed=exposed,
        )
        return _complete(own, z_effects, (u_hit, hour, *draws[-_N_FATE:]), population, risks)

    keys = jax.random.split(key, covariates.age_y.shape[0])
    return Cohort(jax.vmap(complete)(keys, covariates, renal_known))


def individual_parameters(
    weight_kg: Float[Array, ""], normals: list[Float[Array, ""]], population: Population
) -> Parameters:
    """The typical patient of this weight times seven standard normals scaled to `population`."""
    z_elimination, z_volume, z_gain, z_baseline, z_antithrombin, z_platelets, z_destruction = (
        population.variability * z for z in normals
    )
    typical = model.typical_parameters(weight_kg)
    elimination = jnp.exp(population.omega_elimination * z_elimination)
    platelets = population.platelets_1e9_per_l[0] * jnp.exp(
        population.platelets_1e9_per_l[1] * z_platelets
    )
    return typical.replace(
        volume_ml=typical.volume_ml * jnp.exp(population.omega_volume * z_volume),
        max_elimination_u_per_h=typical.max_elimination_u_per_h * elimination,
        linear_clearance_ml_per_h=typical.linear_clearance_ml_per_h * elimination,
        baseline_aptt_s=population.baseline_aptt_s[0] + population.baseline_aptt_s[1] * z_baseline,
        aptt_gain=jnp.exp(population.omega_aptt_gain * z_gain),
        baseline_antithrombin=jnp.clip(
            population.antithrombin[0] + population.antithrombin[1] * z_antithrombin, *ANTITHROMBIN
        ),
        baseline_platelets_1e9_per_l=jnp.clip(platelets, *PLATELETS_1E9_PER_L),
        platelet_destruction_per_h=typical.platelet_destruction_per_h
        * jnp.exp(population.omega_platelet_destruction * z_destruction),
    )


def _complete(covariates, normals, fate, population, risks):
    u_hit, hour, bleed, thrombosis, *errors = fate
    aptt, platelets = map(as_normal, errors)
    parameters = individual_parameters(covariates.weight_kg, normals, population)
    return Patient(
        covariates=covariates,
        parameters=parameters.replace(clock_at_start_h=24.0 * hour),
        hit_onset_h=disturbances.draw_hit_onset_h(u_hit, covariates.recently_exposed, risks),
        thresholds=thresholds((bleed, thrombosis)),
        first_errors=(aptt, jnp.zeros_like(aptt), platelets),  # there is no heparin to measure
    )


def _renal_function(age_y, z, population):
    typical = 1.0 - population.renal_decline_per_y * jnp.maximum(age_y - 40.0, 0.0)
    return jnp.clip(typical * jnp.exp(population.renal_log_sd * z), *RENAL_FUNCTION)


def describe(patient: Patient) -> dict[str, Any]:
    """Covariates by name, the individual parameters, and what is to come."""
    covariates = patient.covariates
    return {
        "sex": "male" if covariates.male else "female",
        "recently_exposed": bool(covariates.recently_exposed),
        **plain_numbers(covariates, patient.parameters),
        "hit_onset_h": float(patient.hit_onset_h),
    }
