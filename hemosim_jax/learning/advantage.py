"""Generalized advantage estimation that tells the end of an episode from the end of its clock."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def generalized_advantage(
    rewards: Float[Array, "time *b"],
    values: Float[Array, "time *b"],
    next_values: Float[Array, "time *b"],
    goes_on: Float[Array, "time *b"],
    ended: Bool[Array, "time *b"],
    discount: float,
    gae_lambda: float,
) -> Float[Array, "time *b"]:
    r"""Advantages (Schulman et al. 2016, eq. 16), the first axis being time.

    `next_values[t]` is the value of the observation that step `t` led to, *before* any reset: at a
    truncation the future is cut off but worth something, at a termination it is worth nothing.
    `goes_on` is therefore 0 at a termination and 1 elsewhere, or the probability of going on where
    the environment knows it,

    $$\delta_t = r_t + \gamma\,goes\_on_t V(s'_t) - V(s_t).$$

    The trace $\gamma\lambda\,goes\_on$ stops where an episode `ended`, by either, because the next
    row belongs to another one.
    """
    continues = jnp.where(ended, 0.0, goes_on)
    deltas = rewards + discount * goes_on * next_values - values

    def backwards(advantage, row):
        delta, keep = row
        advantage = delta + discount * gae_lambda * keep * advantage
        return advantage, advantage

    _, advantages = jax.lax.scan(
        backwards, jnp.zeros_like(values[0]), (deltas, continues), reverse=True
    )
    return advantages
