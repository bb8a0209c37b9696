"""Recorded courses as a Minari dataset."""

from collections.abc import Sequence
from typing import Any

import minari  # pyright: ignore[reportMissingImports]
import numpy as np
from minari.data_collector import EpisodeBuffer  # pyright: ignore[reportMissingImports]
from minari.dataset.minari_dataset import (  # pyright: ignore[reportMissingImports]
    parse_dataset_id,
)
from minari.storage import get_dataset_path  # pyright: ignore[reportMissingImports]

from hemosim_jax.core.spaces import to_gymnasium

# Read-outs that every task has; those of the physiology are left out: a clinic does not see them.
_INFOS = ("cost", "discount", "valid_action")


def check_name(name: str) -> None:
    """**Raises:** `ValueError` for what Minari does not take as an id, or has already."""
    parse_dataset_id(name)
    if get_dataset_path(name).exists():
        raise ValueError(f"there is a dataset {name!r} already: `minari delete`, or another --name")


def write_dataset(
    name: str,
    env: Any,
    params: Any,
    recorded: Sequence[Any],
    *,
    exploration: float,
    seed: int,
    options: dict[str, Any],
) -> Any:
    """Writes the courses of several policies (`evaluation.behavior.record`) under a Minari id.

    Every step's `infos` hold `log_probability`, that of its action under the policy that took it,
    `policy`, the index of that policy in the description, `cost`, `discount` and
    `valid_action`; where there is no step (Minari's first row) they are zeros.

    **Returns** the dataset. **Raises:** `ValueError` as Minari does, if the id is taken.
    """
    buffers, number = [], 0
    for index, one in enumerate(recorded):
        courses = one.episodes
        for row, alive in enumerate(courses.alive):
            steps = int(alive.sum())
            infos = {name: _after_reset(courses.info[name][row, :steps]) for name in _INFOS} | {
                "log_probability": _after_reset(one.log_probability[row, :steps]),
                "policy": np.full(steps + 1, index, np.int32),
            }
            ended = np.zeros(steps, bool)
            ended[-1] = courses.terminated[row]
            truncated = np.zeros(steps, bool)
            truncated[-1] = not courses.terminated[row]
            seen = courses.observation[row, :steps]
            last = courses.next_observation[row, steps - 1 : steps]
            buffers.append(
                EpisodeBuffer(
                    id=number,
                    seed=None,
                    observations=np.concatenate([seen, last]),
                    actions=courses.action[row, :steps],
                    rewards=courses.reward[row, :steps].astype(np.float64),
                    terminations=ended,
                    truncations=truncated,
                    infos=infos,
                )
            )
            number += 1
    names = ", ".join(f"{index}: {one.policy}" for index, one in enumerate(recorded))
    return minari.create_dataset_from_buffers(
        name,
        buffers,
        env=_spec(env.name, options),
        action_space=to_gymnasium(env.action_space(params)),
        observation_space=to_gymnasium(env.observation_space(params)),
        algorithm_name=names,
        author="hemosim_jax",
        description=(
            f"{env.name}, version {env.version}, seed {seed} of the recorded patients, who are "
            f"neither trained on nor judged by. Policies by index: {names}; exploration "
            f"{exploration:g}, of random 1. infos have a row more than actions: the first is of "
            "the reset, row t + 1 of action t."
        ),
        requirements=["hemosim-jax"],
    )


def _spec(env_id: str, options: dict[str, Any]) -> Any:
    import gymnasium

    spec = gymnasium.spec(f"hemosim_jax/{env_id}")
    spec.kwargs.update(options)
    return spec


def _after_reset(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros_like(values[:1]), values])
