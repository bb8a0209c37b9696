"""What every learning algorithm gives: a start and an update, both pure."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array


class Learner(NamedTuple):
    """`init(key) -> state` and `update(state) -> (state, metrics)`."""

    init: Callable[[jax.Array], Any]
    update: Callable[[Any], tuple[Any, dict[str, Array]]]


def with_discount(env_params: Any, discount: Any) -> Any:
    """Parameters with the learner's discount, where the environment discounts by duration."""
    if hasattr(env_params, "discount"):
        return env_params.replace(discount=jnp.asarray(discount, jnp.result_type(float)))
    return env_params


def step_discount(discount: Any, terminated: Array, reward: Array, info: dict[str, Array]) -> Array:
    """What the value of the next decision counts for.

    `info["discount"]` where the environment tells it (that of the step's duration, times the
    probability that a next decision follows), otherwise `discount`, 0 at a termination.
    """
    if "discount" in info:
        return info["discount"]
    return discount * (1.0 - terminated.astype(reward.dtype))


def trainer(learner: Learner, num_updates: int) -> Callable:
    """A function of a key that does all updates: the final state, and the metrics stacked."""

    def train(key: jax.Array) -> tuple[Any, dict[str, Array]]:
        return jax.lax.scan(
            lambda state, _: learner.update(state), learner.init(key), None, length=num_updates
        )

    return train
