"""`hemosim-jax train | evaluate | simulate | list`."""

import csv
import inspect
import io
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hemosim_jax.core.cohort import CohortFile
from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.files import write_json, write_text
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.task import read_cohort
from hemosim_jax.evaluation import report
from hemosim_jax.evaluation.evaluate import evaluate, rollouts
from hemosim_jax.evaluation.streams import held_out, training
from hemosim_jax.experiment import run_record
from hemosim_jax.experiment.options import DEFAULT_ID, PPOOptions, TaskOptions
from hemosim_jax.experiment.run_record import RunRecord
from hemosim_jax.learning.config import PRESETS, check
from hemosim_jax.learning.ppo import agent_policy
from hemosim_jax.learning.run import load_state, metrics_rows, train_in_directory
from hemosim_jax.plotting import charts
from hemosim_jax.registry import TASKS, make, options_of, protocols_of, task_of

_SAMPLE_PATIENTS = 4  # in the chart of courses
_FILE_WIDTH = 100  # of tables in text files


@dataclass
class Train:
    """Train PPO, then hold it against the protocols on patients it never saw."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    ppo: tyro.conf.OmitArgPrefixes[PPOOptions]
    out: Path = Path("runs/training")
    """Directory of the run: configuration, checkpoints, metrics, charts, evaluation."""
    preset: str | None = None
    """Hyperparameters to start from: wide (default) or paper."""
    seed: int | None = None
    """Of weights and training patients; 0 if not given."""
    resume: bool = False
    """Go on with the run in --out, with what is stored there."""
    checkpoint_every: int = 20
    """Updates between checkpoints."""
    eval_patients: int = 10_000
    """Held-out patients of the final evaluation; 0 for none."""
    cohort: Path | None = None
    """CSV of real covariates (the task's layout) to evaluate on as well."""


@dataclass
class Evaluate:
    """Hold a trained run, if one is given, against the protocols."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    run: Path | None = None
    """Directory of a training run."""
    patients: int = 10_000
    """Held-out patients."""
    seed: int = 0
    """Of the held-out stream."""
    cohort: Path | None = None
    """CSV of real covariates (the task's layout) to evaluate on instead of simulated ones."""
    out: Path = Path("runs/evaluation")
    """Directory for the tables, the JSON and the charts."""


@dataclass
class Simulate:
    """Follow a few virtual patients, decision by decision, under one policy."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    policy: str | None = None
    """A protocol's name, or ppo (with --run); the task's first protocol if not given."""
    run: Path | None = None
    """Directory of a training run."""
    patients: int = 4
    """How many."""
    seed: int = 0
    """Of the held-out stream."""
    out: Path = Path("runs/simulation")
    """Directory for courses.csv and courses.png."""


@dataclass
class List:
    """The tasks with their options and protocols."""


def main(arguments: list[str] | None = None) -> None:
    """The command line. A user's mistake ends in one line on stderr and exit status 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--version"]:
        print(f"hemosim-jax {version('hemosim_jax')}")  # noqa: T201
        return
    commands = {"train": Train, "evaluate": Evaluate, "simulate": Simulate, "list": List}
    command = tyro.extras.subcommand_cli_from_dict(
        commands, prog="hemosim-jax", args=arguments, sort_subcommands=False
    )
    try:
        {Train: train, Evaluate: evaluate_command, Simulate: simulate, List: list_tasks}[
            type(command)
        ](command)
    except (ValueError, KeyError, OSError) as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        print(f"hemosim-jax: {reason}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        hint = "; train --resume goes on" if isinstance(command, Train) else ""
        print(f"hemosim-jax: interrupted{hint}", file=sys.stderr)  # noqa: T201
        raise SystemExit(130) from None


def list_tasks(options: List) -> None:
    """See `List`."""
    console = Console(highlight=False)
    for env_id, task in TASKS.items():
        variant = task.variants[env_id]
        summary = (inspect.getdoc(variant.environment) or "").splitlines()[0]
        options_of_it = ", ".join(f"{n}={p.default}" for n, p in options_of(env_id).items())
        console.print(f"[bold]{env_id}[/bold]  {escape(summary)}")
        console.print(f"  options: {escape(options_of_it)}")
        console.print(f"  protocols: {', '.join(variant.protocols)}")


def train(options: Train) -> None:
    """See `Train`."""
    record = _record_to_resume(options) if options.resume else _new_record(options)
    if options.eval_patients < 0 or options.eval_patients == 1:
        raise ValueError(f"eval_patients must be 0 or at least 2, got {options.eval_patients}")
    env, params = record.environment()
    read = options.cohort and _read_cohort(env, params, options.cohort, record.seed)
    if not options.resume:
        if run_record.exists(options.out):
            raise ValueError(
                f"{str(options.out)!r} holds a run already; give another --out, or --resume"
            )
        run_record.save(options.out, record)
    console = Console()
    state = _train_with_progress(console, options, env, params, record)
    charts.learning_curve(metrics_rows(options.out), options.out / "learning_curve.png")
    policy = agent_policy(env, params, state.agent, record.config)
    if options.eval_patients:
        _compare(env, params, policy, options.out, record.seed, options.eval_patients)
    if read:
        _compare_on_cohort(env, params, policy, options.out, record.seed, read)


def evaluate_command(options: Evaluate) -> None:
    """See `Evaluate`."""
    env, params, agent = _environment_and_agent(options.task, options.run)
    if options.cohort:
        read = _read_cohort(env, params, options.cohort, options.seed)
        _compare_on_cohort(env, params, agent, options.out, options.seed, read)
    else:
        _compare(env, params, agent, options.out, options.seed, options.patients)


def simulate(options: Simulate) -> None:
    """See `Simulate`."""
    env, params, agent = _environment_and_agent(options.task, options.run)
    policies = protocols_of(env) | ({"ppo": agent} if agent else {})
    policy = options.policy or next(iter(policies))
    if policy not in policies:
        raise KeyError(f"policy must be one of {', '.join(policies)}; got {policy!r}")
    if options.patients < 1:
        raise ValueError(f"patients must be at least 1, got {options.patients}")
    options.out.mkdir(parents=True, exist_ok=True)
    followed = rollouts(env, params, policies[policy], held_out(options.seed), options.patients)
    display = task_of(env.name).display
    shown_first = (display.time, *display.signals, *display.treatments)
    first_columns = tuple(one.name for one in shown_first)
    columns = [*first_columns, *(name for name in followed.info if name not in first_columns)]
    with (options.out / "courses.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["patient", *columns, "reward"])
        for patient, step in np.argwhere(followed.alive):
            row = [followed.info[name][patient, step].item() for name in columns]
            writer.writerow([patient + 1, *row, followed.reward[patient, step].item()])
    shown = jax.tree.map(lambda x: x[:_SAMPLE_PATIENTS], followed)
    charts.patient_rollouts(shown, display, options.out / "courses.png", policy)
    Console().print(f"wrote {options.out}/courses.csv and courses.png")


def _given(options: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if value is not None}


def _new_record(options: Train) -> RunRecord:
    preset = options.preset or "wide"
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}; got {preset!r}")
    config = PRESETS[preset].replace(**_given(options.ppo))
    check(config)
    task = {"env_id": DEFAULT_ID, **_given(options.task)}
    return RunRecord(task, config, options.seed or 0)


def _record_to_resume(options: Train) -> RunRecord:
    """The stored record. **Raises:** `ValueError` if an option given asks for something else."""
    record = run_record.load(options.out)
    stored = {**vars(record.config), **record.task, "seed": record.seed}
    given = {**_given(options.ppo), **_given(options.task)}
    for name in ("seed", "preset"):
        if getattr(options, name) is not None:
            given[name] = getattr(options, name)
    for name, value in given.items():
        if stored.get(name) != value:
            raise ValueError(
                f"--resume goes on with what is stored in {str(options.out)!r}; "
                f"{name} {value!r} cannot be given with it"
            )
    return record


def _environment_and_agent(
    options: Any, run: Path | None
) -> tuple[TreatmentEnvironment, Any, Policy | None]:
    """The task, and the run's agent; options given replace those the run was trained with."""
    given = _given(options)
    if run is None:
        return (*make(**{"env_id": DEFAULT_ID, **given}), None)
    record = run_record.load(run)
    if given.get("env_id", record.task["env_id"]) != record.task["env_id"]:
        raise ValueError(f"{str(run)!r} was trained on {record.task['env_id']}")
    state = load_state(*record.environment(), record.config, run)
    env, params = make(**{**record.task, **given})
    return env, params, agent_policy(env, params, state.agent, record.config)


def _train_with_progress(console, options, env, params, record):
    columns = (
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    config = record.config
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("train", total=config.num_updates * config.batch_size, text="")

        def show(row):
            text = f"{row['steps_per_s']:,.0f} steps/s"
            if row["episode_return"] is not None:
                text += f"  return {row['episode_return']:.1f}"
            if "therapeutic" in row:
                text += f"  in range {100.0 * row['therapeutic']:.1f} %"
            progress.update(bar, completed=row["steps"], text=text)

        return train_in_directory(
            env,
            params,
            config,
            training(record.seed).key(),
            options.out,
            checkpoint_every=options.checkpoint_every,
            on_update=show,
        )


def _read_cohort(env, params, path: Path, seed: int) -> CohortFile:
    # What the file does not record is drawn with a key that no rollout uses.
    read = read_cohort(
        task_of(env.name), path, env, params, jax.random.fold_in(held_out(seed).key(), 1)
    )
    if read.cohort.size < 2:
        raise ValueError(f"{str(path)!r} has {read.cohort.size} usable patient; 2 are needed")
    left = ", ".join(f"{reason}: {count}" for reason, count in read.left_out.items())
    Console().print(f"{path.name}: {read.cohort.size:,} patients; left out: {left or 'none'}")
    return read


def _compare_on_cohort(env, params, agent, out, seed, read: CohortFile) -> None:
    params = params.replace(patients=read.cohort)
    _compare(env, params, agent, out, seed, read.cohort.size, read.cohort.patients)


def _compare(env, params, agent, out, seed, num_patients, patients=None) -> None:
    """Tables, JSON and charts of the agent (if any) and every protocol on the same patients."""
    console = Console()
    name = "simulated" if patients is None else "cohort"
    policies = [*([agent] if agent else []), *protocols_of(env).values()]
    task, summaries = task_of(env.name), []
    for policy in policies:
        with console.status(f"evaluating {policy.name}"):
            result = evaluate(
                task,
                env,
                params,
                policy,
                held_out(seed),
                patients=patients,
                num_patients=num_patients,
            )
            summaries.append(report.summary(task, result))
    title = f"{env.name}, {num_patients:,} held-out patients ({name})"
    everyone = report.table(summaries, title)
    console.print(everyone, *report.group_tables(task, summaries[0]))
    text = io.StringIO()
    written = Console(width=_FILE_WIDTH, file=text)
    written.print(everyone)
    for summary in summaries:
        written.print(*report.group_tables(task, summary))
    write_text(out / f"evaluation_{name}.txt", text.getvalue())
    write_json(out / f"evaluation_{name}.json", summaries)
    charts.comparison(summaries, task.display, out / f"comparison_{name}.png")
    shown = min(_SAMPLE_PATIENTS, num_patients)
    first = None if patients is None else jax.tree.map(lambda x: x[:shown], patients)
    followed = rollouts(env, params, policies[0], held_out(seed), shown, first)
    charts.patient_rollouts(followed, task.display, out / f"courses_{name}.png", policies[0].name)
    files = ("evaluation_{0}.txt", "evaluation_{0}.json", "comparison_{0}.png", "courses_{0}.png")
    console.print(f"wrote {', '.join(file.format(name) for file in files)} in {out}")


if __name__ == "__main__":
    main()
