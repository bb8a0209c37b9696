"""Thrombin generation with the protein C pathway (nM, s).

The network of Hockin et al. 2002, and: thrombin on thrombomodulin activates protein C, which cuts
factor Va at Arg506 (a tenth of its activity is left) and at Arg306 (none), free or in
prothrombinase, as with protein S, which takes away the shelter factor Xa gives. Factor V Leiden has
no Arg506. Left out: how much protein S there is, and factor VIIIa, which falls apart by itself.
"""

from collections.abc import Mapping
from types import MappingProxyType

import jax.numpy as jnp
from jaxtyping import Array

from hemosim_jax.physiology.coagulation import hockin_mann, reactions
from hemosim_jax.physiology.coagulation.reactions import check_names, mass_action

# First order in 1/s, second order in 1/(M s), beside those of Hockin et al. 2002.
_CONSTANTS = {
    # Prothrombinase (Bravo et al., BMC Syst Biol 2012;6:45, BioModels BIOMD0000000739).
    "k27": 0.075,
    "k28": 1.5e8,
    # Cuts of human factor Va: 3.0 to 4.3e7 at Arg506, 1.6 to 2.5e6 at Arg306 (quoted there).
    "at_506": 4.0e7,
    "at_306": 2.5e6,
    # Turnover of prothrombinase cut at Arg506: a tenth (assumption; 0.1 to 0.4 by how much Xa).
    "k31_cut": 6.35,
    # Thrombin and thrombomodulin: 0.5 nM on membranes. Their complex on protein C: 0.2 per s over
    # 0.7 uM, without the endothelial receptor. APC in plasma: a half-life of 20 min (all recalled).
    "tm_off": 0.05,
    "tm_on": 1.0e8,
    "activates": 2.9e5,
    "apc_lost": 5.8e-4,
}
_OF_FACTOR_V = ("k26", "k27", "k28", "k29", "k30", "k31", "k32")  # written out below
_OF_DANFORTH = ("k43", "k44")  # 0 in Hockin's


def _of_factor_v(v: str, cut: str | None):
    """All reactions of one kind of factor V; `cut`: its active form once cut at Arg506."""
    va = f"{v}a"
    yield f"IIa + {v} -> IIa + {va}", "k26"
    for form, kcat in ((va, "k31"), *(((cut, "k31_cut"),) if cut else ())):
        yield f"Xa + {form} -> Xa_{form}", "k28"
        yield f"Xa_{form} -> Xa + {form}", "k27"
        yield f"Xa_{form} + II -> Xa_{form}_II", "k30"
        yield f"Xa_{form}_II -> Xa_{form} + II", "k29"
        yield f"Xa_{form}_II -> Xa_{form} + mIIa", kcat
        yield f"mIIa + Xa_{form} -> IIa + Xa_{form}", "k32"
        yield f"APC + {form} -> APC + VaLC", "at_306"
        yield f"APC + Xa_{form} -> APC + Xa + VaLC", "at_306"
        yield f"APC + Xa_{form}_II -> APC + Xa + VaLC + II", "at_306"
    if cut:
        yield f"APC + {va} -> APC + {cut}", "at_506"
        yield f"APC + Xa_{va} -> APC + Xa_{cut}", "at_506"
        yield f"APC + Xa_{va}_II -> APC + Xa_{cut}_II", "at_506"


EQUATIONS = (
    *(
        (equation, constant)
        for equation, constant in hockin_mann.EQUATIONS
        if constant not in (*_OF_FACTOR_V, *_OF_DANFORTH)
    ),
    *_of_factor_v("V", "Va506"),
    *_of_factor_v("VL", None),
    ("TM + IIa -> TM_IIa", "tm_on"),
    ("TM_IIa -> TM + IIa", "tm_off"),
    ("TM_IIa + PC -> TM_IIa + APC", "activates"),
    ("TM_IIa + ATIII -> TM + IIa_ATIII", "k41"),
    ("APC ->", "apc_lost"),
)
REACTIONS = tuple(mass_action(*row) for row in EQUATIONS)
SPECIES = reactions.species(REACTIONS)


def _per_nm() -> dict[str, float]:
    """Second-order constants from 1/(M s) to 1/(nM s)."""
    second_order = {k for equation, k in EQUATIONS if "+" in equation.split("->")[0]}
    ours = {k: v * 1e-9 if k in second_order else v for k, v in _CONSTANTS.items()}
    return {**hockin_mann.PARAMETERS["hockin2002"], **ours}


PARAMETERS = MappingProxyType(_per_nm())
NORMAL_NM = MappingProxyType({**hockin_mann.NORMAL_NM, "PC": 65.0, "V_Leiden": 0.0})


def initial_state(
    levels: Mapping[str, Array],
    tissue_factor_nm: Array,
    thrombomodulin_nm: Array | float,
    activated_protein_c_nm: Array | float,
) -> dict[str, Array]:
    """Plasma at the moment tissue factor is added, with what else is added.

    `levels`: as of `hockin_mann.initial_state`, PC, and V_Leiden, a share of factor V.

    **Raises:** `KeyError` for a factor that the model does not have.
    """
    check_names("levels", levels, NORMAL_NM)
    of_hockin = {name: levels[name] for name in levels if name in hockin_mann.NORMAL_NM}
    known = hockin_mann.initial_state(of_hockin, tissue_factor_nm)
    zero = jnp.zeros_like(tissue_factor_nm)
    leiden = zero + levels.get("V_Leiden", 0.0)
    return {
        **{name: known.get(name, zero) for name in SPECIES},
        "V": (1.0 - leiden) * known["V"],
        "VL": leiden * known["V"],
        "PC": zero + NORMAL_NM["PC"] * levels.get("PC", 1.0),
        "TM": zero + thrombomodulin_nm,
        "APC": zero + activated_protein_c_nm,
    }


thrombin_nm = hockin_mann.thrombin_nm
vector_field = reactions.vector_field(REACTIONS)
jacobian = reactions.jacobian(REACTIONS)
