"""Reads real courses of heparin and aPTT: the extract of the MIMIC-III Clinical Database Demo.

Johnson et al., Sci Data 2016;3:160035 (ODbL 1.0). One row for each event; the heparin rate holds
until its next row. An aPTT counts only where the rate was charted (`rate_known`): after discharge
from intensive care the infusion often goes on unseen.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from hemosim_jax.core.csv_table import LeftOutError, flag, number, read_rows
from hemosim_jax.tasks.heparin.population import WEIGHT_KG

RATE, BOLUS, APTT = "heparin_rate", "heparin_bolus", "aptt"
_UNITS = {RATE: (0.0, 10_000.0), BOLUS: (0.0, 50_000.0), APTT: (10.0, 200.0)}


class Event(NamedTuple):
    """What was charted at one time, in U/h, U or s."""

    hours: float  # since the first charted infusion
    kind: str
    value: float
    censored: bool  # an aPTT at the analyzer's limit


class Course(NamedTuple):
    """One stay in intensive care."""

    stay: str
    tier: str  # A: baseline below 45 s and three aPTT or more; B: less than that; C: low dose
    weight_kg: float | None
    events: tuple[Event, ...]  # by time; at one time an aPTT before what is then given


def read_heparin_courses(courses: str | Path, covariates: str | Path) -> list[Course]:
    """The courses with at least one aPTT, in the order of the covariate table.

    **Raises:** as `core.csv_table.read_rows`.
    """
    events, _ = read_rows(courses, ("icustay_id", "hours", "event", "value", "flag"), _read_event)
    stays, _ = read_rows(covariates, ("icustay_id", "weight_kg", "tier"), _read_stay)
    by_stay: dict[str, list[Event]] = {}
    for stay, event in events:
        by_stay.setdefault(stay, []).append(event)
    order = {APTT: 0, BOLUS: 1, RATE: 2}
    return [
        Course(
            stay,
            tier,
            weight_kg,
            tuple(sorted(by_stay[stay], key=lambda e: (e.hours, order[e.kind]))),
        )
        for stay, tier, weight_kg in stays
        if any(event.kind == APTT for event in by_stay.get(stay, ()))
    ]


def _read_event(row: dict[str, str]) -> tuple[str, Event]:
    kind = row["event"]
    if kind not in _UNITS:
        raise LeftOutError("other measurement")
    if kind == APTT and not flag(row, "rate_known"):
        raise LeftOutError("aPTT while the rate is unknown")
    hours, value = number(row, "hours", -1e4, 1e4), number(row, "value", *_UNITS[kind])
    if hours is None or value is None:
        raise LeftOutError("no time or value")
    return row["icustay_id"], Event(hours, kind, value, row["flag"] == "right_censored")


def _read_stay(row: dict[str, str]) -> tuple[str, str, float | None]:
    weight = number(row, "weight_kg", 20.0, 350.0)
    clipped = None if weight is None else float(np.clip(weight, *WEIGHT_KG))
    return row["icustay_id"], row["tier"], clipped
