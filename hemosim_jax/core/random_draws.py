"""Many random numbers for one patient from one key, cheap in a batch of patients."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.scalar import Scalar

_LEVELS = 2**16
_LEAST = 2.5e-5  # of 1 - x², somewhat below that of the 16-bit numbers, which end at 4.3 SD
# The standard normal quantile of (1 + x) / 2, divided by x, as a polynomial in the eighth root of
# 1 - x², highest power first: a minimax fit over what `uniform_vector` can give. Three square roots
# and seven coefficients take half the time of `erf_inv`, which needs a logarithm.
_QUANTILE_RATIO = (
    2.737584645376621,
    -15.665341969583475,
    36.05208707666589,
    -42.24359720193608,
    28.422027374635704,
    -15.041949159376673,
    6.992533742391791,
)


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


def as_exponential(drawn: Float[Array, ""], other: Float[Array, ""]) -> Float[Array, ""]:
    """Two numbers as one of mean 1, exponentially distributed, in 32 bits."""
    return -jnp.log1p(-as_fine_uniform(drawn, other))


def divide(
    uniform: Float[Array, ""], probability: Scalar
) -> tuple[Bool[Array, ""], Float[Array, ""]]:
    """Whether something of this probability happens, and another number uniform on (0, 1).

    The second is what the first has not used, and independent of it: less its share of the bits.
    """
    happens = uniform < probability
    rest = jnp.where(happens, uniform, uniform - probability)
    return happens, rest / jnp.maximum(jnp.where(happens, probability, 1.0 - probability), 1e-6)


def as_normal(drawn: Float[Array, ""]) -> Float[Array, ""]:
    """The same number, standard normal: to 4e-5 of itself, less than the steps between two."""
    root = jnp.sqrt(jnp.sqrt(jnp.sqrt(jnp.maximum((1.0 - drawn) * (1.0 + drawn), _LEAST))))
    ratio = jnp.zeros_like(drawn)
    for coefficient in _QUANTILE_RATIO:
        ratio = ratio * root + coefficient
    return drawn * ratio
