"""What a laboratory can measure, and with what error."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


class Assay(NamedTuple):
    """What a laboratory can measure, and how it does."""

    turnaround_h: float  # median, from the draw to the result
    turnaround_log_sd: float  # log-normal
    longest_turnaround_h: float  # cut there
    analytical_cv: float  # of one measurement, around the true value
    limits: tuple[float, float]  # what lies beyond is reported as the limit
    cost_chf: float


def measured(
    assay: Assay, true_value: float | Float[Array, "..."], error_normal: Float[Array, "..."]
) -> Float[Array, "..."]:
    """What the assay reports of a true value: unbiased around it, cut at the limits."""
    low, high = assay.limits
    return jnp.clip(true_value * (1.0 + assay.analytical_cv * error_normal), low, high)
