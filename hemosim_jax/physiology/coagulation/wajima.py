"""The humoral coagulation network with vitamin K, warfarin and heparin (nM, hours).

Wajima, Isbister & Duffull, Clin Pharmacol Ther 2009;86:290, constants as in BioModels
BIOMD0000000338 to 340, numbered as there. The clotting tests dilute plasma in a cuvette: no
production, no thrombomodulin, no vitamin K cycle.

Known of the model: factor V hardly matters down to 1 %, and factor XII not at all (the contact
phase of the aPTT is prescribed).
"""

from collections.abc import Mapping
from types import MappingProxyType

import jax.numpy as jnp
from jaxtyping import Array

from hemosim_jax.integrate.rosenbrock import RODAS4, SparseRosenbrock
from hemosim_jax.integrate.stiff import solve_stiff
from hemosim_jax.physiology.coagulation import reactions
from hemosim_jax.physiology.coagulation.reactions import (
    Reaction,
    check_names,
    enzymatic,
    mass_action,
)

# Levels of normal plasma, nM; what is not named is absent.
NORMAL_NM = MappingProxyType(
    {
        "XII": 375.0,
        "VIII": 0.7,
        "IX": 89.6,
        "XI": 30.6,
        "VII": 10.0,
        "X": 174.3,
        "V": 26.7,
        "II": 1394.4,
        "Fg": 8945.5,
        "XIII": 70.3,
        "Pg": 2154.3,
        "PC": 60.0,
        "Tmod": 50.0,
        "TFPI": 2.5,
        "PS": 300.0,
        "Pk": 450.0,
    }
)
VITAMIN_K_NM = MappingProxyType({"VK": 1.0, "VKH2": 0.1, "VKO": 0.1})

