"""A sample of plasma as the assays take it, and what heparin does in it."""

from collections.abc import Mapping

from flax import struct
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology.coagulation import hockin_mann, reduced, wajima
from hemosim_jax.physiology.coagulation.reactions import check_names

FACTORS = tuple(dict.fromkeys((*hockin_mann.NORMAL_NM, *wajima.NORMAL_NM)))

# Unfractionated heparin. Assumption: a third of its chains, of 15 kDa and 180 U/mg, bind
# antithrombin; the pair works on every enzyme as it does on thrombin in Wajima 2009.
ANTITHROMBIN_HEPARIN_NM_PER_U_PER_ML = 123.0
INHIBITION_PER_U_PER_ML = (
    ANTITHROMBIN_HEPARIN_NM_PER_U_PER_ML * (7.1 / 0.85 / 3600.0) / (reduced.K["k9"] * 3400.0)
)


class Plasma(Node):
    """What is left out is normal; a cascade leaves out what it has no part for.

    - `levels`: fractions of normal by the names in `FACTORS` (Fg: fibrinogen, ATIII:
      antithrombin). Hockin & Mann has II, V, VII, VIIa, VIII, IX, X, TFPI and ATIII; Wajima has no
      ATIII and no VIIa, but fibrinogen, the contact factors, proteins C and S, and fibrinolysis.
    - `anti_xa_u_per_ml`: unfractionated heparin.
    """

    levels: Mapping[str, Float[Array, "*b"]] = struct.field(default_factory=dict)
    anti_xa_u_per_ml: Float[Array, "*b"] | float = 0.0


def levels_known_to(model: Mapping[str, float], plasma: Plasma) -> dict[str, Float[Array, "*b"]]:
    """Those that the cascade with this table of normal plasma has.

    **Raises:** `KeyError` for a factor that none of them has.
    """
    check_names("levels", plasma.levels, dict.fromkeys(FACTORS, 1.0))
    return {name: level for name, level in plasma.levels.items() if name in model}


def antithrombin_heparin_nm(plasma: Plasma) -> Float[Array, "*b"] | float:
    """Antithrombin with heparin bound, as Wajima 2009 has it."""
    return ANTITHROMBIN_HEPARIN_NM_PER_U_PER_ML * plasma.anti_xa_u_per_ml


def inhibition_ratio(
    anti_xa_u_per_ml: Float[Array, "*b"] | float,
) -> Float[Array, "*b"] | float:
    """How many times faster antithrombin works under heparin."""
    return 1.0 + INHIBITION_PER_U_PER_ML * anti_xa_u_per_ml
