"""The blood of a patient with DIC, and what the bedside reads from it."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology import aptt_reagent
from hemosim_jax.physiology.coagulation import clotting_formulas
from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_PT_S
from hemosim_jax.tasks.dic import blood_volume

FACTORS = ("II", "V", "VII", "VIII", "IX", "X")

NORMAL_FIBRINOGEN_G_PER_L = 3.0  # 9 uM of the cascade
NORMAL_D_DIMER_MG_PER_L = 0.3

# Hemostasis (assumptions): where each of its parts is half lost.
HALF_PLATELETS_1E9_PER_L = 25.0
HALF_FIBRINOGEN_G_PER_L = 0.8
HALF_PT_RATIO = 2.0
HALF_ANTI_XA_U_PER_ML = 0.35
HALF_SPARE_ANTITHROMBIN = 2.0  # beyond normal
HALF_THROMBOMODULIN = 4.0
HALF_LYSIS = 3.0  # lytic activity over normal

# Tranexamic acid leaves so much of lysis at this concentration (assumption: 10 to 15 mg/L, which
# are held to be enough, leave a quarter).
HALF_TRANEXAMIC_MG_PER_L = 4.0


class Parameters(Node):
    """Of one patient."""

    weight_kg: Float[Array, "*b"]
    tissue_factor_pm: Float[Array, "*b"]  # until the cause is treated
    decay_per_h: Float[Array, "*b"]  # of tissue factor and inflammation, as the cause is treated
    exposed_per_h: Float[Array, "*b"]  # share of the blood that meets tissue factor
    inflammation: Float[Array, "*b"]  # until the cause is treated; 1: septic shock
    lytic: Float[Array, "*b"]  # release of plasminogen activator; 1: usual
    organ_damage: Float[Array, "*b"]  # relative
    bleeding_tendency: Float[Array, "*b"]  # 1: usual
    diluted: Float[Array, "*b"]  # share of the blood lost, and replaced by fluid, at the onset
    normal_platelets_1e9_per_l: Float[Array, "*b"]
    normal_fibrinogen_g_per_l: Float[Array, "*b"]  # without an acute phase


class Blood(Node):
    """Factors and antithrombin as fractions of normal."""

    factors: dict[str, Float[Array, "*b"]]  # by `FACTORS`
    antithrombin: Float[Array, "*b"]
    fibrinogen_g_per_l: Float[Array, "*b"]
    platelets_1e9_per_l: Float[Array, "*b"]
    d_dimer_mg_per_l: Float[Array, "*b"]
    fibrin_g_per_l: Float[Array, "*b"]  # in clots, not yet lysed
    microthrombi: Float[Array, "*b"]  # share of the small vessels that is blocked
    anti_xa_u_per_ml: Float[Array, "*b"]
    tranexamic_mg_per_l: Float[Array, "*b"]
    thrombomodulin: Float[Array, "*b"]  # 1: just after a dose
    tissue_factor_pm: Float[Array, "*b"]
    inflammation: Float[Array, "*b"]
    acute_phase: Float[Array, "*b"]  # of the liver; follows inflammation
    pai_1: Float[Array, "*b"]  # 1: normal
    plasma_ml: Float[Array, "*b"]
    red_cells_ml: Float[Array, "*b"]
    organ_function: Float[Array, "*b"]  # 1 normal, 0 none
    bleeding: Float[Array, "*b"]  # severity, 0 to 1

    @property
    def hemoglobin_g_per_dl(self) -> Float[Array, "*b"]:
        """Of blood."""
        return blood_volume.hemoglobin_g_per_dl(self.plasma_ml, self.red_cells_ml)


def at_onset(parameters: Parameters) -> Blood:
    """Healthy, but for the blood that an injury or a birth has cost."""
    one = jnp.ones_like(parameters.weight_kg)
    zero = jnp.zeros_like(one)
    kept = 1.0 - parameters.diluted
    usual_ml = blood_volume.PLASMA_ML_PER_KG + blood_volume.RED_CELLS_ML_PER_KG
    red_cells_ml = blood_volume.RED_CELLS_ML_PER_KG * kept * parameters.weight_kg
    return Blood(
        factors=dict.fromkeys(FACTORS, kept),
        antithrombin=kept,
        fibrinogen_g_per_l=parameters.normal_fibrinogen_g_per_l * kept,
        platelets_1e9_per_l=parameters.normal_platelets_1e9_per_l * kept,
        d_dimer_mg_per_l=NORMAL_D_DIMER_MG_PER_L * one,
        fibrin_g_per_l=zero,
        microthrombi=zero,
        anti_xa_u_per_ml=zero,
        tranexamic_mg_per_l=zero,
        thrombomodulin=zero,
        tissue_factor_pm=parameters.tissue_factor_pm,
        inflammation=parameters.inflammation,
        acute_phase=zero,
        pai_1=one,
        plasma_ml=usual_ml * parameters.weight_kg - red_cells_ml,
        red_cells_ml=red_cells_ml,
        organ_function=one,
        bleeding=zero,
    )


def lysis(blood: Blood, lytic: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """Lytic activity; 1: normal, with no more PAI-1 than usual."""
    blocked = blood.tranexamic_mg_per_l / HALF_TRANEXAMIC_MG_PER_L
    return lytic / (blood.pai_1 * (1.0 + blocked))


def hemostasis(blood: Blood, lytic: Float[Array, "*b"]) -> Float[Array, "*b"]:
    """How well bleeding is stopped: 1 perfectly, 0 not at all (assumption)."""
    platelets = (blood.platelets_1e9_per_l / HALF_PLATELETS_1E9_PER_L) ** 2
    fibrinogen = (blood.fibrinogen_g_per_l / HALF_FIBRINOGEN_G_PER_L) ** 2
    prolonged = jnp.maximum(pt_s(blood) / NORMAL_PT_S - 1.0, 0.0) / (HALF_PT_RATIO - 1.0)
    anticoagulated = (
        blood.anti_xa_u_per_ml / HALF_ANTI_XA_U_PER_ML
        + jnp.maximum(blood.antithrombin - 1.0, 0.0) / HALF_SPARE_ANTITHROMBIN
        + blood.thrombomodulin / HALF_THROMBOMODULIN
    )
    dissolved = lysis(blood, lytic) / HALF_LYSIS
    clots = platelets / (1.0 + platelets) * fibrinogen / (1.0 + fibrinogen)
    return clots / ((1.0 + prolonged**2) * (1.0 + anticoagulated) * (1.0 + dissolved**2))


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
    return {**blood.factors, "Fg": blood.fibrinogen_g_per_l / NORMAL_FIBRINOGEN_G_PER_L}
