"""What meeting tissue factor for some minutes does to a plasma, by the reduced or the full cascade.

The reduced one for thousands of patients at every step of an environment: between two points of the
grid prothrombin and antithrombin are taken at their middle, which leaves a linear system of two
(thrombin and factor Va) driven by factor Xa, solved by a fourth-order Magnus step. So it is stable
however much heparin there is, and precise as long as little is consumed; where all prothrombin is,
at 20 pM and more, the consumed amount errs by up to a twentieth.

In the patients of the DIC task the full one consumes up to an eighth less fibrinogen and 40 % less
prothrombin (`benchmarks.dic_accuracy`). Heparin hastens the inhibition of thrombin alone in the
reduced cascade, in the full one that of factors Xa and IXa and of the complex of tissue factor as
well: at 0.3 U/mL it leaves a tenth and less of what the reduced one consumes. Both rank plasmas
alike.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.integrate.exponential import relax
from hemosim_jax.integrate.solve import solve
from hemosim_jax.integrate.step_map import StepMap
from hemosim_jax.physiology.coagulation import assays, hockin_mann, reduced
from hemosim_jax.physiology.coagulation.plasma import Plasma
from hemosim_jax.physiology.coagulation.reduced import SEED_VA_NM, K, Parameters

# Activation of V and VIII by the area of total thrombin: a rate, and its rise with the area. Hockin
# 2002 has 0.02 (k26, k17) for free thrombin, a small part of the total as long as there is
# meizothrombin. Fitted to the full cascade in 256 plasmas of 0.3 to 1.3 times normal factors at 1
# to 40 pM, 0.1 (root mean square) of a share; `benchmarks.dic_accuracy` compares both.
COFACTORS_PER_NM_S = 5.8e-5
COFACTORS_PER_NM_S_2 = 1.08e-8

# Steps of an exposure, shorter toward its end, where thrombin explodes.
STEPS = 10
POWER = 0.6


class Exposure(Node):
    """One exposure's outcome."""

    thrombin_nm_s: Float[Array, "*b"]  # the area under the thrombin curve
    # Turned into thrombin; all of it ends bound to antithrombin.
    prothrombin_nm: Float[Array, "*b"]
    cofactors: Float[Array, "*b"]  # share of factors V and VIII activated


# In normal plasma over five minutes, by 1,000 steps: tissue factor (pM), area (nM s), prothrombin
# consumed (nM). Interpolated in the logarithms, within 3 % from 0.3 to 80 pM.
_NORMAL_PLASMA = (
    (0.5, 6.063, 0.1973),
    (1.0, 19.93, 0.6508),
    (2.0, 66.91, 2.207),
    (3.0, 139.4, 4.666),
    (4.5, 303.0, 10.44),
    (6.5, 658.2, 23.82),
    (9.0, 1450.0, 56.33),
    (12.0, 3316.0, 140.4),
    (15.0, 6999.0, 316.6),
    (18.0, 13530.0, 621.3),
    (20.0, 19600.0, 871.5),
    (22.0, 26540.0, 1101.0),
    (24.0, 33470.0, 1262.0),
    (26.0, 39630.0, 1349.0),
    (28.0, 44700.0, 1384.0),
    (32.0, 51860.0, 1399.0),
    (45.0, 62100.0, 1400.0),
    (80.0, 68740.0, 1400.0),
)


class Thrombin(Node):
    """The part of `reduced.State` that thrombin depends on (nM), and its area (nM s)."""

    tf_viia: Float[Array, "*b"]
    xa: Float[Array, "*b"]
    va: Float[Array, "*b"]
    iia: Float[Array, "*b"]
    antithrombin_bound: Float[Array, "*b"]
    area: Float[Array, "*b"]


def expose_reduced(
    parameters: Parameters,
    duration_s: Float[Array, "*b"],
    *,
    steps: int = STEPS,
    differentiable: bool = False,
) -> Exposure:
    """By the reduced cascade."""
    zero = jnp.zeros_like(parameters.k1_nm_per_s)
    end, _ = solve(
        vector_field,
        StepMap(_flow),
        Thrombin(zero, zero, zero + SEED_VA_NM, zero, zero, zero),
        duration_s,
        parameters,
        grid=tuple((i / steps) ** POWER for i in range(steps + 1)),
        differentiable=differentiable,
    )
    return _exposure(end.area, end.iia + end.antithrombin_bound)


def expose_normal_plasma(tissue_factor_pm: Float[Array, "*b"]) -> Exposure:
    """As `expose_reduced` for five minutes in normal plasma, from a table."""
    log_pm, *columns = (np.log(column) for column in zip(*_NORMAL_PLASMA, strict=True))
    at = jnp.log(jnp.clip(tissue_factor_pm, 1e-3, _NORMAL_PLASMA[-1][0]))

    def interpolated(values):
        slopes = np.diff(values) / np.diff(log_pm)
        # Python's floats, which leave the dtype to the patient.
        bends = zip(log_pm[1:-1].tolist(), np.diff(slopes).tolist(), strict=True)
        line = float(values[0]) + float(slopes[0]) * (at - float(log_pm[0]))
        return jnp.exp(sum((d * jnp.maximum(at - x, 0.0) for x, d in bends), start=line))

    return _exposure(*map(interpolated, columns))


