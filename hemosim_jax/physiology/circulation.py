r"""A circulation in one loop: heart, arteries with a resistance, veins with a capacity, a reflex.

After Guyton: veins hold the volume $V$ beyond what fills them without pressure, $V_u$, and return
$(P_{ms} - P_{ra}) / R_v$ with $P_{ms} = (V - V_u) / C$; the heart pumps
$A x / (x + h)$ with $x = P_{ra} - P_0$; both are the cardiac output $Q$. Arteries:
$C_a \dot P_a = Q - (P_a - P_{ra}) / R$. The baroreflex follows $z = \ln(P_a / P_{set})$ within half
a minute and multiplies resistance, heart rate and contractility by powers of the pressure (as Su
et al., Br J Anaesth 2023, for anesthetized adults); veins constrict with it.

mmHg, liters, minutes. Central venous pressure is transmural: what a chest or a ventilator adds is
not in it. Sizes are the caller's.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar

ARTERIAL_CAPACITY_L_PER_MMHG = 1.5e-3
REFLEX_MIN = 0.5  # its time constant
SECANT_STEPS = 2  # after a first one with a fixed slope
_LOWEST, _HIGHEST = -2.2, 1.0  # of z
_LEAST_FILLING_MMHG = 0.05


class Reflex(Node):
    """Powers of pressure over its set point, each with its sign reversed (assumptions)."""

    resistance: Scalar = 0.4
    heart_rate: Scalar = 0.12
    contractility: Scalar = 0.05
    unstressed: Scalar = 0.05  # of the unstressed volume; not reversed


class Circulation(Node):
    """What does not change within a minute."""

    volume_l: Float[Array, "*b"]  # of the blood
    unstressed_l: Float[Array, "*b"]
    capacity_l_per_mmhg: Float[Array, "*b"]  # of the veins
    venous_resistance: Float[Array, "*b"]  # mmHg min / L
    resistance: Float[Array, "*b"]  # mmHg min / L, at the set point
    heart_rate_per_min: Float[Array, "*b"]  # at the set point
    stroke_l: Float[Array, "*b"]  # of a heart filled to the brim, at the set point
    afterload: Float[Array, "*b"]  # power of the pressure by which the stroke falls
    set_mmhg: Float[Array, "*b"]
    reflex: Reflex
    half_filling_mmhg: Scalar = 2.0
    zero_filling_mmhg: Scalar = -2.5


class Flow(Node):
    """Of one moment."""

    pressure_mmhg: Float[Array, "*b"]  # mean arterial
    output_l_per_min: Float[Array, "*b"]
    venous_mmhg: Float[Array, "*b"]  # right atrium
    heart_rate_per_min: Float[Array, "*b"]


def _pumped(own: Circulation, reflex_z, afterload_z):
    """Output and right atrial pressure where heart and veins agree: a quadratic equation."""
    gains = own.reflex
    unstressed_l = own.unstressed_l * (1.0 + gains.unstressed * reflex_z)
    filling = (own.volume_l - unstressed_l) / own.capacity_l_per_mmhg - own.zero_filling_mmhg
    filling = jnp.maximum(filling, _LEAST_FILLING_MMHG)
    beats = -(gains.heart_rate + gains.contractility) * reflex_z - own.afterload * afterload_z
    strongest = own.heart_rate_per_min * own.stroke_l * jnp.exp(beats)
    returns = own.venous_resistance * strongest
    b = filling + own.half_filling_mmhg + returns
    output = 2.0 * strongest * filling / (b + jnp.sqrt(b * b - 4.0 * returns * filling))
    return output, filling + own.zero_filling_mmhg - own.venous_resistance * output


def steady(own: Circulation) -> Flow:
    """Where pressure and reflex have come to rest, as they do within minutes.

    The balance is found by the secant method from the set point on; three evaluations find the
    pressure to 1e-3 of itself (`tests/physiology/test_circulation.py`).
    """

    def imbalance(z):
        output, venous = _pumped(own, z, z)
        resistance = own.resistance * jnp.exp(-own.reflex.resistance * z)
        pressure = jnp.maximum(output * resistance + venous, 1.0)
        return jnp.log(pressure / own.set_mmhg) - z

    before = jnp.zeros_like(own.volume_l)
    error = imbalance(before)
    slope = -(1.5 + own.reflex.resistance + own.afterload)
    now = jnp.clip(before - error / slope, _LOWEST, _HIGHEST)
    for _ in range(SECANT_STEPS):
        later = imbalance(now)
        moved = now - before
        fell = error - later
        steep = jnp.abs(fell) > 1e-6
        ratio = jnp.where(steep, moved / jnp.where(steep, fell, 1.0), -1.0 / slope)
        before, error = now, later
        now = jnp.clip(now + later * ratio, _LOWEST, _HIGHEST)
    output, venous = _pumped(own, now, now)
    return Flow(
        own.set_mmhg * jnp.exp(now),
        output,
        venous,
        own.heart_rate_per_min * jnp.exp(-own.reflex.heart_rate * now),
    )


class Beat(Node):
    """What moves within a minute."""

    pressure_mmhg: Float[Array, "*b"]
    reflex: Float[Array, "*b"]  # z as the reflex sees it


def vector_field(t: Scalar, state: Beat, own: Circulation) -> Beat:
    """Per minute: what `steady` is the rest of."""
    afterload = jnp.log(jnp.maximum(state.pressure_mmhg, 1.0) / own.set_mmhg)
    output, venous = _pumped(own, state.reflex, afterload)
    resistance = own.resistance * jnp.exp(-own.reflex.resistance * state.reflex)
    runs_off = (state.pressure_mmhg - venous) / resistance
    return Beat(
        (output - runs_off) / ARTERIAL_CAPACITY_L_PER_MMHG,
        (afterload - state.reflex) / REFLEX_MIN,
    )
