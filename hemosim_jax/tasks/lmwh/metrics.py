"""Clinical results of ten days of enoxaparin."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.laboratory.wrapper import laboratory_metrics


def metrics(
    info: dict[str, Array], alive: Bool[Array, " times"], params: Any
) -> dict[str, Float[Array, ""]]:
    """Exposure and events until the episode's end.

    - `peak_in_range_percent`: of the decisions, with the last peak in the recommended range.
    - `mean_iu_per_ml`: anti-Xa activity over the episode.
    - `expected_events_percent`, `expected_bleeds_percent`, `expected_recurrences_percent`: 100
      times the events expected until the episode's end.
    - `bleed_percent`, `recurrence_percent`: 100 for a patient who had one, else 0.
    - `laboratory_chf`: of the assays ordered.
    """
    decisions = jnp.sum(alive)
    bleeds = jnp.sum(jnp.where(alive, info["expected_bleeds"], 0.0))
    recurrences = jnp.sum(jnp.where(alive, info["expected_recurrences"], 0.0))

    def ever(event):
        return 100.0 * jnp.any(alive & event).astype(bleeds.dtype)

    return {
        "expected_events_percent": 100.0 * (bleeds + recurrences),
        "expected_bleeds_percent": 100.0 * bleeds,
        "expected_recurrences_percent": 100.0 * recurrences,
        "bleed_percent": ever(info["major_bleed"]),
        "recurrence_percent": ever(info["recurrence"]),
        "peak_in_range_percent": 100.0 * jnp.sum(alive & info["therapeutic"]) / decisions,
        "mean_iu_per_ml": jnp.sum(jnp.where(alive, info["mean_iu_per_ml"], 0.0)) / decisions,
        **laboratory_metrics(info, alive),
    }
