r"""What anti-Xa means in seconds of aPTT: a property of the laboratory's reagent and analyzer.

Over the therapeutic range the logarithm of the aPTT is linear in the heparin level (Rosborough,
2,773 samples); below it the curve has to come down to the patient's own drug-free time. One smooth
curve,

$$\ln(aPTT / aPTT_0) = g\,(1 - e^{-C / c_0}) + k\,C.$$

Reagents differ by a factor of two: 0.3–0.7 U/mL are 46–70 s in Raschke's laboratory, 50–80 s in a
Chilean, 69–140 s in a Korean one.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar

THERAPEUTIC_ANTI_XA_U_PER_ML = (0.3, 0.7)


class Reagent(Node):
    """One reagent's curve; leaves may be traced or stacked."""

    control_s: Scalar  # mean aPTT without heparin
    first_rise: Scalar  # g
    first_rise_u_per_ml: Scalar  # c0
    log_slope_ml_per_u: Scalar  # k
    limit_s: Scalar  # no clot by then: the longest time that is told apart


def reagent(
    therapeutic_aptt_s: tuple[float, float],
    *,
    control_s: float = 30.0,
    first_rise_u_per_ml: float = 0.1,
    limit_s: float = 200.0,
) -> Reagent:
    """The curve that maps anti-Xa 0.3 and 0.7 U/mL to `therapeutic_aptt_s`.

    **Raises:** `ValueError` unless control < lower bound < upper bound < limit, and the curve rises
    from the start.
    """
    low_s, high_s = therapeutic_aptt_s
    if not 0.0 < control_s < low_s < high_s < limit_s:
        raise ValueError(
            f"therapeutic_aptt_s must rise from above control_s ({control_s}) to below limit_s "
            f"({limit_s}), got {therapeutic_aptt_s}"
        )
    low_c, high_c = THERAPEUTIC_ANTI_XA_U_PER_ML
    # Two linear equations for g and k.
    rise_low = -math.expm1(-low_c / first_rise_u_per_ml)
    rise_high = -math.expm1(-high_c / first_rise_u_per_ml)
    log_low, log_high = math.log(low_s / control_s), math.log(high_s / control_s)
    determinant = rise_low * high_c - rise_high * low_c
    first_rise = (log_low * high_c - log_high * low_c) / determinant
    if first_rise < 0.0:
        least_s = control_s * (high_s / control_s) ** (low_c / high_c)
        raise ValueError(
            f"therapeutic_aptt_s must start at {least_s:.1f} s or more for a curve that rises from "
            f"control_s ({control_s}) to {high_s} s, got {therapeutic_aptt_s}"
        )
    return Reagent(
        control_s=control_s,
        first_rise=first_rise,
        first_rise_u_per_ml=first_rise_u_per_ml,
        log_slope_ml_per_u=(rise_low * log_high - rise_high * log_low) / determinant,
        limit_s=limit_s,
    )


# The hemosim paper's target of 60–100 s, read as the therapeutic anti-Xa range; how wide the early
# rise is, is an assumption.
PAPER = reagent((60.0, 100.0))
# 46–70 s, 1.5–2.3 times control (Raschke 1993). The early rise is narrow, so that the curve is
# 33.6 exp(1.05 C) from 0.1 U/mL on (working calibration).
RASCHKE = reagent((46.0, 70.0), first_rise_u_per_ml=0.03)

REAGENTS = {"paper": PAPER, "raschke": RASCHKE}


def prolongation(anti_xa_u_per_ml: Float[Array, "*b"], reagent: Reagent) -> Float[Array, "*b"]:
    """ln(aPTT / drug-free aPTT) at a heparin level, before any individual difference."""
    first = reagent.first_rise * -jnp.expm1(-anti_xa_u_per_ml / reagent.first_rise_u_per_ml)
    return first + reagent.log_slope_ml_per_u * anti_xa_u_per_ml


def typical_anti_xa(aptt_s: Float[Array, "*b"], reagent: Reagent) -> Float[Array, "*b"]:
    """The heparin level at which the reagent's mean curve reads `aptt_s`; 0 below control.

    Newton's method from zero. The curve is increasing and concave, so it approaches from below.
    """
    target = jnp.log(jnp.maximum(jnp.asarray(aptt_s), reagent.control_s) / reagent.control_s)
    level = jnp.zeros_like(target)
    for _ in range(8):
        slope = jax.grad(lambda c: jnp.sum(prolongation(c, reagent)))(level)
        level = level - (prolongation(level, reagent) - target) / slope
    return level


def translate(
    aptt_s: Float[Array, "*b"], from_reagent: Reagent, to_reagent: Reagent
) -> Float[Array, "*b"]:
    """The time that `to_reagent` reads at the heparin level where `from_reagent` reads `aptt_s`."""
    level = typical_anti_xa(aptt_s, from_reagent)
    return to_reagent.control_s * jnp.exp(prolongation(level, to_reagent))
