"""Patients under a regimen that is written down: doses at any times, read-outs at any times."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hemosim_jax.core.description import described_patient
from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.fields import Field
from hemosim_jax.core.wrapper import WrappedEnvironment
from hemosim_jax.registry import make, task_of

_MOMENT = 1e-6  # of a unit of time: closer events are at the same time
_EVENT_COLUMNS = ("time", "ii", "addl")


def simulate_regimen(
    task: str,
    patient: Any,
    doses: Sequence[Mapping[str, Any]] | pd.DataFrame,
    times: ArrayLike,
    *,
    patients: int = 1,
    typical: bool | None = None,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """The course of one patient, or several, under a regimen, whatever ends an episode.

    - `task`: an id; `options` as for `make`. Times are in the task's unit.
    - `patient`: described in words ("72 y, 60 kg, *1/*3, AA") or by names and values; a patient of
      the task (`env.sample_patient`); None to draw one.
    - `doses`: events in time, each with its `time`, the action's fields that it sets, in clinical
      units, and, where it is repeated, `addl` more times every `ii` (as in NONMEM). What runs on
      (an infusion, a prescription) holds until an event sets it anew.
    - `times`: when the read-outs are wanted; 0 is before the first dose.
    - `patients`: how many to simulate; the description holds for all, the rest differs.
    - `typical`: without unexplained differences between patients; by default for one described.

    **Returns** a table with a row for each patient and time: `patient`, `time`, the read-outs of
    `info`, and `ended`, whether an episode would have ended by then. Read-outs of an interval
    (doses given, means, expected events) are of the time since the last event or wanted time. Its
    `attrs` have the `time_unit` and the `event_times`.

    **Raises:** `KeyError` for an unknown id or name; `ValueError` for a value or a time that is not
    allowed, or a description that is not understood.
    """
    env, params = make(task, **options)
    while isinstance(env, WrappedEnvironment):
        env, params = env.env, env.inner(params)
    moments = np.unique(np.atleast_1d(np.asarray(times, float)))
    if moments.size == 0 or not np.all(np.isfinite(moments)) or moments[0] < 0.0:
        raise ValueError(f"times must be finite and not negative, got {times!r}")
    if patients < 1:
        raise ValueError(f"patients must be at least 1, got {patients}")
    events = _rows(doses)
    steps = _steps(env, events, moments)
    described = isinstance(patient, str | Mapping)
    if described if typical is None else typical:
        params = _typical(env, params)
    drawn = [
        _patient(task, env, params, patient, key)
        for key in jax.random.split(jax.random.key(seed), patients)
    ]
    cohort = jax.tree.map(lambda *leaves: jnp.stack(leaves), *drawn)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), patients), patients)
    run = jax.jit(jax.vmap(lambda key, one: _course(env, params, one, steps, key)))
    infos, ended = jax.device_get(run(keys, cohort))
    shown = np.concatenate([[0.0], np.cumsum(steps.duration)])
    wanted = [int(np.argmin(np.abs(shown - moment))) for moment in moments]
    tables = []
    for number in range(patients):
        columns = {name: values[number][wanted] for name, values in infos.items()}
        tables.append(
            pd.DataFrame(
                {"patient": number + 1, "time": moments, **columns, "ended": ended[number][wanted]}
            )
        )
    table = pd.concat(tables, ignore_index=True)
    at = sorted({event["time"] for event in events if event["time"] <= moments[-1]})
    table.attrs |= {"time_unit": env.time_unit, "event_times": at}
    return table


class _Steps(NamedTuple):
    """From one event or wanted time to the next: how long, and the action at its beginning."""

    duration: np.ndarray
    action: np.ndarray


def _rows(doses: Sequence[Mapping[str, Any]] | pd.DataFrame) -> list[dict[str, Any]]:
    """Single events, the repeated ones written out, in time."""
    if isinstance(doses, pd.DataFrame):
        doses = [{k: v for k, v in row.items() if pd.notna(v)} for row in doses.to_dict("records")]
    rows = []
    for event in doses:
        row = dict(event)
        interval, more = row.pop("ii", 0.0), row.pop("addl", 0)
        time = row.get("time", 0.0)
        if not (np.isfinite(time) and time >= 0.0):
            raise ValueError(f"doses: time must be finite and not negative, got {time!r}")
        if more and not interval > 0.0:
            raise ValueError(f"doses: addl {more!r} needs an interval ii above 0, got {interval!r}")
        rows += [row | {"time": time + n * interval} for n in range(int(more) + 1)]
    return sorted(rows, key=lambda row: row["time"])


def _steps(env: TreatmentEnvironment, rows: list[dict[str, Any]], moments: np.ndarray) -> _Steps:
    fields = {field.name: field for field in env.action_fields.fields}
    end = moments[-1]
    times = np.unique([0.0, *moments, *(row["time"] for row in rows if row["time"] <= end)])
    times = times[np.concatenate([[True], np.diff(times) > _MOMENT])]
    running = {name: _nothing(field) for name, field in fields.items()}
    actions = []
    for time in times[:-1]:
        now = {name: _nothing(f) if f.once else running[name] for name, f in fields.items()}
        now |= _set_at(time, rows, fields)
        if None in now.values():
            missing = ", ".join(name for name, value in now.items() if value is None)
            raise ValueError(f"doses: the first event must be at time 0 and say {missing}")
        running = now
        actions.append(np.asarray(env.action_fields.encode(**now)))
    dtype = jnp.result_type(float)
    return _Steps(np.diff(times).astype(dtype), np.array(actions))


def _set_at(time: float, rows: list[dict[str, Any]], fields: dict[str, Field]) -> dict[str, Any]:
    """What the events of this time set."""
    found: dict[str, Any] = {}
    for row in (row for row in rows if abs(row["time"] - time) <= _MOMENT):
        for name, value in row.items():
            if name in _EVENT_COLUMNS:
                continue
            if name not in fields:
                known = ", ".join((*_EVENT_COLUMNS, *fields))
                raise KeyError(f"doses: {name!r} is none of {known}")
            if name in found:
                raise ValueError(f"doses: two events at time {time:g} set {name}; make them one")
            found[name] = _code(fields[name], value)
    return found


def _nothing(field: Field) -> Any:
    """No treatment; None for a choice of which every level is one."""
    if field.kind != "category":
        return False if field.kind == "flag" else field.bounds[0]
    numbers = [level for level in field.levels if not field.names and float(level) == 0.0]
    return field.levels.index(numbers[0]) if numbers else None


def _code(field: Field, value: Any) -> Any:
    """What `encode` takes: a number within the bounds, yes or no, the index of a level."""
    if field.kind == "flag":
        return bool(value)
    if field.kind == "category":
        names = field.names or field.levels
        if value not in names:
            raise ValueError(
                f"doses: {field.name} must be one of {', '.join(map(str, names))}; got {value!r}"
            )
        return list(names).index(value)
    low, high = field.bounds
    if not low <= float(value) <= high:
        raise ValueError(f"doses: {field.name} must lie in {low:g}..{high:g}, got {value!r}")
    return float(value)


def _patient(env_id: str, env: TreatmentEnvironment, params: Any, given: Any, key: Any) -> Any:
    if given is None:
        return env.sample_patient(key, params)
    if isinstance(given, str | Mapping):
        return described_patient(task_of(env_id), env, params, given, key)
    return given


def _typical(env: TreatmentEnvironment, params: Any) -> Any:
    if not hasattr(params.patients, "variability"):
        raise ValueError(f"{env.name}: there is no typical patient; say typical=False")
    return params.replace(
        patients=params.patients.replace(
            variability=jnp.zeros_like(jnp.asarray(params.patients.variability))
        )
    )


def _course(env: TreatmentEnvironment, params: Any, patient: Any, steps: _Steps, key: Any) -> Any:
    """Read-outs and ends at the start and after every step."""
    start = env.initial_state(patient, params)
    no = jnp.zeros((), bool)

    def one(carry, row):
        state, ended, clock = carry
        key, duration, action = row
        clock = clock + duration
        state = env.advance(key, state, env.decode_action(action), duration, params)
        ended = ended | env.is_terminated(state, params)
        state = state.replace(elapsed=clock)  # the clock of an episode stops at its end
        return (state, ended, clock), (env.info(state, params), ended)

    rows = (jax.random.split(key, len(steps.duration)), *map(jnp.asarray, steps))
    _, (infos, ended) = jax.lax.scan(one, (start, no, start.elapsed), rows)
    before = env.info(start, params)
    return jax.tree.map(
        lambda first, later: jnp.concatenate([first[None], later]), (before, no), (infos, ended)
    )
