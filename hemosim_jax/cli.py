"""`hemosim-jax train | evaluate | simulate`."""

import csv
import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import jax
import numpy as np
import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hemosim_jax import __version__
from hemosim_jax.environment import EnvParams, TreatmentEnvironment
from hemosim_jax.evaluation import report
from hemosim_jax.evaluation.evaluate import courses, evaluate
from hemosim_jax.evaluation.streams import held_out, training
from hemosim_jax.files import read_json, write_json
from hemosim_jax.learning.config import PRESETS, PPOConfig, check
from hemosim_jax.learning.ppo import agent_policy
from hemosim_jax.learning.run import load_state, metrics_rows, train_in_directory
from hemosim_jax.plotting import charts
from hemosim_jax.policy import Policy
from hemosim_jax.protocols import protocols_of
from hemosim_jax.registry import make

CONFIG = "config.json"
_SAMPLE_PATIENTS = 4  # in the chart of courses

# Every field of PPOConfig as an option that is empty unless given: the preset decides the rest.
PPOOverrides = dataclasses.make_dataclass(
    "PPOOverrides",
    [
        (
            field.name,
            Annotated[field.type | None, tyro.conf.arg(help=field.metadata["help"])],
            dataclasses.field(default=None),
        )
        for field in dataclasses.fields(PPOConfig)
    ],
)


@dataclass
class TaskOptions:
    """Which environment."""

    env_id: str = "WarfarinDosing-v0"
    """Registered id."""
    difficulty: str = "medium"
    """Tier: easy, medium or hard."""
    ancestry: str = "European"
    """Population: European, African, East Asian or Latino."""
    calibration: str = "iwpc"
    """Parameters: iwpc or published."""
    model: str = "hamberg2010"
    """Pharmacology: hamberg2010 or hamberg2007."""


@dataclass
class Train:
    """Train PPO, then hold it against the protocols on patients it never saw."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    ppo: tyro.conf.OmitArgPrefixes[PPOOverrides]
    out: Path = Path("runs/warfarin")
    """Directory of the run: configuration, checkpoints, metrics, charts, evaluation."""
    preset: str = "wide"
    """Hyperparameters to start from: wide or paper."""
    seed: int = 0
    """Of weights and training patients."""
    resume: bool = False
    """Go on with the run in --out, with the configuration stored there."""
    checkpoint_every: int = 20
    """Updates between checkpoints."""
    eval_patients: int = 10_000
    """Held-out patients of the final evaluation; 0 for none."""
    cohort: Path | None = None
    """CSV of real covariates (IWPC layout) to evaluate on as well."""


@dataclass
class Evaluate:
    """Hold a trained run, if one is given, against the protocols."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    run: Path | None = None
    """Directory of a training run; its own task options then replace the ones given here."""
    patients: int = 10_000
    """Held-out patients."""
    seed: int = 0
    """Of the held-out stream."""
    cohort: Path | None = None
    """CSV of real covariates (IWPC layout) to evaluate on instead of simulated ones."""
    out: Path = Path("runs/evaluation")
    """Directory for the table, the JSON and the charts."""


@dataclass
class Simulate:
    """Follow a few virtual patients day by day under one policy."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    policy: str = "iwpc_pharmacogenetic"
    """A protocol's name, or ppo (with --run)."""
    run: Path | None = None
    """Directory of a training run; its own task options then replace the ones given here."""
    patients: int = 4
    """How many."""
    seed: int = 0
    """Of the held-out stream."""
    out: Path = Path("runs/simulation")
    """Directory for courses.csv and courses.png."""


def main(arguments: list[str] | None = None) -> None:
    """The command line. A user's mistake ends in one line on stderr and exit status 2."""
    commands = {"train": Train, "evaluate": Evaluate, "simulate": Simulate}
    command = tyro.extras.subcommand_cli_from_dict(
        commands, prog="hemosim-jax", args=arguments, sort_subcommands=False
    )
    try:
        {Train: train, Evaluate: evaluate_command, Simulate: simulate}[type(command)](command)
    except (ValueError, KeyError, OSError) as error:
        reason = error.args[0] if isinstance(error, KeyError) else error
        print(f"hemosim-jax: {reason}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        print("hemosim-jax: interrupted; train --resume goes on", file=sys.stderr)  # noqa: T201
        raise SystemExit(130) from None


def train(options: Train) -> None:
    """See `Train`."""
    console = Console()
    config_file = options.out / CONFIG
    if options.resume:
        stored = _stored_run(options.out)
        task, config, seed = stored["task"], _config_of(stored), stored["seed"]
    else:
        if options.preset not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}; got {options.preset!r}")
        given = {k: v for k, v in vars(options.ppo).items() if v is not None}
        task, config, seed = (
            vars(options.task), PRESETS[options.preset].replace(**given), options.seed
        )  # fmt: skip
        check(config)
    if options.checkpoint_every < 1:
        raise ValueError(f"checkpoint_every must be at least 1, got {options.checkpoint_every}")
    env, params = make(**task)
    if options.cohort is not None:
        env.read_cohort(options.cohort, params, jax.random.key(0))  # fail before, not after
    if not options.resume:
        if config_file.exists():
            raise ValueError(
                f"{str(options.out)!r} holds a run already; give another --out, or --resume"
            )
        write_json(config_file, _run_record(env, task, config, seed))
    state = _train_with_progress(console, options, env, params, config, seed)
    charts.learning_curve(metrics_rows(options.out), options.out / "learning_curve.png")
    policy = agent_policy(env, params, state.agent, config)
    if options.eval_patients:
        _compare(
            console, env, params, policy, options.out, seed, num_patients=options.eval_patients
        )
    if options.cohort is not None:
        _compare(console, env, params, policy, options.out, seed, cohort_file=options.cohort)


