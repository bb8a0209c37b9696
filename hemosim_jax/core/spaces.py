"""Action and observation spaces: gymnax's own, the one it lacks, and the way in and out of 0..1."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnax.environments.spaces import Box as Box
from gymnax.environments.spaces import Discrete as Discrete
from gymnax.environments.spaces import Space as Space
from gymnax.environments.spaces import gymnax_space_to_gym_space
from jaxtyping import Array, Float


class MultiDiscrete(Space):
    """Several discrete choices at once: an integer vector, entry `i` in `0 .. sizes[i] - 1`."""

    def __init__(self, sizes: tuple[int, ...]):
        if not sizes or min(sizes) < 1:
            raise ValueError(f"sizes must be positive integers, got {sizes}")
        self.sizes = tuple(int(n) for n in sizes)
        self.shape = (len(self.sizes),)
        self.dtype = jnp.int32

    def __repr__(self) -> str:
        return f"MultiDiscrete({list(self.sizes)})"

    def sample(self, key: jax.Array) -> jax.Array:
        """Uniform over the combinations."""
        return jax.random.randint(key, self.shape, 0, jnp.array(self.sizes), self.dtype)

    def contains(self, x: jax.Array) -> jax.Array:
        """Whether every entry lies in its range."""
        x = jnp.asarray(x)
        return jnp.all((x >= 0) & (x < jnp.array(self.sizes)))


def to_unit(value: Array, bounds: tuple[float, float]) -> Float[Array, "..."]:
    """Where `value` lies between the bounds, clipped to 0..1."""
    low, high = bounds
    return jnp.clip((value - low) / (high - low), 0.0, 1.0)


def from_unit(fraction: Array, bounds: tuple[float, float]) -> Float[Array, "..."]:
    """The value that lies at this fraction between the bounds."""
    low, high = bounds
    return low + (high - low) * fraction


def to_gymnasium(space: Space) -> gymnasium.Space:
    """The Gymnasium space of the same set."""
    if isinstance(space, MultiDiscrete):
        return gymnasium.spaces.MultiDiscrete(list(space.sizes))
    if isinstance(space, Box):
        low = np.broadcast_to(np.asarray(space.low, space.dtype), space.shape)
        high = np.broadcast_to(np.asarray(space.high, space.dtype), space.shape)
        return gymnasium.spaces.Box(low, high, space.shape, np.dtype(space.dtype).type)
    return gymnax_space_to_gym_space(space)
