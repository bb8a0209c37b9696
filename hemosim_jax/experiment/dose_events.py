"""Dose events as a person writes them: checked, repeated ones written out, as actions."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.fields import Field

MOMENT = 1e-6  # of a unit of time: closer events are at the same time
COLUMNS = ("time", "ii", "addl")


def read_events(env: TreatmentEnvironment, doses: Any, end: float) -> list[dict[str, Any]]:
    """Single events in time, each with its `time` and what `encode` takes of the fields it sets.

    **Raises:** `KeyError` for a name, `ValueError` for a value that is not allowed, for an event
    after `end`, for two at one time that set the same.
    """
    if isinstance(doses, pd.DataFrame):
        doses = [{k: v for k, v in row.items() if pd.notna(v)} for row in doses.to_dict("records")]
    if not isinstance(doses, Sequence) or not all(isinstance(one, Mapping) for one in doses):
        raise ValueError(f"doses must be a list of events by name and value, got {doses!r}")
    fields = {field.name: field for field in env.action_fields.fields}
    events = []
    for event in doses:
        events += _repeated(event, fields, end)
    events.sort(key=lambda event: event["time"])
    for earlier, later in pairwise(events):
        if later["time"] - earlier["time"] <= MOMENT:
            for name in (set(earlier) & set(later)) - {"time"}:
                raise ValueError(
                    f"doses: two events at time {later['time']:g} set {name}; make them one"
                )
    return events


def action_at(time: float, events: list[dict[str, Any]], running: dict[str, Any], env: Any) -> Any:
    """What is in force from `time` on, by field, given what ran before."""
    now = {f.name: nothing(f) if f.once else running[f.name] for f in env.action_fields.fields}
    for event in events:
        if abs(event["time"] - time) <= MOMENT:
            now |= {name: value for name, value in event.items() if name != "time"}
    missing = ", ".join(name for name, value in now.items() if value is None)
    if missing:
        raise ValueError(f"doses: the first event must be at time 0 and say {missing}")
    return now


def nothing(field: Field) -> Any:
    """No treatment; None for a choice of which every level is one."""
    if field.kind != "category":
        return False if field.kind == "flag" else field.bounds[0]
    numbers = [level for level in field.levels if not field.names and float(level) == 0.0]
    return field.levels.index(numbers[0]) if numbers else None


def number(name: str, value: Any) -> float:
    """A finite number. **Raises:** `ValueError` for anything else."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real) or not isfinite(value):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return float(value)


def _repeated(event: Mapping[str, Any], fields: dict[str, Field], end: float) -> list[dict]:
    for name in event:
        if name not in fields and name not in COLUMNS:
            raise KeyError(f"doses: {name!r} is none of {', '.join((*COLUMNS, *fields))}")
    if "time" not in event:
        raise ValueError(f"doses: an event needs a time, got {dict(event)!r}")
    time = number("doses: time", event["time"])
    if not 0.0 <= time <= end:
        raise ValueError(f"doses: time must lie between 0 and the last of times, got {time:g}")
    more = number("doses: addl", event.get("addl", 0))
    if more < 0.0 or more != int(more):
        raise ValueError(f"doses: addl must be a whole number from 0, got {event['addl']!r}")
    interval = number("doses: ii", event.get("ii", 0.0))
    if more and not interval > 0.0:
        raise ValueError(f"doses: addl {more:g} needs an interval ii above 0, got {interval:g}")
    if "ii" in event and not more:
        raise ValueError("doses: ii says how far apart doses are; say how many with addl")
    values = {
        name: _code(fields[name], value) for name, value in event.items() if name not in COLUMNS
    }
    return [{"time": time + n * interval, **values} for n in range(int(more) + 1)]


def _code(field: Field, value: Any) -> Any:
    """What `encode` takes: a number within the bounds, yes or no, the index of a level."""
    if field.kind == "flag":
        if not isinstance(value, bool | np.bool_) and value not in (0, 1):
            raise ValueError(f"doses: {field.name} must be true or false, got {value!r}")
        return bool(value)
    if field.kind == "category":
        names = field.names or field.levels
        if value not in names:
            raise ValueError(
                f"doses: {field.name} must be one of {', '.join(map(str, names))}; got {value!r}"
            )
        return list(names).index(value)
    low, high = field.bounds
    if not low <= number(f"doses: {field.name}", value) <= high:
        raise ValueError(f"doses: {field.name} must lie in {low:g}..{high:g}, got {value!r}")
    return float(value)
