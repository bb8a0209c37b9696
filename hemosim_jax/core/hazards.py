r"""Events of a hazard that accumulates over time.

An event comes when the hazard gathered since the last one reaches a threshold drawn beforehand from
the exponential distribution of mean 1. Over any course its chance is then
$1 - e^{-\int h}$, however the course is cut into steps. `random_draws.as_exponential` draws the
threshold in 32 bits, so that an event of one in a million is as rare as that.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.random_draws import as_exponential


class Event(NamedTuple):
    """What an interval brought."""

    happened: Bool[Array, "*b"]
    left: Float[Array, "*b"]  # hazard still to be gathered until the next one
    fraction: Float[Array, "*b"]  # of the interval, at a constant hazard; 1 if it did not happen


def thresholds(draws: Sequence[Float[Array, ""]]) -> tuple[Float[Array, ""], ...]:
    """As many as there are `draws` of `uniform_vector`, of which each is another's finer half.

    That takes two at least.
    """
    return tuple(as_exponential(draw, draws[i - 1]) for i, draw in enumerate(draws))


def gather(
    left: Float[Array, ""], hazard: Float[Array, ""], next_threshold: Float[Array, ""]
) -> Event:
    """After an interval with this cumulative hazard; after an event `next_threshold` begins.

    What is gathered beyond the threshold counts for the next one. Two events in one interval are
    one.
    """
    happened = hazard >= left
    after = left - hazard
    fraction = jnp.where(happened, left / jnp.where(happened, jnp.maximum(hazard, 1e-30), 1.0), 1.0)
    again = jnp.maximum(next_threshold + after, 0.0)
    return Event(happened, jnp.where(happened, again, after), fraction)
