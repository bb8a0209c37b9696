"""Thrombin generation in eight states (nM, s): equations 5 to 12 of the hemosim paper, closed.

With the prothrombin pool constant, as the equations read literally, thrombin has no ceiling. Here
it is what is left, $Pro = Pro_0 - IIa - ATIIIb$, which is exact for $k_8 = 0$. The constants are
fitted to the total thrombin (IIa + mIIa) of Hockin 2002 at 5 pM of tissue factor: 0.31 % of the
peak (root mean square). At 1 pM, below the threshold of the full model, errors are 10 to 70 %.
There is no TFPI, and no factor V, VIII, IX or X to be deficient of.
"""

from types import MappingProxyType

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology.coagulation import reactions
from hemosim_jax.physiology.coagulation.reactions import Reaction, mass_action

# 1/s, 1/(nM s), and k7 in 1/(nM^2 s). k1 is per s at 5 pM, in nM. k9 is that of Hockin 2002 (k41),
# k10 the kcat/Km of fibrinogen in Chatterjee 2010; k11 and k12 give half activation of platelets at
# 2.4 nM (uncertain); the others are fitted.
K = MappingProxyType(
    {
        "k1": 4.166666666666667e-06,
        "k2": 1.5987600410490983e-06,
        "k3": 1.3492283218367702,
        "k4": 1.604830651086312e-06,
        "k5": 0.0005067644896127551,
        "k6": 0.004106053459361933,
        "k7": 0.001234531792731299,
        "k8": 0.0,
        "k9": 7.1e-06,
        "k10": 0.0117,
        "k11": 0.00103,
        "k12": 0.0025,
    }
)
FITTED_AT_PM = 5.0
TISSUE_FACTOR_EXPONENT = 1.7040821347298918  # of k1, fitted to 1 to 25 pM
SEED_VA_NM = 0.5548718708752265  # without some active factor V nothing starts
NORMAL_NM = MappingProxyType({"II": 1400.0, "ATIII": 3400.0, "Fg": 9000.0})


class Parameters(Node):
    """Of one plasma."""

    k1_nm_per_s: Float[Array, "*b"]
    prothrombin_nm: Float[Array, "*b"]
    antithrombin_nm: Float[Array, "*b"]
    # Times the rate of inhibition: 1 without heparin.
    inhibition_ratio: Float[Array, "*b"]


class State(Node):
    """nM; activated platelets as a fraction."""

    tf_viia: Float[Array, "*b"]
    xa: Float[Array, "*b"]
    va: Float[Array, "*b"]
    iia: Float[Array, "*b"]
    fibrinogen: Float[Array, "*b"]
    fibrin: Float[Array, "*b"]
    antithrombin_bound: Float[Array, "*b"]
    platelets_activated: Float[Array, "*b"]


def parameters(
    tissue_factor_pm: Float[Array, "*b"],
    prothrombin: Float[Array, "*b"] | float = 1.0,
    antithrombin: Float[Array, "*b"] | float = 1.0,
    inhibition_ratio: Float[Array, "*b"] | float = 1.0,
) -> Parameters:
    """Of a plasma with these fractions of normal."""
    one = jnp.ones_like(tissue_factor_pm)
    # At 0 pM the power would have no finite gradient.
    safe = jnp.where(tissue_factor_pm > 0.0, tissue_factor_pm, 1.0)
    drive = (safe / FITTED_AT_PM) ** TISSUE_FACTOR_EXPONENT
    return Parameters(
        k1_nm_per_s=K["k1"] * jnp.where(tissue_factor_pm > 0.0, drive, 0.0),
        prothrombin_nm=NORMAL_NM["II"] * prothrombin * one,
        antithrombin_nm=NORMAL_NM["ATIII"] * antithrombin * one,
        inhibition_ratio=inhibition_ratio * one,
    )


def initial_state(fibrinogen: Float[Array, "*b"]) -> State:
    """Before anything has happened; `fibrinogen` is a fraction of normal."""
    zero = jnp.zeros_like(fibrinogen)
    return State(
        tf_viia=zero,
        xa=zero,
        va=zero + SEED_VA_NM,
        iia=zero,
        fibrinogen=NORMAL_NM["Fg"] * fibrinogen,
        fibrin=zero,
        antithrombin_bound=zero,
        platelets_activated=zero,
    )


def _conversion(p, xa, va, iia, bound):
    return p["k7"] * xa * va * (p["prothrombin_nm"] - iia - bound)


def _inhibition(p, iia, bound):
    return p["k9"] * p["inhibition_ratio"] * (p["antithrombin_nm"] - bound) * iia


def _activation(p, iia, activated):
    return p["k11"] * iia * (1.0 - activated)


REACTIONS = (
    Reaction({"tf_viia": 1}, (), lambda p: p["k1_nm_per_s"]),
    mass_action("tf_viia ->", "k2"),
    mass_action("tf_viia -> tf_viia + xa", "k3"),
    mass_action("xa ->", "k4"),
    mass_action("iia -> iia + va", "k5"),
    mass_action("va ->", "k6"),
    Reaction({"iia": 1}, ("xa", "va", "iia", "antithrombin_bound"), _conversion),
    mass_action("iia ->", "k8"),
    Reaction({"iia": -1, "antithrombin_bound": 1}, ("iia", "antithrombin_bound"), _inhibition),
    mass_action("iia + fibrinogen -> iia + fibrin", "k10"),
    Reaction({"platelets_activated": 1}, ("iia", "platelets_activated"), _activation),
    mass_action("platelets_activated ->", "k12"),
)
_field = reactions.vector_field(REACTIONS)


def vector_field(t_s, state: State, parameters: Parameters) -> State:
    """Per second."""
    return State(**_field(t_s, vars(state), {**K, **vars(parameters)}))
