"""What every learning algorithm gives: a start and an update, both pure."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jaxtyping import Array


class Learner(NamedTuple):
    """`init(key) -> state` and `update(state) -> (state, metrics)`."""

    init: Callable[[jax.Array], Any]
    update: Callable[[Any], tuple[Any, dict[str, Array]]]


def goes_on(terminated: Array, reward: Array, info: dict[str, Array]) -> Array:
    """The probability that a next decision follows: `info["discount"]` where a task knows it."""
    return info.get("discount", 1.0 - terminated.astype(reward.dtype))


def trainer(learner: Learner, num_updates: int) -> Callable:
    """A function of a key that does all updates: the final state, and the metrics stacked."""

    def train(key: jax.Array) -> tuple[Any, dict[str, Array]]:
        return jax.lax.scan(
            lambda state, _: learner.update(state), learner.init(key), None, length=num_updates
        )

    return train