def evaluate_command(options: Evaluate) -> None:
    """See `Evaluate`."""
    env, params, policy = _environment_and_agent(options.task, options.run)
    _compare(
        Console(),
        env,
        params,
        policy,
        options.out,
        options.seed,
        num_patients=options.patients,
        cohort_file=options.cohort,
    )


def simulate(options: Simulate) -> None:
    """See `Simulate`."""
    env, params, agent = _environment_and_agent(options.task, options.run)
    policies = protocols_of(env) | ({"ppo": agent} if agent else {})
    if options.policy not in policies:
        raise KeyError(f"policy must be one of {', '.join(policies)}; got {options.policy!r}")
    if options.patients < 1:
        raise ValueError(f"patients must be at least 1, got {options.patients}")
    options.out.mkdir(parents=True, exist_ok=True)
    followed = courses(
        env, params, policies[options.policy], held_out(options.seed), options.patients
    )
    first_columns = ("day", env.readout.signal, env.readout.treatment)
    columns = [*first_columns, *(name for name in followed.info if name not in first_columns)]
    columns.append("reward")
    with (options.out / "courses.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["patient", *columns])
        for patient, step in np.argwhere(followed.alive):
            row = {**{k: v[patient, step] for k, v in followed.info.items()}}
            row["reward"] = followed.reward[patient, step]
            writer.writerow([patient + 1, *(row[name].item() for name in columns)])
    shown = jax.tree.map(lambda x: x[:_SAMPLE_PATIENTS], followed)
    charts.patient_courses(shown, env.readout, options.out / "courses.png", options.policy)
    Console().print(f"wrote {options.out / 'courses.csv'} and {options.out / 'courses.png'}")


def _run_record(
    env: TreatmentEnvironment, task: dict[str, str], config: PPOConfig, seed: int
) -> dict[str, Any]:
    return {
        "hemosim_jax": __version__,
        "environment_version": env.version,
        "task": dict(task),
        "seed": seed,
        "ppo": dataclasses.asdict(config),
    }


def _stored_run(directory: Path) -> dict[str, Any]:
    """The run's record. **Raises:** `FileNotFoundError`, `ValueError`."""
    if not (directory / CONFIG).is_file():
        raise FileNotFoundError(f"no training run in {str(directory)!r}")
    stored = read_json(directory / CONFIG)
    missing = {"task", "seed", "ppo", "environment_version"} - set(stored)
    if missing:
        raise ValueError(f"{str(directory / CONFIG)!r} is damaged: {min(missing)!r} is missing")
    return stored


def _config_of(stored: dict[str, Any]) -> PPOConfig:
    fields = {**stored["ppo"], "hidden_sizes": tuple(stored["ppo"]["hidden_sizes"])}
    try:
        return PPOConfig(**fields)
    except TypeError as error:
        raise ValueError(f"stored configuration does not fit this version: {error}") from None


def _environment_and_agent(
    task: TaskOptions, run: Path | None
) -> tuple[TreatmentEnvironment, EnvParams, Policy | None]:
    """The task as given without an agent, or that of a run with its agent."""
    if run is None:
        return (*make(**vars(task)), None)
    stored = _stored_run(run)
    env, params = make(**stored["task"])
    if stored["environment_version"] != env.version:
        raise ValueError(
            f"{str(run)!r} was trained on version {stored['environment_version']} of "
            f"{env.name}; this is version {env.version}"
        )
    config = _config_of(stored)
    state = load_state(env, params, config, run)
    return env, params, agent_policy(env, params, state.agent, config)


def _train_with_progress(console, options, env, params, config, seed):
    columns = (
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} steps"),
        TextColumn("{task.fields[text]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
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
            training(seed).key(),
            options.out,
            checkpoint_every=options.checkpoint_every,
            on_update=show,
        )


def _compare(
    console, env, params, agent, out, seed, *, num_patients=10_000, cohort_file=None
) -> None:
    """Table, JSON and charts of the agent (if any) and every protocol on the same patients."""
    name, patients = "simulated", None
    if cohort_file is not None:
        name = "cohort"
        read = env.read_cohort(cohort_file, params, held_out(seed).key())
        patients, params = read.cohort.patients, params.replace(patients=read.cohort)
        left = ", ".join(f"{reason}: {count}" for reason, count in read.left_out.items())
        console.print(f"{cohort_file}: {read.cohort.size} patients; left out: {left or 'none'}")
    out.mkdir(parents=True, exist_ok=True)
    policies = [*([agent] if agent else []), *protocols_of(env).values()]
    summaries = []
    for policy in policies:
        with console.status(f"evaluating {policy.name}"):
            result = evaluate(
                env, params, policy, held_out(seed), patients=patients, num_patients=num_patients
            )
            summaries.append(report.summary(env, result))
    title = f"{env.name}, {summaries[0]['patients']:,} held-out patients ({name})"
    console.print(report.table(env, summaries, title))
    for group in env.groups:
        console.print(report.group_table(env, summaries, group))
    write_json(out / f"evaluation_{name}.json", summaries)
    charts.comparison(summaries, env.readout, out / f"comparison_{name}.png")
    first = None if patients is None else jax.tree.map(lambda x: x[:_SAMPLE_PATIENTS], patients)
    followed = courses(env, params, policies[0], held_out(seed), _SAMPLE_PATIENTS, first)
    charts.patient_courses(followed, env.readout, out / f"courses_{name}.png", policies[0].name)
    console.print(f"wrote {out}/evaluation_{name}.json, comparison_{name}.png, courses_{name}.png")


if __name__ == "__main__":
    main()
