"""What else happens to a patient on enoxaparin: kidneys that change, bleeding, recurrence.

The laws and their ranges are assumptions where no source is named.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.variation import mean_reverting

RENAL_MEMORY_H = 96.0  # correlation times (assumptions)
CLEARANCE_MEMORY_H = 48.0


class Risks(Node):
    """How much changes in a patient. All zero: nothing ever does."""

    renal_sd: Scalar = 0.0  # stationary SD of the log of kidney function over time
    clearance_sd: Scalar = 0.0  # and of the drug's clearance beside it


MEDIUM = Risks(renal_sd=0.05, clearance_sd=0.12)  # working values
HARD = Risks(renal_sd=0.4, clearance_sd=0.12)  # working values


class Disturbances(Node):
    """The present condition."""

    log_renal: Float[Array, ""]  # logs of the ratios to the values at the start
    log_clearance: Float[Array, ""]
    major_bleed: Bool[Array, ""]  # in the last interval
    recurrence: Bool[Array, ""]


def well() -> Disturbances:
    """Nothing has happened yet."""
    zero, no = jnp.zeros((), jnp.result_type(float)), jnp.zeros((), bool)
    return Disturbances(zero, zero, no, no)


def progress(
    now: Disturbances,
    draws: tuple[Float[Array, ""], Float[Array, ""]],
    duration_h: Float[Array, ""],
    risks: Risks,
) -> Disturbances:
    """The kidneys and the drug's clearance `duration_h` hours later."""
    renal, clearance = map(as_normal, draws)
    return now.replace(
        log_renal=mean_reverting(now.log_renal, renal, duration_h / RENAL_MEMORY_H, risks.renal_sd),
        log_clearance=mean_reverting(
            now.log_clearance, clearance, duration_h / CLEARANCE_MEMORY_H, risks.clearance_sd
        ),
    )
