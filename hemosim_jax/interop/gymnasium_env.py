"""One patient as a Gymnasium environment: NumPy in and out."""

from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.core.spaces import to_gymnasium
from hemosim_jax.interop.compiled import chosen, key_data, on_host, single
from hemosim_jax.registry import task_of


class TreatmentGymEnv(gymnasium.Env):
    """One patient. `options` are those of the task, for example `difficulty="hard"`.

    `reset(seed=...)` fixes everything that follows until the next seeded reset. `info` holds the
    task's read-outs as Python numbers, the terms of the reward among them; `describe()` tells of
    the patient in words. `render_mode="rgb_array"` gives the course so far as a picture, "human"
    shows it in a window.

    With `vector_reward` the reward is the vector of its terms (`reward_space`, in the order of
    `reward_names`), as MO-Gymnasium wants it.
    """

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 8}  # noqa: RUF012

    def __init__(
        self,
        env_id: str,
        render_mode: str | None = None,
        *,
        vector_reward: bool = False,
        **options: Any,
    ):
        if render_mode not in (None, "rgb_array", "human"):
            raise ValueError(f"render_mode must be None, 'rgb_array' or 'human', got {render_mode}")
        self._options = chosen(env_id, options)
        self._env, self._params, self._reset, self._step = single(env_id, self._options)
        self._task, self._env_id = task_of(env_id), env_id
        self.render_mode = render_mode
        self._course: list[dict[str, Any]] = []  # `info` from the start on, if it is rendered
        self._window: Any = None
        self.action_space = to_gymnasium(self._env.action_space(self._params))
        self.observation_space = to_gymnasium(self._env.observation_space(self._params))
        self._state: Any = None
        self._vector_reward = vector_reward
        if vector_reward:
            self.reward_names = self._names_of_terms()
            size = len(self.reward_names)
            self.reward_space = gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)

    def __getstate__(self) -> dict[str, Any]:
        """All but what is compiled or belongs to a window."""
        left_out = ("_env", "_params", "_reset", "_step", "_window", "_task")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Finds again what is compiled."""
        vars(self).update(state, _window=None, _task=task_of(state["_env_id"]))
        found = single(self._env_id, self._options)
        self._env, self._params, self._reset, self._step = found

    def _names_of_terms(self) -> list[str]:
        def terms(key):
            _, state = self._env.reset_env(key, self._params)
            return self._env.reward_terms(state, self._params)

        return list(jax.eval_shape(terms, jax.random.key(0)))

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
        observation, self._state, info = self._reset(key_data(self.np_random), self._episode_params)
        info = _to_python(jax.device_get(info))
        self._course = [info]
        self._show()
        return on_host(observation), info

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
    ) -> tuple[np.ndarray, Any, bool, bool, dict[str, Any]]:
        """One decision. **Raises:** `RuntimeError` before the first reset."""
        if self._state is None:
            raise RuntimeError("call reset() before step()")
        self._state, outputs = self._step(
            key_data(self.np_random), self._state, np.asarray(action), self._episode_params
        )
        observation, reward, terminated, truncated, info = on_host(outputs)
        info = _to_python(info)
        if self.render_mode is not None:
            self._course.append(info)
            self._show()
        if self._vector_reward:
            terms = [info[f"reward_{name}"] for name in self.reward_names]
            return observation, np.array(terms, np.float32), bool(terminated), bool(truncated), info
        return observation, float(reward), bool(terminated), bool(truncated), info

    def describe(self) -> dict[str, Any]:
        """The present patient, in words and numbers. **Raises:** `RuntimeError` before a reset."""
        if self._state is None:
            raise RuntimeError("call reset() before describe()")
        return self._task.describe(jax.device_get(self._state.patient))

    def render(self) -> np.ndarray | None:
        """Signals and treatments until now (height, width, 3), in the mode "rgb_array"."""
        return self._picture() if self.render_mode == "rgb_array" else None

    def _picture(self) -> np.ndarray:
        from hemosim_jax.plotting.timeline import timeline_image  # matplotlib where it is used

        display = self._task.display
        shown = (display.time, *display.signals, *display.treatments, *display.events)
        course = {s.name: np.array([row[s.name] for row in self._course], float) for s in shown}
        return timeline_image(course, display, self._episode_params, self._env_id)

    def _show(self) -> None:
        if self.render_mode != "human":
            return
        from matplotlib import pyplot

        picture = self._picture()
        if self._window is None:
            pyplot.ion()
            height, width, _ = picture.shape
            figure = pyplot.figure(self._env_id, figsize=(width / 100.0, height / 100.0))
            axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
            axis.set_axis_off()
            self._window = figure, axis.imshow(picture)
        figure, image = self._window
        image.set_data(picture)
        figure.canvas.draw_idle()
        figure.canvas.flush_events()

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            from matplotlib import pyplot

            pyplot.close(self._window[0])
            self._window = None


def _to_python(info: dict[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(value).item() for name, value in info.items()}


def _numbers(params: Any) -> dict[str, jax.Array]:
    """The parameters that are single numbers, those of a wrapped task included."""
    own = {name: value for name, value in vars(params).items() if isinstance(value, jax.Array)}
    return _numbers(params.task) | own if "task" in vars(params) else own
