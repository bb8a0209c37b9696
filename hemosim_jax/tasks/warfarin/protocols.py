"""Published ways to start and adjust warfarin, as policies for `WarfarinDosing-v0`.

A protocol sees the eight numbers of the observation. What its equations ask for beyond them
(height, race, co-medication) it takes from what is known of the population: mean height, the
commonest race, no other drug taken.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Float

from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.laboratory.wrapper import OrderedLaboratory
from hemosim_jax.core.node import Node
from hemosim_jax.core.policy import Policy, random_policy
from hemosim_jax.tasks.warfarin import algorithms, nomogram
from hemosim_jax.tasks.warfarin.covariates import RACES, Covariates
from hemosim_jax.tasks.warfarin.environment import WarfarinDosing

# An algorithm's maintenance dose needs about a week to show its INR (assumption).
FIRST_TEST_DAY = 7.0
# The hemosim paper's clinical baseline: 5 mg, from day 3 on by INR (as hemosim 0.2.2 has it).
FIXED_DOSE_MG = 5.0
FIXED_DOSE_DAYS = 3.0
TITRATION_MG = ((1.5, 10.0), (2.0, 7.5), (3.0, 5.0), (4.0, 2.5), (5.0, 1.0))  # INR up to: dose


class PopulationDefaults(Node):
    """What a clinic assumes of everyone who comes."""

    height_cm: Float[Array, ""]
    race: Array


def _check_daily(params: Any) -> None:
    """Protocols order a dose a day. **Raises:** `ValueError` for another decision interval."""
    interval = params.decision_interval
    if not isinstance(interval, Tracer) and float(interval) != 24.0:
        raise ValueError(f"protocols need a decision_interval of 24 h, got {interval}")


def population_defaults(params: Any) -> PopulationDefaults:
    """Mean height and commonest race of the population (or cohort) in `params`.

    **Raises:** `ValueError` if decisions are not daily.
    """
    _check_daily(params)
    patients = params.patients
    if isinstance(patients, Cohort):
        races = patients.patients.covariates.race
        counts = jnp.stack([jnp.sum(races == code) for code in range(len(RACES))])
        height_cm = jnp.mean(patients.patients.covariates.height_cm)
        return PopulationDefaults(height_cm, jnp.argmax(counts).astype(jnp.int32))
    (women_cm, _), (men_cm, _) = patients.height_cm
    height_cm = patients.female * women_cm + (1.0 - patients.female) * men_cm
    return PopulationDefaults(height_cm, jnp.asarray(patients.race, jnp.int32))


def _covariates(defaults: PopulationDefaults, seen: Any) -> Covariates:
    no = jnp.zeros((), bool)
    return Covariates(
        age_y=seen.age_y,
        weight_kg=seen.weight_kg,
        height_cm=defaults.height_cm,
        male=no,  # no algorithm here asks for it
        cyp2c9=seen.cyp2c9,
        vkorc1=seen.vkorc1,
        race=defaults.race,
        amiodarone=no,
        enzyme_inducer=no,
        smoker=no,
        baseline_inr=jnp.ones(()),  # idem
    )


def fixed_5mg(env: WarfarinDosing) -> Policy:
    """5 mg for three days, then a dose read off the day's INR."""

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        dose_mg = jnp.zeros_like(seen.inr)
        for bound, value in reversed(TITRATION_MG):
            below = seen.inr < bound if bound <= 2.0 else seen.inr <= bound
            dose_mg = jnp.where(below, value, dose_mg)
        dose_mg = jnp.where(seen.day < FIXED_DOSE_DAYS, FIXED_DOSE_MG, dose_mg)
        return env.encode_action(dose_mg), carry

    def init(params):
        _check_daily(params)
        return ()

    return Policy("fixed_5mg", init, act)


class _AlgorithmCarry(Node):
    defaults: PopulationDefaults
    clinic: nomogram.Maintenance


def _algorithm_then_nomogram(
    name: str, algorithm: Callable[[Covariates], Array], env: WarfarinDosing
) -> Policy:
    """The algorithm's dose from day 1, the nomogram from the first test on."""

    def init(params):
        return _AlgorithmCarry(
            population_defaults(params), nomogram.start(jnp.zeros(()), FIRST_TEST_DAY)
        )

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        first_dose_mg = algorithm(_covariates(carry.defaults, seen))
        clinic = carry.clinic.replace(
            dose_mg=jnp.where(seen.day < 0.5, first_dose_mg, carry.clinic.dose_mg)
        )
        clinic = nomogram.update(clinic, jnp.round(seen.day), seen.inr)
        dose_mg = nomogram.dose_today_mg(clinic, jnp.round(seen.day))
        return env.encode_action(dose_mg), carry.replace(clinic=clinic)

    return Policy(name, init, act)


def iwpc_pharmacogenetic(env: WarfarinDosing) -> Policy:
    """IWPC pharmacogenetic dose, then the nomogram."""
    return _algorithm_then_nomogram("iwpc_pharmacogenetic", algorithms.iwpc_pharmacogenetic, env)


def iwpc_clinical(env: WarfarinDosing) -> Policy:
    """IWPC clinical dose, then the nomogram."""
    return _algorithm_then_nomogram("iwpc_clinical", algorithms.iwpc_clinical, env)


