"""`hemosim-jax evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import tyro
from rich.console import Console

from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.task import read_cohort
from hemosim_jax.evaluation.comparison import Comparison
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.experiment import run_record
from hemosim_jax.experiment.compare import compare
from hemosim_jax.experiment.options import (
    File,
    Name,
    TaskOptions,
    make_as_trained,
    make_given,
)
from hemosim_jax.experiment.policies import load_policy
from hemosim_jax.registry import protocols_of, task_of


@dataclass
class Options:
    """Of `evaluate`."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    run: tuple[Path, ...] = ()
    """Directories of training runs, or of the seeds of one."""
    protocols: tuple[str, ...] = ()
    """Protocols by name; all of the task's if not given."""
    baseline: Name = None
    """The policy that differences are taken from; the first protocol if not given."""
    patients: int = 10_000
    """Held-out patients."""
    seed: int = 0
    """Of the held-out stream."""
    cohort: File = None
    """CSV of real covariates (the task's layout) to evaluate on instead of simulated ones."""
    out: Path = Path("runs/evaluation")
    """Directory for tables, results by patient and charts."""


def run(options: Options) -> None:
    """Prints the tables and writes everything to `out`."""
    runs = [one for directory in options.run for one in runs_in(directory)]
    env, params = make_as_trained(options.task, runs[0]) if runs else make_given(options.task)
    for one in runs[1:]:
        make_as_trained(options.task, one)  # of the same task
    cohort = cohort_from(env, params, options.cohort, options.seed) if options.cohort else None
    known = protocols_of(env)
    for name in options.protocols:
        if name not in known:
            raise KeyError(f"protocols must be of {', '.join(known)}; got {name!r}")
    agents = agents_of(runs)
    judge(
        env,
        params,
        agents + [known[name] for name in options.protocols or known],
        options.out,
        baseline=options.baseline,
        num_patients=options.patients,
        seed=options.seed,
        cohort=cohort,
    )


def runs_in(directory: Path) -> list[Path]:
    """The run in a directory, or the runs of its seeds. **Raises:** `FileNotFoundError`."""
    runs = run_record.seeds_in(directory)
    if not runs:
        run_record.load(directory)
    return runs or [directory]


def agents_of(runs: list[Path]) -> list[Policy]:
    """The agents of runs, called after their algorithm; where there are several, their folders."""
    if len(runs) == 1:
        return [load_policy(runs[0])._replace(name=run_record.load(runs[0]).algorithm)]
    names = [one.resolve().name for one in runs]
    if len(set(names)) < len(names):  # seeds of several runs
        names = [f"{one.resolve().parent.name}/{one.resolve().name}" for one in runs]
    return [load_policy(one)._replace(name=name) for one, name in zip(runs, names, strict=True)]


def cohort_from(env: Any, params: Any, path: Path, seed: int) -> Cohort:
    """The patients of a file. **Raises:** `ValueError` if fewer than two can be used."""
    # What the file does not record is drawn with a key that no rollout uses.
    read = read_cohort(
        task_of(env.name), path, env, params, jax.random.fold_in(held_out(seed).key(), 1)
    )
    if read.cohort.size < 2:
        raise ValueError(f"{str(path)!r} has {read.cohort.size} usable patient; 2 are needed")
    left = ", ".join(f"{reason}: {count}" for reason, count in read.left_out.items())
    Console().print(f"{path.name}: {read.cohort.size:,} patients; left out: {left or 'none'}")
    return read.cohort


def judge(
    env: Any,
    params: Any,
    policies: list[Policy],
    out: Path,
    *,
    cohort: Cohort | None,
    **options: Any,
) -> Comparison:
    """Compares, prints, writes; the baseline is the first protocol unless another is given."""
    console, task = Console(), task_of(env.name)
    name = "simulated" if cohort is None else "cohort"
    protocols = [policy.name for policy in policies if policy.name in protocols_of(env)]
    baseline = options.pop("baseline", None) or next(iter(protocols), None)
    with console.status("evaluating"):
        result = compare(
            env, params, policies, baseline=baseline, cohort=cohort, out=out,
            name=f"evaluation_{name}", **options,
        )  # fmt: skip
    console.print(*result.tables(groups_of=[policies[0].name] if task.groups else []))
    console.print(f"wrote evaluation_{name}.txt and its like in {out}")
    return result
