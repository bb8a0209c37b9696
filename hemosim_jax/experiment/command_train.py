"""`hemosim-jax train`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hemosim_jax.evaluation.streams import training
from hemosim_jax.experiment import run_record
from hemosim_jax.experiment.command_evaluate import agents_of, cohort_from, judge
from hemosim_jax.experiment.options import (
    DEFAULT_ID,
    File,
    LearnerOptions,
    Name,
    Number,
    TaskOptions,
    given,
)
from hemosim_jax.experiment.run_record import RunRecord
from hemosim_jax.experiment.trackers import check_tensorboard, check_wandb, tensorboard, wandb
from hemosim_jax.learning.algorithms import ALGORITHMS
from hemosim_jax.learning.run import metrics_rows, train_in_directory
from hemosim_jax.registry import protocols_of

_PLAIN_LINES = 20  # of progress, where there is no terminal to draw a bar on


@dataclass
class Options:
    """Of `train`."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    learner: tyro.conf.OmitArgPrefixes[LearnerOptions]
    out: Path = Path("runs/training")
    """Directory of the run: configuration, checkpoints, metrics, charts, evaluation."""
    algorithm: Name = None
    """ppo (if not given) or dqn, for discrete actions."""
    preset: Name = None
    """Hyperparameters to start from. Of ppo: wide (if not given) or paper."""
    seed: Number = None
    """Of weights and training patients; 0 if not given."""
    seeds: int = 1
    """Agents to train, with this seed and the next ones, each in a directory of its own."""
    resume: bool = False
    """Go on with the run in --out, with what is stored there."""
    checkpoint_every: int = 20
    """Updates between checkpoints."""
    eval_patients: int = 10_000
    """Held-out patients of the final evaluation; 0 for none."""
    cohort: File = None
    """CSV of real covariates (the task's layout) to evaluate on as well."""
    tensorboard: bool = False
    """Log metrics for TensorBoard in the run's directory."""
    wandb: Name = None
    """Log metrics to this project of Weights & Biases."""


def run(options: Options) -> None:
    """Trains, draws the learning curve, evaluates."""
    if options.eval_patients < 0 or options.eval_patients == 1:
        raise ValueError(f"eval_patients must be 0 or at least 2, got {options.eval_patients}")
    if options.checkpoint_every < 1:
        raise ValueError(f"checkpoint_every must be at least 1, got {options.checkpoint_every}")
    if options.seeds < 1:
        raise ValueError(f"seeds must be at least 1, got {options.seeds}")
    records = _records(options)
    first = next(iter(records.values()))
    env, params = first.environment()
    cohort = cohort_from(env, params, options.cohort, first.seed) if options.cohort else None
    # Nothing is written before it is known that it can be run.
    ALGORITHMS[first.algorithm].make_learner(env, params, first.config)
    if options.tensorboard:
        check_tensorboard()
    if options.wandb:
        check_wandb()
    console = Console()
    for directory, record in records.items():
        if not options.resume:
            run_record.save(directory, record)
        _train(console, options, env, params, directory, record)
    agents = agents_of(list(records))
    levels = {}
    if options.eval_patients:
        result = judge(
            env, params, [*agents, *protocols_of(env).values()], options.out,
            cohort=None, num_patients=options.eval_patients, seed=first.seed,
        )  # fmt: skip
        protocols = {row["policy"]: row["return"]["mean"] for row in result.summaries}
        levels = {name: protocols[name] for name in protocols_of(env) if name != "random"}
    if cohort:
        policies = [*agents, *protocols_of(env).values()]
        judge(env, params, policies, options.out, cohort=cohort, seed=first.seed)
    _draw(options.out, records, f"{env.name}: {first.algorithm}", levels)


def _records(options: Options) -> dict[Path, RunRecord]:
    """What to train, by directory."""
    directories = [options.out]
    if options.seeds > 1:
        first = options.seed or 0
        directories = [options.out / f"seed_{first + number}" for number in range(options.seeds)]
    if options.resume:
        return {one: _to_resume(options, one) for one in directories}
    for one in directories:
        if run_record.exists(one):
            raise ValueError(f"{str(one)!r} holds a run already; give another --out, or --resume")
    seeds = range(options.seed or 0, (options.seed or 0) + options.seeds)
    return {one: _new(options, seed) for one, seed in zip(directories, seeds, strict=True)}


