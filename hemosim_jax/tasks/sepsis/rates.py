r"""What becomes of a septic patient's water, vessels, lactate and organs, per hour.

Every quantity $y$ is made and lost, $\dot y = m - l y$, with $m$ and $l$ that follow from the whole
patient; the pathogen and the immune system as in `physiology.reynolds2006`, with an antibiotic that
kills and hypoperfusion that adds to the damage; pressure and flow as `hemodynamics` says. Numbers
without a source are assumptions, chosen so that drugs and fluid do what they do in patients
(`benchmarks.sepsis_bedside`); courses have not been held against trials yet.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.integrate.exponential import relax
from hemosim_jax.physiology import reynolds2006
from hemosim_jax.physiology.circulation import Flow
from hemosim_jax.tasks.sepsis import antibiotic, hemodynamics, mortality
from hemosim_jax.tasks.sepsis.body import (
    BILIRUBIN_MG_PER_DL,
    GLASGOW,
    INTERSTITIAL_L_PER_KG,
    LACTATE_MMOL_PER_L,
    PF_RATIO_MMHG,
    PLATELETS_1E9_PER_L,
    Body,
    Drugs,
    Parameters,
    blood_l,
    normal_creatinine,
    normal_plasma_l,
)
from hemosim_jax.tasks.sepsis.hemodynamics import damage_share

# Vessels relax with phagocytes and damage, some hours later.
VASOPLEGIA_RATE_PER_H = 1.0 / 3.0
BY_PHAGOCYTES = 0.6
BY_DAMAGE = 1.0
HALF_DAMAGE = 0.15  # of the largest

# Water. A third of what lies in the interstitium is in the plasma: of saline 25 % stays (Ernest
# 1999); an excess of plasma has a half-life of 20 min (Nunes 2014). Leak lowers both.
EXCHANGE_PER_H = 1.8
PLASMA_SHARE = 0.33  # of the interstitium's excess
SHARE_LOG_LOSS = 1.2  # by leak of 1
PLASMA_LOST = 0.22  # of the log of the plasma, by leak of 1: with its proteins
USUAL_WATER_ML_PER_KG_H = 0.9  # food, drink and drugs, less what is lost but as urine
# Urine, mL/kg/h at rest 0.9; it depends on pressure below 75 mmHg (Deruddre 2007) and on volume.
URINE_ML_PER_KG_H = 0.9
HALF_FILTRATION_MMHG = 52.0
PRESSURE_POWER = 7.0
VOLUME_LOG = 4.0
PREGLOMERULAR_LOG = 0.15  # by norepinephrine's effect of 1 on the log of resistance
URINE_MEMORY_H = 6.0

# Lactate: clearance 1.0 L/kg/h, 0.47 in the worse half of septic patients, the production equal in
# both (Levraut 1998); the space 0.5 L/kg.
LACTATE_CLEARANCE_L_PER_KG_H = 1.0
LACTATE_SPACE_L_PER_KG = 0.5
CLEARANCE_LOST = 0.6
AEROBIC_LACTATE = 0.25  # production, by vasoplegia of 1
ANAEROBIC_LACTATE = 5.0  # by hypoperfusion of 1

HYPOPERFUSION_INJURY_PER_H = 0.30  # damage, in units of the model
ISCHEMIA_INJURY_PER_H = 0.25  # by far too much norepinephrine
ISCHEMIA_UG_PER_L = 60.0

# Organs. Time constants and sizes are assumptions.
KIDNEY_RECOVERY_PER_H = 1.0 / 60.0
KIDNEY_INJURY_PER_H = 0.020
KIDNEY_ISCHEMIA_PER_H = 0.05
CREATININE_SPACE_L_PER_KG = 0.6
LUNG_RATE_PER_H = 1.0 / 6.0
LUNG_LOG = 0.6
PNEUMONIA_LOG = 0.7
LUNG_WATER_LOG = 0.8
PLATELET_RATE_PER_H = 1.0 / 40.0
PLATELET_LOG = 1.5
BILIRUBIN_RATE_PER_H = 1.0 / 36.0
BILIRUBIN_LOG = 2.0
BRAIN_RATE_PER_H = 0.25
GLASGOW_LOST = 8.0
GLASGOW_LOST_BY_HYPOPERFUSION = 4.0


class Rates(NamedTuple):
    """What is taken as constant over a step of the fast path."""

    infection: reynolds2006.Rates
    meropenem: tuple[tuple[Array, Array], tuple[Array, Array]]  # made and lost, by compartment
    turnover: dict[str, tuple[Array, Array]]  # by name: made, share lost
    gained: dict[str, Array]


def _lack(value, needed, width):
    return width * jnp.logaddexp((needed - value) / width, 0.0)


def _saturating(x, half):
    return x / (x + half)


def filtration(flow: Flow, body: Body, own: Parameters) -> Float[Array, "*b"]:
    """Share of what healthy kidneys filter, by pressure, drugs and what kidneys have suffered."""
    usual = 88.0 / own.set_mmhg
    pressure = jnp.maximum(usual * (flow.pressure_mmhg - flow.venous_mmhg), 1.0)
    power = (pressure / HALF_FILTRATION_MMHG) ** PRESSURE_POWER
    drug = hemodynamics.tone(body, own).norepinephrine
    return 1.1 * power / (1.0 + power) * jnp.exp(-PREGLOMERULAR_LOG * drug) * body.kidneys


def rates(body: Body, own: Parameters, drugs: Drugs) -> Rates:
    """Of the patient now."""
    flow = hemodynamics.flow(body, own)
    weight = own.weight_kg
    share = damage_share(body)
    ill = own.organs * _saturating(share, 0.3)
    lack = hemodynamics.hypoperfusion(flow, own)
    lack = lack / (1.0 + lack / 3.0)
    phagocytes = body.infection.phagocytes
    leak = own.leak * body.vasoplegia

    ischemia = (body.norepinephrine_ug_per_l / ISCHEMIA_UG_PER_L) ** 3
    injury = HYPOPERFUSION_INJURY_PER_H * lack
    injury = injury + ISCHEMIA_INJURY_PER_H * ischemia / (1.0 + ischemia)
    kill = antibiotic.kill_per_h(body.meropenem_mg, own)

    kidneys = filtration(flow, body, own)
    volume = blood_l(body, own) / (blood_l(body, own) - body.plasma_l + normal_plasma_l(own)) - 1.0
    diuresis = jnp.exp(jnp.clip(VOLUME_LOG * volume, -1.5, 1.0))
    urine = URINE_ML_PER_KG_H * kidneys * diuresis
    liters_in = drugs.fluid_l_per_h + 1e-3 * USUAL_WATER_ML_PER_KG_H * weight
    liters_out = 1e-3 * urine * weight

    stays = PLASMA_SHARE * jnp.exp(-SHARE_LOG_LOSS * leak)
    interstitial_l = INTERSTITIAL_L_PER_KG * weight
    rest_l = normal_plasma_l(own) * jnp.exp(-PLASMA_LOST * leak)
    excess_l = body.extracellular_l - interstitial_l
    water_in_tissue = (body.extracellular_l - body.plasma_l) / interstitial_l - 1.0

    lungs_wet = _lack(-water_in_tissue * (1.0 + 0.5 * leak), -0.15, 0.08)
    pf_ratio = PF_RATIO_MMHG * jnp.exp(
        -LUNG_LOG * ill
        - PNEUMONIA_LOG * own.lungs * jnp.minimum(phagocytes + share, 1.0)
        - LUNG_WATER_LOG * lungs_wet
    )
    suffering = KIDNEY_INJURY_PER_H * ill + KIDNEY_ISCHEMIA_PER_H * _lack(
        (flow.pressure_mmhg - flow.venous_mmhg) / own.set_mmhg, 0.72, 0.06
    )
    glasgow = GLASGOW - GLASGOW_LOST * ill - GLASGOW_LOST_BY_HYPOPERFUSION * lack
    clears_l_per_h = 0.06 * own.filtration_ml_per_min * kidneys
    creatinine_l = CREATININE_SPACE_L_PER_KG * weight
    lactate_cleared = LACTATE_CLEARANCE_L_PER_KG_H * (1.0 - CLEARANCE_LOST * jnp.minimum(ill, 1.2))
    lactate_made = (LACTATE_MMOL_PER_L * LACTATE_CLEARANCE_L_PER_KG_H) * (
        1.0 + AEROBIC_LACTATE * body.vasoplegia + ANAEROBIC_LACTATE * lack
    )

    def towards(target, rate):
        return rate * target, jnp.full_like(target, rate)

    def drug(rate_in, volume_l, clearance_l_per_h):
        return rate_in / volume_l, clearance_l_per_h / volume_l

    norepinephrine = drug(
        60.0 * drugs.norepinephrine_ug_per_kg_min * weight,
        hemodynamics.NOREPINEPHRINE_VOLUME_L * weight / 70.0,
        60.0 * hemodynamics.clearance_l_per_min(body, own),
    )
    vasopressin_l = hemodynamics.VASOPRESSIN_VOLUME_L_PER_KG * weight
    turnover = {
        "plasma_l": (
            liters_in - liters_out + EXCHANGE_PER_H * (rest_l + stays * excess_l),
            EXCHANGE_PER_H * (1.0 + stays),
        ),
        "vasoplegia": towards(
            BY_PHAGOCYTES * phagocytes + BY_DAMAGE * _saturating(share, HALF_DAMAGE),
            VASOPLEGIA_RATE_PER_H,
        ),
        "norepinephrine_ug_per_l": norepinephrine,
        "vasopressin_mu_per_l": (
            60.0 * 1e3 * drugs.vasopressin_u_per_min / vasopressin_l,
            jnp.full_like(vasopressin_l, hemodynamics.VASOPRESSIN_RATE_PER_H),
        ),
        "lactate_mmol_per_l": (
            lactate_made / LACTATE_SPACE_L_PER_KG,
            lactate_cleared / LACTATE_SPACE_L_PER_KG,
        ),
        "kidneys": (
            jnp.full_like(suffering, KIDNEY_RECOVERY_PER_H),
            KIDNEY_RECOVERY_PER_H + suffering,
        ),
        "creatinine_mg_per_dl": (
            0.06 * own.filtration_ml_per_min * normal_creatinine(own) / creatinine_l,
            clears_l_per_h / creatinine_l,
        ),
        "urine_ml_per_kg_h": towards(urine, 1.0 / URINE_MEMORY_H),
        "pf_ratio_mmhg": towards(pf_ratio, LUNG_RATE_PER_H),
        "platelets_1e9_per_l": towards(
            PLATELETS_1E9_PER_L * jnp.exp(-PLATELET_LOG * ill), PLATELET_RATE_PER_H
        ),
        "bilirubin_mg_per_dl": towards(
            BILIRUBIN_MG_PER_DL * jnp.exp(BILIRUBIN_LOG * ill), BILIRUBIN_RATE_PER_H
        ),
        "glasgow": towards(jnp.maximum(glasgow, 3.0), BRAIN_RATE_PER_H),
    }
    gained = {
        "extracellular_l": liters_in - liters_out,
        "urine_l": liters_out,
        "death_hazard": mortality.daily_hazard(body, own, lack) / 24.0,
    }
    return Rates(
        reynolds2006.rates(body.infection, own.host, kill, injury),
        antibiotic.turnover(
            body.meropenem_mg,
            own.filtration_ml_per_min * body.kidneys,
            drugs.meropenem_mg_per_h,
        ),
        turnover,
        gained,
    )


def slope(body: Body, own: Parameters, now: Rates) -> Body:
    """Per hour."""
    changes = {n: made - lost * getattr(body, n) for n, (made, lost) in now.turnover.items()}
    return body.replace(
        infection=reynolds2006.slope(body.infection, own.host, now.infection),
        meropenem_mg=tuple(
            made - lost * amount
            for amount, (made, lost) in zip(body.meropenem_mg, now.meropenem, strict=True)
        ),
        **changes,
        **now.gained,
    )


def flow(hours: Float[Array, ""], body: Body, own: Parameters, now: Rates) -> Body:
    """Some hours later, with these rates all the time: nothing but exponential functions."""

    def relaxed(value, made, lost):
        return relax(value, made, lost, jnp.broadcast_to(hours, value.shape))[0]

    changes = {n: relaxed(getattr(body, n), *both) for n, both in now.turnover.items()}
    changes |= {n: getattr(body, n) + hours * rate for n, rate in now.gained.items()}
    return body.replace(
        infection=reynolds2006.step(hours, body.infection, own.host, now.infection),
        meropenem_mg=tuple(
            relaxed(amount, made, lost)
            for amount, (made, lost) in zip(body.meropenem_mg, now.meropenem, strict=True)
        ),
        **changes,
    )


def still(t: Any, carry: Any, args: Any) -> Any:
    """In place of a vector field where the steps are a solver's own."""
    return jax.tree.map(jnp.zeros_like, carry)
