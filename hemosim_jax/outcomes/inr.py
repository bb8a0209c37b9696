"""Read-outs of one course of daily INR."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.outcomes.rosendaal import time_in_range


def inr_outcomes(
    day: Float[Array, " times"],
    inr: Float[Array, " times"],
    alive: Bool[Array, " times"],
    *,
    target_range: tuple[float, float],
    high_inr: float,
    low_inr: float,
) -> dict[str, Float[Array, ""]]:
    """The quality of anticoagulation from the first measurement until the episode ended.

    - `time_in_range_percent`: Rosendaal.
    - `above_percent`, `below_percent`: days with INR above `high_inr`, below `low_inr`.
    - `first_in_range_day`: NaN if never.
    """
    low, high = target_range
    days = jnp.sum(alive)
    in_range = alive & (inr >= low) & (inr <= high)
    first = jnp.min(jnp.where(in_range, day, jnp.inf))
    return {
        "time_in_range_percent": 100.0 * time_in_range(day, inr, alive, target_range),
        "above_percent": 100.0 * jnp.sum(alive & (inr > high_inr)) / days,
        "below_percent": 100.0 * jnp.sum(alive & (inr < low_inr)) / days,
        "first_in_range_day": jnp.where(jnp.isfinite(first), first, jnp.nan),
    }
