"""The maintenance nomogram of Aurora Health Care, as Ravvaz et al. 2017 published it.

Ravvaz V, Weissert JA, Ruff CT, et al. Circ Cardiovasc Genet 2017;10:e001804, protocol supplement
(as a public transcription gives it). INR is looked at on test days only.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node

# INR below the bound: factor on the dose. From 4 on, doses are held first.
FACTORS = (
    (1.5, 1.15),
    (1.8, 1.10),
    (2.0, 1.075),
    (3.01, 1.0),
    (3.4, 0.925),
    (4.0, 0.90),
    (5.01, 0.875),  # after two days without a dose
)
FACTOR_ABOVE = 0.85  # INR > 5: after holding until it is 3 or less, looked at every second day
HOLD_DAYS = 2.0
RETEST_AFTER_CHANGE_DAYS = 7.0
RETEST_WHEN_STABLE = ((1.0, 1.0), (2.0, 5.0), (7.0, 7.0), (14.0, 14.0), (28.0, 28.0))


class Maintenance(Node):
    """What the clinic remembers of a patient."""

    dose_mg: Float[Array, ""]  # per day, when not held
    next_test_day: Float[Array, ""]
    resume_day: Float[Array, ""]  # no dose before this day
    stable_since_day: Float[Array, ""]  # inf: not stable
    holding: Bool[Array, ""]  # INR > 5: no dose until it is 3 or less


def start(dose_mg: Float[Array, ""], first_test_day: float) -> Maintenance:
    """Maintenance at `dose_mg`, INR first looked at on `first_test_day`."""
    dtype = jnp.result_type(float)
    return Maintenance(
        dose_mg=jnp.asarray(dose_mg, dtype),
        next_test_day=jnp.asarray(first_test_day, dtype),
        resume_day=jnp.zeros((), dtype),
        stable_since_day=jnp.asarray(jnp.inf, dtype),
        holding=jnp.zeros((), bool),
    )


def update(clinic: Maintenance, day: Float[Array, ""], inr: Float[Array, ""]) -> Maintenance:
    """The clinic's decision at the start of `day`; nothing changes if it is not a test day."""
    factor = jnp.asarray(FACTOR_ABOVE, inr.dtype)
    for bound, value in reversed(FACTORS):
        factor = jnp.where(inr < bound, value, factor)
    in_range = factor == 1.0
    very_high = inr >= FACTORS[-1][0]
    held_before = clinic.holding
    keep_holding = jnp.where(held_before, inr > 3.0, very_high)
    factor = jnp.where(held_before, FACTOR_ABOVE, factor)
    changed = jnp.where(keep_holding, clinic.dose_mg, clinic.dose_mg * factor)
    hold_two_days = ~held_before & (inr >= 4.0) & ~very_high
    resume_day = jnp.where(hold_two_days, day + HOLD_DAYS, day)

    stable = in_range & ~held_before
    since = jnp.where(stable, jnp.minimum(clinic.stable_since_day, day), jnp.inf)
    stable_days = jnp.where(stable, day - since + 1.0, 0.0)
    interval = jnp.asarray(RETEST_WHEN_STABLE[0][1], inr.dtype)
    for days, retest in RETEST_WHEN_STABLE[1:]:
        interval = jnp.where(stable_days >= days, retest, interval)
    next_test = jnp.where(stable, day + interval, resume_day + RETEST_AFTER_CHANGE_DAYS)
    next_test = jnp.where(keep_holding, day + HOLD_DAYS, next_test)

    decided = Maintenance(
        dose_mg=changed,
        next_test_day=next_test,
        resume_day=resume_day,
        stable_since_day=since,
        holding=keep_holding,
    )
    tested = day >= clinic.next_test_day
    return Maintenance(
        *(
            jnp.where(tested, new, old)
            for new, old in zip(vars(decided).values(), vars(clinic).values(), strict=True)
        )
    )


def dose_today_mg(clinic: Maintenance, day: Float[Array, ""]) -> Float[Array, ""]:
    """Nothing while doses are held."""
    return jnp.where(clinic.holding | (day < clinic.resume_day), 0.0, clinic.dose_mg)
