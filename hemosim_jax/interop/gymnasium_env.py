"""Gymnasium environments, single and vectorized, around any task: NumPy in and out."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, SupportsIndex

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.spaces import to_gymnasium
from hemosim_jax.registry import make, options_of, task_of


class _Compiled(NamedTuple):
    """An environment with its compiled functions, shared by all that have the same options."""

    env: TreatmentEnvironment
    params: Any
    reset: Callable
    step: Callable


def _chosen(env_id: str, options: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """All options of the task, as a key: what is not given is as it is by default."""
    defaults = {name: parameter.default for name, parameter in options_of(env_id).items()}
    chosen = tuple(sorted((defaults | options).items()))
    try:
        hash(chosen)
    except TypeError:
        make(env_id, **options)  # says which value it cannot take
        raise
    return chosen


@functools.cache
def _compiled(env_id: str, options: tuple[tuple[str, Any], ...]) -> _Compiled:
    env, params = make(env_id, **dict(options))

    def first(key_data, params):
        observation, state = env.reset_env(_key(key_data), params)
        return observation, state, env.info(state, params)

    def following(key_data, state, action, params):
        observation, state, reward, terminated, info = env.step_env(
            _key(key_data), state, action, params
        )
        return state, (observation, reward, terminated, env.is_truncated(state, params), info)

    return _Compiled(env, params, jax.jit(first), jax.jit(following))


class _CompiledVector(NamedTuple):
    env: TreatmentEnvironment
    params: Any
    reset: Callable
    step: Callable
    info: Callable
    split: Callable


@functools.cache
def _compiled_vector(env_id: str, options: tuple[tuple[str, Any], ...]) -> _CompiledVector:
    env, params = make(env_id, **dict(options))
    return _CompiledVector(
        env,
        params,
        reset=jax.jit(jax.vmap(env.reset, in_axes=(0, None))),
        step=jax.jit(jax.vmap(env.step, in_axes=(0, 0, 0, None))),
        info=jax.jit(jax.vmap(env.info, in_axes=(0, None))),
        split=jax.jit(
            lambda key_data, count: jax.random.split(_key(key_data), count), static_argnums=1
        ),
    )


class TreatmentGymEnv(gymnasium.Env):
    """One patient. `options` are those of the task, for example `difficulty="hard"`.

    `reset(seed=...)` fixes everything that follows until the next seeded reset. `info` holds the
    task's read-outs as Python numbers; after a reset also `info["patient"]`, in words. With
    `render_mode="rgb_array"` `render` gives the course so far as a picture.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 8}  # noqa: RUF012 (Gymnasium's way)

    def __init__(self, env_id: str, render_mode: str | None = None, **options: Any):
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        compiled = _compiled(env_id, _chosen(env_id, options))
        self._env, self._params = compiled.env, compiled.params
        self._reset, self._step = compiled.reset, compiled.step
        self._task, self._env_id = task_of(env_id), env_id
        self.render_mode = render_mode
        self._course: list[dict[str, Any]] = []  # the `info` of every step, if it is rendered
        self.action_space = to_gymnasium(self._env.action_space(self._params))
        self.observation_space = to_gymnasium(self._env.observation_space(self._params))
        self._state: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """A new patient. `options` replaces parameters by name, until the next reset.

        **Raises:** `ValueError` for an option that is no parameter.
        """
        super().reset(seed=seed)
        self._episode_params = self._params.replace(
            **{name: self._checked(name, value) for name, value in (options or {}).items()}
        )
        observation, self._state, info = self._reset(
            _key_data(self.np_random), self._episode_params
        )
        patient = self._task.describe(jax.device_get(self._state.patient))
        self._course = []
        return np.asarray(observation), {**_to_python(jax.device_get(info)), "patient": patient}

    def _checked(self, name: str, value: Any) -> jax.Array:
        """`value` as the parameter `name`, which must be a number."""
        numbers = _numbers(self._params)
        if name not in numbers:
            raise ValueError(f"reset option {name!r} is none of {', '.join(numbers)}")
        try:
            number = np.asarray(value, numbers[name].dtype)
        except (TypeError, ValueError):
            number = np.asarray(np.nan)
        if number.shape != () or not np.isfinite(number):
            raise ValueError(f"reset option {name!r} must be a finite number, got {value!r}")
        if name in ("decision_interval", "horizon") and number <= 0.0:
            raise ValueError(f"reset option {name!r} must be above 0, got {value!r}")
        return jnp.asarray(number)

    def step(
        self, action: np.ndarray | np.integer | int
    ) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One decision. **Raises:** `RuntimeError` before the first reset."""
        if self._state is None:
            raise RuntimeError("call reset() before step()")
        self._state, outputs = self._step(
            _key_data(self.np_random), self._state, np.asarray(action), self._episode_params
        )
        observation, reward, terminated, truncated, info = jax.device_get(outputs)
        info = _to_python(info)
        if self.render_mode is not None:
            self._course.append(info)
        return observation, float(reward), bool(terminated), bool(truncated), info

    def render(self) -> np.ndarray | None:
        """Signals and treatments until now (height, width, 3); None without a `render_mode`."""
        if self.render_mode is None:
            return None
        from hemosim_jax.plotting.charts import timeline_image  # matplotlib only where it is used

        display = self._task.display
        shown = (display.time, *display.signals, *display.treatments)
        info = {s.name: np.array([row[s.name] for row in self._course], float) for s in shown}
        return timeline_image(info, display, self._env_id)


class TreatmentVectorEnv(VectorEnv):
    """Many patients in one call; a finished one is replaced in the same step."""

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(
        self, env_id: str, num_envs: int = 1, render_mode: str | None = None, **options: Any
    ):
        if render_mode is not None:
            raise ValueError(f"render_mode must be None, got {render_mode!r}")
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        self.num_envs = num_envs
        self.render_mode = None
        compiled = _compiled_vector(env_id, _chosen(env_id, options))
        self._env, self._params, self._reset, self._step, self._info, self._split = compiled
        self._describe = task_of(env_id).describe
        self.single_action_space = to_gymnasium(self._env.action_space(self._params))
        self.single_observation_space = to_gymnasium(self._env.observation_space(self._params))
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._state: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """New patients everywhere. **Raises:** `ValueError` if any option is given."""
        if options:
            raise ValueError(f"vectorized reset takes no options, got {sorted(options)}")
        super().reset(seed=seed)
        observation, self._state = self._reset(self._next_keys(), self._params)
        return np.asarray(observation), dict(jax.device_get(self._info(self._state, self._params)))

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One decision each. `info["final_obs"]` and `["final_info"]` hold, where
        `info["_final_obs"]` is set, what the finished patients ended with.

        **Raises:** `RuntimeError` before the first reset.
        """
        if self._state is None:
            raise RuntimeError("call reset() before step()")
        results = self._step(self._next_keys(), self._state, jnp.asarray(actions), self._params)
        observation, self._state, reward, terminated, truncated, info = results
        observation, reward, terminated, truncated, info = jax.device_get(
            (observation, reward, terminated, truncated, info)
        )
        final_observation = info.pop("final_observation")
        del info["terminated"], info["truncated"]
        done = terminated | truncated
        if not done.any():
            return observation, reward, terminated, truncated, info
        # Where an episode ended, `info` is already that of the next patient.
        begun = jax.device_get(self._info(self._state, self._params))
        final_rows = np.full(self.num_envs, None, dtype=object)
        for index in np.flatnonzero(done):
            final_rows[index] = final_observation[index]
        info = {
            **{name: np.where(done, begun[name], value) for name, value in info.items()},
            "final_obs": final_rows,
            "_final_obs": done,
            "final_info": {name: np.where(done, value, 0) for name, value in info.items()},
            "_final_info": done,
        }
        return observation, reward, terminated, truncated, info

    def describe(self, index: SupportsIndex) -> dict[str, Any]:
        """The present patient of one lane, in words and numbers."""
        return self._describe(jax.device_get(jax.tree.map(lambda x: x[index], self._state.patient)))

    def _next_keys(self) -> jax.Array:
        return self._split(_key_data(self.np_random), self.num_envs)


def _key_data(generator: np.random.Generator) -> np.ndarray:
    return generator.integers(2**32, size=2, dtype=np.uint32)


def _key(key_data: jax.Array) -> jax.Array:
    return jax.random.wrap_key_data(key_data, impl="threefry2x32")


def _to_python(info: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value).item() for name, value in info.items()}


def _numbers(params: Any) -> dict[str, jax.Array]:
    """The parameters that are single numbers, those of a wrapped task included."""
    own = {name: value for name, value in vars(params).items() if isinstance(value, jax.Array)}
    return _numbers(params.task) | own if "task" in vars(params) else own
