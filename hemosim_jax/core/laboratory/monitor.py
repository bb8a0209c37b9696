"""Monitors: signals that come by themselves, each at its own period and with its own error."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.fields import Field
from hemosim_jax.core.node import Node

N_NORMALS_PER_MONITOR = 1


class Monitor(NamedTuple):
    """What a monitor shows of a read-out, and how well.

    With $z$ a standard normal, a reading is `true * (1 + relative_sd * z) + additive_sd * z`, cut
    at the limits. `memory` makes the errors of successive readings alike: their correlation is
    `exp(-time between / memory)`; 0 for independent ones.
    """

    field: Field
    period: float  # from one reading to the next, in the task's unit of time
    additive_sd: float = 0.0
    relative_sd: float = 0.0
    memory: float = 0.0
    limits: tuple[float, float] = (-float("inf"), float("inf"))
    measures: str = ""  # the read-out; that of the field's name if not given


class Shown(Node):
    """What a monitor shows now."""

    value: Float[Array, ""]
    read_at: Float[Array, ""]
    error: Float[Array, ""]  # the standard normal behind the reading


def reading(
    monitor: Monitor, true_value: Float[Array, ""], error: Float[Array, ""]
) -> Float[Array, ""]:
    """What is shown of a true value with this error."""
    spread = monitor.relative_sd * jnp.abs(true_value) + monitor.additive_sd
    return jnp.clip(true_value + spread * error, *monitor.limits)


def switch_on(monitor: Monitor, true_value: Float[Array, ""], error: Float[Array, ""]) -> Shown:
    """The first reading, at time 0."""
    return Shown(reading(monitor, true_value, error), jnp.zeros_like(error), error)


def follow(
    monitor: Monitor,
    shown: Shown,
    true_values: tuple[Float[Array, ""], Float[Array, ""]],
    times: tuple[Float[Array, ""], Float[Array, ""]],
    normal: Float[Array, ""],
) -> Shown:
    """The newest reading after a step between two times, given the true values at both.

    Readings fall on multiples of the period; between the two times the read-out is taken as a
    straight line. Without a reading in the step the last one stays.
    """
    start, end = times
    periods = end / monitor.period
    newest = jnp.floor(periods + 1e-4 + 1e-6 * periods) * monitor.period  # clocks are rounded
    is_new = newest > start * (1.0 + 1e-6)
    fraction = jnp.clip((newest - start) / (end - start), 0.0, 1.0)
    true_value = true_values[0] + fraction * (true_values[1] - true_values[0])
    error = normal
    if monitor.memory > 0.0:
        alike = jnp.exp(-(newest - shown.read_at) / monitor.memory)
        error = alike * shown.error + jnp.sqrt(1.0 - alike**2) * normal
    later = Shown(reading(monitor, true_value, error), newest, error)
    return Shown(*(jnp.where(is_new, new, old) for new, old in _pairs(later, shown)))


def _pairs(a: Shown, b: Shown):
    return zip((a.value, a.read_at, a.error), (b.value, b.read_at, b.error), strict=True)
