"""Many random numbers for one patient from one key, cheap in a batch of patients."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


@jax.custom_batching.custom_vmap
def _unstack(values):
    return tuple(values)


@_unstack.def_vmap
def _unstack_batch(axis_size, in_batched, values):
    # A batch of vectors lies patient by patient; transposed once, every number of all patients
    # lies together, and what follows streams through memory instead of striding.
    columns = jax.lax.optimization_barrier(values.T)
    return tuple(columns), (True,) * values.shape[1]


def draw(key: jax.Array, count: int) -> tuple[Float[Array, ""], ...]:
    """`count` independent numbers, uniform on the open interval (-1, 1)."""
    dtype = jnp.result_type(float)
    low = jnp.nextafter(jnp.asarray(-1.0, dtype), jnp.asarray(0.0, dtype))
    return _unstack(jax.random.uniform(key, (count,), dtype, low, 1.0))


def as_uniform(drawn: Float[Array, ""]) -> Float[Array, ""]:
    """The same number, uniform on (0, 1)."""
    return 0.5 * (drawn + 1.0)


def as_normal(drawn: Float[Array, ""]) -> Float[Array, ""]:
    """The same number, standard normal."""
    return jnp.sqrt(2.0).astype(drawn.dtype) * jax.lax.erf_inv(drawn)
