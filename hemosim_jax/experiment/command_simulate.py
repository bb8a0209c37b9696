"""`hemosim-jax simulate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tyro
from rich.console import Console

from hemosim_jax.core.files import read_json, write_text
from hemosim_jax.evaluation.evaluate import rollouts
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.experiment.command_evaluate import agents_of, runs_in
from hemosim_jax.experiment.dose_events import number
from hemosim_jax.experiment.options import (
    DEFAULT_ID,
    File,
    Name,
    Number,
    TaskOptions,
    given,
    make_as_trained,
    make_given,
)
from hemosim_jax.experiment.regimen import simulate_regimen
from hemosim_jax.registry import make, protocols_of, task_of

_SAMPLE_PATIENTS = 4  # in the chart


@dataclass
class Options:
    """Of `simulate`."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    policy: Name = None
    """A protocol's name; if not given the agent of --run, or the first protocol."""
    run: File = None
    """Directory of a training run, or of the seeds of one."""
    patient: File = None
    """JSON file with patient, doses and times, to be followed instead of a policy."""
    patients: Number = None
    """How many; 4 under a policy, 1 under a regimen if not given."""
    seed: int = 0
    """Of the held-out stream."""
    out: Path = Path("runs/simulation")
    """Directory for courses.csv and courses.png."""


def run(options: Options) -> None:
    """Writes a table and a chart."""
    if options.patients is not None and options.patients < 1:
        raise ValueError(f"patients must be at least 1, got {options.patients}")
    path = options.patient
    if path and (options.policy or options.run):
        raise ValueError("--patient gives a regimen; --policy and --run cannot be given with it")
    figure = _under_regimen(options, path) if path else _under_policy(options)
    figure.savefig(options.out / "courses.png")
    Console().print(f"wrote courses.csv and courses.png in {options.out}")


def _under_policy(options: Options) -> Any:
    from hemosim_jax.plotting import timeline  # matplotlib only where it is used

    runs: list[Path] = []
    if options.run:
        runs = runs_in(options.run)
        env, params = make_as_trained(options.task, runs[0])
    else:
        env, params = make_given(options.task)
    policies = protocols_of(env)
    if options.run:
        policies = {agent.name: agent for agent in agents_of(runs)} | policies
    policy = options.policy or next(iter(policies))
    if policy not in policies:
        raise KeyError(f"policy must be one of {', '.join(policies)}; got {policy!r}")
    count = options.patients or _SAMPLE_PATIENTS
    followed = rollouts(env, params, policies[policy], held_out(options.seed), count)
    display = task_of(env.name).display
    patient, step = np.nonzero(followed.alive)
    columns = {name: values[patient, step] for name, values in followed.info.items()}
    table = pd.DataFrame(
        {"patient": patient + 1, **columns, "reward": followed.reward[patient, step]}
    )
    _write(options.out, table, display)
    shown = min(count, _SAMPLE_PATIENTS)
    first = followed.replace(
        alive=followed.alive[:shown],
        terminated=followed.terminated[:shown],
        info={name: values[:shown] for name, values in followed.info.items()},
        first_info={name: values[:shown] for name, values in followed.first_info.items()},
        next_observation=followed.next_observation[:shown],
    )
    results = {policy: timeline.measured(env, first, display)}
    return timeline.courses({policy: first}, display, params, f"{env.name}: {policy}", results)


def _under_regimen(options: Options, path: Path) -> Any:
    from hemosim_jax.plotting import timeline

    content = read_json(path)
    known = ("task", "patient", "doses", "times", "typical")
    if not isinstance(content, dict) or not {"doses", "times"} <= set(content) <= set(known):
        raise ValueError(f"{path}: must be an object with doses, times, and of {known}")
    wanted = {"env_id": content.get("task", DEFAULT_ID), **given(options.task)}
    env_id = wanted.pop("env_id")
    times = content["times"]
    if isinstance(times, dict):  # from, to, every
        if set(times) != {"from", "to", "every"}:
            raise ValueError(f"{path}: times must be a list, or from, to and every")
        begin, end, every = (number(f"times: {k}", times[k]) for k in ("from", "to", "every"))
        if every <= 0.0 or end < begin:
            raise ValueError(f"{path}: times go from {begin:g} to {end:g}, every {every:g}")
        times = np.arange(begin, end + 0.5 * every, every)
    table = simulate_regimen(
        env_id, content.get("patient"), content["doses"], times,
        patients=options.patients or 1, typical=content.get("typical"), seed=options.seed, **wanted,
    )  # fmt: skip
    task = task_of(env_id)
    _write(options.out, table, task.display)
    title = f"{env_id}: {content.get('patient') or 'drawn'}"
    return timeline.regimen(table, task.display, title, make(env_id, **wanted)[1])


def _write(out: Path, table: pd.DataFrame, display: Any) -> None:
    """Columns that a chart shows come first."""
    shown = (display.time, *display.signals, *display.treatments)
    first = [name for name in ("patient", "time") if name in table]
    first += [one.name for one in shown]
    columns = [*first, *(name for name in table if name not in first)]
    write_text(out / "courses.csv", table[columns].to_csv(index=False, lineterminator="\n"))
