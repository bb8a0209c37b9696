"""Durations: what a step is worth, and when within it a threshold was reached."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.scalar import Scalar

_TOLERANCE = 1e-3  # of an interval: clocks add up rounding errors
_ROUNDING = 1e-6  # of a threshold: a signal that rests on it has not passed it


def is_over(elapsed: Array, interval: Scalar, horizon: Scalar) -> Bool[Array, "*b"]:
    """Whether the horizon has been reached."""
    return elapsed >= horizon - _TOLERANCE * interval


def number_of_intervals(horizon: Scalar, interval: Scalar) -> Array:
    """Decisions until the horizon is reached (int32)."""
    return jnp.ceil(jnp.asarray(horizon) / interval - _TOLERANCE).astype(jnp.int32)


class Crossing(NamedTuple):
    """Whether a signal went beyond a threshold within an interval, and when it first did."""

    happened: Bool[Array, "*b"]
    fraction: Float[Array, "*b"]  # of the interval; 1 if it did not, or began beyond the threshold


def monotone_crossing(
    before: Float[Array, "*b"],
    after: Float[Array, "*b"],
    threshold: Scalar,
    *,
    rising: bool,
    slopes: tuple[Float[Array, "*b"], Float[Array, "*b"]] | None = None,
) -> Crossing:
    """Of a signal that goes one way between the two ends of the interval.

    The moment is that of a straight line, or of the cubic with these slopes (per interval).
    """
    if slopes is not None:
        moment = cubic_crossing((before, after), slopes, threshold, rising=rising).fraction
        happened = (after > threshold) if rising else (after < threshold)
        return Crossing(happened, jnp.where(happened, moment, 1.0))
    sign = 1.0 if rising else -1.0
    y0, y1 = sign * (before - threshold), sign * (after - threshold)
    happened = y1 > 0.0
    return Crossing(happened, jnp.where(happened, _straight(y0, y1), 1.0))


def cubic(
    ends: tuple[Float[Array, "*b"], Float[Array, "*b"]],
    slopes: tuple[Float[Array, "*b"], Float[Array, "*b"]],
    fraction: Float[Array, "*b"],
) -> Float[Array, "*b"]:
    """A signal within an interval, by its values and slopes (per interval) at both ends."""
    a, b, c = _coefficients(ends, slopes)
    return ends[0] + fraction * (a + fraction * (b + fraction * c))


def _coefficients(ends, slopes):
    """Of the fraction, its square and its cube."""
    rise, (a, d1) = ends[1] - ends[0], slopes
    return a, 3.0 * rise - 2.0 * a - d1, a + d1 - 2.0 * rise


def cubic_crossing(
    ends: tuple[Float[Array, "*b"], Float[Array, "*b"]],
    slopes: tuple[Float[Array, "*b"], Float[Array, "*b"]],
    threshold: Scalar,
    *,
    rising: bool,
) -> Crossing:
    r"""Of a smooth signal known with its slope (per interval) at both ends.

    The cubic through them, $y_0 + ax + bx^2 + cx^3$ on 0..1, tells whether the signal passes the
    threshold between the ends, even where both are on the right side of it, and about when.
    """
    a, b, c = _coefficients(ends, slopes)
    # The maximum within: the root of the slope a + 2 b x + 3 c x^2 where it falls, in the form that
    # does not cancel. (Up to here the same for a second threshold, and computed once.)
    root = jnp.sqrt(jnp.maximum(b * b - 3.0 * a * c, 1e-30))  # not 0, where its slope is none
    sign = 1.0 if rising else -1.0
    y0, y1 = (sign * (y - threshold) for y in ends)
    a, b, c = sign * a, sign * b, sign * c
    above = jnp.where(b > 0.0, b + root, a)
    below = jnp.where(b > 0.0, -3.0 * c, root - b)

    def at(x):
        return y0 + x * (a + x * (b + x * c))

    x = jnp.clip(above / jnp.where(below > 0.0, below, 1.0), 0.0, 1.0)
    peak = at(x)
    inside = (below > 0.0) & (peak > y1)
    # From the start up to the end, or the extreme, by false position.
    one = jnp.ones_like(y0)
    low, below, high, above = 0.0 * one, y0, jnp.where(inside, x, one), jnp.where(inside, peak, y1)
    happened = above > _ROUNDING * jnp.abs(threshold)
    middle = low + high * _straight(below, above)
    for _ in range(2):
        value = at(middle)
        beyond = value > 0.0
        low, below = jnp.where(beyond, low, middle), jnp.where(beyond, below, value)
        high, above = jnp.where(beyond, middle, high), jnp.where(beyond, value, above)
        middle = low + (high - low) * _straight(below, above)
    return Crossing(happened, jnp.where(happened & (y0 <= 0.0), middle, 1.0))


def _straight(y0, y1):
    """Where the line from y0 to y1 > 0 passes zero; 1 where it begins beyond."""
    return jnp.where(y0 > 0.0, 1.0, y0 / jnp.where(y0 == y1, 1.0, y0 - y1))


# How many hours a unit of time is: for what is known in hours (a laboratory's turnaround).
HOURS = {"ms": 1.0 / 3.6e6, "s": 1.0 / 3600.0, "min": 1.0 / 60.0, "h": 1.0, "d": 24.0}
