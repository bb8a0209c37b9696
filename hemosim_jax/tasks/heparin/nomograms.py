"""Published tables for adjusting heparin, and the ward that follows them, in clinical units.

- Raschke 1993 (Ann Intern Med 119:874), the weight-based arm, as AAFP 2004 reprints it. Seconds are
  those of its laboratory (control 30 s): 35, 46, 71 and 90 s are 1.2, 1.5, 2.3 and 3 times control.
- Its standard care arm: the start is published; the steps are an assumption.
- Anti-Xa guided, 0.3–0.7 U/mL: University of Michigan, guideline for venous thromboembolism.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.node import Node

RECHECK_H = 6.0  # from one sample to the next, as in the trial
SETTLING_H = 5.0  # not sooner after a change, however late the result was (assumption)
RECHECK_STABLE_H = 24.0
STABLE_RESULTS = 2  # consecutive, in range


class Step(NamedTuple):
    """What a result calls for; per kg of body weight where the nomogram is."""

    bolus_u: float
    rate_change_u_per_h: float  # relative to the running rate
    hold_h: float


class Nomogram(NamedTuple):
    """`steps[i]` holds for results below `bounds[i]` (and not below the one before)."""

    start_bolus_u: float
    start_rate_u_per_h: float
    bounds: tuple[float, ...]
    steps: tuple[Step, ...]  # one more than bounds
    in_range: int  # the index of the step for results in range
    per_kg: bool = True
    max_bolus_u: float = float("inf")
    max_start_rate_u_per_h: float = float("inf")


RASCHKE = Nomogram(
    start_bolus_u=80.0,
    start_rate_u_per_h=18.0,
    bounds=(35.0, 45.5, 70.5, 90.5),  # s; between the whole seconds of the table
    steps=(
        Step(80.0, 4.0, 0.0),
        Step(40.0, 2.0, 0.0),
        Step(0.0, 0.0, 0.0),
        Step(0.0, -2.0, 0.0),
        Step(0.0, -3.0, 1.0),
    ),
    in_range=2,
)
STANDARD_CARE = Nomogram(
    start_bolus_u=5000.0,
    start_rate_u_per_h=1000.0,
    bounds=RASCHKE.bounds,
    steps=(  # assumption: round steps of the period
        Step(5000.0, 200.0, 0.0),
        Step(0.0, 100.0, 0.0),
        Step(0.0, 0.0, 0.0),
        Step(0.0, -100.0, 0.0),
        Step(0.0, -200.0, 1.0),
    ),
    in_range=2,
    per_kg=False,
)
ANTI_XA = Nomogram(
    start_bolus_u=80.0,
    start_rate_u_per_h=18.0,
    bounds=(0.2, 0.295, 0.705, 0.805, 1.0),  # U/mL
    steps=(
        Step(80.0, 1.5, 0.0),
        Step(40.0, 1.0, 0.0),
        Step(0.0, 0.0, 0.0),
        Step(0.0, -1.0, 0.0),
        Step(0.0, -1.5, 0.5),
        Step(0.0, -3.0, 1.0),
    ),
    in_range=2,
    max_bolus_u=10_000.0,
    max_start_rate_u_per_h=1800.0,
)


class Ward(Node):
    """What the ward remembers of a patient."""

    rate_u_per_h: Float[Array, ""]  # as ordered, when not held
    resume_h: Float[Array, ""]  # infusion stopped before this time
    next_check_h: Float[Array, ""]  # when the next sample is drawn
    in_range_in_a_row: Int[Array, ""]


def before_start() -> Ward:
    """Nothing given yet."""
    zero = jnp.zeros((), jnp.result_type(float))
    return Ward(zero, zero, zero, jnp.zeros((), jnp.int32))


def start(
    nomogram: Nomogram, weight_kg: Float[Array, ""], now_h: Float[Array, ""]
) -> tuple[Ward, Float[Array, ""]]:
    """The ward after the first order, and the bolus (U)."""
    scale = weight_kg if nomogram.per_kg else jnp.ones_like(weight_kg)
    rate_u_per_h = jnp.minimum(nomogram.start_rate_u_per_h * scale, nomogram.max_start_rate_u_per_h)
    ward = before_start().replace(rate_u_per_h=rate_u_per_h, next_check_h=now_h + RECHECK_H)
    return ward, jnp.minimum(nomogram.start_bolus_u * scale, nomogram.max_bolus_u)


def adjust(
    nomogram: Nomogram,
    bounds: tuple[Float[Array, ""], ...],
    ward: Ward,
    result: Float[Array, ""],
    drawn_h: Float[Array, ""],
    now_h: Float[Array, ""],
    weight_kg: Float[Array, ""],
    max_rate_u_per_h: float,
) -> tuple[Ward, Float[Array, ""]]:
    """The ward's answer to a result, and the bolus (U).

    `bounds` are the nomogram's, in the units of the ward's own reagent. The next sample is drawn
    six hours after this one, or a day after it once two in a row were in range.
    """
    scale = weight_kg if nomogram.per_kg else jnp.ones_like(weight_kg)
    step = sum((result >= bound).astype(jnp.int32) for bound in bounds)

    def of_step(field):
        return jnp.asarray([getattr(s, field) for s in nomogram.steps], result.dtype)[step]

    in_range = step == nomogram.in_range
    in_a_row = jnp.where(in_range, ward.in_range_in_a_row + 1, 0)
    recheck_h = jnp.where(
        in_a_row >= STABLE_RESULTS, drawn_h + RECHECK_STABLE_H, drawn_h + RECHECK_H
    )
    settled_h = now_h + jnp.where(in_range, 0.0, SETTLING_H)
    rate = ward.rate_u_per_h + of_step("rate_change_u_per_h") * scale
    adjusted = Ward(
        rate_u_per_h=jnp.clip(rate, 0.0, max_rate_u_per_h),
        resume_h=now_h + of_step("hold_h"),
        next_check_h=jnp.maximum(recheck_h, settled_h),
        in_range_in_a_row=in_a_row,
    )
    return adjusted, jnp.minimum(of_step("bolus_u") * scale, nomogram.max_bolus_u)


def select(condition: Bool[Array, ""], a: Ward, b: Ward) -> Ward:
    """`a` where the condition holds, else `b`."""
    return jax.tree.map(lambda x, y: jnp.where(condition, x, y), a, b)


def infusion_u_per_h(
    ward: Ward, now_h: Float[Array, ""], interval_h: Float[Array, ""]
) -> Float[Array, ""]:
    """The mean rate over the coming interval: what a hold takes out of it is not given."""
    held_h = jnp.clip(ward.resume_h - now_h, 0.0, interval_h)
    return ward.rate_u_per_h * (1.0 - held_h / interval_h)
