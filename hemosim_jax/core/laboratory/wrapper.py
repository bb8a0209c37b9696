"""An ordered laboratory around any task: orders are actions, results come later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.durations import HOURS
from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.fields import ActionFields, Field, ObservationFields, Reading, category, flag
from hemosim_jax.core.laboratory import queue
from hemosim_jax.core.laboratory.assay import Assay
from hemosim_jax.core.laboratory.monitor import (
    N_NORMALS_PER_MONITOR,
    Monitor,
    Shown,
    follow,
    switch_on,
)
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, uniform_vector
from hemosim_jax.core.wrapper import Around, WrappedEnvironment

REWARD_PER_CHF = -0.004  # an aPTT costs a fifth of an interval in range (assumption)


class Ordered(NamedTuple):
    """An assay that can be ordered, and the field of its result."""

    assay: Assay
    field: Field
    measures: str = ""  # the read-out; that of the field's name if not given


class OrderedTreatment(Node):
    """A treatment, and which assays are drawn before it is given."""

    treatment: Any
    wanted: dict[str, Bool[Array, ""]]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LaboratoryParams(Around):
    """The task's parameters, and the price of orders."""

    task: Any
    reward_per_chf: Any = REWARD_PER_CHF


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class LaboratoryState(Around):
    """The task's state, and what is known and under way."""

    task: Any
    laboratory: queue.Laboratory
    shown: dict[str, Shown]  # by monitors


