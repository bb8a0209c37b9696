"""Clinical results of a year on a direct oral anticoagulant."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.tasks.doac.hazards import HOURS_PER_Y

EVENTS = ("stroke", "major_bleed", "intracranial", "gastrointestinal", "fatal")


def metrics(
    info: dict[str, Array], alive: Bool[Array, " times"], params: Any
) -> dict[str, Float[Array, ""]]:
    """Until the end of the episode. `info` has the task's read-outs of every step.

    - `harmed_percent`: 100 for a patient with a stroke or a major bleed, else 0.
    - `appropriate_percent`: decisions for a labelled dose.
    - `stroke_percent` and the others of `EVENTS`: 100 times how many. Their mean over the mean of
      `years` is a rate per 100 patient-years.
    - `switches`, `years`.
    """
    dtype = info["days"].dtype

    def count(event):
        return jnp.sum(jnp.where(alive, info[event], 0)).astype(dtype)

    return {
        "harmed_percent": 100.0 * (count("cost") > 0.0).astype(dtype),
        "appropriate_percent": 100.0 * count("appropriate") / jnp.sum(alive),
        **{f"{event}_percent": 100.0 * count(event) for event in EVENTS},
        "switches": count("switched"),
        "years": jnp.max(jnp.where(alive, info["days"], 0.0)) * 24.0 / HOURS_PER_Y,
    }