def gage_pharmacogenetic(env: WarfarinDosing) -> Policy:
    """Gage 2008 pharmacogenetic dose, then the nomogram."""
    return _algorithm_then_nomogram("gage_pharmacogenetic", algorithms.gage_pharmacogenetic, env)


def label_table(env: WarfarinDosing) -> Policy:
    """The label's dose for the genotype, then the nomogram."""
    return _algorithm_then_nomogram("label_table", algorithms.label_table, env)


class _EuPactCarry(Node):
    defaults: PopulationDefaults
    loading_mg: tuple[Float[Array, ""], ...]
    clinic: nomogram.Maintenance


def eu_pact_lenzini(env: WarfarinDosing) -> Policy:
    """EU-PACT loading on days 1–3, Lenzini's refinement on day 4, then the nomogram."""
    refinement_day = 3.0  # days counted from 0: the INR after three doses

    def init(params):
        zero = jnp.zeros(())
        clinic = nomogram.start(zero, refinement_day + FIRST_TEST_DAY)
        return _EuPactCarry(population_defaults(params), (zero, zero, zero), clinic)

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        day = jnp.round(seen.day)
        patient = _covariates(carry.defaults, seen)
        loading_mg = tuple(
            jnp.where(day == 0, new, old)
            for new, old in zip(algorithms.eu_pact_loading(patient), carry.loading_mg, strict=True)
        )
        refined_mg = algorithms.lenzini_pharmacogenetic(
            patient, seen.inr, loading_mg[1], loading_mg[0], 0.0
        )
        clinic = carry.clinic.replace(
            dose_mg=jnp.where(day == refinement_day, refined_mg, carry.clinic.dose_mg)
        )
        clinic = nomogram.update(clinic, day, seen.inr)
        dose_mg = nomogram.dose_today_mg(clinic, day)
        for loading_day, loading_dose_mg in enumerate(loading_mg):
            dose_mg = jnp.where(day == loading_day, loading_dose_mg, dose_mg)
        return env.encode_action(dose_mg), carry.replace(loading_mg=loading_mg, clinic=clinic)

    return Policy("eu_pact_lenzini", init, act)


class _ClinicCarry(Node):
    defaults: PopulationDefaults
    clinic: nomogram.Maintenance
    used_drawn_day: Float[Array, ""]  # when the last result acted upon was drawn


def _algorithm_then_ordered_nomogram(
    name: str, algorithm: Callable[[Covariates], Array], env: OrderedLaboratory
) -> Policy:
    """The algorithm's dose; the INR ordered on test days, the nomogram when the result is there."""

    def init(params):
        zero = jnp.zeros((), jnp.result_type(float))
        defaults = population_defaults(params)
        return _ClinicCarry(defaults, nomogram.start(zero, FIRST_TEST_DAY), zero)

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        day = jnp.round(seen.day)
        first_dose_mg = algorithm(_covariates(carry.defaults, seen))
        clinic = carry.clinic.replace(
            dose_mg=jnp.where(day < 0.5, first_dose_mg, carry.clinic.dose_mg)
        )
        drawn_day = jnp.round(seen.day - seen.inr_age_h / 24.0)
        # An age at its upper bound says nothing of when the sample was drawn.
        is_new = (
            (drawn_day > carry.used_drawn_day)
            & seen.inr.known
            & (seen.inr_age_h < env.oldest_h - 12.0)
        )
        adjusted = nomogram.update(clinic, day, seen.inr.value)
        clinic = jax.tree.map(lambda new, old: jnp.where(is_new, new, old), adjusted, clinic)
        draws = (day >= clinic.next_test_day) & ~seen.inr_under_way
        dose_mg = nomogram.dose_today_mg(clinic, day)
        action = env.encode_orders(env.encode_action(dose_mg), inr=draws)
        used = jnp.where(is_new, drawn_day, carry.used_drawn_day)
        return action, carry.replace(clinic=clinic, used_drawn_day=used)

    return Policy(name, init, act)


def ordered_iwpc_pharmacogenetic(env: OrderedLaboratory) -> Policy:
    """`iwpc_pharmacogenetic` with an ordered laboratory."""
    return _algorithm_then_ordered_nomogram(
        "iwpc_pharmacogenetic", algorithms.iwpc_pharmacogenetic, env
    )


def ordered_iwpc_clinical(env: OrderedLaboratory) -> Policy:
    """`iwpc_clinical` with an ordered laboratory."""
    return _algorithm_then_ordered_nomogram("iwpc_clinical", algorithms.iwpc_clinical, env)


PROTOCOLS = {
    "fixed_5mg": fixed_5mg,
    "iwpc_pharmacogenetic": iwpc_pharmacogenetic,
    "iwpc_clinical": iwpc_clinical,
    "gage_pharmacogenetic": gage_pharmacogenetic,
    "eu_pact_lenzini": eu_pact_lenzini,
    "label_table": label_table,
    "random": random_policy,
}

POMDP_PROTOCOLS = {
    "iwpc_pharmacogenetic": ordered_iwpc_pharmacogenetic,
    "iwpc_clinical": ordered_iwpc_clinical,
    "random": random_policy,
}
