"""A scalar signal known with its slope at the steps of an adaptive solver, cubic in between."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float


class Trajectory(struct.PyTreeNode):
    """Rows after the last step are padding, their `times` infinite."""

    __no_type_check__ = True  # JAX rebuilds it with leaves of any kind

    times: Float[Array, " rows"]  # increasing, the first the start
    values: Float[Array, " rows"]
    slopes: Float[Array, " rows"]


def at(trajectory: Trajectory, times: Float[Array, " n"]) -> Float[Array, " n"]:
    """The signal at these times, which must lie between the first and the last step."""
    known = trajectory.times
    last = jnp.sum(jnp.isfinite(known)) - 1
    right = jnp.clip(jnp.searchsorted(known, times, side="right"), 1, last)
    t0, t1 = known[right - 1], known[right]
    return _cubic(trajectory, right - 1, (times - t0) / (t1 - t0))


def maximum(trajectory: Trajectory) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Time and value of the greatest value."""
    _, h, y0, _, a, b, c = _pieces(trajectory)
    # The slope within a piece is a + 2 b x + 3 c x^2; both roots, free of cancellation.
    q = -(b + jnp.copysign(jnp.sqrt(jnp.maximum(b * b - 3.0 * a * c, 0.0)), b))
    x = _candidates(_ratio(q, 3.0 * c), _ratio(a, q))
    value = jnp.where(h > 0.0, y0 + x * (a + x * (b + x * c)), -jnp.inf)
    return _best(trajectory, h, x, value)


def steepest(trajectory: Trajectory) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Time and value of the greatest slope."""
    _, h, _, _, a, b, c = _pieces(trajectory)
    x = _candidates(_ratio(-b, 3.0 * c))
    slope = _ratio(a + x * (2.0 * b + x * 3.0 * c), h)
    slope = jnp.where(h > 0.0, slope, -jnp.inf)
    return _best(trajectory, h, x, slope)


def first_reaching(trajectory: Trajectory, level: Float[Array, ""]) -> Float[Array, ""]:
    """When the signal first reaches a level, seen at the steps; NaN if it never does."""
    _, h, _, y1, *_ = _pieces(trajectory)
    reaches = (h > 0.0) & (y1 >= level)
    piece = jnp.argmax(reaches)
    low, high = jnp.zeros_like(level), jnp.ones_like(level)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        above = _cubic(trajectory, piece, middle) >= level
        low, high = jnp.where(above, low, middle), jnp.where(above, middle, high)
    # Bisection knows no derivative: a step of Newton's method has it, and hardly moves the place.
    slope_at = jax.jvp(lambda x: _cubic(trajectory, piece, x), (high,), (jnp.ones_like(high),))[1]
    missing = level - _cubic(trajectory, piece, jax.lax.stop_gradient(high))
    rises = slope_at > 0.0
    place = high + jnp.where(rises, missing / jnp.where(rises, slope_at, 1.0), 0.0)
    t0, t1 = trajectory.times[piece], trajectory.times[piece + 1]
    begun = trajectory.values[0] >= level
    time = jnp.where(begun, trajectory.times[0], t0 + jnp.clip(place, 0.0, 1.0) * (t1 - t0))
    return jnp.where(jnp.any(reaches) | begun, time, jnp.nan)


def area(trajectory: Trajectory) -> Float[Array, ""]:
    """The integral of the signal over its time."""
    _, h, y0, _y1, a, b, c = _pieces(trajectory)
    return jnp.sum(jnp.where(h > 0.0, h * (y0 + a / 2.0 + b / 3.0 + c / 4.0), 0.0))


_BISECTIONS = 24  # float32 has no more bits


def _pieces(trajectory: Trajectory):
    """Start, length (0 in the padding), ends, and $y_0 + a x + b x^2 + c x^3$ on $x$ in 0..1."""
    t0, t1 = trajectory.times[:-1], trajectory.times[1:]
    valid = jnp.isfinite(t1)
    h = jnp.where(valid, jnp.where(valid, t1, 0.0) - jnp.where(valid, t0, 0.0), 0.0)
    y0, y1 = (jnp.where(valid, y, 0.0) for y in (trajectory.values[:-1], trajectory.values[1:]))
    d0, d1 = (h * jnp.where(valid, d, 0.0) for d in (trajectory.slopes[:-1], trajectory.slopes[1:]))
    return t0, h, y0, y1, d0, 3.0 * (y1 - y0) - 2.0 * d0 - d1, 2.0 * (y0 - y1) + d0 + d1


def _cubic(trajectory: Trajectory, piece, x):
    t0, t1 = trajectory.times[piece], trajectory.times[piece + 1]
    y0, y1 = trajectory.values[piece], trajectory.values[piece + 1]
    d0, d1 = ((t1 - t0) * trajectory.slopes[p] for p in (piece, piece + 1))
    b, c = 3.0 * (y1 - y0) - 2.0 * d0 - d1, 2.0 * (y0 - y1) + d0 + d1
    return y0 + x * (d0 + x * (b + x * c))


def _ratio(a, b):
    return jnp.where(b == 0.0, 0.0, a / jnp.where(b == 0.0, 1.0, b))


def _candidates(*inner):
    """Both ends of a piece, and points within."""
    return jnp.clip(
        jnp.stack([jnp.zeros_like(inner[0]), jnp.ones_like(inner[0]), *inner]), 0.0, 1.0
    )


def _best(trajectory: Trajectory, h, x, value):
    """Where, of `candidate, piece`, the value is greatest."""
    best = jnp.argmax(value)
    piece = best % h.shape[0]
    return trajectory.times[piece] + x.reshape(-1)[best] * h[piece], value.reshape(-1)[best]
