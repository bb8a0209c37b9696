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
from hemosim_jax.evaluation.evaluate import Evaluation, mean_interval


def summary(task: Task, evaluation: Evaluation) -> dict[str, Any]:
    """Everything by name, over all patients and `by_group`; ready for JSON.

    Return and the task's own outcome have a mean with its bootstrap interval and the number
    of patients who have a value; other metrics a mean, or a median (None: most never got there).
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


def _of(task: Task, evaluation: Evaluation, rows: np.ndarray) -> dict[str, Any]:
    metrics = {}
    for name, values in evaluation.metrics.items():
        kept = values[rows]
        if name in task.display.medians:
            middle = float(np.median(np.where(np.isnan(kept), np.inf, kept)))
            metrics[f"median_{name}"] = middle if np.isfinite(middle) else None
        elif name == task.display.outcome.name:
            metrics[name] = _mean(kept)
        else:
            metrics[name] = float(np.mean(kept))
    return {
        "patients": int(np.sum(rows)),
        "return": _mean(evaluation.episode_return[rows]),
        **metrics,
        "terminated_percent": 100.0 * float(np.mean(evaluation.terminated[rows])),
        "faulty_steps": int(np.sum(evaluation.faulty_steps[rows])),
    }


def _mean(values: np.ndarray) -> dict[str, float]:
    names = ("mean", "low", "high", "patients")
    values = values[np.isfinite(values)]
    return dict(zip(names, (*mean_interval(values), values.size), strict=True))


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


def table(summaries: Sequence[dict[str, Any]], title: str) -> FittedTable:
    """One row for each policy, best return first."""
    ordered = sorted(summaries, key=lambda row: -row["return"]["mean"])
    return _table(title, "policy", [(row["policy"], row) for row in ordered], {"patients"})


def group_tables(task: Task, row: dict[str, Any]) -> list[FittedTable]:
    """One policy, a table for each kind of group, a row for each group."""
    return [
        _table(f"{row['policy']}, by {group}", group, list(row["by_group"][group].items()))
        for group in task.groups
    ]


def _table(
    title: str,
    first: str,
    rows: Sequence[tuple[str, dict[str, Any]]],
    left_out: frozenset[str] | set[str] = frozenset(),
) -> FittedTable:
    result = FittedTable(title, first, [label for label, _ in rows])
    for name in rows[0][1]:
        if name not in left_out | {"policy", "by_group"}:
            heading = name.replace("_percent", ", %").replace("_", " ")
            result.add_column(textwrap.fill(heading, 12), [_cell(row[name]) for _, row in rows])
    return result


def _cell(value: Any) -> str:
    if value is None:
        return "never"
    if isinstance(value, dict):
        return f"{value['mean']:.1f} [{value['low']:.1f}, {value['high']:.1f}]"
    return f"{value:,}" if isinstance(value, int) else f"{value:.2f}"
