"""Returns and lengths of the episodes that end while a learner steps its environments."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node

_AVERAGED_INFO = ("therapeutic", "cost")  # read-outs of `info` worth a curve, where there are any


class EpisodeSums(Node):
    """Of the episode that every environment is in."""

    total: Float[Array, " envs"]
    length: Float[Array, " envs"]


def no_episodes(num_envs: int) -> EpisodeSums:
    """Nothing stepped yet."""
    zeros = jnp.zeros(num_envs, jnp.result_type(float))
    return EpisodeSums(zeros, zeros)


def note_step(
    sums: EpisodeSums,
    reward: Float[Array, " envs"],
    done: Bool[Array, " envs"],
    info: dict[str, Array],
) -> tuple[EpisodeSums, dict[str, Float[Array, ""]]]:
    """The sums after one step, and what there is to say of those that ended with it."""
    total, length = sums.total + reward, sums.length + 1.0
    ended = {
        "ended": jnp.sum(done.astype(reward.dtype)),
        "return": jnp.sum(jnp.where(done, total, 0.0)),
        "length": jnp.sum(jnp.where(done, length, 0.0)),
        **{
            name: jnp.mean(info[name].astype(reward.dtype))
            for name in _AVERAGED_INFO
            if name in info
        },
    }
    return EpisodeSums(jnp.where(done, 0.0, total), jnp.where(done, 0.0, length)), ended


def averages(ended: dict[str, Float[Array, " steps"]]) -> dict[str, Float[Array, ""]]:
    """Metrics of many steps of `note_step`. Return and length are NaN where no episode ended."""
    count = jnp.sum(ended["ended"])
    return {
        "episode_return": jnp.sum(ended["return"]) / count,
        "episode_length": jnp.sum(ended["length"]) / count,
        "episodes": count,
        **{name: jnp.mean(ended[name]) for name in _AVERAGED_INFO if name in ended},
    }
