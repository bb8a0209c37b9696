"""Many random numbers for one patient from one key, cheap in a batch of patients."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_LEVELS = 2**16


@jax.custom_batching.custom_vmap
def _unstack(values):
    return tuple(values)


@_unstack.def_vmap
def _unstack_batch(axis_size, in_batched, values):
    # A batch of vectors lies patient by patient; transposed once, every number of all patients
    # lies together, and what follows streams through memory instead of striding.
    columns = jax.lax.optimization_barrier(values.T)
    return tuple(columns), (True,) * values.shape[1]


def uniform_vector(key: jax.Array, count: int) -> tuple[Float[Array, ""], ...]:
    """`count` independent numbers, uniform on the open interval (-1, 1), of 16 random bits each.

    Sixteen bits give a normal number 65,536 values up to 4.3 standard deviations; two numbers share
    a word, because in a batch of patients random bits are a large part of what a reset costs. Word
    counts are rounded up to a power of two, which vectorizes without a remainder.
    """
    dtype = jnp.result_type(float)
    number_of_words = 2 ** (-(-count // 2) - 1).bit_length()
    words = _unstack(jax.random.bits(key, (number_of_words,), jnp.uint32))
    halves = [half for word in words for half in (word >> 16, word & jnp.uint32(_LEVELS - 1))]
    return tuple((half.astype(dtype) + 0.5) * (2.0 / _LEVELS) - 1.0 for half in halves[:count])


def as_uniform(drawn: Float[Array, ""]) -> Float[Array, ""]:
    """The same number, uniform on (0, 1)."""
    return 0.5 * (drawn + 1.0)


def as_fine_uniform(drawn: Float[Array, ""], other: Float[Array, ""]) -> Float[Array, ""]:
    """Two numbers as one, uniform on (0, 1) in 32 bits: for events that are rare."""
    return as_uniform(drawn) + (as_uniform(other) - 0.5) / _LEVELS


def as_normal(drawn: Float[Array, ""]) -> Float[Array, ""]:
    """The same number, standard normal."""
    return jnp.sqrt(2.0).astype(drawn.dtype) * jax.lax.erf_inv(drawn)
