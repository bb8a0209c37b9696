"""Evaluations summed up, and as tables."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table

from hemosim_jax.core.task import Task
from hemosim_jax.evaluation.evaluate import Evaluation
from hemosim_jax.evaluation.resampling import mean_intervals


def summary(task: Task, evaluation: Evaluation) -> dict[str, Any]:
    """Everything by name, over all patients and `by_group`; ready for JSON.

    Return and the task's outcomes have a mean with its bootstrap interval and the number of
    patients who have a value; other metrics a mean, or a median (None: most never got there).
    """
    by_group = {
        group: {
            label: _of(task, evaluation, evaluation.groups[group] == code)
            for code, label in enumerate(labels)
            if np.any(evaluation.groups[group] == code)
        }
        for group, labels in task.groups.items()
    }
    everyone = np.ones(evaluation.terminated.shape, bool)
    return {
        "policy": evaluation.policy,
        **_of(task, evaluation, everyone),
        "by_group": by_group,
    }


def judged_by(task: Task, evaluation: Evaluation) -> dict[str, np.ndarray]:
    """By patient: the return, and the task's outcomes."""
    outcomes = {one.name: evaluation.metrics[one.name] for one in task.display.outcomes}
    return {"return": evaluation.episode_return, **outcomes}


def _of(task: Task, evaluation: Evaluation, rows: np.ndarray) -> dict[str, Any]:
    judged = judged_by(task, evaluation)
    columns = np.stack([values[rows] for values in judged.values()], axis=1)
    with_interval = {
        name: interval._asdict()
        for name, interval in zip(judged, mean_intervals(columns, _bounds(task)), strict=True)
    }
    others = {}
    for name, values in evaluation.metrics.items():
        kept = values[rows]
        if name in task.display.medians:
            middle = float(np.median(np.where(np.isnan(kept), np.inf, kept)))
            others[f"median_{name}"] = middle if np.isfinite(middle) else None
        elif name not in judged:
            others[name] = float(np.mean(kept))
    return {
        "patients": int(np.sum(rows)),
        **with_interval,
        **others,
        "terminated_percent": 100.0 * float(np.mean(evaluation.terminated[rows])),
        "faulty_steps": int(np.sum(evaluation.faulty_steps[rows])),
    }


def _bounds(task: Task, of_differences: bool = False) -> list[tuple[float, float] | None]:
    """Of one patient's values of what is judged."""
    outcomes = [one.bounds for one in task.display.outcomes]
    if of_differences:
        outcomes = [(low - high, high - low) for low, high in outcomes]
    return [None, *outcomes]


def differences(
    task: Task, evaluations: Sequence[Evaluation], baseline: str
) -> list[dict[str, Any]]:
    """Every other policy minus the baseline, patient by patient: means with their intervals.

    **Raises:** `KeyError` if no policy has the baseline's name.
    """
    by_name = {one.policy: one for one in evaluations}
    if baseline not in by_name:
        raise KeyError(f"baseline must be one of {', '.join(by_name)}; got {baseline!r}")
    reference = judged_by(task, by_name[baseline])
    rows = []
    for one in evaluations:
        if one.policy == baseline:
            continue
        own = judged_by(task, one)
        columns = np.stack([own[name] - reference[name] for name in reference], 1)
        intervals = mean_intervals(columns, _bounds(task, of_differences=True))
        named = zip(reference, intervals, strict=True)
        rows.append({"policy": one.policy, **{name: x._asdict() for name, x in named}})
    return rows


