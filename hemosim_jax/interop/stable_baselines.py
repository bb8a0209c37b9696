"""Many patients as a vector environment of Stable-Baselines3, stepped in one compiled call."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from stable_baselines3.common.vec_env import VecEnv  # pyright: ignore[reportMissingImports]

from hemosim_jax.core.spaces import to_gymnasium
from hemosim_jax.interop.compiled import batch, chosen, key_data, on_host


class TreatmentVecEnv(VecEnv):
    """For `PPO("MlpPolicy", TreatmentVecEnv(id, num_envs=256))`; `options` are the task's.

    Episodes that end are replaced in the same step; `infos` tells of each patient's read-outs,
    and of a finished one "terminal_observation" and "TimeLimit.truncated".
    """

    def __init__(self, env_id: str, num_envs: int = 1, **options: Any):
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        self._functions = batch(env_id, chosen(env_id, options))
        env, self._params = self._functions.env, self._functions.params
        self.render_mode = None
        super().__init__(
            num_envs,
            to_gymnasium(env.observation_space(self._params)),
            to_gymnasium(env.action_space(self._params)),
        )
        self._generator = np.random.default_rng()
        self._state: Any = None

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Fixes everything that follows."""
        self._generator = np.random.default_rng(seed)
        return [seed] * self.num_envs

    def reset(self) -> np.ndarray:
        """New patients."""
        observation, self._state, _ = self._functions.reset(self._next_keys(), self._params)
        return on_host(observation)

    def step_async(self, actions: np.ndarray) -> None:
        """Takes the actions."""
        self._actions = jnp.asarray(actions)

    def step_wait(self) -> Any:
        """Observations, rewards, ends and infos after the actions taken."""
        self._state, values, (observation, _) = self._functions.step_and_replace(
            self._next_keys(), self._state, self._actions, self._params
        )
        last_observation, reward, terminated, truncated, info = on_host(values)
        done = terminated | truncated
        names, columns = list(info), [column.tolist() for column in info.values()]
        infos = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        for index in np.flatnonzero(done):
            infos[index]["terminal_observation"] = last_observation[index]
            infos[index]["TimeLimit.truncated"] = bool(truncated[index] and not terminated[index])
        return on_host(observation), reward, done, infos

    def close(self) -> None:
        """Nothing to close."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same for every patient. **Raises:** `AttributeError`."""
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """**Raises:** `AttributeError`: the patients share everything but their state."""
        raise AttributeError(f"{attr_name!r} cannot be set for single patients")

    def env_method(
        self, method_name: str, *arguments: Any, indices: Any = None, **options: Any
    ) -> list[Any]:
        """**Raises:** `AttributeError`: there is no environment of a single patient."""
        raise AttributeError(f"patients that step together have no method {method_name!r}")

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """They never are."""
        return [False for _ in self._get_indices(indices)]

    def _next_keys(self) -> Any:
        return self._functions.split(key_data(self._generator), self.num_envs)
