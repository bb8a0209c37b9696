"""Charts of learning and of results. Each function returns a figure, which belongs to no window."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.fields import Reading
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.task import DisplaySpec
from hemosim_jax.plotting.style import GRAY, color_of, finish, finite, heading, panels, readable

_FOREST_POLICIES = 5
_LABEL_HEIGHT = 0.055  # of a panel


def learning_curve(
    runs: Mapping[str, Sequence[dict[str, Any]]],
    title: str,
    protocols: Mapping[str, float] | None = None,
) -> Figure:
    """Returns, and shares of steps in range where there are any, of the episodes that ended.

    - `runs`: by name, the rows of `learning.run.metrics_rows`.
    - `protocols`: mean returns by name, drawn as lines.
    """
    shown = [("episode_return", "episode return"), ("therapeutic", "share of steps in range")]
    some_rows = next(iter(runs.values()))
    shown = [(name, label) for name, label in shown if name in some_rows[0]]
    figure, axes = panels(1, len(shown), (4.8 * len(shown), 3.6))
    for axis, (name, label) in zip(axes[0], shown, strict=True):
        for number, (run, rows) in enumerate(runs.items()):
            steps, values = (
                np.array([row["steps"] for row in rows]),
                finite([r[name] for r in rows]),
            )
            ended = np.isfinite(values)  # in some updates no episode does
            axis.plot(steps[ended], values[ended], color=color_of(number), label=readable(run))
        axis.set_xlabel("environment steps")
        heading(axis, label)
    _draw_levels(axes[0, 0], protocols or {})
    finish(figure, axes[0, 0], title)
    return figure


def _draw_levels(axis: Any, levels: Mapping[str, float]) -> None:
    """Horizontal lines with names beside the panel, moved apart where they would overlap."""
    for level in levels.values():
        axis.axhline(level, color=GRAY, linewidth=0.8, linestyle="--")
    low, high = axis.get_ylim()
    ordered = sorted(levels.items(), key=lambda row: row[1])
    wanted = np.array([(level - low) / (high - low) for _, level in ordered])
    places = np.array(wanted)
    for number in range(1, len(places)):
        places[number] = max(places[number], places[number - 1] + _LABEL_HEIGHT)
    places = places - np.mean(places - wanted) if len(places) else places
    for (name, level), place in zip(ordered, places, strict=True):
        axis.annotate(
            readable(name), (1.0, level), xytext=(1.1, place), xycoords=("axes fraction", "data"),
            textcoords="axes fraction", ha="left", va="center", fontsize=7, color=GRAY,
            arrowprops={"arrowstyle": "-", "color": GRAY, "linewidth": 0.4, "relpos": (0.0, 0.5)},
        )  # fmt: skip
    axis.set_ylim(low, high)


def comparison(summaries: Sequence[dict[str, Any]], display: DisplaySpec, title: str) -> Figure:
    """A panel for each outcome: means with their intervals, the best for patients on top."""
    ordered = display.best_first(summaries)[::-1]  # drawn from below
    outcomes = display.outcomes
    figure, axes = panels(
        1, len(outcomes), (1.7 + 2.0 * len(outcomes), 0.3 * len(ordered) + 1.6), sharey=True
    )
    for axis, outcome in zip(axes[0], outcomes, strict=True):
        rows = [row[outcome.name] for row in ordered]
        for position, row in enumerate(rows):
            axis.plot([row["low"], row["high"]], [position] * 2, color=color_of(0), linewidth=2)
            axis.plot(row["mean"], position, "o", color=color_of(0), markersize=5)
            axis.annotate(
                f"{row['mean']:.1f}", (row["mean"], position), xytext=(0, 5), ha="center",
                textcoords="offset points", fontsize=7,
            )  # fmt: skip
        better = "more" if outcome.higher_is_better else "less"
        lines = [*textwrap.wrap(outcome.label, 26), f"({better} is better)"]
        heading(axis, "\n".join(lines))
        axis.margins(x=0.12, y=0.08)
        axis.set_yticks(range(len(ordered)), [readable(row["policy"]) for row in ordered])
    finish(figure, axes[0, 0], f"{title} (mean, 95 % interval)")
    return figure


def forest(
    summaries: Sequence[dict[str, Any]], display: DisplaySpec, group: str, title: str
) -> Figure:
    """The first outcome by groups of patients, for the policies best in it, the best on top."""
    outcome, shown = display.outcomes[0], display.best_first(summaries)[:_FOREST_POLICIES]
    labels = list(shown[0]["by_group"][group])
    figure, axes = panels(1, 1, (6.4, 0.22 * len(labels) * (len(shown) + 1) + 1.4))
    axis, spacing = axes[0, 0], len(shown) + 1
    for number, row in enumerate(shown):
        for place, label in enumerate(labels):
            values = row["by_group"][group].get(label)
            if values is None:
                continue
            y = -(place * spacing + number)
            found = values[outcome.name]
            axis.plot([found["low"], found["high"]], [y, y], color=color_of(number), linewidth=2)
            axis.plot(
                found["mean"], y, "o", color=color_of(number), markersize=4,
                label=readable(row["policy"]) if place == 0 else None,
            )  # fmt: skip
    ticks = [-(place * spacing + 0.5 * (len(shown) - 1)) for place in range(len(labels))]
    sizes = [shown[0]["by_group"][group][label]["patients"] for label in labels]
    texts = [f"{label}\n({size:,})" for label, size in zip(labels, sizes, strict=True)]
    axis.set_yticks(ticks, texts)
    axis.grid(axis="y", visible=False)
    axis.set_xlabel(f"{outcome.label} ({'more' if outcome.higher_is_better else 'less'} is better)")
    which = f" (the best {len(shown)} of {len(summaries)})" if len(shown) < len(summaries) else ""
    finish(figure, axis, f"{title}, by {readable(group)}{which}")
    return figure


def dose_response(
    doses: ArrayLike, responses: ArrayLike, *, dose_label: str, response_label: str, title: str
) -> Figure:
    """Median, middle half and middle 90 % of patients at each dose.

    - `responses`: `dose, patient`; NaN is left out.
    """
    doses = np.asarray(doses, float)
    low, quarter, middle, three_quarters, high = np.nanpercentile(
        np.asarray(responses, float), [5, 25, 50, 75, 95], axis=1
    )
    figure, axes = panels(1, 1, (5.2, 3.6))
    axis = axes[0, 0]
    axis.fill_between(doses, low, high, color=color_of(0), alpha=0.18, label="90 %")
    axis.fill_between(doses, quarter, three_quarters, color=color_of(0), alpha=0.35, label="50 %")
    axis.plot(doses, middle, "o-", color=color_of(0), markersize=3, label="median")
    axis.set(xlabel=dose_label, ylabel=response_label)
    finish(figure, axis, title)
    return figure


def policy_map(
    env: TreatmentEnvironment,
    params: Any,
    policy: Policy,
    x: str,
    y: str,
    action: str,
    *,
    points: int = 60,
    **fixed: Any,
) -> Figure:
    """What a policy orders over two fields of the observation, as its first decision.

    A protocol that acts on a value only later shows no dependence on it here.

    - `x`, `y`: numbers of the observation, over their bounds; `action`: a field of the action.
    - `fixed`: other fields' values; those not given are of one drawn patient.

    **Raises:** `KeyError` for a field that the task does not have.
    """
    fields = {field.name: field for field in env.observation_fields.fields}
    actions = [field.name for field in env.action_fields.fields]
    for name in (x, y, *fixed):
        if name not in fields:
            raise KeyError(f"{env.name} observes {', '.join(fields)}; got {name!r}")
    if action not in actions:
        raise KeyError(f"{env.name} decides {', '.join(actions)}; got {action!r}")
    observation, _ = env.reset(jax.random.key(0), params)
    base = env.decode_observation(observation)._asdict()
    base |= {name: _as_value(fields[name], value) for name, value in fixed.items()}
    first, second = (np.linspace(*fields[name].bounds, points) for name in (x, y))
    carry = policy.init(params)

    def ordered(a, b):
        values = base | {x: _as_value(fields[x], a), y: _as_value(fields[y], b)}
        chosen, _ = policy.act(jax.random.key(0), carry, env.observation_fields.encode(values))
        return getattr(env.action_fields.decode(chosen), action)

    over_x = jax.vmap(ordered, in_axes=(0, None))
    grid = jax.jit(jax.vmap(over_x, in_axes=(None, 0)))(jnp.asarray(first), jnp.asarray(second))
    figure, axes = panels(1, 1, (5.2, 4.0))
    axis = axes[0, 0]
    axis.grid(visible=False)
    decided = next(field for field in env.action_fields.fields if field.name == action)
    names = decided.names
    limits = {"vmin": -0.5, "vmax": len(names) - 0.5} if names else {}
    colors = colormaps["cividis"].resampled(len(names)) if names else "cividis"
    mesh = axis.pcolormesh(
        first, second, np.asarray(grid, float), cmap=colors, shading="nearest", **limits
    )
    bar = figure.colorbar(mesh, label=_with_unit(decided))
    if names:
        bar.set_ticks(range(len(names)), labels=[str(name) for name in names])
    axis.set(xlabel=_with_unit(fields[x]), ylabel=_with_unit(fields[y]))
    finish(figure, axis, f"{env.name}: first decision of {readable(policy.name)}")
    return figure


def _with_unit(field: Any) -> str:
    """A field's name as people write it: the ending that is its unit stands behind a comma."""
    if not field.unit:
        return readable(field.name)
    ending = "_" + re.sub(r"[^a-z0-9]+", "_", field.unit.lower().replace("/", "_per_")).strip("_")
    return f"{readable(field.name.removesuffix(ending))}, {field.unit}"


def _as_value(field: Any, value: Any) -> Any:
    dtype = jnp.result_type(float) if field.kind == "number" else jnp.int32
    number = jnp.asarray(value, bool if field.kind == "flag" else dtype)
    return Reading(number, jnp.ones((), bool)) if field.can_be_missing else number
