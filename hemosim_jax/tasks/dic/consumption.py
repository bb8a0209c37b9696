"""What meeting tissue factor consumes of a patient's blood.

Small vessels do not hold the same tissue factor: its concentration is log-normal over the plasma
that meets some, by `TISSUE_FACTOR_LOG_SD` about the patient's, so that more disease consumes more
and no concentration is a switch. In each the cascade of Danforth 2009 runs for five minutes.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology.coagulation import assays, hockin_mann
from hemosim_jax.physiology.coagulation.plasma import Plasma
from hemosim_jax.tasks.dic import cascade_network
from hemosim_jax.tasks.dic.blood import FACTORS, Blood

CASCADES = ("network", "hockin_mann")

EXPOSURE_S = 300.0  # assumption
TISSUE_FACTOR_LOG_SD = 1.0  # assumption
# Of platelets k11 of the reduced cascade (uncertain), of fibrinogen k10 there, such that clotting
# coincides with 10 nM of thrombin (assumptions).
CONSUMPTION_PER_NM_S = {"platelets": 1.03e-3, "fibrinogen": 7.05e-4}
# More antithrombin than this does not reach inflamed vessels (assumption: in trials concentrates
# that doubled it have hardly saved lives).
MOST_ANTITHROMBIN = 0.8
# Nor does much heparin: factor Xa on cells is protected from it (Blood 2001;97:2308), and full
# doses have saved no more lives than low ones (assumption).
MOST_ANTI_XA_U_PER_ML = 0.12
NODES = 7  # of the quadrature over tissue factor
# Where each is found as long as it can still be used.
_UNCHANGED = {
    "II": ("II", "Xa_Va_II"),
    "V": ("V",),
    "VII": ("VII", "VIIa", "TF_VII", "TF_VIIa"),
    "VIII": ("VIII",),
    "IX": ("IX", "TF_VIIa_IX"),
    "X": ("X", "TF_VIIa_X", "IXa_VIIIa_X"),
    "antithrombin": ("ATIII",),
}


class Consumption(Node):
    """Shares of the exposed plasma's content that one exposure consumes."""

    factors: dict[str, Float[Array, "*b"]]
    antithrombin: Float[Array, "*b"]
    fibrinogen: Float[Array, "*b"]
    platelets: Float[Array, "*b"]


def no_consumption(like: Float[Array, "*b"]) -> Consumption:
    """Of a plasma that meets nothing."""
    zero = jnp.zeros_like(like)
    return Consumption(dict.fromkeys(FACTORS, zero), zero, zero, zero)


def consumption(
    blood: Blood, cascade: str, *, differentiable: bool = False
) -> tuple[Consumption, Bool[Array, "*b"]]:
    """Of this blood, and whether the integrator reports success."""
    antithrombin = jnp.minimum(blood.antithrombin, MOST_ANTITHROMBIN)
    heparin = jnp.minimum(blood.anti_xa_u_per_ml, MOST_ANTI_XA_U_PER_ML)
    own = (blood.tissue_factor_pm, blood.factors, antithrombin, heparin)
    if cascade == "hockin_mann":
        shares, ok = by_cascade(*own)
        return _named(shares), ok
    shares = cascade_network.shares(*own, differentiable=differentiable)
    return _named(shares), jnp.isfinite(shares["fibrinogen"])


def by_cascade(
    tissue_factor_pm: Float[Array, ""],
    factors: Mapping[str, Float[Array, ""]],
    antithrombin: Float[Array, ""],
    anti_xa_u_per_ml: Float[Array, ""],
) -> tuple[dict[str, Float[Array, ""]], Bool[Array, ""]]:
    """Shares consumed in the whole cascade, and whether the integrator reports success."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    dtype = antithrombin.dtype
    ratios = jnp.asarray(np.exp(TISSUE_FACTOR_LOG_SD * nodes), dtype)
    plasma = Plasma({**factors, "ATIII": antithrombin}, anti_xa_u_per_ml)

    def one(ratio):
        tissue_factor_nm = 1e-3 * ratio * tissue_factor_pm
        curve = assays.thrombin_generation(plasma, tissue_factor_nm, duration_s=EXPOSURE_S)
        start = hockin_mann.initial_state(plasma.levels, tissue_factor_nm)
        area = 60.0 * curve.endogenous_thrombin_potential_nm_min
        shares = {name: _share(curve.last, start, of) for name, of in _UNCHANGED.items()}
        made = {name: -jnp.expm1(-k * area) for name, k in CONSUMPTION_PER_NM_S.items()}
        return {**shares, **made}, curve.solver_ok

    shares, ok = jax.vmap(one)(ratios)
    mean = jnp.asarray(weights / weights.sum(), dtype)
    return {name: jnp.clip(mean @ x, 0.0, 1.0) for name, x in shares.items()}, jnp.all(ok)


def _share(last, start, species):
    left, had = (sum(state[name] for name in species) for state in (last, start))
    return 1.0 - left / jnp.maximum(had, 1e-9)


def _named(shares) -> Consumption:
    return Consumption(
        {name: shares.get(name, jnp.zeros_like(shares["II"])) for name in FACTORS},
        shares["antithrombin"],
        shares["fibrinogen"],
        shares["platelets"],
    )
