"""Published ways to start and adjust warfarin, as policies for `WarfarinDosing-v0`.

A protocol sees the eight numbers of the observation, of the INR only those of its test days. What
its equations ask for beyond them (height, race, co-medication) it takes from what is known of the
population: mean height, the commonest race, no other drug taken.

With an ordered laboratory the same clinic orders the INR on its test days, and acts a day later,
when the result is there.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.laboratory.wrapper import OrderedLaboratory
from hemosim_jax.core.node import Node
from hemosim_jax.core.policy import Policy, random_policy
from hemosim_jax.tasks.warfarin import algorithms, nomogram
from hemosim_jax.tasks.warfarin.covariates import RACES, Covariates
from hemosim_jax.tasks.warfarin.environment import WarfarinDosing

# An algorithm's maintenance dose needs about a week to show its INR (assumption).
FIRST_TEST_DAY = 7.0
# Trials looked at the INR on their day 4 and again on day 8 (EU-PACT's visits; COAG: assumption).
REVISION_DAY, TEST_AFTER_REVISION_DAYS = 3.0, 4.0
# Oral vitamin K (mg) by an INR of at least this, where it can be given: Crowther et al., Thromb
# Haemost 1998;79:1116 (4.5 to 10) and 2010 (above 10). Since 2012 guidelines advise against it
# below 10 in those who do not bleed.
VITAMIN_K_MG = ((4.5, 1.0), (10.0, 2.5))
FULL_LOADING_AGE_Y = 75.0  # EU-PACT's control: 10 mg first up to this age
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


class Start(NamedTuple):
    """How a patient is started, until the first INR that counts."""

    first_doses_mg: Callable[[Covariates], tuple[Array, ...]]  # a day each; the last one continues
    first_test_day: float = FIRST_TEST_DAY  # days counted from 0
    # The dose (mg) from patient, first INR and `first_doses_mg`. None: the nomogram.
    revised: Callable[[Covariates, Array, tuple[Array, ...]], Array] | None = None


class ClinicCarry(Node):
    """What the clinic knows of a patient."""

    defaults: PopulationDefaults
    clinic: nomogram.Maintenance
    started: Bool[Array, ""]  # the first INR that counts has been seen
    used_drawn_day: Float[Array, ""]  # when the last result acted upon was drawn


def _admit(start: Start, params: Any) -> ClinicCarry:
    zero = jnp.zeros((), jnp.result_type(float))
    clinic = nomogram.start(zero, start.first_test_day)
    return ClinicCarry(population_defaults(params), clinic, jnp.zeros((), bool), zero)


def _decide(start: Start, carry: ClinicCarry, seen: Any, day: Array, inr: Array, is_new: Array):
    """The clinic's next carry and today's dose (mg), from an INR that counts where it is new."""
    patient = _covariates(carry.defaults, seen)
    doses_mg = start.first_doses_mg(patient)
    before = carry.clinic.replace(
        dose_mg=jnp.where(carry.started, carry.clinic.dose_mg, doses_mg[-1])
    )
    after = nomogram.update(before, day, inr)
    if start.revised is not None:
        revised = before.replace(
            dose_mg=start.revised(patient, inr, doses_mg),
            next_test_day=day + TEST_AFTER_REVISION_DAYS,
        )
        after = jax.tree.map(
            lambda later, first: jnp.where(carry.started, later, first), after, revised
        )
    clinic = jax.tree.map(lambda new, old: jnp.where(is_new, new, old), after, before)
    dose_mg = nomogram.dose_today_mg(clinic, day)
    for first_day, first_dose_mg in enumerate(doses_mg):
        dose_mg = jnp.where((day == first_day) & ~carry.started, first_dose_mg, dose_mg)
    return carry.replace(clinic=clinic, started=carry.started | is_new), dose_mg


def _encode(env: Any, dose_mg: Array, inr: Array, is_new: Array) -> Array:
    """The day's dose, and vitamin K by a new INR where the task has it."""
    if not env.antidotes:
        return env.encode_action(dose_mg)
    vitamin_k_mg = jnp.zeros_like(inr)
    for bound, dose in VITAMIN_K_MG:
        vitamin_k_mg = jnp.where(is_new & (inr >= bound), dose, vitamin_k_mg)
    return env.encode_action(dose_mg, vitamin_k_mg=vitamin_k_mg)


