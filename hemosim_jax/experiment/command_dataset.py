"""`hemosim-jax dataset`."""

from dataclasses import dataclass

import tyro
from rich.console import Console

from hemosim_jax.evaluation.behavior import record
from hemosim_jax.evaluation.streams import recorded
from hemosim_jax.experiment.options import DEFAULT_ID, Name, TaskOptions, given
from hemosim_jax.experiment.policies import as_policies
from hemosim_jax.experiment.run_record import with_defaults
from hemosim_jax.registry import make, protocols_of


@dataclass
class Options:
    """Of `dataset`."""

    task: tyro.conf.OmitArgPrefixes[TaskOptions]
    policies: tuple[str, ...] = ()
    """Protocols by name and directories of runs; the first protocol and random if not given."""
    episodes: int = 1000
    """Of each policy."""
    exploration: float = 0.1
    """Standard deviation around the policy's numbers (of 0..1), probability of a random choice."""
    seed: int = 0
    """Of the recorded patients, who are neither trained on nor judged by."""
    name: Name = None
    """Minari's id; hemosim_jax/TASK/mixed-v0 if not given."""


def run(options: Options) -> None:
    """Writes to Minari's directory."""
    if options.episodes < 1:
        raise ValueError(f"episodes must be at least 1, got {options.episodes}")
    try:
        from hemosim_jax.interop.minari_dataset import check_name, write_dataset
    except ImportError:
        raise ValueError("dataset needs Minari: pip install 'hemosim-jax[datasets]'") from None
    task = with_defaults(**{"env_id": DEFAULT_ID, **given(options.task)})
    env, params = make(**task)
    env_id, chosen = task["env_id"], {k: v for k, v in task.items() if k != "env_id"}
    name = options.name or f"hemosim_jax/{env_id.rpartition('-v')[0]}/mixed-v0"
    check_name(name)  # before anything is recorded
    protocols = list(protocols_of(env))
    policies = as_policies(env, options.policies or list(dict.fromkeys([protocols[0], "random"])))
    console = Console()
    courses = []
    for number, policy in enumerate(policies):
        with console.status(f"recording {policy.name}"):
            exploration = 1.0 if policy.name == "random" else options.exploration
            stream = recorded(options.seed)
            courses.append(
                record(env, params, policy, stream, options.episodes, exploration, number)
            )
    dataset = write_dataset(
        name, env, params, courses,
        exploration=options.exploration, seed=options.seed, options=chosen,
    )  # fmt: skip
    console.print(f"{name}: {dataset.total_episodes:,} episodes, {dataset.total_steps:,} steps")
