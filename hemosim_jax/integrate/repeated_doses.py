r"""What is left of a train of equal doses, one every interval: geometric series, in closed form.

A dose that decays at rate $\lambda$ leaves $e^{-\lambda t}$ after a time $t$. Of $n$ doses, one
every $\tau$, the last of them $r$ ago,

$$S(\lambda) = \sum_{j=0}^{n-1} e^{-\lambda (r + j\tau)}
  = e^{-\lambda r}\,(1 - e^{-n\lambda\tau}) / (1 - e^{-\lambda\tau})$$

is left, and behind a depot that empties at $a$ into a compartment that empties at $b$ there is
$(S(b) - S(a)) / (a - b)$ per unit of the depot's first outflow (Gibaldi & Perrier, ch. 3).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.integrate.linear import bateman, disposition_rates, fed_amounts


class Train(NamedTuple):
    """Equal doses at equal intervals. With a number of 0, nothing."""

    number: Float[Array, "..."]
    interval: Float[Array, "..."]
    since_last: Float[Array, "..."]  # >= 0


def doses_left(rate: Float[Array, "..."], train: Train) -> Float[Array, "..."]:
    r"""$S(\lambda)$, in doses."""
    gone = jnp.exp(-rate * train.since_last) * _spent(rate, train)
    return gone / -jnp.expm1(-rate * train.interval)


def doses_passed_on(
    rate_in: Float[Array, "..."], rate_out: Float[Array, "..."], train: Train
) -> Float[Array, "..."]:
    """`bateman` of a train of doses: the same for a single dose, and as safe where rates meet.

    The difference quotient of a product is taken factor by factor, each of them a `bateman`.
    """
    first = 1.0 / -jnp.expm1(-rate_in * train.interval)
    second = 1.0 / -jnp.expm1(-rate_out * train.interval)
    since_last = bateman(rate_in, rate_out, train.since_last) * _spent(rate_out, train)
    earlier = first * _spent(rate_in, train) * bateman(rate_in, rate_out, train.interval)
    all_time = bateman(rate_in, rate_out, train.number * train.interval)
    return second * (since_last + jnp.exp(-rate_in * train.since_last) * (earlier - all_time))


def two_compartment_left(dose, absorption_rate, rates, train: Train):
    """What a train of doses leaves in depot, central and peripheral compartment.

    `rates` is `(k10, k12, k21)`; amounts are in the unit of `dose`, one that is absorbed whole.
    """
    alpha, beta = disposition_rates(*rates)
    central, peripheral = fed_amounts(
        absorption_rate * dose,
        doses_passed_on(absorption_rate, alpha, train),
        doses_passed_on(absorption_rate, beta, train),
        rates,
    )
    return dose * doses_left(absorption_rate, train), central, peripheral


def _spent(rate, train: Train):
    return -jnp.expm1(-rate * train.number * train.interval)
