"""Courses to learn from offline: policies that explore, with the probability of what they did."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.spaces import Box, MultiDiscrete
from hemosim_jax.evaluation.rollout import Episode, episode
from hemosim_jax.evaluation.streams import Stream


class Recorded(NamedTuple):
    """Episodes of one policy, stacked, and the log-probability of each action."""

    policy: str
    episodes: Episode
    log_probability: Float[Array, "episodes times"]


def record(
    env: TreatmentEnvironment,
    params: Any,
    policy: Policy,
    stream: Stream,
    num_episodes: int,
    exploration: float,
    number: int = 0,
) -> Recorded:
    """Episodes of `policy`, which must not be one of chance, with exploration laid over it.

    - `number`: of the policy; each has patients of its own.

    - `exploration`: of numbers (and flags, which are numbers above and below 0.5): the standard
      deviation of a normal around the policy's action, in the box of 0..1, clipped to it; its
      log-probability is a density inside the box and a probability on its faces, summed up over
      the entries. Of choices: the probability of a random one instead, for each entry. Where it is
      1 numbers, too, are uniform, whatever the policy.

    **Raises:** `ValueError` for a held-out stream, or an exploration that is not in 0..1.
    """
    if stream.name == "held-out":
        raise ValueError("courses to learn from must not be of the held-out stream")
    if not 0.0 < exploration <= 1.0:
        raise ValueError(f"exploration must be above 0 and at most 1, got {exploration}")
    space, steps = env.action_space(params), int(params.max_steps_in_episode)
    explore = _explore_box if isinstance(space, Box) else _explore_choices

    def act(key, carry, observation):
        key_act, key_explore = jax.random.split(key)
        inner, _ = carry
        action, inner = policy.act(key_act, inner, observation)
        action, log_probability = explore(key_explore, space, action, exploration)
        return action, (inner, log_probability)

    zero = jnp.zeros((), jnp.result_type(float))
    exploring = Policy(policy.name, lambda params: (policy.init(params), zero), act)
    keys = jax.random.split(jax.random.fold_in(stream.key(), number), num_episodes)
    run = jax.jit(
        jax.vmap(lambda key: episode(env, params, exploring, steps, key, remember=lambda c: c[1]))
    )
    episodes = jax.device_get(run(keys))
    return Recorded(policy.name, episodes, episodes.remembered)


def _explore_box(key, space, action, deviation):
    if deviation == 1.0:
        given = space.sample(key)
        volume = jnp.prod(jnp.asarray(space.high) - jnp.asarray(space.low))
        return given, -jnp.log(volume).astype(given.dtype)
    noisy = action + deviation * jax.random.normal(key, action.shape, action.dtype)
    low, high = jnp.asarray(space.low), jnp.asarray(space.high)
    given = jnp.clip(noisy, low, high)
    below, above = norm.logcdf(low, action, deviation), norm.logsf(high, action, deviation)
    inside = norm.logpdf(given, action, deviation)
    each = jnp.where(given <= low, below, jnp.where(given >= high, above, inside))
    return given, jnp.sum(each)


def _explore_choices(key, space, action, probability):
    key_which, key_random = jax.random.split(key)
    sizes = jnp.asarray(space.sizes if isinstance(space, MultiDiscrete) else space.n)
    explores = jax.random.uniform(key_which, action.shape) < probability
    given = jnp.where(explores, space.sample(key_random), action).astype(action.dtype)
    share = probability / sizes
    chance = jnp.where(given == action, 1.0 - probability + share, share)
    return given, jnp.sum(jnp.log(chance))
