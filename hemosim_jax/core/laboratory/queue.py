"""The laboratory as a process: what is drawn when it is ordered comes back later, with an error.

`order` puts a sample in flight, `collect` takes out what has arrived. The queue has a fixed number
of slots, so that it jits and vmaps; an order that finds none free is refused, which it says. Times
are hours on any one clock.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.laboratory.assay import Assay, measured
from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar


class Sample(Node):
    """One sample: in flight, or with its result known. In a free slot `arrives_h` is inf."""

    value: Float[Array, ""]  # what is, or will be, reported
    drawn_h: Float[Array, ""]
    arrives_h: Float[Array, ""]


Queue = tuple[Sample, ...]


def empty_queue(slots: int) -> Queue:
    """Nothing in flight."""
    zero = jnp.zeros((), jnp.result_type(float))
    return (Sample(zero, zero, jnp.full_like(zero, jnp.inf)),) * slots


def no_result() -> Sample:
    """The newest result, where none has come yet: drawn at minus infinity."""
    zero = jnp.zeros((), jnp.result_type(float))
    return Sample(value=zero, drawn_h=zero - jnp.inf, arrives_h=zero - jnp.inf)


def order(
    queue: Queue,
    assay: Assay,
    wanted: Bool[Array, ""],
    true_value: Float[Array, ""],
    now_h: Float[Array, ""],
    normals: tuple[Float[Array, ""], Float[Array, ""]],
) -> tuple[Queue, Bool[Array, ""]]:
    """Draws a sample now, if `wanted`; returns also whether it was taken (a slot was free).

    `normals` are two standard normals: of the turnaround and of the error.
    """
    turnaround_normal, error_normal = normals
    turnaround_h = jnp.minimum(
        assay.turnaround_h * jnp.exp(assay.turnaround_log_sd * turnaround_normal),
        assay.longest_turnaround_h,
    )
    sample = Sample(measured(assay, true_value, error_normal), now_h, now_h + turnaround_h)
    waiting, slots = wanted, []
    for slot in queue:
        here = waiting & jnp.isinf(slot.arrives_h)
        slots.append(_where(here, sample, slot))
        waiting = waiting & ~here
    return tuple(slots), wanted & ~waiting


def collect(queue: Queue, now_h: Float[Array, ""]) -> tuple[Queue, Queue]:
    """What is still in flight, and what has arrived by now (free slots elsewhere in both)."""
    (free,) = empty_queue(1)
    here = [slot.arrives_h <= now_h for slot in queue]
    still = tuple(_where(a, free, slot) for a, slot in zip(here, queue, strict=True))
    arrived = tuple(_where(a, slot, free) for a, slot in zip(here, queue, strict=True))
    return still, arrived


def newest(known: Sample, arrived: Queue) -> Sample:
    """The most recently drawn result of those known and those that arrived."""
    for sample in arrived:
        later = ~jnp.isinf(sample.arrives_h) & (sample.drawn_h >= known.drawn_h)
        known = _where(later, sample, known)
    return known


def in_flight(queue: Queue) -> Array:
    """How many samples are under way."""
    taken = [~jnp.isinf(slot.arrives_h) for slot in queue]
    return jnp.sum(jnp.stack(taken), axis=0, dtype=jnp.int32)


class Laboratory(Node):
    """All assays of a task, by name."""

    in_flight: dict[str, Queue]
    known: dict[str, Sample]  # the newest result
    ordered: dict[str, Bool[Array, ""]]  # with the last decision, and taken
    refused: Bool[Array, ""]  # an order of the last decision found no slot
    arrived: dict[str, Array]  # how many results came since


N_NORMALS_PER_ASSAY = 2


def admission(
    panel: Mapping[str, Assay],
    slots: int,
    results: Mapping[str, tuple[Float[Array, ""], Float[Array, ""]]],
) -> Laboratory:
    """A laboratory with nothing in flight; `results`: (true value, error normal), known at 0 h."""
    known = {name: no_result() for name in panel}
    for name, (true_value, error_normal) in results.items():
        zero = jnp.zeros((), jnp.result_type(float))
        known[name] = Sample(measured(panel[name], true_value, error_normal), zero, zero)
    return Laboratory(
        in_flight={name: empty_queue(slots) for name in panel},
        known=known,
        ordered={name: jnp.zeros((), bool) for name in panel},
        refused=jnp.zeros((), bool),
        arrived={name: jnp.zeros((), jnp.int32) for name in panel},
    )


def order_panel(
    laboratory: Laboratory,
    panel: Mapping[str, Assay],
    wanted: Mapping[str, Bool[Array, ""]],
    true_values: Mapping[str, Float[Array, ""]],
    now_h: Float[Array, ""],
    normals: tuple[Float[Array, ""], ...],
    measurement_error: Scalar = 1.0,
) -> Laboratory:
    """`order` for every assay; two of `normals` each, in the order of the panel.

    `measurement_error` scales the errors: 0 for none.
    """
    queues, taken = {}, {}
    refused = jnp.zeros((), bool)
    for index, (name, assay) in enumerate(panel.items()):
        pair = (normals[2 * index], measurement_error * normals[2 * index + 1])
        queues[name], taken[name] = order(
            laboratory.in_flight[name], assay, wanted[name], true_values[name], now_h, pair
        )
        refused = refused | (wanted[name] & ~taken[name])
    return laboratory.replace(in_flight=queues, ordered=taken, refused=refused)


def collect_panel(laboratory: Laboratory, now_h: Float[Array, ""]) -> Laboratory:
    """`collect` for every assay; the newest results are known from now on."""
    still, known, count = {}, {}, {}
    for name, queue in laboratory.in_flight.items():
        still[name], arrived = collect(queue, now_h)
        known[name] = newest(laboratory.known[name], arrived)
        count[name] = in_flight(arrived)
    return laboratory.replace(in_flight=still, known=known, arrived=count)


def cost_chf(laboratory: Laboratory, panel: Mapping[str, Assay]) -> Float[Array, ""]:
    """Cost of the orders of the last decision."""
    cost = jnp.zeros((), jnp.result_type(float))
    for name, assay in panel.items():
        cost = cost + laboratory.ordered[name].astype(cost.dtype) * assay.cost_chf
    return cost


def _where(condition, a: Sample, b: Sample) -> Sample:
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
