"""What a training run was started with: one JSON file in the run's directory."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.files import read_json, write_json
from hemosim_jax.experiment.provenance import provenance
from hemosim_jax.learning.algorithms import ALGORITHMS
from hemosim_jax.registry import make, options_of

FILE = "config.json"


class RunRecord(NamedTuple):
    """A run: its task (id and all options of `make`), algorithm, hyperparameters and seed."""

    task: dict[str, Any]
    algorithm: str
    config: Any
    seed: int

    def environment(self) -> tuple[TreatmentEnvironment, Any]:
        """The task it was trained on."""
        return make(**self.task)


def with_defaults(env_id: str, **options: Any) -> dict[str, Any]:
    """The id with every option of its task. **Raises:** `KeyError` for an unknown id."""
    defaults = {name: parameter.default for name, parameter in options_of(env_id).items()}
    return {"env_id": env_id, **defaults, **options}


def exists(directory: Path) -> bool:
    """Whether there is a run in this directory."""
    return (directory / FILE).is_file()


def seeds_in(directory: Path) -> list[Path]:
    """The runs of the seeds in this directory, in order."""
    seeds = sorted(directory.glob("seed_*"), key=lambda path: int(path.name.split("_")[-1]))
    return [path for path in seeds if exists(path)]


def save(directory: Path, record: RunRecord) -> None:
    """Writes the record, with the versions it depends on."""
    env, _ = record.environment()
    content = {
        "environment_version": env.version,
        "task": record.task,
        "seed": record.seed,
        "algorithm": record.algorithm,
        "hyperparameters": dataclasses.asdict(record.config),
        **provenance(),
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
        algorithm = str(stored["algorithm"])
        config = _config(algorithm, stored["hyperparameters"])
        record = RunRecord(dict(stored["task"]), algorithm, config, int(stored["seed"]))
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


def _config(algorithm: str, fields: dict[str, Any]) -> Any:
    default = next(iter(ALGORITHMS[algorithm].presets.values()))
    config = type(default)(**{**fields, "hidden_sizes": tuple(fields["hidden_sizes"])})
    ALGORITHMS[algorithm].check(config)
    return config