# Number, equation, enzyme, v (1/h), k (nM).
_HYPERBOLIC = (
    (1, "VIII -> VIIIa", "IIa", 50000.0, 1e-6),
    (2, "VIIIa ->", "APC_PS", 50.0, 1.0),
    (3, "IX -> IXa", "XIa", 7.0, 10.0),
    (4, "XI -> XIa", "XIIa", 7.0, 1.0),
    (5, "XI -> XIa", "IIa", 10.0, 10.0),
    (6, "VII -> VIIa", "IIa", 0.1, 10.0),
    (7, "X -> Xa", "IXa", 0.02, 10.0),
    (8, "X -> Xa", "IXa_VIIIa", 2.0, 0.1),
    (9, "X -> Xa", "VIIa", 1e-9, 10.0),
    (10, "V -> Va", "IIa", 50000.0, 10.0),
    (11, "Va ->", "APC_PS", 50.0, 1.0),
    (12, "II -> IIa", "Va_Xa", 100.0, 10.0),
    (13, "II -> IIa", "Xa", 9.0, 500.0),
    (14, "Fg -> F", "IIa", 20000.0, 0.5),
    (15, "Fg -> FDP", "P", 500.0, 500.0),
    (16, "F -> XF", "XIIIa", 7.0, 10.0),
    (17, "F -> FDP", "P", 7.0, 10.0),
    (18, "XF -> D", "P", 7.0, 100.0),
    (19, "XF -> D", "APC_PS", 1.0, 1.0),
    (20, "XIII -> XIIIa", "IIa", 7.0, 1.0),
    (21, "Pg -> P", "IIa", 7.0, 5000.0),
    (22, "Pg -> P", "F", 5.0, 10000.0),
    (23, "Pg -> P", "APC_PS", 2.0, 1.0),
    (24, "PC -> APC", "IIa_Tmod", 7.0, 1.0),
    (25, "Va_Xa ->", "APC_PS", 2.0, 1.0),
    (33, "VII_TF -> VIIa_TF", "Xa", 70.0, 1.0),
    (34, "X -> Xa", "VIIa_TF", 900.0, 200.0),
    (35, "IX -> IXa", "VIIa_TF", 70.0, 1.0),
    (36, "VII_TF -> VIIa_TF", "TF", 1000.0, 1.0),
    (38, "VII -> VIIa", "Xa", 1.0, 10.0),
    (39, "VII -> VIIa", "VIIa_TF", 1.0, 10.0),
    (40, "VII -> VIIa", "IXa", 0.2, 10.0),
    (41, "XII -> XIIa", "CA", 7.0, 1.0),
    (42, "XII -> XIIa", "K", 70.0, 1.0),
    (43, "Pk -> K", "XIIa", 7.0, 1.0),
)
# Number, equation, c (nM h): the rate is A B / c. The last three, with antithrombin and
# unfractionated heparin; c of thrombin is 0.85 / 7.1.
_ASSOCIATION = (
    (26, "IXa + VIIIa -> IXa_VIIIa", 0.01),
    (27, "Xa + Va -> Va_Xa", 0.5),
    (28, "IIa + Tmod -> IIa_Tmod", 0.5),
    (29, "VIIa + TF -> VIIa_TF", 0.5),
    (30, "VII + TF -> VII_TF", 0.1),
    (31, "VIIa_TF + Xa_TFPI -> VIIa_TF_Xa_TFPI", 0.5),
    (32, "Xa + TFPI -> Xa_TFPI", 0.5),
    (37, "APC + PS -> APC_PS", 0.5),
    (44, "IIa + ATH -> IIa_ATH", 0.85 / 7.1),
    (45, "Xa + ATH -> Xa_ATH", 0.85),
    (46, "IXa + ATH -> IXa_ATH", 0.85),
)
# Loss, 1/h.
_LOSS_PER_H = MappingProxyType(
    {
        "Fg": 0.032,
        "F": 0.05,
        "XF": 0.05,
        "II": 0.01,
        "IIa": 67.4,
        "TF": 0.05,
        "V": 0.043,
        "Va": 20.0,
        "VII": 0.12,
        "VIIa": 20.0,
        "VIII": 0.058,
        "VIIIa": 20.0,
        "IX": 0.029,
        "IXa": 20.0,
        "X": 0.018,
        "Xa": 20.0,
        "XI": 0.1,
        "XIa": 20.0,
        "XII": 0.012,
        "XIIa": 20.0,
        "XIII": 0.0036,
        "XIIIa": 0.69,
        "Pk": 0.05,
        "K": 20.0,
        "Pg": 0.05,
        "P": 20.0,
        "PC": 0.05,
        "APC": 20.4,
        "PS": 0.0165,
        "FDP": 3.5,
        "D": 0.1,
        "TFPI": 20.0,
        "VIIa_TF": 20.0,
        "VII_TF": 0.7,
        "APC_PS": 20.0,
        "Va_Xa": 20.0,
        "IXa_VIIIa": 20.0,
        "Tmod": 0.05,
        "IIa_Tmod": 20.0,
        "Xa_TFPI": 20.0,
        "VIIa_TF_Xa_TFPI": 20.0,
        "TAT": 0.2,
        "CA": 0.05,
        "ATH": 0.693,
        "IIa_ATH": 0.693,
        "Xa_ATH": 0.693,
        "IXa_ATH": 0.693,
    }
)
_LOST_TO = MappingProxyType({"Fg": "FDP", "F": "FDP", "XF": "D", "IIa": "TAT"})
VITAMIN_K_DEPENDENT = ("II", "VII", "IX", "X", "PC", "PS")

# Vitamin K cycle and warfarin. `VK_p` is a peripheral concentration: the amount over 24 L.
_CYCLE = MappingProxyType(
    {
        "d_VK": 0.2052,  # 1/h
        "d_VK2": 0.0228,
        "d_VKH2": 0.228,
        "d_VKO": 0.228,
        "VK_in": 0.0587,
        "VK_out": 0.0122,
        "warfarin_ka": 1.0,
        "warfarin_ke": 0.02,
        "warfarin_ic50_mg_per_l": 0.34,
    }
)
WARFARIN_VOLUME_L = 10.0

