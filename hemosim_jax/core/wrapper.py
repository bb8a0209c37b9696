"""Environments put around an environment: everything is the inner one's unless overridden."""

import copy
import dataclasses
from typing import Any, cast

import jax
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.environment import TreatmentEnvironment


class Around:
    """Parameters or a state with a few fields beside `task`, those of what it is put around.

    A mixin of frozen dataclasses. Attributes and `replace` know the names of both.
    """

    __no_type_check__ = True  # as `Node`
    task: Any

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "task":
            raise AttributeError(name)
        return getattr(self.task, name)

    def replace(self, **changes: Any) -> Any:
        """Own fields or the task's by name. **Raises:** `TypeError` for a name of neither."""
        own = {name: changes.pop(name) for name in vars(self) if name in changes}
        if changes:
            own["task"] = own.get("task", self.task).replace(**changes)
        return dataclasses.replace(cast(Any, self), **own)


class WrappedEnvironment(TreatmentEnvironment):
    """Holds an environment `env`; a variant overrides what it changes.

    Parameters and states are those of `env` here. A variant that adds to them overrides `inner`.
    """

    def __init__(self, env: TreatmentEnvironment, *, name: str, version: str):
        self.env = env
        self.name, self.version = name, version
        self.difficulty = env.difficulty
        self.time_unit, self.default_interval = env.time_unit, env.default_interval
        self.observation_fields, self.action_fields = env.observation_fields, env.action_fields
        self.assays = env.assays
        self._supports_transition_gradients = env.supports_transition_gradients

    def inner(self, params_or_state: Any) -> Any:
        """What `env` takes."""
        return params_or_state

    def with_transition_gradients(self) -> Any:
        """A copy whose transitions keep their gradients. **Raises:** as the inner one's."""
        configured = copy.copy(self)
        configured.env = self.env.with_transition_gradients()
        configured._transition_gradients_enabled = True
        return configured

    @property
    def default_params(self) -> Any:
        """Parameters of the tier chosen at construction."""
        return self.env.default_params

    def tier(self, difficulty: str) -> Any:
        """Parameters of a tier. **Raises:** as the inner one's."""
        return self.env.tier(difficulty)

    def tier_params(self, difficulty: str) -> Any:
        """What a tier consists of, in plain numbers."""
        return self.env.tier_params(difficulty)

    def draw_patient(self, key: jax.Array, params: Any) -> Any:
        """A patient of the population `params.patients`."""
        return self.env.draw_patient(key, self.inner(params))

    def initial_state(self, patient: Any, params: Any) -> Any:
        """The state of this patient before the first decision."""
        return self.env.initial_state(patient, self.inner(params))

    def decode_action(self, action: Array) -> Any:
        """The treatment that an action means."""
        return self.env.decode_action(action)

    def encode_action(self, *args: Any, **values: Any) -> Array:
        """The inner environment's action."""
        return self.env.encode_action(*args, **values)

    def advance(
        self, key: jax.Array, state: Any, treatment: Any, duration: Float[Array, ""], params: Any
    ) -> Any:
        """The patient `duration` after the decision."""
        return self.env.advance(key, self.inner(state), treatment, duration, self.inner(params))

    def observed(self, state: Any, params: Any) -> dict[str, Any]:
        """The values of the observation's fields by name."""
        return self.env.observed(self.inner(state), self.inner(params))

    def reward_terms(self, state: Any, params: Any) -> dict[str, Float[Array, ""]]:
        """What the step that led to `state` is paid for."""
        return self.env.reward_terms(self.inner(state), self.inner(params))

    def readouts(self, state: Any, params: Any) -> dict[str, Array]:
        """True physiology, what was given, event flags, `therapeutic`, `cost`."""
        return self.env.readouts(self.inner(state), self.inner(params))

    def is_terminated(self, state: Any, params: Any) -> Bool[Array, ""]:
        """Whether the last step ended the episode, for any reason but the horizon."""
        return self.env.is_terminated(self.inner(state), self.inner(params))

    def is_truncated(self, state: Any, params: Any) -> Bool[Array, ""]:
        """Whether the horizon has been reached."""
        return self.env.is_truncated(self.inner(state), self.inner(params))

    def discount(self, state: Any, params: Any) -> Float[Array, ""]:
        """Of the last step."""
        return self.env.discount(self.inner(state), self.inner(params))
