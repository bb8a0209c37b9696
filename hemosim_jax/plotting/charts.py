"""Charts, written to a file or as pixels. They draw on their own figure, never on pyplot's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hemosim_jax.core.task import DisplaySpec

_RANGE_COLOR = "#cfe8d5"
_COLORS = ("#1b6ca8", "#d1603d", "#5b8c5a", "#7b5ea7", "#b08d2e", "#3a3a3a")


def learning_curve(rows: Sequence[dict[str, Any]], path: str | Path) -> None:
    """Episode return, and where there is one the share of steps in range, over steps trained."""
    shown = [("episode_return", "episode return"), ("therapeutic", "share of steps in range")]
    shown = [(name, label) for name, label in shown if name in rows[0]]
    figure = Figure(figsize=(5.2 * len(shown), 3.6), layout="constrained")
    steps = np.array([row["steps"] for row in rows])
    for axis, (name, label) in zip(
        figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True
    ):
        values = np.array([np.nan if row[name] is None else row[name] for row in rows], float)
        axis.plot(steps, values, color=_COLORS[0])
        axis.set(xlabel="environment steps", ylabel=label)
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=130)


def patient_rollouts(rollouts: Any, display: DisplaySpec, path: str | Path, title: str) -> None:
    """Signals (target ranges shaded) and treatments of every patient of `evaluate.rollouts`.

    A treatment is drawn over the interval in which it was given.
    """
    infos = [
        {name: values[column][alive] for name, values in rollouts.info.items()}
        for column, alive in enumerate(rollouts.alive)
    ]
    figure, axes = _timelines(infos, display)
    for column, axis in enumerate(axes[0]):
        axis.set_title(f"patient {column + 1}", loc="right", fontsize=9)
    figure.suptitle(title)
    figure.savefig(path, dpi=130)


def timeline_image(
    info: Mapping[str, np.ndarray], display: DisplaySpec, title: str
) -> NDArray[np.uint8]:
    """One patient's course so far, an entry of `info` for each step, as pixels (height, width, 3).

    The size is the same for every course of a task.
    """
    figure, _ = _timelines([info], display)
    figure.suptitle(title, fontsize=10)
    figure.set_size_inches(6.0, 1.0 + 1.4 * (len(display.signals) + len(display.treatments)))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _timelines(infos: Sequence[Mapping[str, np.ndarray]], display: DisplaySpec):
    """A column for each course, a row for each signal and treatment."""
    rows = (*display.signals, *display.treatments)
    figure = Figure(figsize=(3.4 * len(infos), 1.0 + 2.0 * len(rows)), layout="constrained")
    axes = figure.subplots(
        len(rows),
        len(infos),
        squeeze=False,
        sharex=True,
        sharey="row",
        height_ratios=[3] * len(display.signals) + [2] * len(display.treatments),
    )
    for column, info in zip(axes.T, infos, strict=True):
        time = info[display.time.name]
        for axis, shown in zip(column, rows, strict=True):
            if shown in display.treatments:
                begins = np.concatenate([[0.0], time])
                axis.stairs(info[shown.name], begins, color=_COLORS[1], baseline=None)
            else:
                if shown.target_range:
                    axis.axhspan(*shown.target_range, color=_RANGE_COLOR, zorder=0)
                axis.plot(time, info[shown.name], color=_COLORS[0])
            axis.grid(alpha=0.3)
        column[-1].set_xlabel(display.time.label)
    for axis, shown in zip(axes[:, 0], rows, strict=True):  # beside low panels they would overlap
        axis.set_title(shown.label, loc="left", fontsize=9)
    return figure, axes


def worst_first(summaries: Sequence[dict[str, Any]], display: DisplaySpec) -> list[dict[str, Any]]:
    """By the outcome; as bars, which are drawn from below, the best comes out on top."""
    name, lower = display.outcome.name, display.lower_is_better
    return sorted(summaries, key=lambda row: row[name]["mean"], reverse=lower)


def comparison(summaries: Sequence[dict[str, Any]], display: DisplaySpec, path: str | Path) -> None:
    """The outcome of every policy with its interval, the best for patients on top."""
    outcome, ordered = display.outcome, worst_first(summaries, display)
    means = np.array([row[outcome.name]["mean"] for row in ordered])
    bounds = np.array([[row[outcome.name][side] for row in ordered] for side in ("low", "high")])
    figure = Figure(figsize=(7.0, 0.45 * len(ordered) + 1.2), layout="constrained")
    axis = figure.subplots()
    axis.barh(
        [row["policy"] for row in ordered],
        means,
        xerr=np.abs(bounds - means),
        color=[_COLORS[1] if row["policy"] == "ppo" else _COLORS[0] for row in ordered],
        ecolor="#3a3a3a",
        capsize=2,
    )
    for position, mean in enumerate(means):
        axis.text(bounds[1][position], position, f"  {mean:.1f}", va="center", fontsize=9)
    axis.margins(x=0.1)
    axis.set_xlabel(f"{outcome.label} (mean, bootstrap 95 % interval)")
    axis.grid(alpha=0.3, axis="x")
    figure.savefig(path, dpi=130)
