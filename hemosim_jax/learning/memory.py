"""What an agent remembers of its episode: a recurrent unit that sees observations and actions.

The same functions serve an agent without memory (size 0), for which they do nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from gymnax.environments.spaces import Space
from jaxtyping import Array, Bool

from hemosim_jax.core.node import Node
from hemosim_jax.learning import networks


class RecurrentCarry(Node):
    """Carried from one decision to the next; both fields are `()` without memory."""

    hidden: Any  # ..., size
    action: Any  # the last action, as `networks.remembered` encodes it; zeros before the first


class AgentMemory(NamedTuple):
    """Functions for any batch shape; `...` below.

    - `init(key, seen)`: weights.
    - `start(shape)`: nothing remembered.
    - `encode_input(observation, recurrent)`: the observation and the last action.
    - `update(weights, hidden, seen)`: the memory after one more input.
    - `replay(weights, hidden, seen, starts)`: the memory after each of `row, step` inputs, from
      `row` memories, cleared before a step that starts an episode.
    - `features(seen, hidden)`: what actor and critic get.
    - `after(hidden, sample)`: the recurrent once the action is chosen.
    """

    init: Callable
    start: Callable
    encode_input: Callable
    update: Callable
    replay: Callable
    features: Callable
    after: Callable


def make_memory(space: Space, size: int) -> AgentMemory:
    """A memory of `size` units for actions of `space`; 0 for none."""
    if size == 0:
        return AgentMemory(
            init=lambda key, seen: (),
            start=lambda shape: RecurrentCarry((), ()),
            encode_input=lambda observation, recurrent: observation,
            update=lambda weights, hidden, seen: (),
            replay=lambda weights, hidden, seen, starts: (),
            features=lambda seen, hidden: seen,
            after=lambda hidden, sample: RecurrentCarry((), ()),
        )
    module: Any = networks.Memory(size)
    dtype = jnp.result_type(float)
    sample = jax.eval_shape(space.sample, jax.random.key(0))
    action_size = jax.eval_shape(lambda x: networks.remembered(space, x), sample).shape[-1]

    def replay(weights, hidden, seen, starts):
        def one_step(hidden, row):
            seen, starts = row
            cleared = jnp.where(starts[:, None], 0.0, hidden)
            hidden = module.apply(weights, cleared, seen)
            return hidden, hidden

        in_time = jax.tree.map(lambda x: jnp.swapaxes(x, 0, 1), (seen, starts))
        return jnp.swapaxes(jax.lax.scan(one_step, hidden, in_time)[1], 0, 1)

    return AgentMemory(
        init=lambda key, seen: module.init(key, jnp.zeros((*seen.shape[:-1], size), dtype), seen),
        start=lambda shape: RecurrentCarry(
            jnp.zeros((*shape, size), dtype), jnp.zeros((*shape, action_size), dtype)
        ),
        encode_input=lambda observation, recurrent: jnp.concatenate(
            [observation, recurrent.action], axis=-1
        ),
        update=module.apply,
        replay=replay,
        features=lambda seen, hidden: jnp.concatenate([seen, hidden], axis=-1),
        after=lambda hidden, sample: RecurrentCarry(hidden, networks.remembered(space, sample)),
    )


def forget_where_done(done: Bool[Array, " envs"], recurrent: RecurrentCarry) -> RecurrentCarry:
    """Nothing remembered in the environments whose episode is over."""
    return jax.tree.map(lambda x: jnp.where(done[:, None], 0.0, x), recurrent)
