"""Many patients as a Gymnasium vector environment: NumPy in and out."""

from typing import Any, SupportsIndex

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from hemosim_jax.core.spaces import to_gymnasium
from hemosim_jax.interop.compiled import batch, chosen, key_data, on_host
from hemosim_jax.registry import task_of


class TreatmentVectorEnv(VectorEnv):
    """Many patients in one call.

    - `autoreset_mode`: as Gymnasium defines them. "NextStep" (default): the step after an end
      starts the next patient, its action is ignored and its reward 0. "SameStep": the step that
      ends an episode already shows the next patient; what the finished one ended with is in
      `info["final_obs"]` and `["final_info"]`, where `info["_final_obs"]` is set. "Disabled":
      `reset(options={"reset_mask": mask})` replaces patients.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        env_id: str,
        num_envs: int = 1,
        render_mode: str | None = None,
        *,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        **options: Any,
    ):
        if render_mode is not None:
            raise ValueError(f"render_mode must be None, got {render_mode!r}")
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        modes = {mode.value: mode for mode in AutoresetMode}
        if autoreset_mode not in (*modes, *modes.values()):
            raise ValueError(
                f"autoreset_mode must be one of {', '.join(modes)}; got {autoreset_mode!r}"
            )
        self._mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self._mode}
        self.num_envs, self.render_mode = num_envs, None
        self._env_id, self._options = env_id, chosen(env_id, options)
        self._functions = batch(env_id, self._options)
        env, self._params = self._functions.env, self._functions.params
        self._describe = task_of(env_id).describe
        self.single_action_space = to_gymnasium(env.action_space(self._params))
        self.single_observation_space = to_gymnasium(env.observation_space(self._params))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._state: Any = None
        self._done = np.zeros(num_envs, bool)

    def __getstate__(self) -> dict[str, Any]:
        """All but what is compiled."""
        left_out = ("_functions", "_describe", "_params")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Finds again what is compiled."""
        vars(self).update(state, _describe=task_of(state["_env_id"]).describe)
        self._functions = batch(self._env_id, self._options)
        self._params = self._functions.params

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """New patients everywhere, or where `options["reset_mask"]` (bool, one each) says so.

        **Raises:** `ValueError` for another option, or a mask of another kind.
        """
        options = dict(options or {})
        mask = options.pop("reset_mask", None)
        if options:
            raise ValueError(f"vectorized reset takes only reset_mask, got {sorted(options)}")
        if mask is not None and (np.shape(mask) != (self.num_envs,) or mask.dtype != bool):
            raise ValueError(f"reset_mask must be {self.num_envs} booleans, got {mask!r}")
        super().reset(seed=seed)
        observation, state, info = self._functions.reset(self._next_keys(), self._params)
        if mask is not None and self._state is not None:
            state = _where(mask, state, self._state)
            observation, info = _where(mask, (observation, info), self._shown)
            self._done = self._done & ~mask
        else:
            self._done = np.zeros(self.num_envs, bool)
        self._state, self._shown = state, (observation, info)
        return on_host(observation), dict(on_host(info))

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One decision each. **Raises:** `RuntimeError` before the first reset."""
        if self._state is None:
            raise RuntimeError("call reset() before step()")
        keys, decided = self._next_keys(), jnp.asarray(actions)
        if self._mode == AutoresetMode.SAME_STEP:
            return self._step_and_replace(keys, decided)
        restart = self._done if self._mode == AutoresetMode.NEXT_STEP else np.zeros_like(self._done)
        self._state, values = self._functions.step(
            keys, self._state, decided, jnp.asarray(restart), self._params
        )
        self._shown = values[0], values[4]
        observation, reward, terminated, truncated, info = on_host(values)
        self._done = terminated | truncated
        return observation, reward.astype(np.float64), terminated, truncated, dict(info)

    def _step_and_replace(self, keys: jax.Array, actions: jax.Array) -> Any:
        self._state, values, self._shown = self._functions.step_and_replace(
            keys, self._state, actions, self._params
        )
        last_observation, reward, terminated, truncated, last_info = on_host(values)
        observation, info = on_host(self._shown)
        done, info = terminated | truncated, dict(info)
        if done.any():
            final_rows = np.full(self.num_envs, None, dtype=object)
            for index in np.flatnonzero(done):
                final_rows[index] = last_observation[index]
            info |= {
                "final_obs": final_rows,
                "_final_obs": done,
                "final_info": {name: np.where(done, value, 0) for name, value in last_info.items()},
                "_final_info": done,
            }
        return observation, reward.astype(np.float64), terminated, truncated, info

    def describe(self, index: SupportsIndex) -> dict[str, Any]:
        """The present patient of one lane, in words and numbers."""
        return self._describe(jax.device_get(jax.tree.map(lambda x: x[index], self._state.patient)))

    def _next_keys(self) -> jax.Array:
        return self._functions.split(key_data(self.np_random), self.num_envs)


def _where(mask: np.ndarray, yes: Any, no: Any) -> Any:
    def choose(a, b):
        return jnp.where(mask.reshape(mask.shape + (1,) * (a.ndim - 1)), a, b)

    return jax.tree.map(choose, yes, no)
