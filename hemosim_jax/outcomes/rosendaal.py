"""Time in therapeutic range by linear interpolation."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.scalar import Scalar

LONGEST_GAP_DAYS = 56.0  # further apart, two measurements say nothing of the time between


def time_in_range(
    day: Float[Array, " times"],
    inr: Float[Array, " times"],
    measured: Bool[Array, " times"],
    target_range: tuple[Scalar, Scalar],
) -> Float[Array, ""]:
    """Fraction of the time between measurements that the interpolated INR is in range.

    Rosendaal et al., Thromb Haemost 1993;69:236, in the continuous form: each interval counts with
    the exact part of it that the straight line spends in range, not by whole days. `measured` masks
    entries out; intervals that touch a masked entry or exceed 56 days do not count. NaN if none
    counts. One patient; vmap for more.
    """
    low, high = target_range
    length = day[1:] - day[:-1]
    counts = measured[1:] & measured[:-1] & (length <= LONGEST_GAP_DAYS)
    bottom, top = jnp.minimum(inr[1:], inr[:-1]), jnp.maximum(inr[1:], inr[:-1])
    span = jnp.where(top > bottom, top - bottom, 1.0)
    crossing = jnp.clip((jnp.minimum(top, high) - jnp.maximum(bottom, low)) / span, 0.0, 1.0)
    flat = ((bottom >= low) & (top <= high)).astype(inr.dtype)
    inside = jnp.where(top > bottom, crossing, flat)
    weight = jnp.where(counts, length, 0.0)
    return jnp.sum(weight * jnp.where(counts, inside, 0.0)) / jnp.sum(weight)