class OrderedLaboratory(WrappedEnvironment):
    """A task whose measurements are ordered, or come from monitors.

    The action is the task's own followed by one entry for each assay (yes draws a sample now,
    before the treatment). The result is what was true then, with the assay's error; it is known
    after its turnaround, and carries its age. Orders cost reward. The observation holds, for each
    assay, the newest result (which may be missing), its age and whether one is under way; for each
    monitor its newest reading and the reading's age; and what of the task is `visible`.

    Read-outs of `info`, their names and everything else are the task's. Parameters and state are
    the task's with a few fields more: `params.replace` and attributes know the names of both.
    """

    def __init__(
        self,
        env: TreatmentEnvironment,
        panel: Mapping[str, Ordered],
        *,
        name: str,
        version: str,
        visible: Sequence[Field],
        on_admission: Sequence[str] = (),
        oldest_h: float = 48.0,
        slots: int = 4,
        monitors: Mapping[str, Monitor] | None = None,
    ):
        """Puts a laboratory around `env`.

        - `panel`: the assays by the name under which they are ordered.
        - `visible`: fields, by names of `env.observed`, that are seen without an order.
        - `on_admission`: assays whose results are known at the start.
        - `oldest_h`: ages of results and readings are told apart up to this.
        - `slots`: how many samples of one assay can be under way at once.
        - `monitors`: by name.

        **Raises:** `ValueError` if `slots` is no whole number of at least 1, for a name in
        `on_admission` that is not in the panel, or if two fields have the same name; for a read-out
        that the task does not have, at the first reset or step.
        """
        if not isinstance(slots, int) or slots < 1:
            raise ValueError(f"slots must be a whole number of at least 1, got {slots!r}")
        for one in on_admission:
            if one not in panel:
                raise ValueError(f"on_admission: {one!r} is none of {', '.join(panel)}")
        super().__init__(env, name=name, version=version)
        self.assays = {}  # what is measured is measured when it is ordered
        self.panel = {key: ordered.assay for key, ordered in panel.items()}
        self.monitors = dict(monitors or {})
        self.on_admission, self.oldest_h, self.slots = tuple(on_admission), oldest_h, slots
        self.fields = {key: ordered.field.name for key, ordered in panel.items()}
        self.measured = {key: one.measures or one.field.name for key, one in panel.items()}
        self.watched = {key: one.measures or one.field.name for key, one in self.monitors.items()}
        results = [
            field for key, ordered in panel.items() for field in self._fields_of(key, ordered.field)
        ]
        shown = [
            field
            for key, one in self.monitors.items()
            for field in (one.field, self._age_field(key))
        ]
        self.observation_fields = ObservationFields((*results, *shown, *visible))
        order = category if env.action_fields.discrete else _flag
        orders = [order(f"order_{key}", (False, True)) for key in panel]
        self.action_fields = ActionFields((*env.action_fields.fields, *orders))

    def _age_field(self, key: str) -> Field:
        return Field(f"{key}_age_h", "h", (0.0, self.oldest_h))

    def _fields_of(self, key: str, measured: Field) -> tuple[Field, ...]:
        result = replace(measured, can_be_missing=True)
        return result, self._age_field(key), flag(f"{key}_under_way")

    def inner(self, params_or_state: LaboratoryParams | LaboratoryState) -> Any:
        """The task's part."""
        return params_or_state.task

    @property
    def default_params(self) -> LaboratoryParams:
        """The task's, and a price on orders."""
        return self._with_price(self.env.default_params)

    def tier(self, difficulty: str) -> LaboratoryParams:
        """The task's, and a price on orders. **Raises:** as the task's."""
        return self._with_price(self.env.tier(difficulty))

    def _with_price(self, params: Any) -> LaboratoryParams:
        return LaboratoryParams(params, jnp.asarray(REWARD_PER_CHF, jnp.result_type(float)))

    def tier_params(self, difficulty: str) -> LaboratoryParams:
        """What a tier consists of, in plain numbers."""
        return LaboratoryParams(self.env.tier_params(difficulty))

    def true_values(self, state: Any, params: Any) -> dict[str, Array]:
        """What assays and monitors without error would find now, by the names of the read-outs."""
        values = {**self.env.readouts(state, params), **self.env.observed(state, params)}
        for name in (*self.measured.values(), *self.watched.values()):
            if name not in values:
                known = ", ".join(values)
                raise ValueError(f"{self.env.name} has no read-out {name!r}; it has {known}")
        return values

    def initial_state(self, patient: Any, params: LaboratoryParams) -> LaboratoryState:
        """The task's, with nothing known and nothing under way."""
        state = self.env.initial_state(patient, params.task)
        zero = jnp.zeros((), jnp.result_type(float))
        return LaboratoryState(
            task=state,
            laboratory=queue.admission(self.panel, self.slots, {}),
            shown={key: Shown(zero, zero, zero) for key in self.monitors},
        )

    def reset_to(self, key: Any, patient: Any, params: Any) -> tuple[Array, LaboratoryState]:
        """Starts an episode with a given patient, the results of admission known."""
        state = self.initial_state(patient, params)
        draws = uniform_vector(key, len(self.on_admission) + len(self.monitors) or 1)
        errors = [params.measurement_error * as_normal(number) for number in draws]
        true_values = self.true_values(state.task, params.task)
        known = {
            name: (true_values[self.measured[name]], error)
            for name, error in zip(self.on_admission, errors, strict=False)
        }
        shown = {
            name: switch_on(one, true_values[self.watched[name]], error)
            for (name, one), error in zip(
                self.monitors.items(), errors[len(self.on_admission) :], strict=False
            )
        }
        laboratory = queue.admission(self.panel, self.slots, known)
        state = LaboratoryState(state.task, laboratory, shown)
        return self.observe(None, state, None, params), state

    def reset_env(self, key: jax.Array, params: Any) -> tuple[Array, LaboratoryState]:
        """Starts an episode with a new patient."""
        key_patient, key_reset = jax.random.split(key)
        return self.reset_to(key_reset, self.sample_patient(key_patient, params), params)

    def decode_action(self, action: Array) -> OrderedTreatment:
        """The treatment and the orders; an action that is no number is neither."""
        action = jnp.atleast_1d(action)  # one category alone, with monitors only
        decoded = self.action_fields.decode(action)
        wanted = {key: getattr(decoded, f"order_{key}") for key in self.panel}
        own = action[: action.shape[0] - len(self.panel)]
        if jnp.issubdtype(action.dtype, jnp.inexact):
            own = jnp.where(jnp.all(jnp.isfinite(action)), own, jnp.nan)
        if self.env.action_space().shape == ():
            own = own[0]
        return OrderedTreatment(self.env.decode_action(own), wanted)

    def encode_orders(self, action: Array, **wanted: Any) -> Array:
        """The task's own action with orders of the assays named true."""
        own = jnp.atleast_1d(action)
        flags = [jnp.asarray(wanted.get(key, False)).astype(own.dtype) for key in self.panel]
        return jnp.concatenate([own, *(flag[None] for flag in flags)]).reshape(
            self.action_space().shape
        )

    def advance(
        self,
        key: jax.Array,
        state: LaboratoryState,
        treatment: OrderedTreatment,
        duration: Float[Array, ""],
        params: LaboratoryParams,
    ) -> LaboratoryState:
        """Samples are drawn, the treatment given, and what comes back meanwhile is known."""
        key_task, key_laboratory = jax.random.split(key)
        ordered = queue.N_NORMALS_PER_ASSAY * len(self.panel)
        count = ordered + N_NORMALS_PER_MONITOR * len(self.monitors)
        normals = tuple(map(as_normal, uniform_vector(key_laboratory, max(count, 1))))
        error = params.task.measurement_error
        before = self.true_values(state.task, params.task)
        now = queue.order_panel(
            state.laboratory,
            self.panel,
            treatment.wanted,
            {name: before[field] for name, field in self.measured.items()},
            self._hours(state.task),
            normals[:ordered],
            error,
        )
        task = self.env.advance(key_task, state.task, treatment.treatment, duration, params.task)
        shown = state.shown
        if self.monitors:
            after = self.true_values(task, params.task)
            shown = {
                name: follow(
                    one,
                    shown[name],
                    (before[self.watched[name]], after[self.watched[name]]),
                    (state.task.elapsed, task.elapsed),
                    error * normal,
                )
                for (name, one), normal in zip(
                    self.monitors.items(), normals[ordered:], strict=False
                )
            }
        return LaboratoryState(task, queue.collect_panel(now, self._hours(task)), shown)

    def _hours(self, state: Any) -> Float[Array, ""]:
        return HOURS[self.time_unit] * state.elapsed

    def observed(self, state: LaboratoryState, params: LaboratoryParams) -> dict[str, Any]:
        """Results, readings and their ages, and all that the task could show."""
        values = dict(self.env.observed(state.task, params.task))
        for name, field in self.fields.items():
            sample = state.laboratory.known[name]
            values[field] = Reading(sample.value, ~jnp.isinf(sample.drawn_h))
            values[f"{name}_age_h"] = self._hours(state.task) - sample.drawn_h
            values[f"{name}_under_way"] = queue.in_flight(state.laboratory.in_flight[name]) > 0
        for name, one in self.monitors.items():
            values[one.field.name] = state.shown[name].value
            age = state.task.elapsed - state.shown[name].read_at
            values[f"{name}_age_h"] = HOURS[self.time_unit] * age
        return values

    def reward_terms(
        self, state: LaboratoryState, params: LaboratoryParams
    ) -> dict[str, Float[Array, ""]]:
        """The task's own, and the cost of the orders."""
        cost = queue.cost_chf(state.laboratory, self.panel)
        own = self.env.reward_terms(state.task, params.task)
        return {**own, "laboratory": params.reward_per_chf * cost}

    def readouts(self, state: LaboratoryState, params: LaboratoryParams) -> dict[str, Array]:
        """The task's own, and per assay: ordered, results that came, samples under way."""
        lab = state.laboratory
        own = self.env.readouts(state.task, params.task)
        for name in self.panel:
            own |= {
                f"{name}_ordered": lab.ordered[name],
                f"{name}_results": lab.arrived[name],
                f"{name}_under_way": queue.in_flight(lab.in_flight[name]),
            }
        cost = queue.cost_chf(lab, self.panel)
        return own | {"order_refused": lab.refused, "laboratory_cost_chf": cost}


def _flag(name: str, levels: Any) -> Field:
    return flag(name)


def laboratory_metrics(
    info: dict[str, Array], alive: Bool[Array, " times"]
) -> dict[str, Float[Array, ""]]:
    """What the laboratory cost, where there is one."""
    if "laboratory_cost_chf" not in info:
        return {}
    return {"laboratory_chf": jnp.sum(jnp.where(alive, info["laboratory_cost_chf"], 0.0))}