def _new(options: Options, seed: int) -> RunRecord:
    name = options.algorithm or "ppo"
    if name not in ALGORITHMS:
        raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}; got {name!r}")
    presets = ALGORITHMS[name].presets
    preset = options.preset or next(iter(presets))
    if preset not in presets:
        raise ValueError(f"preset must be one of {', '.join(presets)}; got {preset!r}")
    wanted = given(options.learner)
    for field in wanted:
        if field not in vars(presets[preset]):
            known = ", ".join(vars(presets[preset]))
            raise ValueError(f"{name} has no option {field!r}; it has {known}")
    config = presets[preset].replace(**wanted)
    ALGORITHMS[name].check(config)
    if config.total_steps < config.batch_size:
        raise ValueError(
            f"total_steps must be at least {config.batch_size}, one update (num_envs times the "
            f"decisions between two updates); got {config.total_steps}"
        )
    task = run_record.with_defaults(**{"env_id": DEFAULT_ID, **given(options.task)})
    return RunRecord(task, name, config, seed)


def _to_resume(options: Options, directory: Path) -> RunRecord:
    """The stored record. **Raises:** `ValueError` if an option given asks for something else."""
    record = run_record.load(directory)
    stored = {**vars(record.config), **record.task, "algorithm": record.algorithm}
    wanted = {**given(options.learner), **given(options.task)}
    for name in ("algorithm", "preset", *(["seed"] if options.seeds == 1 else [])):
        if getattr(options, name) is not None:
            wanted[name] = getattr(options, name)
    for name, value in wanted.items():
        if {**stored, "seed": record.seed}.get(name) != value:
            raise ValueError(
                f"--resume goes on with what is stored in {str(directory)!r}; "
                f"{name} {value!r} cannot be given with it"
            )
    return record


def _train(
    console: Console, options: Options, env: Any, params: Any, directory: Path, record: RunRecord
) -> None:
    config = record.config
    steps = config.num_updates * config.batch_size
    if steps != config.total_steps:
        console.print(
            f"{config.num_updates:,} updates of {config.batch_size:,} steps are {steps:,} steps"
        )
    trackers = []
    if options.tensorboard:
        trackers.append(tensorboard(directory))
    if options.wandb:
        trackers.append(wandb(options.wandb, directory, record))
    bar = _bar if console.is_terminal else _lines

    def train(show: Callable[[dict[str, Any]], None]) -> None:
        def on_update(row: dict[str, Any]) -> None:
            show(row)
            for track in trackers:
                track(row)

        train_in_directory(
            ALGORITHMS[record.algorithm].make_learner(env, params, config),
            config,
            training(record.seed).key(),
            directory,
            checkpoint_every=options.checkpoint_every,
            on_update=on_update,
        )

    bar(console, steps, config.num_updates, train)


def _bar(console: Console, steps: int, updates: int, train: Callable) -> None:
    columns = (
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("train", total=steps, text="")
        train(lambda row: progress.update(bar, completed=row["steps"], text=_in_words(row)))


def _lines(console: Console, steps: int, updates: int, train: Callable) -> None:
    every = max(1, updates // _PLAIN_LINES)

    def show(row):
        if row["update"] % every == 0 or row["update"] == updates:
            console.print(f"{row['steps']:,}/{steps:,} steps  {_in_words(row)}")

    train(show)


def _in_words(row: dict[str, Any]) -> str:
    text = f"{row['steps_per_s']:,.0f} steps/s"
    if row["episode_return"] is not None:
        text += f"  return {row['episode_return']:.1f}"
    if row.get("therapeutic") is not None:
        text += f"  in range {100.0 * row['therapeutic']:.1f} %"
    return text


def _draw(
    out: Path, records: dict[Path, RunRecord], title: str, protocols: dict[str, float]
) -> None:
    from hemosim_jax.plotting import charts  # matplotlib only where it is used

    names = [record.algorithm if len(records) == 1 else one.name for one, record in records.items()]
    runs = {name: metrics_rows(one) for name, one in zip(names, records, strict=True)}
    charts.learning_curve(runs, title, protocols).savefig(out / "learning_curve.png")
