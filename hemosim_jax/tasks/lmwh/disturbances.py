"""What else happens to a patient on enoxaparin: kidneys that change, bleeding, recurrence.

The laws and their ranges are assumptions where no source is named.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.durations import Crossing
from hemosim_jax.core.hazards import gather
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.variation import mean_reverting
from hemosim_jax.tasks.lmwh.hazards import Expected

RENAL_MEMORY_H = 96.0  # correlation times (assumptions)
CLEARANCE_MEMORY_H = 48.0


class Risks(Node):
    """How much changes in a patient (working values)."""

    renal_sd: Scalar = 0.05  # stationary SD of the log of kidney function over time
    clearance_sd: Scalar = 0.12  # and of the drug's clearance beside it


HARD = Risks(renal_sd=0.4)


class Disturbances(Node):
    """The present condition."""

    log_renal: Float[Array, ""]  # logs of the ratios to the values at the start
    log_clearance: Float[Array, ""]
    major_bleed: Bool[Array, ""]  # in the last interval
    recurrence: Bool[Array, ""]
    until: tuple[Float[Array, ""], ...]  # hazard to be gathered until a bleed, and a recurrence


def well(thresholds: tuple[Float[Array, ""], ...]) -> Disturbances:
    """Nothing has happened yet; `thresholds` are those of a bleed and of a recurrence."""
    zero, no = jnp.zeros((), jnp.result_type(float)), jnp.zeros((), bool)
    return Disturbances(zero, zero, no, no, thresholds)


def progress(
    now: Disturbances,
    draws: tuple[Float[Array, ""], Float[Array, ""]],
    duration_h: Float[Array, ""],
    risks: Risks,
    within_patient: Scalar,
) -> Disturbances:
    """The kidneys and the drug's clearance `duration_h` hours later."""
    renal, clearance = map(as_normal, draws)
    return now.replace(
        log_renal=mean_reverting(
            now.log_renal, renal, duration_h / RENAL_MEMORY_H, within_patient * risks.renal_sd
        ),
        log_clearance=mean_reverting(
            now.log_clearance,
            clearance,
            duration_h / CLEARANCE_MEMORY_H,
            within_patient * risks.clearance_sd,
        ),
    )


def events(now: Disturbances, expected: Expected) -> tuple[Disturbances, Crossing, Crossing]:
    """The interval's bleed or recurrence, whichever comes first, and when; hazards are constant.

    Either ends the episode: no further threshold is drawn.
    """
    never = jnp.full_like(expected.bleeds, jnp.inf)
    bleed = gather(now.until[0], expected.bleeds, never)
    recurrence = gather(now.until[1], expected.recurrences, never)
    bleeds = bleed.happened & (bleed.fraction <= recurrence.fraction)
    recurs = recurrence.happened & ~bleeds

    def one(happened, event):
        return Crossing(happened, jnp.where(happened, event.fraction, 1.0))

    later = now.replace(major_bleed=bleeds, recurrence=recurs, until=(bleed.left, recurrence.left))
    return later, one(bleeds, bleed), one(recurs, recurrence)
