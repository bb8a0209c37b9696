"""Evaluations as JSON and as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.table import Table

from hemosim_jax.environment import TreatmentEnvironment
from hemosim_jax.evaluation.evaluate import Evaluation, mean_interval


def summary(env: TreatmentEnvironment, evaluation: Evaluation) -> dict[str, Any]:
    """Means over patients, intervals for the return and the environment's own outcome."""
    result = _of(env, evaluation, np.ones_like(evaluation.terminated))
    result["by_group"] = {
        group: {
            label: _of(env, evaluation, evaluation.groups[group] == code)
            for code, label in enumerate(labels)
            if np.sum(evaluation.groups[group] == code) > 1
        }
        for group, labels in env.groups.items()
    }
    return {"policy": evaluation.policy, **result}


def _of(env: TreatmentEnvironment, evaluation: Evaluation, rows: np.ndarray) -> dict[str, Any]:
    """The summary of some patients. First-passage times are medians, NaN (never) counted last."""
    outcomes = {}
    for name, values in evaluation.outcomes.items():
        kept = values[rows]
        if name.startswith("first_"):
            middle = float(np.median(np.where(np.isnan(kept), np.inf, kept)))
            outcomes[f"median_{name}"] = middle if np.isfinite(middle) else None
        elif name == env.readout.outcome:
            outcomes[name] = dict(zip(("mean", "low", "high"), mean_interval(kept), strict=True))
        else:
            outcomes[name] = float(np.nanmean(kept))
    interval = mean_interval(evaluation.episode_return[rows])
    return {
        "patients": int(np.sum(rows)),
        "return": dict(zip(("mean", "low", "high"), interval, strict=True)),
        "terminated_percent": 100.0 * float(np.mean(evaluation.terminated[rows])),
        **outcomes,
    }


def table(env: TreatmentEnvironment, summaries: Sequence[dict[str, Any]], title: str) -> Table:
    """One row for each policy, best return first."""
    result = Table(title=title)
    skipped = {"policy", "patients", "by_group"}
    columns = [name for name in summaries[0] if name not in skipped]
    result.add_column("policy")
    for name in columns:
        result.add_column(name.replace("_percent", ", %").replace("_", " "), justify="right")
    for row in sorted(summaries, key=lambda row: -row["return"]["mean"]):
        result.add_row(row["policy"], *(_cell(row[name]) for name in columns))
    return result


def group_table(
    env: TreatmentEnvironment, summaries: Sequence[dict[str, Any]], group: str
) -> Table:
    """The environment's outcome and the return, policy by policy, in every group."""
    labels = [label for label in env.groups[group] if label in summaries[0]["by_group"][group]]
    result = Table(title=f"by {group}: return | {env.readout.outcome_label}")
    result.add_column("policy")
    for label in labels:
        patients = summaries[0]["by_group"][group][label]["patients"]
        result.add_column(f"{label}\n(n={patients})", justify="right")
    for row in sorted(summaries, key=lambda row: -row["return"]["mean"]):
        cells = (row["by_group"][group].get(label) for label in labels)
        result.add_row(
            row["policy"],
            *(
                f"{cell['return']['mean']:.1f} | {cell[env.readout.outcome]['mean']:.1f}"
                if cell
                else "-"
                for cell in cells
            ),
        )
    return result


def _cell(value: Any) -> str:
    if value is None:
        return "never"
    if isinstance(value, dict):
        return f"{value['mean']:.1f} [{value['low']:.1f}, {value['high']:.1f}]"
    return f"{value:.2f}"
