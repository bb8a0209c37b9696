"""What a training run was started with: one JSON file in the run's directory."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from hemosim_jax import __version__
from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.files import read_json, write_json
from hemosim_jax.learning.config import PPOConfig, check
from hemosim_jax.registry import make

FILE = "config.json"


class RunRecord(NamedTuple):
    """A run: its task (id and options of `make`), hyperparameters and seed."""

    task: dict[str, str]
    config: PPOConfig
    seed: int

    def environment(self) -> tuple[TreatmentEnvironment, Any]:
        """The task it was trained on."""
        return make(**self.task)


def exists(directory: Path) -> bool:
    """Whether there is a run in this directory."""
    return (directory / FILE).is_file()


def save(directory: Path, record: RunRecord) -> None:
    """Writes the record, with the versions it depends on."""
    env, _ = record.environment()
    content = {
        "hemosim_jax": __version__,
        "environment_version": env.version,
        "task": record.task,
        "seed": record.seed,
        "ppo": dataclasses.asdict(record.config),
    }
    write_json(directory / FILE, content)


def load(directory: Path) -> RunRecord:
    """The record of the run in `directory`.

    **Raises:** `FileNotFoundError` if there is none; `ValueError` if it is damaged, or was made by
    another version of the task or of the trainer.
    """
    if not exists(directory):
        raise FileNotFoundError(f"no training run in {str(directory)!r}")
    stored = read_json(directory / FILE)
    try:
        record = RunRecord(dict(stored["task"]), _config(stored["ppo"]), int(stored["seed"]))
        version = str(stored["environment_version"])
        env, _ = record.environment()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{str(directory / FILE)!r} is damaged: {reason}") from None
    if version != env.version:
        raise ValueError(
            f"{str(directory)!r} was trained on version {version} of {env.name}; "
            f"this is version {env.version}"
        )
    return record


def _config(fields: dict[str, Any]) -> PPOConfig:
    config = PPOConfig(**{**fields, "hidden_sizes": tuple(fields["hidden_sizes"])})
    check(config)
    return config
