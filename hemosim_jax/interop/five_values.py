"""Our environments for code that wants the five values of gymnax before 1.0 (rejax, PureJaxRL)."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hemosim_jax.core.environment import TreatmentEnvironment


class FiveValueEnv:
    """`step` returns observation, state, reward, done and info; the rest is the environment's.

    Terminations and truncations are one `done`; `info` tells them apart ("terminated",
    "truncated") and holds "final_observation", what the step led to before the reset, as well as
    "discount", 0 only where the episode was terminated.
    """

    def __init__(self, env: TreatmentEnvironment):
        self.env = env
        self.name, self.num_actions = env.name, env.num_actions

    @property
    def default_params(self) -> Any:
        """Parameters of the tier chosen at construction."""
        return self.env.default_params

    def reset(self, key: jax.Array, params: Any = None) -> tuple[Array, Any]:
        """Starts an episode with a new patient."""
        return self.env.reset(key, params)

    def step(
        self, key: jax.Array, state: Any, action: Array, params: Any = None
    ) -> tuple[Array, Any, Array, Bool[Array, ""], dict[str, Array]]:
        """One decision; a finished patient is replaced by a new one.

        An action of one number may come without its axis, as rejax's evaluation gives it.
        """
        action = jnp.reshape(action, self.env.action_space(params).shape)
        observation, state, reward, terminated, truncated, info = self.env.step(
            key, state, action, params
        )
        return observation, state, reward, terminated | truncated, info

    def action_space(self, params: Any = None) -> Any:
        """As the environment's."""
        return self.env.action_space(params)

    def observation_space(self, params: Any = None) -> Any:
        """As the environment's."""
        return self.env.observation_space(params)
