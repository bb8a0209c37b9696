"""The laboratory as a process: what is drawn when it is ordered comes back later, with an error.

`order` puts a sample in flight, `collect` takes out what has arrived. The queue has a fixed number
of slots, so that it jits and vmaps; an order that finds none free is refused, which it says. Times
are hours on any one clock.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float


class Assay(NamedTuple):
    """What a laboratory can measure, and how it does."""

    turnaround_h: float  # median, from the draw to the result
    turnaround_log_sd: float  # log-normal
    longest_turnaround_h: float  # cut there
    analytical_cv: float  # of one measurement, around the true value
    limits: tuple[float, float]  # what lies beyond is reported as the limit
    cost_chf: float


# Turnaround: an urgent aPTT takes 1 h and a routine one 4 h (UCSF), a coagulation panel 2 h
# (Eastern Health), anti-Xa 1–2 h (recalled); the spreads are assumptions. Analytical CV and limits
# are assumptions (de Maat 2016 gives 1.3 % for PT to 12.9 % over all assays). Costs: aPTT, anti-Xa
# and thrombin time of a Swiss laboratory (PMC6009553), the others assumptions.
APTT = Assay(1.0, 0.4, 4.0, 0.04, (15.0, 150.0), 23.4)  # s
ANTI_XA = Assay(1.5, 0.4, 8.0, 0.05, (0.04, 2.0), 24.2)  # U/mL
PLATELETS = Assay(0.75, 0.4, 4.0, 0.03, (1.0, 2000.0), 9.0)  # 1e9/L
INR = Assay(1.0, 0.4, 4.0, 0.03, (0.8, 12.0), 17.0)
DOAC_ANTI_XA = Assay(2.0, 0.4, 12.0, 0.06, (10.0, 500.0), 24.2)  # ng/mL, calibrated for the drug
DILUTE_THROMBIN_TIME = Assay(2.0, 0.4, 12.0, 0.06, (15.0, 500.0), 33.3)  # ng/mL of dabigatran
CREATININE = Assay(1.0, 0.4, 4.0, 0.03, (0.1, 30.0), 8.0)  # mg/dL
HEMOGLOBIN = Assay(0.75, 0.4, 4.0, 0.02, (2.0, 25.0), 9.0)  # g/dL
PROTHROMBIN_TIME = Assay(1.0, 0.4, 4.0, 0.02, (7.0, 120.0), 17.0)  # s
FIBRINOGEN = Assay(1.5, 0.4, 4.0, 0.06, (0.3, 10.0), 22.0)  # g/L, Clauss
D_DIMER = Assay(1.5, 0.4, 4.0, 0.09, (0.2, 80.0), 40.0)  # mg/L FEU
ANTITHROMBIN = Assay(2.0, 0.4, 12.0, 0.05, (0.05, 2.0), 27.0)  # fraction of normal

HEPARIN_PANEL = MappingProxyType({"aptt": APTT, "anti_xa": ANTI_XA, "platelets": PLATELETS})
WARFARIN_PANEL = MappingProxyType({"inr": INR})
DOAC_PANEL = MappingProxyType(
    {
        "anti_xa": DOAC_ANTI_XA,
        "dilute_thrombin_time": DILUTE_THROMBIN_TIME,
        "creatinine": CREATININE,
        "hemoglobin": HEMOGLOBIN,
    }
)
DIC_PANEL = MappingProxyType(
    {
        "platelets": PLATELETS,
        "prothrombin_time": PROTHROMBIN_TIME,
        "fibrinogen": FIBRINOGEN,
        "d_dimer": D_DIMER,
        "antithrombin": ANTITHROMBIN,
        "aptt": APTT,
        "hemoglobin": HEMOGLOBIN,
    }
)


@struct.dataclass
class Sample:
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


def measured(
    assay: Assay, true_value: Float[Array, ""], error_normal: Float[Array, ""]
) -> Float[Array, ""]:
    """What the assay reports of a true value: unbiased around it, cut at the limits."""
    low, high = assay.limits
    return jnp.clip(true_value * (1.0 + assay.analytical_cv * error_normal), low, high)


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
    return sum((~jnp.isinf(slot.arrives_h)).astype(jnp.int32) for slot in queue)


@struct.dataclass
class Laboratory:
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
) -> Laboratory:
    """`order` for every assay; two of `normals` each, in the order of the panel."""
    queues, taken = {}, {}
    refused = jnp.zeros((), bool)
    for index, (name, assay) in enumerate(panel.items()):
        pair = tuple(normals[N_NORMALS_PER_ASSAY * index : N_NORMALS_PER_ASSAY * (index + 1)])
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
    dtype = jnp.result_type(float)
    return sum(
        laboratory.ordered[name].astype(dtype) * assay.cost_chf for name, assay in panel.items()
    )


def _where(condition, a: Sample, b: Sample) -> Sample:
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)
