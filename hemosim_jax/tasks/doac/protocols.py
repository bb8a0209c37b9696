"""Guidelines and the trials' arms as policies for `DOACManagement-v0`.

What they know is the observation: neither sex nor creatinine nor other drugs. Creatinine, which
apixaban's rule needs, is estimated from its clearance with Cockcroft and Gault's formula half way
between the sexes.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from hemosim_jax.core.policy import Policy, random_policy
from hemosim_jax.tasks.doac.covariates import creatinine_clearance_ml_per_min
from hemosim_jax.tasks.doac.drugs import DRUGS, LEVELS
from hemosim_jax.tasks.doac.environment import DOACManagement
from hemosim_jax.tasks.doac.fields import NO_DRUG
from hemosim_jax.tasks.doac.labels import LABELS, Criteria, labelled

RIVAROXABAN, DABIGATRAN, APIXABAN, EDOXABAN = range(len(DRUGS))
LOW, STANDARD, HIGH = range(len(LEVELS))

# Cockcroft and Gault's factor for women is 0.85.
_BETWEEN_THE_SEXES = 0.925


def label_doses(
    seen: Any, env: DOACManagement
) -> tuple[Bool[Array, " drugs"], Int[Array, " drugs"]]:
    """Whether each drug may be given, and at which level, as far as the observation tells.

    Where the label leaves the choice the standard dose is given, the lower one to those who bleed
    easily (HAS-BLED of 3 or more). A drug that may not be given has the low dose.
    """
    kidneys = seen.creatinine_clearance_ml_per_min
    men = jnp.ones_like(kidneys, bool)
    formula = creatinine_clearance_ml_per_min(seen.age_y, seen.weight_kg, men, kidneys)
    criteria = Criteria(
        age_y=seen.age_y,
        weight_kg=seen.weight_kg,
        creatinine_mg_per_dl=_BETWEEN_THE_SEXES * formula,
        creatinine_clearance_ml_per_min=kidneys,
        inhibitor=~men,
        inducer=~men,
    )
    low, standard = map(jnp.stack, zip(*labelled(criteria, env.label), strict=True))
    prefers_low = low & (seen.has_bled >= 3)
    level = jnp.where(standard & ~prefers_low, STANDARD, LOW)
    return low | standard, level


def guideline(env: DOACManagement) -> Policy:
    """Drug by kidneys, age and the scores, dose by the label; no switch without need.

    Apixaban for those who are old (75 y), bleed easily (HAS-BLED of 3 or more) or have weak kidneys
    (below 50 mL/min); dabigatran 150 mg for those at high risk of stroke (CHA2DS2-VASc of 4 or
    more); rivaroxaban, once a day, for the others. It follows the tables of the European practical
    guide (Steffel et al., Eur Heart J 2018;39:1330; the bounds are assumptions). A drug is kept
    until its label forbids it.
    """

    def choose(seen: Any):
        fragile = (
            (seen.age_y >= 75.0)
            | (seen.has_bled >= 3)
            | (seen.creatinine_clearance_ml_per_min < 50.0)
        )
        at_risk = seen.cha2ds2_vasc >= 4
        return jnp.where(fragile, APIXABAN, jnp.where(at_risk, DABIGATRAN, RIVAROXABAN))

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        allowed, level = label_doses(seen, env)
        running = seen.drug
        keep = (running != NO_DRUG) & allowed[running]
        chosen = choose(seen)
        chosen = jnp.where(allowed[chosen], chosen, APIXABAN)
        drug = jnp.where(keep, running, chosen)
        return env.encode_action(drug, level[drug]), carry

    return Policy("guideline", lambda params: (), act)


def always_apixaban(env: DOACManagement) -> Policy:
    """Apixaban, dosed by its label."""

    def act(key, carry, observation):
        _, level = label_doses(env.decode_observation(observation), env)
        return env.encode_action(APIXABAN, level[APIXABAN]), carry

    return Policy("always_apixaban", lambda params: (), act)


def rivaroxaban_20(env: DOACManagement) -> Policy:
    """ROCKET AF: 20 mg, 15 mg below 50 mL/min."""

    def act(key, carry, observation):
        kidneys = env.decode_observation(observation).creatinine_clearance_ml_per_min
        return env.encode_action(RIVAROXABAN, jnp.where(kidneys < 50.0, LOW, STANDARD)), carry

    return Policy("rivaroxaban_20", lambda params: (), act)


def _fixed(
    name: str, drug: int, level: int, labels: tuple[str, ...] = LABELS
) -> Callable[[DOACManagement], Policy | None]:
    """One drug at one level, whatever happens; None in an environment without this dose."""

    def factory(env: DOACManagement) -> Policy | None:
        def act(key, carry, observation):
            return env.encode_action(drug, level), carry

        exists = drug < env.number_of_drugs and env.label in labels
        return Policy(name, lambda params: (), act) if exists else None

    return factory


PROTOCOLS: Mapping[str, Callable[[Any], Policy | None]] = {
    "guideline": guideline,
    "always_apixaban": always_apixaban,
    "rivaroxaban_20": rivaroxaban_20,
    "dabigatran_150": _fixed("dabigatran_150", DABIGATRAN, STANDARD),
    "dabigatran_110": _fixed("dabigatran_110", DABIGATRAN, LOW, labels=("EU",)),
    "edoxaban_60": _fixed("edoxaban_60", EDOXABAN, STANDARD),
    "edoxaban_30": _fixed("edoxaban_30", EDOXABAN, LOW),
    "random": random_policy,
}
