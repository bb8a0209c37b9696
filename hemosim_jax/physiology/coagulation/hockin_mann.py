"""Thrombin generation after tissue factor: 34 species, mass action (nM, s).

Hockin, Jones, Everse & Mann, J Biol Chem 2002;277:18322; constants as in BioModels
BIOMD0000000335. The variant of Danforth et al., Math Med Biol 2009;26:323, as encoded by Owen et
al. (two reactions more, two constants changed).
"""

from collections.abc import Mapping
from types import MappingProxyType

import jax.numpy as jnp
from jaxtyping import Array

from hemosim_jax.physiology.coagulation import reactions
from hemosim_jax.physiology.coagulation.reactions import check_names, mass_action

# First order in 1/s, second order in 1/(M s), numbered as in the papers.
_HOCKIN_2002 = {
    "k1": 3.1e-3,
    "k2": 3.2e6,
    "k3": 3.1e-3,
    "k4": 2.3e7,
    "k5": 4.4e5,
    "k6": 1.3e7,
    "k7": 2.3e4,
    "k8": 1.05,
    "k9": 2.5e7,
    "k10": 6.0,
    "k11": 19.0,
    "k12": 2.2e7,
    "k13": 2.4,
    "k14": 1.0e7,
    "k15": 1.8,
    "k16": 7.5e3,
    "k17": 2.0e7,
    "k18": 5.0e-3,
    "k19": 1.0e7,
    "k20": 1.0e-3,
    "k21": 1.0e8,
    "k22": 8.2,
    "k23": 2.2e4,
    "k24": 6.0e-3,
    "k25": 1.0e-3,
    "k26": 2.0e7,
    "k27": 0.2,
    "k28": 4.0e8,
    "k29": 103.0,
    "k30": 1.0e8,
    "k31": 63.5,
    "k32": 1.5e7,
    "k33": 3.6e-4,
    "k34": 9.0e5,
    "k35": 1.1e-4,
    "k36": 3.2e8,
    "k37": 5.0e7,
    "k38": 1.5e3,
    "k39": 7.1e3,
    "k40": 4.9e2,
    "k41": 7.1e3,
    "k42": 2.3e2,
    "k43": 0.0,
    "k44": 0.0,
}
_DANFORTH_2009 = {**_HOCKIN_2002, "k32": 2.3e8, "k38": 4.2e3, "k43": 5.7e3, "k44": 3.0e6}

EQUATIONS = (
    ("TF + VII -> TF_VII", "k2"),
    ("TF_VII -> TF + VII", "k1"),
    ("TF + VIIa -> TF_VIIa", "k4"),
    ("TF_VIIa -> TF + VIIa", "k3"),
    ("TF_VIIa + VII -> TF_VIIa + VIIa", "k5"),
    ("Xa + VII -> Xa + VIIa", "k6"),
    ("IIa + VII -> IIa + VIIa", "k7"),
    ("TF_VIIa + X -> TF_VIIa_X", "k9"),
    ("TF_VIIa_X -> TF_VIIa + X", "k8"),
    ("TF_VIIa_X -> TF_VIIa_Xa", "k10"),
    ("TF_VIIa + Xa -> TF_VIIa_Xa", "k12"),
    ("TF_VIIa_Xa -> TF_VIIa + Xa", "k11"),
    ("TF_VIIa + IX -> TF_VIIa_IX", "k14"),
    ("TF_VIIa_IX -> TF_VIIa + IX", "k13"),
    ("TF_VIIa_IX -> TF_VIIa + IXa", "k15"),
    ("Xa + II -> Xa + IIa", "k16"),
    ("IIa + VIII -> IIa + VIIIa", "k17"),
    ("VIIIa + IXa -> IXa_VIIIa", "k19"),
    ("IXa_VIIIa -> VIIIa + IXa", "k18"),
    ("IXa_VIIIa + X -> IXa_VIIIa_X", "k21"),
    ("IXa_VIIIa_X -> IXa_VIIIa + X", "k20"),
    ("IXa_VIIIa_X -> IXa_VIIIa + Xa", "k22"),
    ("VIIIa -> VIIIa1_L + VIIIa2", "k24"),
    ("VIIIa1_L + VIIIa2 -> VIIIa", "k23"),
    ("IXa_VIIIa_X -> VIIIa1_L + VIIIa2 + X + IXa", "k25"),
    ("IXa_VIIIa -> VIIIa1_L + VIIIa2 + IXa", "k25"),
    ("IIa + V -> IIa + Va", "k26"),
    ("Xa + Va -> Xa_Va", "k28"),
    ("Xa_Va -> Xa + Va", "k27"),
    ("Xa_Va + II -> Xa_Va_II", "k30"),
    ("Xa_Va_II -> Xa_Va + II", "k29"),
    ("Xa_Va_II -> Xa_Va + mIIa", "k31"),
    ("mIIa + Xa_Va -> IIa + Xa_Va", "k32"),
    ("Xa + TFPI -> Xa_TFPI", "k34"),
    ("Xa_TFPI -> Xa + TFPI", "k33"),
    ("TF_VIIa_Xa + TFPI -> TF_VIIa_Xa_TFPI", "k36"),
    ("TF_VIIa_Xa_TFPI -> TF_VIIa_Xa + TFPI", "k35"),
    ("TF_VIIa + Xa_TFPI -> TF_VIIa_Xa_TFPI", "k37"),
    ("Xa + ATIII -> Xa_ATIII", "k38"),
    ("mIIa + ATIII -> mIIa_ATIII", "k39"),
    ("IXa + ATIII -> IXa_ATIII", "k40"),
    ("IIa + ATIII -> IIa_ATIII", "k41"),
    ("TF_VIIa + ATIII -> TF_VIIa_ATIII", "k42"),
    ("IXa + X -> IXa + Xa", "k43"),
    ("mIIa + V -> mIIa + Va", "k44"),
)
REACTIONS = tuple(mass_action(*row) for row in EQUATIONS)
SPECIES = reactions.species(REACTIONS)


