"""Returns, lengths and averages of the episodes that end while a learner steps its environments."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node

_AVERAGED_INFO = ("therapeutic", "cost")  # read-outs of `info` worth a curve, where there are any


class EpisodeSums(Node):
    """Of the episode that every environment is in."""

    total: Float[Array, " envs"]
    length: Float[Array, " envs"]
    averaged: dict[str, Float[Array, " envs"]]


def no_episodes(num_envs: int) -> EpisodeSums:
    """Nothing stepped yet."""
    zeros = jnp.zeros(num_envs, jnp.result_type(float))
    return EpisodeSums(zeros, zeros, dict.fromkeys(_AVERAGED_INFO, zeros))


def note_step(
    sums: EpisodeSums,
    reward: Float[Array, " envs"],
    done: Bool[Array, " envs"],
    info: dict[str, Array],
) -> tuple[EpisodeSums, dict[str, Float[Array, ""]]]:
    """The sums after one step, and what there is to say of those that ended with it."""
    after = EpisodeSums(
        total=sums.total + reward,
        length=sums.length + 1.0,
        averaged={
            name: total + info[name].astype(reward.dtype) if name in info else total
            for name, total in sums.averaged.items()
        },
    )
    ended = {
        "ended": done.astype(reward.dtype),
        "return": jnp.where(done, after.total, 0.0),
        "length": jnp.where(done, after.length, 0.0),
        **{
            name: jnp.where(done, total, 0.0)
            for name, total in after.averaged.items()
            if name in info
        },
    }
    begun = EpisodeSums(
        total=jnp.where(done, 0.0, after.total),
        length=jnp.where(done, 0.0, after.length),
        averaged={name: jnp.where(done, 0.0, total) for name, total in after.averaged.items()},
    )
    return begun, {name: jnp.sum(values) for name, values in ended.items()}


def averages(ended: dict[str, Float[Array, " steps"]]) -> dict[str, Float[Array, ""]]:
    """Metrics of many steps of `note_step`; all but the count are NaN where no episode ended.

    A read-out's average is over the steps of the episodes that ended.
    """
    count, steps = jnp.sum(ended["ended"]), jnp.sum(ended["length"])
    return {
        "episode_return": jnp.sum(ended["return"]) / count,
        "episode_length": steps / count,
        "episodes": count,
        **{name: jnp.sum(ended[name]) / steps for name in _AVERAGED_INFO if name in ended},
    }
