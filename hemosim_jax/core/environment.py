"""The contract every task fulfils: a gymnax 1.0 environment around `advance`."""

import abc
import functools
import operator
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from gymnax.environments import environment
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core import durations
from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.fields import ActionFields, Observation, ObservationFields
from hemosim_jax.core.laboratory.assay import Assay, measured
from hemosim_jax.core.node import Node
from hemosim_jax.core.options import Difficulty, check_difficulty, check_flag
from hemosim_jax.core.spaces import Discrete


class EnvParams(Node):
    """What every task has; tasks add their reward weights and thresholds.

    Times are in the task's unit, `TreatmentEnvironment.time_unit`.
    """

    decision_interval: Any = 1.0  # from one decision to the next
    horizon: Any = 1.0  # when the episode is truncated
    discount: Any = 0.99  # of the task's `default_interval`; other durations follow from it
    within_patient: Any = 1.0  # times the SDs of what varies within a patient; 0: nothing does
    measurement_error: Any = 1.0  # times the CVs of the assays; 0: the exact values are seen
    patients: Any = None  # a population or a `Cohort`

    @property
    def max_steps_in_episode(self) -> Int[Array, ""]:
        """Decisions until the horizon, as gymnax asks for them."""
        return durations.number_of_intervals(self.horizon, self.decision_interval)


class EnvState(Node):
    """What every task's state has. Times are in the task's unit."""

    time: Int[Array, ""]  # decisions made
    elapsed: Float[Array, ""]
    interval: Float[Array, ""]  # length of the last step: to the next decision, or to its end
    terminated: dict[str, Bool[Array, ""]]  # by reason: whether the last step reached it
    valid_action: Bool[Array, ""]  # whether the last action was a number
    solver_ok: Bool[Array, ""]
    errors: tuple[Float[Array, ""], ...]  # of the measurements made now: a normal for each assay
    patient: Any

    def later(
        self,
        duration: Float[Array, ""],
        reasons: dict[str, durations.Crossing] | None = None,
        **changes,
    ) -> Any:
        """After a step of `duration`, which the first of the `reasons` to end it may cut short."""
        happened = {name: reason.happened for name, reason in (reasons or {}).items()}
        fraction = jnp.ones_like(duration)
        for reason in (reasons or {}).values():
            fraction = jnp.minimum(fraction, reason.fraction)
        happened, fraction = _computed_once((happened, fraction), fraction > 2.0)
        length = fraction * duration
        return self.replace(
            time=self.time + 1,
            elapsed=self.elapsed + length,
            interval=length,
            terminated=happened,
            **changes,
        )


def _computed_once(tree: Any, impossible: Bool[Array, ""]) -> Any:
    """The same arrays, behind a border that XLA does not fuse across.

    Observation, reward, clock and the choice of what is reset all depend on what a model gives; XLA
    would compute the model again for each of them. A loop is such a border (CPU ignores
    `optimization_barrier`), and two rounds that change nothing unless `impossible`, which the
    compiler cannot know, are kept as one.
    """

    def unchanged(_, tree):
        return jax.tree.map(lambda x: jnp.where(impossible, jnp.zeros_like(x), x), tree)

    return jax.lax.fori_loop(0, 2, unchanged, tree)


def start(
    patient: Any, reasons: tuple[str, ...] = (), errors: tuple[Float[Array, ""], ...] = ()
) -> dict[str, Any]:
    """The fields of `EnvState` before the first decision."""
    zero = jnp.zeros((), jnp.result_type(float))
    no = jnp.zeros((), bool)
    return {
        "time": jnp.zeros((), jnp.int32),
        "elapsed": zero,
        "interval": zero,
        "terminated": dict.fromkeys(reasons, no),
        "valid_action": ~no,
        "solver_ok": ~no,
        "errors": errors,
        "patient": patient,
    }


