"""What a laboratory finds in a plasma: thrombin generation, PT and INR, aPTT.

Each runs a cascade in a cuvette: thrombin generation that of Hockin & Mann, its Danforth variant or
the one with protein C, the clotting times that of Wajima, which has fibrin. For one plasma; `vmap`
for many. The default tolerances, in float32, cost some 0.1 % of a peak and 0.03 % of a clotting
time.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate import trajectory
from hemosim_jax.integrate.rosenbrock import RODAS4, SparseRosenbrock
from hemosim_jax.integrate.stiff import solve_stiff
from hemosim_jax.integrate.trajectory import Trajectory
from hemosim_jax.physiology.coagulation import hockin_mann, protein_c, wajima
from hemosim_jax.physiology.coagulation.plasma import (
    WITH_HEPARIN_PER_M_S,
    Plasma,
    antithrombin_heparin_nm,
    contents,
    inhibition_ratio,
    levels_known_to,
    possible,
)

# Inhibition by antithrombin, which heparin hastens.
_BY_ANTITHROMBIN = ("k38", "k39", "k40", "k41", "k42")

# Wajima's constants, but for those of antithrombin with heparin, per nM and h.
CLOTTING_PARAMETERS = MappingProxyType(
    {
        **wajima.PARAMETERS,
        **{
            name: 1e-9 * 3600.0 * WITH_HEPARIN_PER_M_S[enzyme]
            for name, enzyme in (("a44", "IIa"), ("a45", "Xa"), ("a46", "IXa"))
        },
    }
)

HALVING_THROMBOMODULIN_NM = 2.2  # of `protein_c`, at 5 pM of tissue factor

# First steps: well below the fastest reaction's time.
_FIRST_STEP_S = 0.01
_FIRST_STEP_H = 1e-7
_LONGEST_TEST_S = 300.0
_ROUNDING_NM = 1e-3  # of a person's state after integration


class ThrombinGeneration(Node):
    """A curve of total thrombin (IIa + mIIa, nM) over seconds, and what is read from it."""

    curve: Trajectory
    last: dict[str, Float[Array, ""]]  # all species at the end, nM
    lag_s: Float[Array, ""]  # until 10 nM; NaN if it is not reached
    peak_nm: Float[Array, ""]
    time_to_peak_s: Float[Array, ""]
    steepest_nm_per_s: Float[Array, ""]
    time_to_steepest_s: Float[Array, ""]
    endogenous_thrombin_potential_nm_min: Float[Array, ""]
    solver_ok: Bool[Array, ""]


class ClottingTimes(Node):
    """Seconds; NaN where there is no clot within five minutes."""

    pt_s: Float[Array, ""]
    aptt_s: Float[Array, ""]
    solver_ok: Bool[Array, ""]


def thrombin_generation(
    plasma: Plasma,
    tissue_factor_nm: Float[Array, ""],
    *,
    model: str = "danforth2009",
    thrombomodulin_nm: Scalar | None = None,
    activated_protein_c_nm: Scalar | None = None,
    duration_s: float = 1200.0,
    rtol: float = 1e-3,
    atol: float = 1e-6,
    max_steps: int = 512,
) -> ThrombinGeneration:
    """Thrombin after tissue factor in undiluted plasma.

    - `tissue_factor_nm`: 0.005 is the usual concentration.
    - `model`: "hockin2002", "danforth2009" or "protein_c".
    - `thrombomodulin_nm`, `activated_protein_c_nm`: added with it, for "protein_c". At
      `HALVING_THROMBOMODULIN_NM` half the area of normal plasma is left, as laboratories set it.

    A traced level that is negative or not finite shows in `solver_ok`.

    **Raises:** `KeyError` for an unknown factor or model, `ValueError` for an impossible level, or
    for reagents that the model does not know.
    """
    given = {"tissue_factor_nm": tissue_factor_nm, **contents(plasma)}
    if model == "protein_c":
        cascade: Any = protein_c
        levels = levels_known_to("protein_c", protein_c.NORMAL_NM, plasma)
        reagents = {
            "thrombomodulin_nm": 0.0 if thrombomodulin_nm is None else thrombomodulin_nm,
            "activated_protein_c_nm": (
                0.0 if activated_protein_c_nm is None else activated_protein_c_nm
            ),
        }
        given |= reagents
        accepted = possible(given)
        start = protein_c.initial_state(levels, tissue_factor_nm, **reagents)
        parameters = dict(protein_c.PARAMETERS)
    else:
        if not (thrombomodulin_nm is None and activated_protein_c_nm is None):
            raise ValueError(f"{model} has no protein C: reagents of its pathway need 'protein_c'")
        cascade = hockin_mann
        levels = levels_known_to("Hockin & Mann", hockin_mann.NORMAL_NM, plasma)
        accepted = possible(given)
        start = hockin_mann.initial_state(levels, tissue_factor_nm)
        parameters = dict(hockin_mann.PARAMETERS[model])
    hastened = inhibition_ratio(plasma.anti_xa_u_per_ml)
    parameters |= {k: hastened * parameters[k] for k in _BY_ANTITHROMBIN}
    curve, last, ok = solve_stiff(
        cascade.vector_field,
        SparseRosenbrock(cascade.jacobian, RODAS4),
        start,
        duration_s,
        parameters,
        cascade.thrombin_nm,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
        first_step=_FIRST_STEP_S,
    )
    time_to_peak_s, peak_nm = trajectory.maximum(curve)
    time_to_steepest_s, steepest = trajectory.steepest(curve)
    return ThrombinGeneration(
        curve=curve,
        last=last,
        lag_s=trajectory.first_reaching(curve, jnp.full_like(peak_nm, 10.0)),
        peak_nm=peak_nm,
        time_to_peak_s=time_to_peak_s,
        steepest_nm_per_s=steepest,
        time_to_steepest_s=time_to_steepest_s,
        endogenous_thrombin_potential_nm_min=trajectory.area(curve) / 60.0,
        solver_ok=ok & accepted,
    )


def clotting_times(
    sample: Plasma | Mapping[str, Float[Array, ""]],
    *,
    parameters: Mapping[str, float] = CLOTTING_PARAMETERS,
    rtol: float = 1e-3,
    atol: float = 1e-6,
    max_steps: int = 512,
) -> ClottingTimes:
    """PT and aPTT of a plasma, or of a person: the whole state of `wajima`.

    `parameters`: of the cascade. The reagent of the PT neutralizes heparin.

    A traced level that is negative or not finite shows in `solver_ok`.

    **Raises:** `KeyError` for an unknown factor, or a person without one; `ValueError` for an
    impossible level.
    """
    if isinstance(sample, Plasma):
        accepted = possible(contents(sample))
        levels = levels_known_to("Wajima", wajima.NORMAL_NM, sample)
        sample = wajima.plasma(levels, antithrombin_heparin_nm(sample))
    else:
        accepted = possible(sample, rounding=_ROUNDING_NM)

    def clot(cuvette):
        curve, _, ok = solve_stiff(
            wajima.vector_field_in_vitro,
            SparseRosenbrock(wajima.jacobian_in_vitro, RODAS4),
            cuvette,
            _LONGEST_TEST_S / 3600.0,
            dict(parameters),
            lambda state: state["AUCF"],
            rtol=rtol,
            atol=atol,
            max_steps=max_steps,
            first_step=_FIRST_STEP_H,
        )
        level = jnp.full_like(curve.values[0], wajima.ENDPOINT_NM_H)
        return 3600.0 * trajectory.first_reaching(curve, level), ok

    cuvettes = (wajima.cuvette_of_pt(sample), wajima.cuvette_of_aptt(sample))
    times_s, ok = jax.vmap(clot)(jax.tree.map(lambda *x: jnp.stack(x), *cuvettes))
    return ClottingTimes(times_s[0], times_s[1], jnp.all(ok) & accepted)


def inr(
    pt_s: Float[Array, "*b"], normal_pt_s: Scalar, sensitivity_index: float = 1.0
) -> Float[Array, "*b"]:
    """International normalized ratio of two prothrombin times."""
    return (pt_s / normal_pt_s) ** sensitivity_index
