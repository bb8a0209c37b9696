"""Running mean and variance, for observations and for the scale of rewards."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar

_CLIP = 10.0


class RunningMoments(Node):
    """Mean and variance of all samples seen, per entry."""

    mean: Float[Array, "*entry"]
    variance: Float[Array, "*entry"]
    count: Float[Array, ""]


def no_samples(shape: tuple[int, ...]) -> RunningMoments:
    """Mean 0, variance 1, and no weight."""
    dtype = jnp.result_type(float)
    return RunningMoments(jnp.zeros(shape, dtype), jnp.ones(shape, dtype), jnp.zeros((), dtype))


def add_samples(moments: RunningMoments, samples: Float[Array, "..."]) -> RunningMoments:
    """Merges a batch (all leading axes), by the parallel formula of Chan et al. 1979."""
    axes = tuple(range(samples.ndim - moments.mean.ndim))
    count = jnp.asarray(samples.size // max(moments.mean.size, 1), moments.count.dtype)
    mean, variance = jnp.mean(samples, axes), jnp.var(samples, axes)
    total = moments.count + count
    shift = mean - moments.mean
    spread = (
        moments.count * moments.variance
        + count * variance
        + shift**2 * moments.count * count / total
    )
    return RunningMoments(moments.mean + shift * count / total, spread / total, total)


def normalize(
    moments: RunningMoments, observation: Float[Array, "*b entry"]
) -> Float[Array, "*b entry"]:
    """Standardized and clipped to ±10."""
    standardized = (observation - moments.mean) / jnp.sqrt(moments.variance + 1e-8)
    return jnp.clip(standardized, -_CLIP, _CLIP)


def scale_reward(moments: RunningMoments, reward: Scalar) -> Float[Array, "*b"]:
    """Divided by the standard deviation of the discounted return (not centered), clipped to ±10."""
    return jnp.clip(reward / jnp.sqrt(moments.variance + 1e-8), -_CLIP, _CLIP)
