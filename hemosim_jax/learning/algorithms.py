"""The learning algorithms by name, behind one interface."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from hemosim_jax.core.policy import Policy
from hemosim_jax.learning import config, dqn, ppo
from hemosim_jax.learning.learner import Learner


class Algorithm(NamedTuple):
    """What a training run asks of an algorithm.

    - `presets`: configurations by name, the first the default.
    - `check(config)`: raises `ValueError` for what cannot train.
    - `make_learner(env, params, config)`, `policy(env, params, state, config)`.
    """

    presets: Mapping[str, Any]
    check: Callable[[Any], None]
    make_learner: Callable[[Any, Any, Any], Learner]
    policy: Callable[[Any, Any, Any, Any], Policy]


def _ppo_policy(env: Any, params: Any, state: Any, config: Any) -> Policy:
    return ppo.agent_policy(env, params, state.agent, config)


def _dqn_policy(env: Any, params: Any, state: Any, config: Any) -> Policy:
    return dqn.greedy_policy(state.weights, config, env.action_space(params).n)


ALGORITHMS = {
    "ppo": Algorithm(config.PRESETS, config.check, ppo.make_learner, _ppo_policy),
    "dqn": Algorithm({"default": dqn.DQNConfig()}, dqn.check, dqn.make_learner, _dqn_policy),
}
