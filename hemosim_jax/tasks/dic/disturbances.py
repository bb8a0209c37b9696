"""What chance brings to a patient with DIC."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.tasks.dic.blood import Blood, Parameters, hemostasis

# Assumptions: bleeds per hour without any hemostasis, and how severe one is at first.
BLEEDS_PER_H = 0.01
FIRST_SEVERITY = 0.25


def begin_bleeding(
    uniform: Float[Array, ""],
    blood: Blood,
    parameters: Parameters,
    duration_h: Float[Array, ""],
) -> Blood:
    """A bleed may have begun in the interval, the likelier the worse hemostasis is."""
    rate = BLEEDS_PER_H * parameters.bleeding_tendency * (1.0 - hemostasis(blood)) ** 2
    begins = uniform < -jnp.expm1(-rate * duration_h)
    severity = jnp.maximum(blood.bleeding, FIRST_SEVERITY)
    return blood.replace(bleeding=jnp.where(begins, severity, blood.bleeding))
