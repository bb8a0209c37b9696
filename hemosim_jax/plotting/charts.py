"""Three charts, each written to a file. They draw on their own figure, never on pyplot's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hemosim_jax.environment import Readout

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


def patient_courses(courses: Any, readout: Readout, path: str | Path, title: str) -> None:
    """Signal (target range shaded) and treatment of every patient of `evaluate.courses`."""
    count = courses.reward.shape[0]
    figure = Figure(figsize=(3.4 * count, 5.0), layout="constrained")
    axes = figure.subplots(2, count, squeeze=False, sharex=True, sharey="row", height_ratios=(3, 2))
    for column in range(count):
        alive = courses.alive[column]
        time = courses.info[readout.time][column][alive]
        above, below = axes[:, column]
        above.axhspan(*readout.target_range, color=_RANGE_COLOR, zorder=0)
        above.plot(time, courses.info[readout.signal][column][alive], color=_COLORS[0])
        below.step(
            time, courses.info[readout.treatment][column][alive], where="mid", color=_COLORS[1]
        )
        above.set_title(f"patient {column + 1}", fontsize=10)
        below.set_xlabel(readout.time_label)
        for axis in (above, below):
            axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel(readout.signal_label)
    axes[1, 0].set_ylabel(readout.treatment_label)
    figure.suptitle(title)
    figure.savefig(path, dpi=130)


def comparison(summaries: Sequence[dict[str, Any]], readout: Readout, path: str | Path) -> None:
    """The outcome of every policy with its interval, best on top."""
    ordered = sorted(summaries, key=lambda row: row[readout.outcome]["mean"])
    means = np.array([row[readout.outcome]["mean"] for row in ordered])
    bounds = np.array([[row[readout.outcome][side] for row in ordered] for side in ("low", "high")])
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
        axis.text(1.0, position, f"{mean:.1f}", va="center", color="white", fontsize=9)
    axis.set_xlabel(f"{readout.outcome_label} (mean, bootstrap 95 % interval)")
    axis.grid(alpha=0.3, axis="x")
    figure.savefig(path, dpi=130)
