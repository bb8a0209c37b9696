"""Patients over time: courses of one or several policies, and a population's fan."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hemosim_jax.core.task import DisplaySpec, Signal
from hemosim_jax.plotting.style import (
    COLORS,
    GRAY,
    TARGET_COLOR,
    color_of,
    finish,
    heading,
    panels,
    readable,
)

# Read-outs of one patient: at the start, and a row for each decision.
Course = Mapping[str, np.ndarray]
_DASHES = ("-", "--", "-.", ":")  # a policy that lies under another can still be seen
# By signal: when samples were drawn, what came.
Results = Mapping[str, tuple[np.ndarray, np.ndarray]]


def courses(
    rollouts: Mapping[str, Any],
    display: DisplaySpec,
    params: Any,
    title: str,
    results: Mapping[str, Sequence[Results]] | None = None,
) -> Figure:
    """Signals and treatments of several patients (columns) under one or several policies.

    - `rollouts`: by policy, of the same patients (`evaluate.rollouts`).
    - `results`: by policy, for each patient, what the laboratory reported (`measured`); drawn as
      points beside the true course.

    Treatments are drawn over the interval in which they were given; events by a line with their
    name; the end of an episode that ended early by a cross.
    """
    patients = next(iter(rollouts.values())).alive.shape[0]
    figure, axes = _panels(display, patients)
    for number, (policy, followed) in enumerate(rollouts.items()):
        for column in range(patients):
            alive = followed.alive[column]
            course = {
                name: np.concatenate([[followed.first_info[name][column]], values[column][alive]])
                for name, values in followed.info.items()
            }
            measured = results[policy][column] if results and policy in results else {}
            ended = bool(followed.terminated[column])
            _draw(axes[:, column], course, display, number, readable(policy), measured)
            _draw_end(axes[:, column], course, display, color_of(number), ended)
    _decorate(axes, display, params)
    for column in range(patients):
        axes[0, column].annotate(
            f"patient {column + 1}", (1.0, 1.0), xycoords="axes fraction", ha="right", va="bottom",
            xytext=(0, 14), textcoords="offset points", fontsize=8, color=GRAY,
        )  # fmt: skip
    finish(figure, axes[0, 0], title)
    return figure


def timeline_image(course: Course, display: DisplaySpec, params: Any, title: str) -> np.ndarray:
    """One patient's course so far as pixels (height, width, 3), of one size for every course."""
    figure, axes = _panels(display, 1)
    _draw(axes[:, 0], course, display, 0, "", {})
    _decorate(axes, display, params)
    finish(figure, axes[0, 0], title)
    figure.set_size_inches(6.0, 1.0 + 1.4 * axes.shape[0])
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def fan(
    rollouts: Any,
    display: DisplaySpec,
    params: Any,
    title: str,
    observed: pd.DataFrame | None = None,
) -> Figure:
    """Median, middle half and middle 90 % of a population's signals over time.

    Patients count until their episode ends. With `observed`, a visual predictive check: columns
    `time` (as the display's) and names of signals; its points, and their 5th, 50th and 95th
    percentile in up to eight bins of equally many points.
    """
    alive = rollouts.alive
    alive = np.concatenate([np.ones((alive.shape[0], 1), bool), alive], axis=1)

    def course(name):
        first, later = rollouts.first_info[name][:, None], rollouts.info[name]
        return np.where(alive, np.concatenate([first, later], axis=1).astype(float), np.nan)

    time = np.nanmedian(course(display.time.name), axis=0)
    figure, axes = panels(
        len(display.signals), 1, (6.4, 0.8 + 2.4 * len(display.signals)), sharex=True
    )
    for axis, signal in zip(axes[:, 0], display.signals, strict=True):
        values = course(signal.name)
        seen = ~np.all(np.isnan(values), axis=0)
        low, quarter, middle, three_quarters, high = np.nanpercentile(
            values[:, seen], [5, 25, 50, 75, 95], axis=0
        )
        axis.fill_between(time[seen], low, high, color=color_of(0), alpha=0.18, label="90 %")
        axis.fill_between(
            time[seen], quarter, three_quarters, color=color_of(0), alpha=0.35, label="50 %"
        )
        axis.plot(time[seen], middle, color=color_of(0), label="median")
        if observed is not None and signal.name in observed:
            _draw_observed(axis, observed[["time", signal.name]].dropna().to_numpy(float))
        _draw_target(axis, signal, params)
        heading(axis, signal.label)
    axes[-1, 0].set_xlabel(display.time.label)
    finish(figure, axes[0, 0], title)
    return figure


def measured(env: Any, followed: Any, display: DisplaySpec) -> list[Results]:
    """What the laboratory reported to each patient of `evaluate.rollouts`; empty without one.

    Each result once, at the time its sample was drawn.
    """
    if not hasattr(env, "panel"):
        return [{} for _ in followed.alive]
    found = []
    for column, alive in enumerate(followed.alive):
        seen = env.decode_observation(followed.next_observation[column][alive].T)
        now_h = display.hours_per_time * followed.info[display.time.name][column][alive]
        of_patient = {}
        for key, name in env.fields.items():
            reading = getattr(seen, name)
            age_h = np.asarray(getattr(seen, f"{key}_age_h"))
            # An age at its upper bound does not say when the sample was drawn.
            known = np.asarray(reading.known) & (age_h < 0.999 * env.oldest_h)
            drawn_h = (now_h - age_h)[known]
            values = np.asarray(reading.value)[known]
            _, first = np.unique(np.round(drawn_h, 2), return_index=True)
            signal = env.measured[key]
            of_patient[signal] = (drawn_h[first] / display.hours_per_time, values[first])
        found.append(of_patient)
    return found


