"""How what is said of a patient varies over time."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.scalar import Scalar


def mean_reverting(
    value: Float[Array, ""], normal: Float[Array, ""], memories: Scalar, sd: Scalar
) -> Float[Array, ""]:
    """An Ornstein–Uhlenbeck process around 0, `memories` correlation times later; exact.

    `normal` is a standard normal number, `sd` the process's SD in the long run.
    """
    spread = jnp.sqrt(-jnp.expm1(-2.0 * memories)) * sd
    return jnp.exp(-memories) * value + spread * normal