def expose_full(
    tissue_factor_pm: Float[Array, ""], plasma: Plasma, duration_s: float
) -> tuple[Exposure, Array]:
    """By Hockin & Mann 2002, and whether the integrator reports success; not for gradients."""
    curve = assays.thrombin_generation(
        plasma, 1e-3 * tissue_factor_pm, model="hockin2002", duration_s=duration_s
    )
    normal = hockin_mann.NORMAL_NM
    start = {name: normal[name] * plasma.levels.get(name, 1.0) for name in ("II", "V")}
    left = curve.last["II"] + curve.last["Xa_Va_II"]
    cofactors = 1.0 - curve.last["V"] / jnp.maximum(start["V"], 1e-6)
    area = 60.0 * curve.endogenous_thrombin_potential_nm_min
    return Exposure(area, start["II"] - left, cofactors), curve.solver_ok


def vector_field(t_s, state: Thrombin, parameters: Parameters) -> Thrombin:
    """Per second; the equations of `reduced`."""
    whole = reduced.vector_field(
        t_s,
        reduced.State(
            state.tf_viia,
            state.xa,
            state.va,
            state.iia,
            jnp.zeros_like(state.iia),
            jnp.zeros_like(state.iia),
            state.antithrombin_bound,
            jnp.zeros_like(state.iia),
        ),
        parameters,
    )
    return Thrombin(
        whole.tf_viia, whole.xa, whole.va, whole.iia, whole.antithrombin_bound, state.iia
    )


def _exposure(area, prothrombin_nm) -> Exposure:
    area = jnp.maximum(area, 0.0)  # rounding, where there is no thrombin
    activated = area * (COFACTORS_PER_NM_S + COFACTORS_PER_NM_S_2 * area)
    return Exposure(area, prothrombin_nm, -jnp.expm1(-activated))


def _flow(h, y: Thrombin, p: Parameters) -> Thrombin:
    rate = K["k9"] * p.inhibition_ratio
    tf_viia, tf_mean = relax(y.tf_viia, p.k1_nm_per_s, jnp.full_like(h, K["k2"]), h)
    xa, xa_mean = relax(y.xa, K["k3"] * tf_mean, jnp.full_like(h, K["k4"]), h)
    xa_mean = xa_mean - K["k3"] * h / 12.0 * (tf_viia - y.tf_viia)  # its course is a parabola
    inhibited = rate * (p.antithrombin_nm - y.antithrombin_bound) * y.iia
    made = K["k7"] * y.xa * y.va * (p.prothrombin_nm - y.iia - y.antithrombin_bound)
    bound = jnp.minimum(y.antithrombin_bound + 0.5 * h * inhibited, p.antithrombin_nm)
    prothrombin = p.prothrombin_nm - bound - y.iia - 0.5 * h * (made - inhibited)
    per_xa = K["k7"] * jnp.clip(prothrombin, 0.0, p.prothrombin_nm)
    loss = rate * (p.antithrombin_nm - bound) + K["k8"]
    # The matrix [[-k6, k5], [gain, -loss]], its gain rising with factor Xa: the second term of the
    # Magnus expansion is h^3 / 12 times the commutator of its slope and its mean.
    bend = h / 12.0 * per_xa * (xa - y.xa)
    gain = per_xa * xa_mean + bend * (loss - K["k6"])
    skew = 0.5 * (loss - K["k6"]) - K["k5"] * bend
    # Its eigenvalues are middle +- half.
    middle = -0.5 * (loss + K["k6"])
    half = jnp.sqrt(skew * skew + K["k5"] * gain + 1e-12)
    up, down = jnp.exp((middle + half) * h), jnp.exp((middle - half) * h)
    even, odd = 0.5 * (up + down), 0.5 * (up - down) / half
    va = even * y.va + odd * (skew * y.va + K["k5"] * y.iia)
    iia = even * y.iia + odd * (gain * y.va - skew * y.iia)
    # The area of thrombin from what it made of factor Va, which is slow and smooth.
    ends = K["k5"] * (y.iia - iia) - K["k6"] * (y.va - va)
    va_area = h * (0.5 * (y.va + va) + h / 12.0 * ends)
    area = (va - y.va + K["k6"] * va_area) / K["k5"]
    left = (p.antithrombin_nm - y.antithrombin_bound) * jnp.exp(-rate * area)
    return Thrombin(tf_viia, xa, va, iia, p.antithrombin_nm - left, y.area + area)