class FittedTable:
    """A table that rich prints in as many blocks of columns as the console's width asks for."""

    def __init__(self, title: str, first: str, labels: Sequence[str]):
        self.title, self.first, self.labels = title, first, labels
        self.columns: list[tuple[str, list[str]]] = []

    def add_column(self, heading: str, cells: list[str]) -> None:
        """One cell for each label."""
        self.columns.append((heading, cells))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The blocks, each with the labels; no cell is cut where one column fits."""
        title, start = self.title, 0
        while start < len(self.columns):
            end = start + 1
            while end < len(self.columns) and self._width(console, start, end + 1) <= (
                options.max_width
            ):
                end += 1
            yield self._block(title, start, end)
            title, start = "", end

    def markdown(self) -> str:
        """The table in Markdown, whole."""
        headings = [self.first, *(" ".join(heading.split()) for heading, _ in self.columns)]
        rows = [
            f"| {' | '.join(headings)} |",
            f"|---|{'---:|' * len(self.columns)}",
        ]
        for row, label in enumerate(self.labels):
            cells = [label, *(cells[row] for _, cells in self.columns)]
            rows.append(f"| {' | '.join(cell.replace('*', chr(92) + '*') for cell in cells)} |")
        return "\n".join([f"**{self.title}**", "", *rows])

    def _width(self, console, start, end):
        unlimited = console.options.update_width(10_000)
        return Measurement.get(console, unlimited, self._block("", start, end)).maximum

    def _block(self, title, start, end):
        table = Table(
            title=title or None,
            title_justify="left",
            box=SIMPLE_HEAD,
            padding=(0, 1),
            pad_edge=False,
        )
        table.add_column(self.first, no_wrap=True)
        for heading, _ in self.columns[start:end]:
            table.add_column(heading, justify="right", no_wrap=True)
        for row, label in enumerate(self.labels):
            table.add_row(label, *(cells[row] for _, cells in self.columns[start:end]))
        return table


def table(task: Task, summaries: Sequence[dict[str, Any]], title: str) -> FittedTable:
    """One row for each policy, the best for patients first."""
    labelled = [(row["policy"], row) for row in task.display.best_first(summaries)]
    return _table(task, title, "policy", labelled, {"patients"})


def group_tables(task: Task, row: dict[str, Any]) -> list[FittedTable]:
    """One policy, a table for each kind of group, a row for each group."""
    return [
        _table(task, f"{row['policy']}, by {group}", group, list(row["by_group"][group].items()))
        for group in task.groups
    ]


def difference_table(task: Task, rows: Sequence[dict[str, Any]], baseline: str) -> FittedTable:
    """Rows of `differences`, the best for patients first."""
    labelled = [(row["policy"], row) for row in task.display.best_first(rows)]
    return _table(task, f"minus {baseline}, same patients", "policy", labelled)


def _table(
    task: Task,
    title: str,
    first: str,
    rows: Sequence[tuple[str, dict[str, Any]]],
    left_out: frozenset[str] | set[str] = frozenset(),
) -> FittedTable:
    better = {one.name: "↑" if one.higher_is_better else "↓" for one in task.display.outcomes}
    better["return"] = "↑"
    result = FittedTable(title, first, [label for label, _ in rows])
    fine = not any(row.get("faulty_steps") for _, row in rows)
    for name in rows[0][1]:
        if name not in left_out | {"policy", "by_group", *(["faulty_steps"] if fine else [])}:
            heading = name.replace("_percent", ", %").replace("_", " ")
            heading = f"{heading} {better[name]}" if name in better else heading
            result.add_column(
                textwrap.fill(heading, 14, break_long_words=False),
                [_cell(row[name]) for _, row in rows],
            )
    return result


def _cell(value: Any) -> str:
    if value is None:
        return "never"
    if isinstance(value, dict):
        if not value["low"] <= value["high"]:
            return f"{value['mean']:.1f} (few)"
        digits = _digits(value["high"] - value["low"])
        mean, low, high = (_signless(value[part], digits) for part in ("mean", "low", "high"))
        return f"{mean} [{low}, {high}]"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def _digits(width: float) -> int:
    """Decimals that show an interval of this width: one at least, three at most."""
    return 1 if not 0.0 < width < 0.2 else 2 if width >= 0.02 else 3


def _signless(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0.0 else text