def _per_nm(constants: Mapping[str, float]) -> dict[str, float]:
    """Second-order constants from 1/(M s) to 1/(nM s)."""
    second_order = {k for equation, k in EQUATIONS if "+" in equation.split("->")[0]}
    return {k: value * 1e-9 if k in second_order else value for k, value in constants.items()}


PARAMETERS = MappingProxyType(
    {"hockin2002": _per_nm(_HOCKIN_2002), "danforth2009": _per_nm(_DANFORTH_2009)}
)

# Mean plasma, nM (Hockin 2002). One percent of factor VII is active: without it nothing starts.
NORMAL_NM = MappingProxyType(
    {
        "VII": 10.0,
        "VIIa": 0.1,
        "X": 160.0,
        "IX": 90.0,
        "II": 1400.0,
        "VIII": 0.7,
        "V": 20.0,
        "TFPI": 2.5,
        "ATIII": 3400.0,
    }
)
TISSUE_FACTOR_NM = 0.005

# Sums that no reaction changes (the null space of the stoichiometry).
CONSERVED = MappingProxyType(
    {
        "TF": (
            "TF",
            "TF_VII",
            "TF_VIIa",
            "TF_VIIa_X",
            "TF_VIIa_Xa",
            "TF_VIIa_IX",
            "TF_VIIa_Xa_TFPI",
            "TF_VIIa_ATIII",
        ),
        "VII": (
            "VII",
            "VIIa",
            "TF_VII",
            "TF_VIIa",
            "TF_VIIa_X",
            "TF_VIIa_Xa",
            "TF_VIIa_IX",
            "TF_VIIa_Xa_TFPI",
            "TF_VIIa_ATIII",
        ),
        "X": (
            "X",
            "Xa",
            "TF_VIIa_X",
            "TF_VIIa_Xa",
            "IXa_VIIIa_X",
            "Xa_Va",
            "Xa_Va_II",
            "Xa_TFPI",
            "TF_VIIa_Xa_TFPI",
            "Xa_ATIII",
        ),
        "IX": ("IX", "IXa", "TF_VIIa_IX", "IXa_VIIIa", "IXa_VIIIa_X", "IXa_ATIII"),
        "II": ("II", "IIa", "mIIa", "Xa_Va_II", "mIIa_ATIII", "IIa_ATIII"),
        "VIII, light chain": ("VIII", "VIIIa", "IXa_VIIIa", "IXa_VIIIa_X", "VIIIa1_L"),
        "VIII, A2": ("VIII", "VIIIa", "IXa_VIIIa", "IXa_VIIIa_X", "VIIIa2"),
        "V": ("V", "Va", "Xa_Va", "Xa_Va_II"),
        "TFPI": ("TFPI", "Xa_TFPI", "TF_VIIa_Xa_TFPI"),
        "ATIII": (
            "ATIII",
            "Xa_ATIII",
            "mIIa_ATIII",
            "IXa_ATIII",
            "IIa_ATIII",
            "TF_VIIa_ATIII",
        ),
    }
)


def initial_state(levels: Mapping[str, Array], tissue_factor_nm: Array) -> dict[str, Array]:
    """Plasma at the moment tissue factor is added.

    `levels`: fractions of normal by the names of `NORMAL_NM`; what is left out is normal, but that
    factor VIIa goes with factor VII.

    **Raises:** `KeyError` for a factor that the model does not have.
    """
    check_names("levels", levels, NORMAL_NM)
    if "VII" in levels:
        levels = {"VIIa": levels["VII"], **levels}
    like = jnp.zeros_like(tissue_factor_nm)
    state = dict.fromkeys(SPECIES, like)
    for name, normal_nm in NORMAL_NM.items():
        state[name] = like + normal_nm * levels.get(name, 1.0)
    return {**state, "TF": tissue_factor_nm}


def thrombin_nm(state: Mapping[str, Array]) -> Array:
    """Total thrombin: free, and meizothrombin, of which most is at times."""
    return state["IIa"] + state["mIIa"]


vector_field = reactions.vector_field(REACTIONS)
jacobian = reactions.jacobian(REACTIONS)
