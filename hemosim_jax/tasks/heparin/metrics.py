"""Clinical results of five days of heparin."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.laboratory.wrapper import laboratory_metrics
from hemosim_jax.outcomes.rosendaal import time_in_range


def metrics(
    info: dict[str, Array], alive: Bool[Array, " times"], params: Any
) -> dict[str, Float[Array, ""]]:
    """The quality of anticoagulation from the first decision's end until the episode's.

    `info` has `hours`, `aptt_s`, `hit`, `major_bleed` and `thrombosis` of every step.

    - `in_range_percent`: of the time, by linear interpolation (Rosendaal).
    - `above_percent`, `below_percent`: decisions that ended above `params.high_aptt_s`, below
      `params.low_aptt_s`.
    - `first_in_range_h`: NaN if never.
    - `laboratory_chf`: where assays are ordered.
    - `hit_percent`, `bleed_percent`, `thrombosis_percent`: 100 for a patient who had one, else 0.
    """
    hours, aptt_s = info["hours"], info["aptt_s"]
    low, high = params.therapeutic_aptt_s
    decisions = jnp.sum(alive)
    in_range = alive & (aptt_s >= low) & (aptt_s <= high)
    first_h = jnp.min(jnp.where(in_range, hours, jnp.inf))

    def ever(event):
        return 100.0 * jnp.any(alive & event).astype(aptt_s.dtype)

    return {
        "in_range_percent": 100.0 * time_in_range(hours / 24.0, aptt_s, alive, (low, high)),
        "above_percent": 100.0 * jnp.sum(alive & (aptt_s > params.high_aptt_s)) / decisions,
        "below_percent": 100.0 * jnp.sum(alive & (aptt_s < params.low_aptt_s)) / decisions,
        "first_in_range_h": jnp.where(jnp.isfinite(first_h), first_h, jnp.nan),
        "hit_percent": ever(info["hit"]),
        "bleed_percent": ever(info["major_bleed"]),
        "thrombosis_percent": ever(info["thrombosis"]),
        **laboratory_metrics(info, alive),
    }
