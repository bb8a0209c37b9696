"""What ends a course of heparin between two decisions."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.durations import Crossing, cubic, monotone_crossing
from hemosim_jax.core.scalar import Scalar

# An aPTT is not judged sooner after a bolus (Raschke 1993 draws the first one then).
SETTLING_AFTER_BOLUS_H = 6.0


def aptt_too_long(
    ends_s: tuple[Float[Array, ""], Float[Array, ""]],
    slopes_s: tuple[Float[Array, ""], Float[Array, ""]],
    since_bolus_h: Float[Array, ""],
    duration: Float[Array, ""],
    terminal_s: Scalar,
) -> Crossing:
    """The aPTT beyond the terminal bound, from six hours after the last bolus on.

    Under a constant rate the level goes one way, so that it is too long when it is first judged, or
    at the end, or never. Its logarithm bends less than itself.
    """
    slopes = (slopes_s[0] / ends_s[0], slopes_s[1] / ends_s[1])
    ends, terminal = (jnp.log(ends_s[0]), jnp.log(ends_s[1])), jnp.log(terminal_s)
    crossing = monotone_crossing(*ends, terminal, rising=True, slopes=slopes)
    judged_from = (SETTLING_AFTER_BOLUS_H - since_bolus_h) / duration  # as a fraction of it
    first = jnp.clip(judged_from, 0.0, 1.0)
    under_way = (judged_from > 0.0) & (judged_from < 1.0)
    at_first = under_way & (cubic(ends, slopes, first) > terminal)
    happened = (crossing.happened | at_first) & (judged_from <= 1.0 + 1e-3)
    fraction = jnp.where(at_first, first, jnp.maximum(crossing.fraction, first))
    return Crossing(happened, jnp.where(happened, fraction, 1.0))
