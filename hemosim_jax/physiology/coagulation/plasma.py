"""A sample of plasma as the assays take it, and what heparin does in it."""

import functools
import operator
import warnings
from collections.abc import Mapping
from types import MappingProxyType

import jax.numpy as jnp
import numpy as np
from flax import struct
from jax.core import Tracer
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.physiology.coagulation import protein_c, reduced, wajima
from hemosim_jax.physiology.coagulation.reactions import check_names

FACTORS = tuple(dict.fromkeys((*protein_c.NORMAL_NM, *wajima.NORMAL_NM)))
SHARES = {"V_Leiden": 1.0}  # levels that are a share of another, and the highest

# Unfractionated heparin: a third of its chains, of 15 kDa and 180 U/mg, bind antithrombin.
ANTITHROMBIN_HEPARIN_NM_PER_U_PER_ML = 123.0
# Antithrombin with heparin on thrombin (Olson & Björk, 2e7 to 5e7, recalled), Xa (catalytic heparin
# and calcium; Rezaie, Blood 2001, 8.5e6) and IXa (1e6 to 1e7, recalled; in that range by the aPTT
# of Raschke's laboratory), in 1/(M s). The aPTT of Wajima's cascade then is that of the heparin
# task, 1.5 to 2.3 times normal at 0.3 to 0.7 U/mL; with the constants of Wajima 2009 1.03 to 1.06.
WITH_HEPARIN_PER_M_S = {"IIa": 3.0e7, "Xa": 8.5e6, "IXa": 4.0e6}
# In thrombin generation that of Wajima 2009 for thrombin (7.1 / 0.85 per nM and h), every enzyme
# hastened alike: 46 % of the thrombin is left at 0.1 U/mL, 30 % at 0.2 (recalled of plasma at 5 pM:
# 50 and 25 %). With the constants above next to none would be.
INHIBITION_PER_U_PER_ML = (
    ANTITHROMBIN_HEPARIN_NM_PER_U_PER_ML * (7.1 / 0.85 / 3600.0) / (reduced.K["k9"] * 3400.0)
)


class Plasma(Node):
    """What is left out is normal, but that factor VIIa goes with factor VII.

    - `levels`: fractions of normal by the names in `FACTORS` (Fg: fibrinogen, ATIII:
      antithrombin). Hockin & Mann has II, V, VII, VIIa, VIII, IX, X, TFPI and ATIII; Wajima has no
      ATIII and no VIIa, but fibrinogen, the contact factors, proteins C and S, and fibrinolysis.
      V_Leiden is a share of factor V (0.5 in carriers), which "protein_c" tells apart.
    - `anti_xa_u_per_ml`: unfractionated heparin.
    """

    levels: Mapping[str, Float[Array, "*b"]] = struct.field(default_factory=dict)
    anti_xa_u_per_ml: Float[Array, "*b"] | float = 0.0


# Typical levels of inherited and acquired plasmas; `named` makes them.
NAMED = MappingProxyType(
    {
        "normal": {},
        "hemophilia A, severe": {"VIII": 0.005},
        "hemophilia A, moderate": {"VIII": 0.03},
        "hemophilia A, mild": {"VIII": 0.2},
        "hemophilia B, severe": {"IX": 0.005},
        "hemophilia B, moderate": {"IX": 0.03},
        "hemophilia B, mild": {"IX": 0.2},
        "antithrombin deficiency": {"ATIII": 0.61},
        "protein C deficiency": {"PC": 0.5},
        "factor V Leiden, heterozygous": {"V_Leiden": 0.5},
        "factor V Leiden, homozygous": {"V_Leiden": 1.0},
        # An acute phase with little antithrombin: heparin does less than its level says.
        "heparin resistance": {"ATIII": 0.6, "VIII": 2.5, "Fg": 2.0},
    }
)


def named(name: str, anti_xa_u_per_ml: Scalar = 0.0) -> Plasma:
    """One of `NAMED`, perhaps with heparin.

    **Raises:** `KeyError` for another name.
    """
    if name not in NAMED:
        raise KeyError(f"{name!r} is none of {', '.join(NAMED)}")
    dtype = jnp.result_type(float)
    levels = {factor: jnp.asarray(level, dtype) for factor, level in NAMED[name].items()}
    return Plasma(levels, jnp.asarray(anti_xa_u_per_ml, dtype))


def levels_known_to(
    cascade: str, normal_nm: Mapping[str, float], plasma: Plasma
) -> dict[str, Float[Array, "*b"]]:
    """Those that the cascade with this table of normal plasma has; it warns of the others.

    **Raises:** `KeyError` for a factor that no cascade has.
    """
    check_names("levels", plasma.levels, dict.fromkeys(FACTORS, 1.0))
    unknown = [name for name in plasma.levels if name not in normal_nm]
    if unknown:
        warnings.warn(f"{cascade} has no {', '.join(unknown)}: left out", stacklevel=3)
    return {name: level for name, level in plasma.levels.items() if name in normal_nm}


def contents(plasma: Plasma) -> dict[str, Scalar]:
    """Levels and heparin by name."""
    return {**plasma.levels, "anti_xa_u_per_ml": plasma.anti_xa_u_per_ml}


def possible(values: Mapping[str, Scalar], rounding: float = 0.0) -> Bool[Array, "*b"]:
    """Whether all are finite, not below 0 by more than `rounding`, and no share above 1.

    **Raises:** `ValueError` where one is not and its value is known (not traced).
    """

    def accepted(name, value, numpy):
        number, highest = numpy.asarray(value), SHARES.get(name, numpy.inf)
        return numpy.isfinite(number) & (number >= -rounding) & (number <= highest)

    for name, value in values.items():
        if not isinstance(value, Tracer) and not np.all(accepted(name, value, np)):
            allowed = f"from 0 to {SHARES[name]:g}" if name in SHARES else "not below 0"
            raise ValueError(f"{name} is {np.asarray(value)}; it must be finite and {allowed}")
    every = [accepted(name, value, jnp) for name, value in values.items()]
    return functools.reduce(operator.and_, every)


def antithrombin_heparin_nm(plasma: Plasma) -> Float[Array, "*b"] | float:
    """Antithrombin with heparin bound, as Wajima 2009 has it."""
    return ANTITHROMBIN_HEPARIN_NM_PER_U_PER_ML * plasma.anti_xa_u_per_ml


def inhibition_ratio(
    anti_xa_u_per_ml: Float[Array, "*b"] | float,
) -> Float[Array, "*b"] | float:
    """How many times faster antithrombin works under heparin."""
    return 1.0 + INHIBITION_PER_U_PER_ML * anti_xa_u_per_ml