def _clinic(name: str, start: Start, env: WarfarinDosing) -> Policy:
    """`start`, then the nomogram; the INR is looked at on test days."""

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        day = jnp.round(seen.day)
        tested = day >= carry.clinic.next_test_day
        carry, dose_mg = _decide(start, carry, seen, day, seen.inr, tested)
        return _encode(env, dose_mg, seen.inr, tested), carry

    return Policy(name, lambda params: _admit(start, params), act)


def _ordering_clinic(name: str, start: Start, env: OrderedLaboratory) -> Policy:
    """`start`, then the nomogram; the INR is ordered on test days."""

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        day = jnp.round(seen.day)
        drawn_day = jnp.round(seen.day - seen.inr_age_h / 24.0)
        # An age at its upper bound says nothing of when the sample was drawn.
        is_new = (
            (drawn_day > carry.used_drawn_day)
            & seen.inr.known
            & (seen.inr_age_h < env.oldest_h - 12.0)
        )
        carry, dose_mg = _decide(start, carry, seen, day, seen.inr.value, is_new)
        draws = (day >= carry.clinic.next_test_day) & ~seen.inr_under_way
        used = jnp.where(is_new, drawn_day, carry.used_drawn_day)
        given = _encode(env.env, dose_mg, seen.inr.value, is_new)
        action = env.encode_orders(given, inr=draws)
        return action, carry.replace(used_drawn_day=used)

    return Policy(name, lambda params: _admit(start, params), act)


def _every_day(algorithm: Callable[[Covariates], Array]) -> Start:
    """The algorithm's dose until the first test."""
    return Start(lambda patient: (algorithm(patient),))


def _refined(equation: Callable[..., Array]) -> Callable[..., Array]:
    """Lenzini's refinement by the INR after three doses."""

    def revised(patient, inr, doses_mg):
        first_mg, second_mg, *_ = doses_mg
        return equation(patient, inr, second_mg, first_mg, 0.0)

    return revised


def _eu_pact_control_doses(patient: Covariates) -> tuple[Array, ...]:
    first_mg = jnp.where(patient.age_y <= FULL_LOADING_AGE_Y, 10.0, FIXED_DOSE_MG)
    return first_mg, jnp.full_like(first_mg, FIXED_DOSE_MG), jnp.full_like(first_mg, FIXED_DOSE_MG)


def _coag_pharmacogenetic_doses(patient: Covariates) -> tuple[Array, ...]:
    """The first dose does without CYP2C9."""
    first_mg = algorithms.gage_pharmacogenetic(
        patient.replace(cyp2c9=jnp.zeros_like(patient.cyp2c9))
    )
    return first_mg, *(algorithms.gage_pharmacogenetic(patient),) * 2


def _coag_clinical_doses(patient: Covariates) -> tuple[Array, ...]:
    return (algorithms.gage_clinical(patient),) * 3


STARTS = {
    "iwpc_pharmacogenetic": _every_day(algorithms.iwpc_pharmacogenetic),
    "iwpc_clinical": _every_day(algorithms.iwpc_clinical),
    "gage_pharmacogenetic": _every_day(algorithms.gage_pharmacogenetic),
    "label_table": _every_day(algorithms.label_table),
    # EU-PACT (N Engl J Med 2013;369:2294): loading by genotype, refined on day 4. Its control went
    # on by local practice, here the refinement without genotype (assumption).
    "eu_pact_pharmacogenetic": Start(
        algorithms.eu_pact_loading, REVISION_DAY, _refined(algorithms.lenzini_pharmacogenetic)
    ),
    "eu_pact_control": Start(
        _eu_pact_control_doses, REVISION_DAY, _refined(algorithms.lenzini_clinical)
    ),
    # COAG (N Engl J Med 2013;369:2283): no loading, refined on day 4 in both arms.
    "coag_pharmacogenetic": Start(
        _coag_pharmacogenetic_doses, REVISION_DAY, _refined(algorithms.lenzini_pharmacogenetic)
    ),
    "coag_clinical": Start(
        _coag_clinical_doses, REVISION_DAY, _refined(algorithms.lenzini_clinical)
    ),
}

PROTOCOLS = {
    "fixed_5mg": fixed_5mg,
    **{name: functools.partial(_clinic, name, start) for name, start in STARTS.items()},
    "random": random_policy,
}

POMDP_PROTOCOLS = {
    **{name: functools.partial(_ordering_clinic, name, start) for name, start in STARTS.items()},
    "random": random_policy,
}
