"""Clinical results of ninety days of warfarin."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.laboratory.wrapper import laboratory_metrics
from hemosim_jax.outcomes.rosendaal import time_in_range


def metrics(
    info: dict[str, Array], alive: Bool[Array, " times"], params: Any
) -> dict[str, Float[Array, ""]]:
    """Time in range, days above 4 and below 1.5, first day in range; what the laboratory cost."""
    quality = inr_quality(
        info["day"],
        info["inr"],
        alive,
        target_range=params.therapeutic_inr,
        high_inr=params.high_inr,
        low_inr=params.low_inr,
    )
    return quality | laboratory_metrics(info, alive)


def inr_quality(
    day: Float[Array, " times"],
    inr: Float[Array, " times"],
    alive: Bool[Array, " times"],
    *,
    target_range: tuple[Any, Any],
    high_inr: Any,
    low_inr: Any,
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