def _panels(display: DisplaySpec, columns: int) -> tuple[Figure, np.ndarray]:
    rows = (*display.signals, *display.treatments)
    return panels(
        len(rows),
        columns,
        (max(2.3 * columns, 5.0), 1.0 + 1.4 * len(rows)),
        sharex=True,
        sharey="row",
        height_ratios=[3] * len(display.signals) + [2] * len(display.treatments),
    )


def _draw(
    axes: np.ndarray,
    course: Course,
    display: DisplaySpec,
    number: int,
    label: str,
    results: Results,
) -> None:
    time, color, dashes = course[display.time.name], color_of(number), _DASHES[number % 4]
    for axis, shown in zip(axes, (*display.signals, *display.treatments), strict=True):
        values = np.asarray(course[shown.name], float)
        if shown in display.treatments:
            given = values[1:]
            if shown.at_once:
                axis.vlines(time[:-1][given > 0.0], 0.0, given[given > 0.0], color=color)
            elif given.size:
                axis.stairs(given, time, color=color, baseline=None, linestyle=dashes)
            continue
        axis.plot(time, values, color=color, label=label, linestyle=dashes)
        if shown.name in results:
            drawn, found = results[shown.name]
            axis.plot(
                drawn, found, "o", markersize=3, markerfacecolor="white", color=color,
                label="measured" if label else "",
            )  # fmt: skip
    _draw_events(axes[0], time, course, display, color)


def _draw_events(axis: Axes, time: np.ndarray, course: Any, display: DisplaySpec, color: str):
    """The first time of each event, with its name."""
    for event in display.events:
        happened = np.flatnonzero(np.asarray(course[event.name]))
        if happened.size:
            first = float(time[happened[0]])
            axis.axvline(first, color=color, linestyle=":", linewidth=1.2)
            axis.annotate(
                event.label, (first, 1.0), xycoords=("data", "axes fraction"),
                rotation=90, ha="right", va="top", fontsize=7, color=color,
            )  # fmt: skip


def _draw_end(
    axes: np.ndarray, course: Course, display: DisplaySpec, color: str, early: bool
) -> None:
    if early:
        time = course[display.time.name][-1]
        for axis, shown in zip(axes, display.signals, strict=False):
            axis.plot(time, float(course[shown.name][-1]), "x", color=color, markersize=7)


def _decorate(axes: np.ndarray, display: DisplaySpec, params: Any) -> None:
    rows = (*display.signals, *display.treatments)
    for column in axes.T:
        for axis, shown in zip(column, rows, strict=True):
            _draw_target(axis, shown, params)
        column[-1].set_xlabel(display.time.label)
    for axis, shown in zip(axes[:, 0], rows, strict=True):  # beside low panels they would overlap
        heading(axis, shown.label)
        if shown.levels:
            axis.set_yticks(range(len(shown.levels)), shown.levels)


def _draw_target(axis: Axes, signal: Signal, params: Any) -> None:
    target = signal.target_range
    if isinstance(target, str):
        target = tuple(map(float, getattr(params, target)))
    if target:
        axis.axhspan(*target, color=TARGET_COLOR, zorder=0)


def _draw_observed(axis: Axes, points: np.ndarray) -> None:
    time, values = points[np.argsort(points[:, 0])].T
    axis.plot(time, values, ".", color=GRAY, markersize=3, alpha=0.5, label="observed")
    bins = [b for b in np.array_split(np.arange(time.size), 8) if b.size]
    middle = [np.median(time[b]) for b in bins]
    for percentile, style in ((5, "--"), (50, "-"), (95, "--")):
        line = [np.percentile(values[b], percentile) for b in bins]
        axis.plot(middle, line, style, color=GRAY, linewidth=1.0)


def regimen(table: pd.DataFrame, display: DisplaySpec, title: str, params: Any = None) -> Figure:
    """The signals of `simulate_regimen`, a line for each patient, with a mark for each dose event.

    Where an episode would have ended there is a cross, and the line goes on thin; events have a
    line with their name.

    - `params`: of the task, for the target ranges.
    """
    figure, axes = panels(
        len(display.signals), 1, (6.4, 0.8 + 2.2 * len(display.signals)), sharex=True
    )
    patients = len(set(table["patient"]))
    for axis, signal in zip(axes[:, 0], display.signals, strict=True):
        for number, (patient, course) in enumerate(table.groupby("patient")):
            label = f"patient {patient}" if patients <= len(COLORS) else None
            ended = course["ended"].to_numpy(bool)
            lasted = int(np.argmax(ended)) if ended.any() else ended.size - 1
            time, values = course["time"].to_numpy(), course[signal.name].to_numpy(float)
            axis.plot(time, values, color=color_of(number), linewidth=0.6, alpha=0.6)
            axis.plot(time[: lasted + 1], values[: lasted + 1], color=color_of(number), label=label)
            if ended.any():
                axis.plot(time[lasted], values[lasted], "x", color=color_of(number), markersize=7)
            if axis is axes[0, 0] and patients <= len(COLORS):
                _draw_events(axis, time, course, display, color_of(number))
        at = table.attrs["event_times"]
        along = axis.get_xaxis_transform()  # a mark above the axis, whatever its scale
        axis.plot(at, [0.03] * len(at), "|", color=GRAY, transform=along, label="dose events")
        if params is not None:
            _draw_target(axis, signal, params)
        heading(axis, signal.label)
    axes[-1, 0].set_xlabel(f"time, {table.attrs['time_unit']}")
    finish(figure, axes[0, 0], title)
    return figure
