"""Generalized advantage estimation that tells the end of an episode from the end of its clock."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def generalized_advantage(
    rewards: Float[Array, "time *b"],
    values: Float[Array, "time *b"],
    next_values: Float[Array, "time *b"],
    discounts: Float[Array, "time *b"],
    ended: Bool[Array, "time *b"],
    gae_lambda: Any,
) -> Float[Array, "time *b"]:
    r"""Advantages (Schulman et al. 2016, eq. 16), the first axis being time.

    `next_values[t]` is the value of the observation that step `t` led to, *before* any reset: at a
    truncation the future is cut off but worth something, at a termination it is worth nothing.
    `discounts` are therefore 0 at a termination; elsewhere each is that of its step's duration,
    times the probability of continuation where the environment knows it,

    $$\delta_t = r_t + \gamma_t V(s'_t) - V(s_t).$$

    The trace $\lambda\gamma_t$ stops where an episode `ended`, by either, because the next row
    belongs to another one.
    """
    kept = jnp.where(ended, 0.0, discounts)
    deltas = rewards + discounts * next_values - values

    def backwards(advantage, row):
        delta, keep = row
        advantage = delta + gae_lambda * keep * advantage
        return advantage, advantage

    _, advantages = jax.lax.scan(backwards, jnp.zeros_like(values[0]), (deltas, kept), reverse=True)
    return advantages
