"""The blood of a patient with DIC, and what the bedside reads from it."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology import aptt_reagent
from hemosim_jax.physiology.coagulation import clotting_formulas
from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_PT_S

FACTORS = ("II", "V", "VII", "VIII", "X")

NORMAL_FIBRINOGEN_G_PER_L = 3.0  # 9 uM of the cascade
NORMAL_D_DIMER_MG_PER_L = 0.3
HEMOGLOBIN_G_PER_DL = 13.0

# Hemostasis (assumptions): where each of its parts is half lost.
HALF_PLATELETS_1E9_PER_L = 25.0
HALF_FIBRINOGEN_G_PER_L = 0.8
HALF_PT_RATIO = 2.0
HALF_ANTI_XA_U_PER_ML = 1.0


class Parameters(Node):
    """Of one patient."""

    weight_kg: Float[Array, "*b"]
    tissue_factor_pm: Float[Array, "*b"]  # at the start
    tissue_factor_decay_per_h: Float[Array, "*b"]  # as the cause is treated
    exposed_per_h: Float[Array, "*b"]
    lysed: Float[Array, "*b"]  # share of the fibrin that is lysed at once
    organ_damage: Float[Array, "*b"]  # per h and g/L of microthrombi
    bleeding_tendency: Float[Array, "*b"]  # 1: usual
    normal_platelets_1e9_per_l: Float[Array, "*b"]
    normal_fibrinogen_g_per_l: Float[Array, "*b"]  # the liver's set-point


class Blood(Node):
    """Factors and antithrombin as fractions of normal."""

    factors: dict[str, Float[Array, "*b"]]  # by `FACTORS`
    antithrombin: Float[Array, "*b"]
    fibrinogen_g_per_l: Float[Array, "*b"]
    platelets_1e9_per_l: Float[Array, "*b"]
    d_dimer_mg_per_l: Float[Array, "*b"]
    microthrombi_g_per_l: Float[Array, "*b"]
    anti_xa_u_per_ml: Float[Array, "*b"]
    tissue_factor_pm: Float[Array, "*b"]
    hemoglobin_g_per_dl: Float[Array, "*b"]
    organ_function: Float[Array, "*b"]  # 1 normal, 0 none
    bleeding: Float[Array, "*b"]  # severity, 0 to 1


def healthy(parameters: Parameters) -> Blood:
    """Before the disease."""
    one = jnp.ones_like(parameters.weight_kg)
    zero = jnp.zeros_like(one)
    return Blood(
        factors=dict.fromkeys(FACTORS, one),
        antithrombin=one,
        fibrinogen_g_per_l=parameters.normal_fibrinogen_g_per_l,
        platelets_1e9_per_l=parameters.normal_platelets_1e9_per_l,
        d_dimer_mg_per_l=NORMAL_D_DIMER_MG_PER_L * one,
        microthrombi_g_per_l=zero,
        anti_xa_u_per_ml=zero,
        tissue_factor_pm=parameters.tissue_factor_pm,
        hemoglobin_g_per_dl=HEMOGLOBIN_G_PER_DL * one,
        organ_function=one,
        bleeding=zero,
    )


def hemostasis(blood: Blood) -> Float[Array, "*b"]:
    """How well bleeding is stopped: 1 perfectly, 0 not at all (assumption)."""
    platelets = (blood.platelets_1e9_per_l / HALF_PLATELETS_1E9_PER_L) ** 2
    fibrinogen = (blood.fibrinogen_g_per_l / HALF_FIBRINOGEN_G_PER_L) ** 2
    prolonged = jnp.maximum(pt_s(blood) / NORMAL_PT_S - 1.0, 0.0) / (HALF_PT_RATIO - 1.0)
    heparin = blood.anti_xa_u_per_ml / HALF_ANTI_XA_U_PER_ML
    clots = platelets / (1.0 + platelets) * fibrinogen / (1.0 + fibrinogen)
    return clots / ((1.0 + prolonged**2) * (1.0 + heparin))


def pt_s(blood: Blood) -> Float[Array, "*b"]:
    """Prothrombin time (s)."""
    return clotting_formulas.pt_s(_levels(blood))


def aptt_s(blood: Blood) -> Float[Array, "*b"]:
    """Activated partial thromboplastin time (s).

    The reagent is Raschke's; from 0.3 U/mL on heparin in the clotting cascade agrees within 5 %.
    """
    heparin = aptt_reagent.prolongation(blood.anti_xa_u_per_ml, aptt_reagent.RASCHKE)
    return clotting_formulas.aptt_s(_levels(blood)) * jnp.exp(heparin)


def _levels(blood: Blood) -> dict[str, Float[Array, "*b"]]:
    # Factor IX stays normal (assumption).
    return {**blood.factors, "Fg": blood.fibrinogen_g_per_l / NORMAL_FIBRINOGEN_G_PER_L}
