"""The contract every task fulfils: a gymnax 1.0 environment around `advance`."""

import abc
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment
from jaxtyping import Array, Bool, Float

from hemosim_jax.cohort import Cohort, CohortFile
from hemosim_jax.spaces import Discrete

DIFFICULTIES = ("easy", "medium", "hard")


@struct.dataclass
class EnvParams(environment.EnvParams):
    """What every task has; tasks add their population, reward weights and thresholds."""

    max_steps_in_episode: int = 1
    decision_interval_h: float = 24.0  # from one decision to the next
    patients: Any = None  # a population or a `Cohort`


class Readout(NamedTuple):
    """How a course is drawn and summed up: names of `info`, with their labels and units."""

    time: str  # since the start
    time_label: str
    signal: str  # what is to be held in range
    signal_label: str
    target_range: tuple[float, float]
    treatment: str
    treatment_label: str
    outcome: str  # the one of `outcomes` that policies are compared by, beside the return
    outcome_label: str
    medians: tuple[str, ...]  # those of `outcomes` that are summed up by their median


class TreatmentEnvironment(environment.Environment):
    """Patients under treatment, one decision at a time.

    A task supplies the methods below and gymnax's `observe`, whose key is None: what is measured
    with an error is measured by a laboratory, in `advance`. `reset_env` and `step_env`, which
    gymnax calls, are the same for all. The instance is a static argument of gymnax's jitted `reset`
    and `step`: build it once and leave it unchanged. All that varies without recompiling is in
    `params`.
    """

    name: str  # the registered id
    version: str  # raised whenever the same actions and keys give other numbers
    measures_at_reset = False  # if True, `reset_to` needs a key of its own: a split that costs time
    readout: Readout
    groups: Mapping[str, tuple[str, ...]]  # integer entries of `info` by which results are split
    _supports_transition_gradients = True

    def __init__(self, difficulty: str):
        """**Raises:** `ValueError` for another tier than `DIFFICULTIES`."""
        check_difficulty(difficulty)
        self._difficulty = difficulty

    @property
    def default_params(self) -> EnvParams:
        """Parameters of the tier chosen at construction."""
        return self.tier(self._difficulty)

    def tier(self, difficulty: str) -> EnvParams:
        """Parameters of a tier, every leaf a strongly typed array (tiers may be stacked).

        **Raises:** `ValueError` for another tier than `DIFFICULTIES`.
        """
        check_difficulty(difficulty)
        return strong(self.tier_params(difficulty))

    def sample_patient(self, key: jax.Array, params: EnvParams) -> Any:
        """A patient of the population or cohort in `params.patients`."""
        if isinstance(params.patients, Cohort):
            return params.patients.draw(key)
        return self.draw_patient(key, params)

    def read_cohort(self, path: str | Path, params: EnvParams, key: jax.Array) -> CohortFile:
        """Real patients' covariates from a file; what was not recorded is drawn with `key`.

        **Raises:** as the task's `complete_cohort`; `ValueError` if `params` holds no population.
        """
        if isinstance(params.patients, Cohort):
            raise ValueError("params.patients must be a population to draw from, got a cohort")
        return self.complete_cohort(path, params, key)

    @property
    def num_actions(self) -> int:
        """How many actions there are, or the length of the action vector."""
        space = self.action_space()
        return space.n if isinstance(space, Discrete) else space.shape[0]

    @abc.abstractmethod
    def tier_params(self, difficulty: str) -> EnvParams:
        """What a tier consists of, in plain numbers."""

    @abc.abstractmethod
    def draw_patient(self, key: jax.Array, params: EnvParams) -> Any:
        """A patient of the population `params.patients`."""

    @abc.abstractmethod
    def complete_cohort(self, path: str | Path, params: EnvParams, key: jax.Array) -> CohortFile:
        """Reads the file and draws the rest from the population `params.patients`."""

    @abc.abstractmethod
    def initial_state(self, patient: Any, params: EnvParams) -> Any:
        """The state of this patient before the first decision; deterministic."""

    @abc.abstractmethod
    def decode_action(self, action: Array) -> Any:
        """The treatment, in clinical units, that an action of the space means."""

    @abc.abstractmethod
    def advance(
        self,
        key: jax.Array,
        state: Any,
        treatment: Any,
        duration_h: Float[Array, ""],
        params: EnvParams,
    ) -> Any:
        """The patient `duration_h` hours after `treatment`: ODE, then events."""

    @abc.abstractmethod
    def decode_observation(self, observation: Array) -> Any:
        """The observation back in clinical units."""

    @abc.abstractmethod
    def reward(self, state: Any, params: EnvParams) -> Array:
        """The reward for having arrived in `state`, terminal penalties included."""

    @abc.abstractmethod
    def info(self, state: Any, params: EnvParams) -> dict[str, Array]:
        """True physiology, what was given, event flags, `therapeutic`, `cost`, `solver_ok`."""

    @abc.abstractmethod
    def outcomes(
        self, info: dict[str, Array], alive: Bool[Array, " times"], params: EnvParams
    ) -> dict[str, Array]:
        """One patient's clinical results from the `info` of every step; `alive` until the end."""

    @abc.abstractmethod
    def describe(self, patient: Any) -> dict[str, Any]:
        """The patient in words and plain numbers, for people; not traceable."""

    def reset_to(self, key: jax.Array, patient: Any, params: EnvParams) -> tuple[Array, Any]:
        """Starts an episode with a given patient."""
        state = self.initial_state(patient, params)
        return self.observe(key, state, None, params), state

    def reset_env(self, key: jax.Array, params: EnvParams) -> tuple[Array, Any]:
        """Starts an episode with a new patient."""
        key_patient, key_reset = jax.random.split(key) if self.measures_at_reset else (key, None)
        return self.reset_to(key_reset, self.sample_patient(key_patient, params), params)

    def step_env(
        self, key: jax.Array, state: Any, action: Array, params: EnvParams
    ) -> tuple[Array, Any, Array, Bool[Array, ""], dict[str, Array]]:
        """One decision and what follows until the next; natural termination only.

        **Raises:** `ValueError` for an action of the wrong shape.
        """
        space = self.action_space(params)
        if jnp.shape(action) != space.shape:
            raise ValueError(f"action has shape {jnp.shape(action)}; the space is {space}")
        treatment = self.decode_action(jnp.asarray(action))
        duration_h = jnp.asarray(params.decision_interval_h, jnp.result_type(float))
        state = self.advance(key, state, treatment, duration_h, params)
        state = state.replace(time=state.time + 1)
        terminated = self.is_terminated(state, params)
        reward = self.reward(state, params)
        info = self.info(state, params)
        observation, state = self._apply_transition_gradient_policy(
            self.observe(None, state, action, params), state
        )
        return observation, state, reward, terminated, info


def check_difficulty(difficulty: str) -> None:
    """**Raises:** `ValueError` for another tier than `DIFFICULTIES`."""
    if difficulty not in DIFFICULTIES:
        raise ValueError(f"difficulty must be one of {', '.join(DIFFICULTIES)}; got {difficulty!r}")


def plain_numbers(*parts: Any) -> dict[str, float]:
    """The floating-point fields of dataclasses by name, rounded to read."""
    return {
        name: round(float(value), 4)
        for part in parts
        for name, value in vars(part).items()
        if jnp.issubdtype(getattr(value, "dtype", bool), jnp.floating)
    }


def strong(params: EnvParams) -> EnvParams:
    """Every leaf as an array of the default float or integer type, so that no value recompiles."""

    def as_array(leaf):
        integer = jnp.issubdtype(jnp.result_type(leaf), jnp.integer)
        return jnp.asarray(leaf, jnp.int32 if integer else jnp.result_type(float))

    return jax.tree.map(as_array, params)
