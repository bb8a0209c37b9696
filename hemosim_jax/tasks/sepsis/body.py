"""What changes in a patient with sepsis, what does not, and the drugs that run."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology import reynolds2006

# At rest, of 70 kg (rounded normal values).
BLOOD_L_PER_KG = 0.07
HEMATOCRIT = 0.40
INTERSTITIAL_L_PER_KG = 0.16
OUTPUT_L_PER_MIN_PER_KG = 5.5 / 70.0
LACTATE_MMOL_PER_L = 1.18  # Levraut 1998: production over clearance
PF_RATIO_MMHG = 440.0
PLATELETS_1E9_PER_L = 230.0
BILIRUBIN_MG_PER_DL = 0.7
GLASGOW = 15.0
FILTRATION_ML_PER_MIN_PER_KG = 100.0 / 70.0


class Parameters(Node):
    """Of one patient."""

    weight_kg: Float[Array, "*b"]
    host: reynolds2006.Parameters  # k_pg and k_pn are the patient's own
    mic_mg_per_l: Float[Array, "*b"]  # of meropenem
    filtration_ml_per_min: Float[Array, "*b"]  # of the kidneys before the illness
    set_mmhg: Float[Array, "*b"]  # the usual mean arterial pressure
    heart_rate_per_min: Float[Array, "*b"]  # the usual one
    heart: Float[Array, "*b"]  # strength before the illness, relative
    vessels: Float[Array, "*b"]  # how much inflammation relaxes them, relative
    depression: Float[Array, "*b"]  # how much it depresses the heart, relative
    leak: Float[Array, "*b"]  # how much capillaries leak, relative
    pressor: Float[Array, "*b"]  # response to drugs, relative
    organs: Float[Array, "*b"]  # how much they suffer, relative
    lungs: Float[Array, "*b"]  # where the infection is: 1 if there
    frailty: Float[Array, "*b"]  # hazard of death by age and disease before, relative


class Drugs(Node):
    """What runs during an interval."""

    fluid_l_per_h: Float[Array, "*b"]
    norepinephrine_ug_per_kg_min: Float[Array, "*b"]
    vasopressin_u_per_min: Float[Array, "*b"]
    meropenem_mg_per_h: Float[Array, "*b"]


class Body(Node):
    """Of one patient, now."""

    infection: reynolds2006.State
    meropenem_mg: tuple[Float[Array, "*b"], Float[Array, "*b"]]  # central, peripheral
    extracellular_l: Float[Array, "*b"]
    plasma_l: Float[Array, "*b"]
    vasoplegia: Float[Array, "*b"]  # relaxed vessels: 0 to about 1.5
    norepinephrine_ug_per_l: Float[Array, "*b"]
    vasopressin_mu_per_l: Float[Array, "*b"]
    lactate_mmol_per_l: Float[Array, "*b"]
    kidneys: Float[Array, "*b"]  # function, 0 to 1
    creatinine_mg_per_dl: Float[Array, "*b"]
    urine_ml_per_kg_h: Float[Array, "*b"]  # mean of some hours
    pf_ratio_mmhg: Float[Array, "*b"]
    platelets_1e9_per_l: Float[Array, "*b"]
    bilirubin_mg_per_dl: Float[Array, "*b"]
    glasgow: Float[Array, "*b"]
    urine_l: Float[Array, "*b"]  # since the start
    death_hazard: Float[Array, "*b"]  # gathered


def normal_plasma_l(own: Parameters) -> Float[Array, "*b"]:
    """Before the illness."""
    return (1.0 - HEMATOCRIT) * BLOOD_L_PER_KG * own.weight_kg


def red_cells_l(own: Parameters) -> Float[Array, "*b"]:
    """Their volume, which stays."""
    return HEMATOCRIT * BLOOD_L_PER_KG * own.weight_kg


def blood_l(body: Body, own: Parameters) -> Float[Array, "*b"]:
    """Plasma and red cells."""
    return body.plasma_l + red_cells_l(own)


def normal_creatinine(own: Parameters) -> Float[Array, "*b"]:
    """What kidneys of this function leave, of 0.9 mg/dL at 100 mL/min and 70 kg."""
    usual = FILTRATION_ML_PER_MIN_PER_KG * own.weight_kg
    return 0.9 * usual / own.filtration_ml_per_min


def healthy(own: Parameters, pathogen: Float[Array, "*b"]) -> Body:
    """Before the illness, with this much of a pathogen."""
    zero = jnp.zeros_like(own.weight_kg)
    plasma = normal_plasma_l(own)
    return Body(
        infection=reynolds2006.infected(pathogen, own.host),
        meropenem_mg=(zero, zero),
        extracellular_l=plasma + INTERSTITIAL_L_PER_KG * own.weight_kg,
        plasma_l=plasma,
        vasoplegia=zero,
        norepinephrine_ug_per_l=zero,
        vasopressin_mu_per_l=zero,
        lactate_mmol_per_l=zero + LACTATE_MMOL_PER_L,
        kidneys=zero + 1.0,
        creatinine_mg_per_dl=normal_creatinine(own),
        urine_ml_per_kg_h=zero + 1.0,
        pf_ratio_mmhg=zero + PF_RATIO_MMHG,
        platelets_1e9_per_l=zero + PLATELETS_1E9_PER_L,
        bilirubin_mg_per_dl=zero + BILIRUBIN_MG_PER_DL,
        glasgow=zero + GLASGOW,
        urine_l=zero,
        death_hazard=zero,
    )


def no_drugs(zero: Float[Array, "*b"]) -> Drugs:
    """None of them."""
    return Drugs(zero, zero, zero, zero)
