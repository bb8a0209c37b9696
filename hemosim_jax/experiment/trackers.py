"""Metrics of a run for TensorBoard and for Weights & Biases, where they are installed."""

import dataclasses
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hemosim_jax.experiment.run_record import RunRecord

Track = Callable[[dict[str, Any]], None]  # of a row of metrics


def check_tensorboard() -> None:
    """**Raises:** `ValueError` if TensorBoard is not installed."""
    _check_installed("tensorboard")


def check_wandb() -> None:
    """**Raises:** `ValueError` if the client of Weights & Biases is not installed."""
    _check_installed("wandb")


def _check_installed(package: str) -> None:
    if find_spec(package) is None:
        raise ValueError(f"--{package} needs the package: pip install {package}")


def tensorboard(directory: Path) -> Track:
    """Writes event files into `directory/tensorboard`."""
    from tensorboard.summary import Writer  # pyright: ignore[reportMissingImports]

    writer: Any = Writer(str(directory / "tensorboard"))

    def track(row: dict[str, Any]) -> None:
        for name, value in _scalars(row).items():
            writer.add_scalar(name, value, row["steps"])
        writer.flush()

    return track


def wandb(project: str, directory: Path, record: RunRecord) -> Track:
    """Logs to a project."""
    import wandb as client  # pyright: ignore[reportMissingImports]

    config = {**record.task, **dataclasses.asdict(record.config), "seed": record.seed}
    run: Any = client.init(project=project, name=directory.name, dir=str(directory), config=config)
    return lambda row: run.log(_scalars(row), step=row["steps"])


def _scalars(row: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "steps" and value is not None}
