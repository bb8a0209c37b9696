"""The one interface of everything that decides: protocols, trained agents, chance."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax


class Policy(NamedTuple):
    """A decision rule for one patient; all functions are pure and can be vmapped.

    - `init(params) -> carry`: what the rule remembers, at the start of an episode.
    - `act(key, carry, observation) -> (action, carry)`.
    """

    name: str
    init: Callable[[Any], Any]
    act: Callable[[jax.Array, Any, Any], tuple[jax.Array, Any]]


def random_policy(env) -> Policy:
    """Uniform over the action space."""
    space = env.action_space(env.default_params)
    return Policy(
        name="random",
        init=lambda params: (),
        act=lambda key, carry, observation: (space.sample(key), carry),
    )