# Clotting tests.
DILUTION = 1.0 / 3.0
CUVETTE_TISSUE_FACTOR_NM = 100.0
CONTACT_XI, CONTACT_XIA = 0.339, 0.148  # of factor XI, left and activated by the contact phase
ENDPOINT_NM_H = 1500.0 / 3600.0  # of fibrin over time


def _united(*tables: Mapping[str, float]) -> Mapping[str, float]:
    """One table; a name that stands in two would silently replace a constant."""
    names = [name for table in tables for name in table]
    if len(set(names)) != len(names):
        raise ValueError(f"given twice: {sorted({n for n in names if names.count(n) > 1})}")
    return MappingProxyType({name: value for table in tables for name, value in table.items()})


PARAMETERS = _united(
    {f"v{number}": v for number, _, _, v, _ in _HYPERBOLIC},
    {f"k{number}": k for number, _, _, _, k in _HYPERBOLIC},
    {f"a{number}": 1.0 / c for number, _, c in _ASSOCIATION},
    {f"d_{name}": rate for name, rate in _LOSS_PER_H.items()},
    {f"p_{name}": _LOSS_PER_H[name] * level for name, level in NORMAL_NM.items()},
    _CYCLE,
)


def _not_inhibited(parameters, warfarin):
    ic50 = parameters["warfarin_ic50_mg_per_l"]
    return ic50 / (ic50 + warfarin)


def _vitamin_k_dependent(name: str) -> Reaction:
    def rate(parameters, vkh2):
        return parameters[f"p_{name}"] * vkh2 / VITAMIN_K_NM["VKH2"]

    return Reaction({name: 1}, ("VKH2",), rate)


def _constant(name: str, parameter: str) -> Reaction:
    return Reaction({name: 1}, (), lambda parameters: jnp.asarray(parameters[parameter]))


def _reduced_by_warfarin(equation: str, constant: str) -> Reaction:
    plain = mass_action(equation, constant)
    (source,) = plain.inputs

    def rate(parameters, amount, warfarin):
        return parameters[constant] * amount * _not_inhibited(parameters, warfarin)

    return Reaction(plain.change, (source, "C_warf"), rate)


_FIBRIN_OVER_TIME = Reaction({"AUCF": 1}, ("F",), lambda parameters, fibrin: fibrin)
IN_VITRO = (
    *(enzymatic(eq, enzyme, f"v{n}", f"k{n}") for n, eq, enzyme, _, _ in _HYPERBOLIC),
    *(mass_action(equation, f"a{number}") for number, equation, _ in _ASSOCIATION),
    *(mass_action(f"{name} -> {_LOST_TO.get(name, '')}", f"d_{name}") for name in _LOSS_PER_H),
    _FIBRIN_OVER_TIME,
)
IN_VIVO = (
    *(r for r in IN_VITRO if r is not _FIBRIN_OVER_TIME),
    *(
        _vitamin_k_dependent(name) if name in VITAMIN_K_DEPENDENT else _constant(name, f"p_{name}")
        for name in NORMAL_NM
    ),
    Reaction({"VK": 1}, (), lambda parameters: jnp.asarray(parameters["d_VK"])),  # times 1 nM
    mass_action("VK ->", "d_VK"),
    mass_action("VK -> VK_p", "VK_in"),
    mass_action("VK_p -> VK", "VK_out"),
    _reduced_by_warfarin("VK -> VKH2", "d_VK2"),
    mass_action("VKH2 -> VKO", "d_VKH2"),
    _reduced_by_warfarin("VKO -> VK", "d_VKO"),
    mass_action("A_warf -> C_warf", "warfarin_ka"),
    mass_action("C_warf ->", "warfarin_ke"),
)
SPECIES = reactions.species(IN_VIVO)
SPECIES_IN_VITRO = reactions.species(IN_VITRO)

