"""Training from the host, update by update: progress, a metrics file, checkpoints, resumption."""

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from hemosim_jax.core.files import write_text
from hemosim_jax.learning.checkpoint import Checkpoints
from hemosim_jax.learning.learner import Learner

CHECKPOINTS = "checkpoints"
METRICS = "metrics.jsonl"


def train_in_directory(
    learner: Learner,
    config: Any,
    key: jax.Array,
    directory: str | Path,
    *,
    checkpoint_every: int = 20,
    on_update: Callable[[dict[str, Any]], None] = lambda row: None,
) -> Any:
    """Trains to the end of the budget, going on from the newest checkpoint if there is one.

    - `learner`: of an algorithm, for `config`, which says `num_updates` and `batch_size`.

    The state is saved every `checkpoint_every` updates and at the end; killed at any moment and
    called again with the same arguments, the run ends with the very numbers of an uninterrupted one
    (same backend and versions). `metrics.jsonl` has a row for each update.

    **Raises:** `ValueError` for a damaged checkpoint or metrics file.
    """
    if checkpoint_every < 1:
        raise ValueError(f"checkpoint_every must be at least 1, got {checkpoint_every}")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    checkpoints = Checkpoints(directory / CHECKPOINTS)
    done = checkpoints.latest() or 0
    if done == 0:
        state = jax.jit(learner.init)(key)
    else:
        state = checkpoints.restore(jax.eval_shape(learner.init, key))
    if done >= config.num_updates:
        return state
    rows = metrics_rows(directory)[:done]
    if len(rows) < done:
        raise ValueError(
            f"{str(directory / METRICS)!r} is damaged: {len(rows)} rows for {done} updates"
        )
    write_text(directory / METRICS, "".join(json.dumps(row) + "\n" for row in rows))
    started = time.perf_counter()
    update = jax.jit(learner.update, donate_argnums=0).lower(state).compile()
    compile_s = time.perf_counter() - started
    with (directory / METRICS).open("a", encoding="utf-8") as file:
        for number in range(done + 1, config.num_updates + 1):
            started = time.perf_counter()
            state, metrics = update(state)
            metrics = {name: _finite(float(value)) for name, value in metrics.items()}
            elapsed_s = time.perf_counter() - started
            row = {"update": number, "steps": number * config.batch_size, **metrics}
            file.write(json.dumps(row) + "\n")
            if number % checkpoint_every == 0 or number == config.num_updates:
                file.flush()
                checkpoints.save(number, state)
            on_update(
                {
                    **row,
                    "steps_per_s": config.batch_size / elapsed_s,
                    "compile_s": compile_s,
                }
            )
    return state


def load_state(learner: Learner, directory: str | Path) -> Any:
    """The newest state of a run.

    **Raises:** `FileNotFoundError` if there is no run or no checkpoint, `ValueError` if damaged.
    """
    directory = Path(directory) / CHECKPOINTS
    if not directory.is_dir():
        raise FileNotFoundError(f"no checkpoint in {str(directory)!r}")
    return Checkpoints(directory).restore(jax.eval_shape(learner.init, jax.random.key(0)))


def metrics_rows(directory: str | Path) -> list[dict[str, Any]]:
    """The rows of a run's metrics file; a last line that was cut off is left out."""
    path = Path(directory) / METRICS
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
