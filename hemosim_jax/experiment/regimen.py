"""Patients under a regimen that is written down: doses at any times, read-outs at any times."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from hemosim_jax.core.description import described_patient
from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.wrapper import WrappedEnvironment
from hemosim_jax.experiment.dose_events import MOMENT, action_at, nothing, read_events
from hemosim_jax.registry import make, task_of


def simulate_regimen(
    task: str,
    patient: Any,
    doses: Any,
    times: Any,
    *,
    patients: int = 1,
    typical: Any = None,
    seed: int = 0,
    **options: Any,
) -> pd.DataFrame:
    """The course of one patient, or several, under a regimen, whatever ends an episode.

    - `task`: an id; `options` as for `make`. Times are in the task's unit.
    - `patient`: described in words ("72 y, 60 kg, *1/*3, AA") or by names and values; a patient of
      the task (`env.sample_patient`); None to draw one.
    - `doses`: a list (or a table of pandas) of events in time, each with its `time`, the action's
      fields that it sets, in clinical units, and, where it is repeated, `addl` more times every
      `ii` (as in NONMEM). What runs on (an infusion, a prescription) holds until an event sets it
      anew.
    - `times`: when the read-outs are wanted; 0 is before the first dose. The course does not depend
      on them: it goes by the task's decision intervals and the dose events, and a read-out in
      between looks ahead from the last of these.
    - `patients`: how many to simulate; the description holds for all, the rest differs.
    - `typical`: true: without unexplained differences between patients; the default for one who
      is described.
      What happens to a patient in the course of time still happens.

    **Returns** a table with a row for each patient and time: `patient`, `time`, the read-outs of
    `info`, and `ended`, whether an episode would have ended by then. Read-outs of an interval
    (doses given, means, expected events) are of the time since the last event or decision. Its
    `attrs` have the `time_unit` and the `event_times`.

    **Raises:** `KeyError` for an unknown id or name; `ValueError` for a value or a time that is not
    allowed, or a description that is not understood.
    """
    env, params = make(task, **options)
    while isinstance(env, WrappedEnvironment):
        env, params = env.env, env.inner(params)
    moments = _moments(times)
    if not isinstance(patients, int) or patients < 1:
        raise ValueError(f"patients must be a whole number from 1, got {patients!r}")
    if typical not in (None, True, False):
        raise ValueError(f"typical must be true or false, got {typical!r}")
    events = read_events(env, doses, moments[-1])
    steps = _steps(env, params, events, moments)
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
    tables = []
    for number in range(patients):
        columns = {name: values[number][steps.wanted] for name, values in infos.items()}
        columns["ended"] = ended[number][steps.wanted]
        tables.append(pd.DataFrame({"patient": number + 1, "time": moments, **columns}))
    table = pd.concat(tables, ignore_index=True)
    at = sorted({event["time"] for event in events if event["time"] <= moments[-1]})
    table.attrs |= {"time_unit": env.time_unit, "event_times": at}
    return table


def _moments(times: Any) -> np.ndarray:
    try:
        moments = np.unique(np.atleast_1d(np.asarray(times, float)))
    except (TypeError, ValueError):
        moments = np.array([])
    if moments.size == 0 or not np.all(np.isfinite(moments)) or moments[0] < 0.0:
        raise ValueError(f"times must be finite and not negative, got {times!r}")
    return moments


class _Steps(NamedTuple):
    """From one decision or event to the next, as many rows as there are steps.

    `wanted` says where the read-outs are found: 0 is the start, then step by step what is looked
    ahead to.
    """

    begin: np.ndarray
    duration: np.ndarray
    action: np.ndarray
    ahead: np.ndarray  # (steps, most read-outs of a step): how far; padded with the duration
    wanted: np.ndarray


def _steps(env: TreatmentEnvironment, params: Any, events: list[dict], moments: np.ndarray):
    end = max(moments[-1], MOMENT)
    every = float(params.decision_interval)
    times = np.unique(
        [*np.arange(0.0, end, every), *(e["time"] for e in events if e["time"] < end), end]
    )
    times = times[np.concatenate([[True], np.diff(times) > MOMENT])]
    begins, durations = times[:-1], np.diff(times)
    running = {field.name: nothing(field) for field in env.action_fields.fields}
    actions = []
    for begin in begins:
        running = action_at(begin, events, running, env)
        actions.append(np.asarray(env.action_fields.encode(**running)))
    # A read-out belongs to the step that it ends or lies within; 0 is before the first.
    step = np.searchsorted(times, moments - MOMENT) - 1
    offsets = [moments[step == number] - begin for number, begin in enumerate(begins)]
    most = max(1, *(len(one) for one in offsets))
    ahead = np.stack(
        [
            np.pad(one, (0, most - len(one)), constant_values=duration)
            for one, duration in zip(offsets, durations, strict=True)
        ]
    )
    place = np.concatenate([np.arange((step == number).sum()) for number in range(-1, len(begins))])
    dtype = jnp.result_type(float)
    return _Steps(
        begin=begins.astype(dtype),
        duration=durations.astype(dtype),
        action=np.array(actions),
        ahead=ahead.astype(dtype),
        wanted=np.where(step < 0, 0, 1 + step * most + place),
    )


def _patient(env_id: str, env: TreatmentEnvironment, params: Any, given: Any, key: Any) -> Any:
    if given is None:
        return env.sample_patient(key, params)
    if isinstance(given, str | Mapping):
        return described_patient(task_of(env_id), env, params, given, key)
    like = jax.eval_shape(env.sample_patient, key, params)
    if jax.tree.structure(given) != jax.tree.structure(like):
        raise ValueError(
            f"patient must be a description, a patient of {env.name} or None, got {given!r}"
        )
    return given


def _typical(env: TreatmentEnvironment, params: Any) -> Any:
    if not hasattr(params.patients, "variability"):
        raise ValueError(f"{env.name}: there is no typical patient; say typical=False")
    return params.replace(
        patients=params.patients.replace(
            variability=jnp.zeros_like(jnp.asarray(params.patients.variability))
        ),
        within_patient=jnp.zeros_like(jnp.asarray(params.within_patient)),
    )


def _course(env: TreatmentEnvironment, params: Any, patient: Any, steps: _Steps, key: Any) -> Any:
    """Read-outs and ends at the start and wherever a step looks ahead to, in one row."""
    start = env.initial_state(patient, params)
    no = jnp.zeros((), bool)

    def one(carry, row):
        state, ended = carry
        begin, duration, action, ahead = row
        # Chance goes by the time, whatever is read out and whatever was ordered before.
        chance = jax.random.fold_in(key, _bits(begin))
        treatment = env.decode_action(action)

        def look(hours):
            after = env.advance(chance, state, treatment, hours, params)
            now_ended = ended | env.is_terminated(after, params)
            # The clock of an episode stops at its end.
            return after.replace(elapsed=start.elapsed + begin + hours), now_ended

        seen, seen_ended = jax.vmap(look)(ahead)
        infos = jax.vmap(lambda after: env.info(after, params))(seen)
        return look(duration), (infos, seen_ended)

    rows = (steps.begin, steps.duration, steps.action, steps.ahead)
    _, (infos, ended) = jax.lax.scan(one, (start, no), jax.tree.map(jnp.asarray, rows))
    before = env.info(start, params)
    return jax.tree.map(
        lambda first, later: jnp.concatenate([first[None], later.reshape(-1, *first.shape)]),
        (before, no),
        (infos, ended),
    )


def _bits(time: jax.Array) -> jax.Array:
    return jax.lax.bitcast_convert_type(time.astype(jnp.float32), jnp.uint32)