class TreatmentEnvironment(environment.Environment):
    """Patients under treatment, one decision at a time.

    A task supplies the methods below. `reset_env` and `step_env`, which gymnax calls, are the same
    for all. The instance is a static argument of gymnax's jitted `reset` and `step`: build it once
    and leave it unchanged. All that varies without recompiling is in `params`.

    Rewards have running terms, which scale with the duration of a step and are those of the
    published equation at `default_interval`, and terms that are paid once.
    """

    name: Any = ""  # the registered id (gymnax has a property here)
    version: str  # raised whenever the same actions and keys give other numbers
    time_unit: str  # of all times and durations
    default_interval: float  # between two decisions, where the equation of the reward is as printed
    observation_fields: ObservationFields
    action_fields: ActionFields
    assays: Mapping[str, Assay] = {}  # of the observed fields that are measured at each decision
    _supports_transition_gradients = True

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        within_patient: bool = True,
        measurement_error: bool = True,
    ):
        """The options of every task; they fix `default_params`.

        - `difficulty`: "easy", "medium" or "hard".
        - `within_patient`: False sets `params.within_patient` to 0, an ablation: what is said of a
          patient stays as it is, but for events.
        - `measurement_error`: False sets `params.measurement_error` to 0, an ablation: what is
          observed is exact.

        **Raises:** `ValueError` for any other value.
        """
        check_difficulty(difficulty)
        check_flag("within_patient", within_patient)
        check_flag("measurement_error", measurement_error)
        self.difficulty = difficulty
        self._ablated = {
            name: 0.0
            for name, kept in (
                ("within_patient", within_patient),
                ("measurement_error", measurement_error),
            )
            if not kept
        }

    def __init_subclass__(cls, **kwargs):
        """The docstring ends with the tables of the fields that belong to the class."""
        super().__init_subclass__(**kwargs)
        own = [vars(cls).get(name) for name in ("observation_fields", "action_fields")]
        tables = [fields.table() for fields in own if fields is not None]
        cls.__doc__ = "\n\n".join([(cls.__doc__ or "").rstrip(), *tables])

    @property
    def default_params(self) -> Any:
        """Parameters of the tier chosen at construction."""
        return self.tier(self.difficulty)

    def tier(self, difficulty: str) -> Any:
        """Parameters of a tier, every leaf a strongly typed array (tiers may be stacked).

        **Raises:** `ValueError` for another tier.
        """
        check_difficulty(difficulty)
        return strong(self.tier_params(difficulty).replace(**self._ablated))

    def sample_patient(self, key: jax.Array, params: Any) -> Any:
        """A patient of the population or cohort in `params.patients`."""
        if isinstance(params.patients, Cohort):
            return params.patients.draw(key)
        return self.draw_patient(key, params)

    @property
    def num_actions(self) -> int:
        """How many actions there are, or the length of the action vector."""
        space = self.action_space()
        return space.n if isinstance(space, Discrete) else space.shape[0]

    def action_space(self, params: Any = None) -> Any:
        """As the fields of the action say."""
        return self.action_fields.space()

    def observation_space(self, params: Any = None) -> Any:
        """As the fields of the observation say."""
        return self.observation_fields.space()

    @abc.abstractmethod
    def tier_params(self, difficulty: str) -> Any:
        """What a tier consists of, in plain numbers."""

    @abc.abstractmethod
    def draw_patient(self, key: jax.Array, params: Any) -> Any:
        """A patient of the population `params.patients`."""

    @abc.abstractmethod
    def initial_state(self, patient: Any, params: Any) -> Any:
        """The state of this patient before the first decision; deterministic."""

    @abc.abstractmethod
    def advance(
        self,
        key: jax.Array,
        state: Any,
        treatment: Any,
        duration: Float[Array, ""],
        params: Any,
    ) -> Any:
        """The patient `duration` after the decision for `treatment`: ODE, then events.

        Where something ends the episode before, the state's clock says when.
        """

    @abc.abstractmethod
    def observed(self, state: Any, params: Any) -> dict[str, Any]:
        """The values of the observation's fields by name, and others a laboratory may show."""

    @abc.abstractmethod
    def reward_terms(self, state: Any, params: Any) -> dict[str, Float[Array, ""]]:
        """What the step that led to `state` is paid for, by name, terminal penalties included."""

    @abc.abstractmethod
    def readouts(self, state: Any, params: Any) -> dict[str, Array]:
        """True physiology, what was given, event flags, `therapeutic`, `cost`."""

    def reward(self, state: Any, params: Any) -> Float[Array, ""]:
        """The sum of `reward_terms`."""
        return functools.reduce(operator.add, self.reward_terms(state, params).values())

    def encode_action(self, *args: Any, **values: Any) -> Array:
        """The action of the space that means these values of its fields; tasks name their own."""
        return self.action_fields.encode(**values)

    def decode_action(self, action: Array) -> Any:
        """The treatment, in clinical units, that an action of the space means."""
        return self.action_fields.decode(action)

    def observe(
        self, key: jax.Array | None, state: Any, action: Any, params: Any
    ) -> Float[Array, " n"]:
        """The observation, with the errors that `state` holds; the key is not used."""
        return self.observation_fields.encode(self.measured_values(state, params))

    def measured_values(self, state: Any, params: Any) -> dict[str, Any]:
        """`observed`, with the errors that `state` holds.

        A task that shows what follows from a measurement (a score) overrides it.
        """
        values = dict(self.observed(state, params))
        if self.assays:
            for (name, assay), error in zip(self.assays.items(), state.errors, strict=True):
                values[name] = measured(assay, values[name], params.measurement_error * error)
        return values

    def decode_observation(self, observation: Observation) -> Any:
        """The observation's fields by attribute, in clinical units."""
        return self.observation_fields.decode(observation)

    def is_terminated(self, state: Any, params: Any) -> Bool[Array, ""]:
        """Whether the last step ended the episode, for any reason but the horizon."""
        ended = jnp.zeros((), bool)
        for reached in state.terminated.values():
            ended = ended | reached
        return ended

    def is_truncated(self, state: Any, params: Any) -> Bool[Array, ""]:
        """Whether the horizon has been reached."""
        return durations.is_over(state.elapsed, params.decision_interval, params.horizon)

    def discount(self, state: Any, params: Any) -> Float[Array, ""]:
        """Of the last step: that of its duration, 0 where the episode was terminated."""
        worth = params.discount ** self.intervals(state)
        return jnp.where(self.is_terminated(state, params), 0.0, worth)

    def intervals(self, state: Any) -> Float[Array, ""]:
        """How long the last step was, in default intervals."""
        return state.interval / self.default_interval

    def info(self, state: Any, params: Any) -> dict[str, Array]:
        """The task's read-outs, and what every task tells of a step: `reward_` and each term, …"""
        terms = self.reward_terms(state, params)
        return {
            **self.readouts(state, params),
            **{f"reward_{name}": value for name, value in terms.items()},
            "discount": self.discount(state, params),
            "valid_action": state.valid_action,
            "solver_ok": state.solver_ok,
        }

    def reset_to(self, key: jax.Array | None, patient: Any, params: Any) -> tuple[Array, Any]:
        """Starts an episode with a given patient. Without a laboratory the key is not used."""
        state = self.initial_state(patient, params)
        return self.observe(None, state, None, params), state

    def reset_env(self, key: jax.Array, params: Any) -> tuple[Array, Any]:
        """Starts an episode with a new patient."""
        return self.reset_to(None, self.sample_patient(key, params), params)

    def step_env(
        self, key: jax.Array, state: Any, action: Any, params: Any
    ) -> tuple[Array, Any, Array, Bool[Array, ""], dict[str, Array]]:
        """One decision and what follows until the next; natural termination only.

        **Raises:** `ValueError` for an action of the wrong shape.
        """
        space = self.action_space(params)
        if jnp.shape(action) != space.shape:
            raise ValueError(f"action has shape {jnp.shape(action)}; the space is {space}")
        treatment = self.decode_action(jnp.asarray(action))
        # The same for all patients of a batch: what a model derives from it is computed once.
        duration = jnp.asarray(params.decision_interval, jnp.result_type(float))
        state = self.advance(key, state, treatment, duration, params)
        terminated = self.is_terminated(state, params)
        reward = self.reward(state, params)
        info = self.info(state, params)
        observation, state = self._apply_transition_gradient_policy(
            self.observe(None, state, action, params), state
        )
        return observation, state, reward, terminated, info


def strong(params: Any) -> Any:
    """Every leaf as an array of the default float or integer type, so that no value recompiles."""

    def as_array(leaf):
        integer = jnp.issubdtype(jnp.result_type(leaf), jnp.integer)
        return jnp.asarray(leaf, jnp.int32 if integer else jnp.result_type(float))

    return jax.tree.map(as_array, params)
