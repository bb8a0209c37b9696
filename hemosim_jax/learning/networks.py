"""Actor and critic, and the action distributions of the spaces we have."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from gymnax.environments.spaces import Box, Discrete, Space
from jaxtyping import Array, Float

from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.spaces import MultiDiscrete

_IMPOSSIBLE = -1e9  # logit of an action beyond a choice's size


class MLP(nn.Module):
    """Tanh layers with orthogonal initialization, a linear last one."""

    hidden_sizes: tuple[int, ...]
    out_size: int
    out_scale: float

    @nn.compact
    def __call__(self, x):
        """The output for one input or a batch of them."""
        for size in self.hidden_sizes:
            x = nn.tanh(_dense(size, 2**0.5)(x))
        return _dense(self.out_size, self.out_scale)(x)


def _dense(size: int, scale: float) -> nn.Dense:
    initializer = nn.initializers.orthogonal(scale)
    return nn.Dense(size, kernel_init=initializer, param_dtype=jnp.result_type(float))


class Actor(nn.Module):
    """Parameters of the action distribution of `space`."""

    space: Space
    hidden_sizes: tuple[int, ...]

    @nn.compact
    def __call__(self, observation):
        """Means and log standard deviations (Box), or logits."""
        out = MLP(self.hidden_sizes, head_size(self.space), 0.01)(observation)
        if isinstance(self.space, Box):
            log_std = self.param("log_std", nn.initializers.zeros, (out.shape[-1],), out.dtype)
            return out, log_std
        return out


class Memory(nn.Module):
    """A gated recurrent unit: what has been seen so far, in `size` numbers."""

    size: int

    @nn.compact
    def __call__(self, hidden, seen):
        """The memory after seeing one more input."""
        return nn.GRUCell(self.size, param_dtype=jnp.result_type(float))(hidden, seen)[0]


def head_size(space: Any) -> int:
    """How many numbers the actor's last layer gives for an action of `space`.

    **Raises:** `ValueError` for a space that is none of Box, Discrete, MultiDiscrete.
    """
    if isinstance(space, Box):
        if len(space.shape) != 1:
            raise ValueError(f"a continuous action must be a vector, got {space}")
        if not np.all(np.isfinite(np.asarray(space.low)) & np.isfinite(np.asarray(space.high))):
            raise ValueError(f"a continuous action must be bounded, got {space}")
        return space.shape[0]
    if isinstance(space, MultiDiscrete):
        return len(space.sizes) * max(space.sizes)
    if isinstance(space, Discrete):
        return space.n
    raise ValueError(f"action space must be Box, Discrete or MultiDiscrete, got {space}")


def distribution(space: Space, head: Any, initial_log_std: Scalar) -> Any:
    """The distribution whose samples `to_action` turns into actions of `space`.

    For a Box a normal on the scale where the box is -1..1; `initial_log_std` is added to the
    learned log standard deviation, which starts at zero.
    """
    if isinstance(space, Box):
        mean, log_std = head
        normal: Any = dist.Normal(mean, jnp.exp(initial_log_std + log_std))
        return normal.to_event(1)
    if isinstance(space, MultiDiscrete):
        largest = max(space.sizes)
        logits = head.reshape(*head.shape[:-1], len(space.sizes), largest)
        exists = jnp.arange(largest) < jnp.array(space.sizes)[:, None]
        categorical: Any = dist.Categorical(logits=jnp.where(exists, logits, _IMPOSSIBLE))
        return categorical.to_event(1)
    return dist.Categorical(logits=head)


def mode(space: Space, head: Any) -> Array:
    """The most probable sample."""
    if isinstance(space, Box):
        return head[0]
    if isinstance(space, MultiDiscrete):
        return jnp.argmax(distribution(space, head, 0.0).base_dist.logits, axis=-1)
    return jnp.argmax(head, axis=-1)


def remembered(space: Space, sample: Array) -> Float[Array, "..."]:
    """A sample as the input of a memory: the clipped action in -1..1, or one-hot choices."""
    if isinstance(space, Box):
        return jnp.clip(sample, -1.0, 1.0)
    dtype = jnp.result_type(float)
    if isinstance(space, MultiDiscrete):
        choices = [
            jax.nn.one_hot(sample[..., i], size, dtype=dtype) for i, size in enumerate(space.sizes)
        ]
        return jnp.concatenate(choices, axis=-1)
    return jax.nn.one_hot(sample, head_size(space), dtype=dtype)


def to_action(space: Space, sample: Array) -> Array:
    """A sample as an action: continuous ones moved to the box and clipped to it."""
    if isinstance(space, Box):
        low, high = jnp.asarray(space.low), jnp.asarray(space.high)
        return jnp.clip(low + (high - low) * 0.5 * (sample + 1.0), low, high)
    return sample
