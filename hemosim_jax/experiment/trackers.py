"""Metrics of a run for TensorBoard and for Weights & Biases, where they are installed."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hemosim_jax.experiment.run_record import RunRecord

Track = Callable[[dict[str, Any]], None]  # of a row of metrics


def tensorboard(directory: Path) -> Track:
    """Writes event files into `directory/tensorboard`. **Raises:** `ValueError` without it."""
    try:
        from tensorboard.summary import Writer  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ValueError("--tensorboard needs the package: pip install tensorboard") from None
    writer: Any = Writer(str(directory / "tensorboard"))

    def track(row: dict[str, Any]) -> None:
        for name, value in _scalars(row).items():
            writer.add_scalar(name, value, row["steps"])
        writer.flush()

    return track


def wandb(project: str, directory: Path, record: RunRecord) -> Track:
    """Logs to a project. **Raises:** `ValueError` without the package."""
    try:
        import wandb as client  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ValueError("--wandb needs the package: pip install wandb") from None
    config = {**record.task, **dataclasses.asdict(record.config), "seed": record.seed}
    run: Any = client.init(project=project, name=directory.name, dir=str(directory), config=config)
    return lambda row: run.log(_scalars(row), step=row["steps"])


def _scalars(row: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "steps" and value is not None}
