"""Three charts, each written to a file. They draw on their own figure, never on pyplot's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

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
    count, signals = rollouts.reward.shape[0], display.signals
    rows = (*signals, *display.treatments)
    figure = Figure(figsize=(3.4 * count, 1.0 + 2.0 * len(rows)), layout="constrained")
    heights = [3] * len(signals) + [2] * len(display.treatments)
    axes = figure.subplots(
        len(rows), count, squeeze=False, sharex=True, sharey="row", height_ratios=heights
    )
    for column in range(count):
        alive = rollouts.alive[column]
        time = rollouts.info[display.time.name][column][alive]
        begins = np.concatenate([[0.0], time])
        for axis, shown in zip(axes[:, column], rows, strict=True):
            values = rollouts.info[shown.name][column][alive]
            if shown in signals:
                if shown.target_range:
                    axis.axhspan(*shown.target_range, color=_RANGE_COLOR, zorder=0)
                axis.plot(time, values, color=_COLORS[0])
            else:
                axis.stairs(values, begins, color=_COLORS[1], baseline=None)
            axis.grid(alpha=0.3)
        axes[0, column].set_title(f"patient {column + 1}", fontsize=10)
        axes[-1, column].set_xlabel(display.time.label)
    for axis, shown in zip(axes[:, 0], rows, strict=True):
        axis.set_ylabel(shown.label)
    figure.suptitle(title)
    figure.savefig(path, dpi=130)


def comparison(summaries: Sequence[dict[str, Any]], display: DisplaySpec, path: str | Path) -> None:
    """The outcome of every policy with its interval, best on top."""
    outcome = display.outcome
    ordered = sorted(summaries, key=lambda row: row[outcome.name]["mean"])
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
        axis.text(1.0, position, f"{mean:.1f}", va="center", color="white", fontsize=9)
    axis.set_xlabel(f"{outcome.label} (mean, bootstrap 95 % interval)")
    axis.grid(alpha=0.3, axis="x")
    figure.savefig(path, dpi=130)
