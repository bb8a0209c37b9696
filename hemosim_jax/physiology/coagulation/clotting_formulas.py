"""PT and aPTT of factor levels without running the test, where that would cost too much.

A power of each level: fits to `assays.clotting_times` over 2,048 plasmas with every factor between
10 and 150 % of normal (`clotting_times` refits them), within 1.4 % (root mean square)
of PT and 0.9 % of aPTT. Levels beyond that range count as its ends.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float

FITTED = (0.1, 1.5)  # of normal
NORMAL_PT_S = 11.048
NORMAL_APTT_S = 34.367
PT_EXPONENTS = {"II": -0.198, "VII": -0.194, "X": -0.199, "Fg": -0.217}
APTT_EXPONENTS = {"II": -0.187, "VIII": -0.164, "IX": -0.176, "X": -0.187, "Fg": -0.174}
# Factor V does nothing in that test, which is not so at a bedside: it counts as X (assumption).
V_EXPONENTS = {"PT": PT_EXPONENTS["X"], "aPTT": APTT_EXPONENTS["X"]}


def pt_s(levels: Mapping[str, Float[Array, "*b"]]) -> Float[Array, "*b"]:
    """Prothrombin time (s). Fractions of normal by factor; what is left out is normal."""
    return NORMAL_PT_S * _power(levels, {**PT_EXPONENTS, "V": V_EXPONENTS["PT"]})


def aptt_s(levels: Mapping[str, Float[Array, "*b"]]) -> Float[Array, "*b"]:
    """Activated partial thromboplastin time (s), without heparin; as `pt_s`."""
    return NORMAL_APTT_S * _power(levels, {**APTT_EXPONENTS, "V": V_EXPONENTS["aPTT"]})


def _power(levels, exponents):
    logs = (
        exponent * jnp.log(jnp.clip(levels[name], *FITTED))
        for name, exponent in exponents.items()
        if name in levels
    )
    return jnp.exp(sum(logs))
