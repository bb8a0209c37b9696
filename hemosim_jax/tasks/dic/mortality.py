r"""Death: a hazard that rises as organs fail, and what it comes to by day 28.

The hazard of a day is $h_0 e^{s (1 - O)}$ by organ function $O$. Working values, chosen so that
patients under the guideline die as often as treated patients did: 40 to 48 % of those with overt
DIC (Yamakawa 2020, KyberSept's placebo arm, a pooled 42 % in sepsis), 9 to 22 % without.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.scalar import Scalar

DAILY_HAZARD = 0.0015  # h_0, with all organs well
STEEPNESS = 6.5  # s
HORIZON_D = 28.0
# Beyond the episode organs recover: the hazard falls with this time constant (assumption).
RECOVERY_D = 9.0


def daily_hazard(organ_function: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Of death."""
    return DAILY_HAZARD * jnp.exp(STEEPNESS * (1.0 - organ_function))


def risk_by_day_28(organ_function: Float[Array, "*b"], elapsed_h: Scalar) -> Float[Array, "*b"]:
    """Of who is alive with this organ function so long after admission: 0 to 1."""
    left_d = jnp.maximum(HORIZON_D - elapsed_h / 24.0, 0.0)
    effective_d = -RECOVERY_D * jnp.expm1(-left_d / RECOVERY_D)
    return -jnp.expm1(-daily_hazard(organ_function) * effective_d)