vector_field = reactions.vector_field(IN_VIVO)
jacobian = reactions.jacobian(IN_VIVO)
vector_field_in_vitro = reactions.vector_field(IN_VITRO)
jacobian_in_vitro = reactions.jacobian(IN_VITRO)


def initial_state() -> dict[str, Array]:
    """A healthy person without drugs, who stays so."""
    zero = jnp.zeros((), jnp.result_type(float))
    state = dict.fromkeys(SPECIES, zero)
    for name, level in (*NORMAL_NM.items(), *VITAMIN_K_NM.items()):
        state[name] = zero + level
    state["VK_p"] = zero + VITAMIN_K_NM["VK"] * _CYCLE["VK_in"] / _CYCLE["VK_out"]
    state["FDP"] = zero + _LOSS_PER_H["Fg"] * NORMAL_NM["Fg"] / _LOSS_PER_H["FDP"]
    return state


def advance(
    state: Mapping[str, Array], duration_h: Array, *, rtol: float = 1e-4, atol: float = 1e-6
) -> tuple[dict[str, Array], Array]:
    """A person some hours later, and whether the integrator reports success."""
    _, last, ok = solve_stiff(
        vector_field,
        SparseRosenbrock(jacobian, RODAS4),
        dict(state),
        duration_h,
        dict(PARAMETERS),
        lambda s: s["F"],
        rtol=rtol,
        atol=atol,
        max_steps=512,
        first_step=1e-3,
    )
    return last, ok


def give_warfarin(state: Mapping[str, Array], dose_mg: Array) -> dict[str, Array]:
    """The state after a dose by mouth."""
    return {**state, "A_warf": state["A_warf"] + dose_mg / WARFARIN_VOLUME_L}


def plasma(levels: Mapping[str, Array], antithrombin_heparin_nm: Array | float) -> dict[str, Array]:
    """A sample: fractions of normal by the names of `NORMAL_NM`; what is left out is normal.

    **Raises:** `KeyError` for a factor that the model does not have.
    """
    check_names("levels", levels, NORMAL_NM)
    zero = jnp.zeros((), jnp.result_type(float))
    state = dict.fromkeys(SPECIES_IN_VITRO, zero)
    for name, normal_nm in NORMAL_NM.items():
        state[name] = zero + normal_nm * levels.get(name, 1.0)
    return {**state, "ATH": zero + antithrombin_heparin_nm}


def cuvette_of_pt(sample: Mapping[str, Array]) -> dict[str, Array]:
    """The diluted sample when tissue factor is added, with what neutralizes heparin.

    **Raises:** `KeyError` for a sample in which a factor of normal plasma is missing.
    """
    state = _diluted(sample)
    zero = jnp.zeros_like(state["II"])
    return {**state, "TF": zero + CUVETTE_TISSUE_FACTOR_NM, "ATH": zero}


def cuvette_of_aptt(sample: Mapping[str, Array]) -> dict[str, Array]:
    """The diluted sample after the contact phase, when calcium is added.

    **Raises:** `KeyError` for a sample in which a factor of normal plasma is missing.
    """
    state = _diluted(sample)
    return {**state, "XI": CONTACT_XI * state["XI"], "XIa": CONTACT_XIA * state["XI"]}


def _diluted(sample: Mapping[str, Array]) -> dict[str, Array]:
    missing = [name for name in NORMAL_NM if name not in sample]
    if missing:
        raise KeyError(f"the sample lacks {', '.join(missing)}; `plasma` fills in what is normal")
    zero = jnp.zeros_like(sample["II"])
    state = {name: DILUTION * sample.get(name, zero) for name in SPECIES_IN_VITRO}
    return {**state, "Tmod": zero, "AUCF": zero}
