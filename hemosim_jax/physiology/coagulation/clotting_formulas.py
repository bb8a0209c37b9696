"""PT and aPTT of factor levels without running the test, where that would cost too much.

A power of each level: fits to `assays.clotting_times` over 2,048 plasmas with every factor between
10 and 150 % of normal (`clotting_times` refits them), within 1.4 % (root mean square) of PT and
0.9 % of aPTT. Down to 0.2 % of one factor they hold within 6 %, of fibrinogen, which has a term of
its own, within 22 %; without a factor there is no clot, but for VIII, which it only slows.
"""

import functools
from collections.abc import Mapping

import jax.numpy as jnp
from jaxtyping import Array, Float

FITTED = (0.1, 1.5)  # of normal
LEAST = 1e-3
NO_CLOT_S = 300.0  # when a laboratory stops the test
# Seconds more for each unit of 1 / level of fibrinogen beyond that of the least level fitted.
FIBRINOGEN_S = 0.503
NORMAL_PT_S = 11.048
NORMAL_APTT_S = 34.367
PT_EXPONENTS = {"II": -0.198, "VII": -0.194, "X": -0.199, "Fg": -0.217}
APTT_EXPONENTS = {"II": -0.187, "VIII": -0.164, "IX": -0.176, "X": -0.187, "Fg": -0.174}
# Factor V does nothing in that test, which is not so at a bedside: half as much as X (assumption).
V_EXPONENTS = {"PT": 0.5 * PT_EXPONENTS["X"], "aPTT": 0.5 * APTT_EXPONENTS["X"]}


def pt_s(levels: Mapping[str, Float[Array, "*b"]]) -> Float[Array, "*b"]:
    """Prothrombin time (s). Fractions of normal by factor; what is left out is normal."""
    return _time_s(NORMAL_PT_S, levels, {**PT_EXPONENTS, "V": V_EXPONENTS["PT"]})


def aptt_s(levels: Mapping[str, Float[Array, "*b"]]) -> Float[Array, "*b"]:
    """Activated partial thromboplastin time (s), without heparin; as `pt_s`."""
    return _time_s(NORMAL_APTT_S, levels, {**APTT_EXPONENTS, "V": V_EXPONENTS["aPTT"]})


def _time_s(normal_s, levels, exponents):
    needed = {name: levels[name] for name in exponents if name in levels}
    clipped = {name: jnp.clip(level, LEAST, FITTED[1]) for name, level in needed.items()}
    logs = sum(exponents[name] * jnp.log(level) for name, level in clipped.items())
    time_s = normal_s * jnp.exp(logs)
    if "Fg" in clipped:
        time_s += FIBRINOGEN_S * jnp.maximum(1.0 / clipped["Fg"] - 1.0 / FITTED[0], 0.0)
    essential = [level for name, level in needed.items() if name != "VIII"]
    least = functools.reduce(jnp.minimum, essential, jnp.ones(()))
    return jnp.where(least < LEAST, NO_CLOT_S, jnp.minimum(time_s, NO_CLOT_S))
