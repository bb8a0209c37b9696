"""What meeting tissue factor consumes of a patient's blood."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology.coagulation import reduced
from hemosim_jax.physiology.coagulation.plasma import Plasma, inhibition_ratio
from hemosim_jax.tasks.dic import exposure
from hemosim_jax.tasks.dic.blood import FACTORS, Blood
from hemosim_jax.tasks.dic.exposure import Exposure

CASCADES = ("reduced", "hockin_mann")

# II, V and VIII as the cascade says. Assumptions: its length; the constants of
# platelets (k11 of the reduced cascade, uncertain) and of fibrinogen (k10 there, such that clotting
# coincides with 10 nM of thrombin); that VII and X go with prothrombin, as they do at the bedside:
# up to 25 pM the full cascade itself consumes a hundredth of X and a seventh of VII
# (`benchmarks.dic_accuracy`).
EXPOSURE_S = 300.0
CONSUMPTION_PER_NM_S = {"platelets": 1.03e-3, "fibrinogen": 7.05e-4}


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


def expose(
    blood: Blood, cascade: str, *, steps: int = exposure.STEPS, differentiable: bool = False
) -> tuple[Exposure, Bool[Array, ""]]:
    """What an exposure does to this plasma now."""
    levels, anti_xa = blood.factors, blood.anti_xa_u_per_ml
    if cascade == "hockin_mann":
        # IX and TFPI stay normal.
        own = {**levels, "ATIII": blood.antithrombin}
        return exposure.expose_full(blood.tissue_factor_pm, Plasma(own, anti_xa), EXPOSURE_S)
    parameters = reduced.parameters(
        blood.tissue_factor_pm,
        levels["II"],
        blood.antithrombin,
        inhibition_ratio(anti_xa),
    )
    outcome = exposure.expose_reduced(
        parameters,
        jnp.asarray(EXPOSURE_S, blood.antithrombin.dtype),
        steps=steps,
        differentiable=differentiable,
    )
    return outcome, jnp.isfinite(outcome.thrombin_nm_s)


def consumption(outcome: Exposure, blood: Blood) -> Consumption:
    """Shares consumed, by the thrombin that forms in this plasma."""
    share = {
        k: -jnp.expm1(-rate * outcome.thrombin_nm_s) for k, rate in CONSUMPTION_PER_NM_S.items()
    }
    normal = reduced.NORMAL_NM
    prothrombin = _share(outcome.prothrombin_nm, normal["II"] * blood.factors["II"])
    cofactors = dict.fromkeys(("V", "VIII"), outcome.cofactors)
    factors: dict[str, Array] = {**dict.fromkeys(("II", "VII", "X"), prothrombin), **cofactors}
    antithrombin = _share(outcome.prothrombin_nm, normal["ATIII"] * blood.antithrombin)
    return Consumption(factors, antithrombin, share["fibrinogen"], share["platelets"])


def _share(amount, of_all):
    return jnp.clip(amount / jnp.maximum(of_all, 1e-3), 0.0, 1.0)
