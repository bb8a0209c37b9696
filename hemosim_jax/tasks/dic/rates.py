r"""What tissue factor consumes in a patient with DIC, what returns, and what is lost (hours).

Each hour a share `exposed_per_h` of the blood meets the tissue factor of the underlying disease
for five minutes; what the coagulation cascade does to it there (`consumption`) is lost. With $c_i$
the share of protein $i$ that one exposure consumes, $\phi$ the share of the blood exposed, $V$ the
plasma's volume, $S_i$ the space of the protein, $\lambda_i$ what leaks out of inflamed vessels and
$q$ the fluid that fills the vessels up,

$$dX_i/dt = k_i (P_i - X_i) - (\phi c_i V / S_i + \lambda_i + q / S_i) X_i .$$

$k_i$ follows from the half-life; $P_i$, the liver's production, falls with organ function and
changes in the acute phase. Fibrin is lysed to D-dimer as fast as plasminogen activator is not
inhibited; with platelets it blocks small vessels, which, beside the disease itself, shock and too
much volume, costs organ function. Bleeding takes whole blood.
Published: half-lives, contents of products, the cascade. Assumptions: all that is called so.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.integrate.exponential import relax
from hemosim_jax.tasks.dic import blood_volume
from hemosim_jax.tasks.dic.blood import (
    FACTORS,
    NORMAL_D_DIMER_MG_PER_L,
    Blood,
    Parameters,
    lysis,
)
from hemosim_jax.tasks.dic.consumption import Consumption

# Half-lives, h: middle of the published ranges; platelets 84 (3-4 days); D-dimer 8 (6-8 usual,
# fragment D 8.9, Ardaillou 1980). Antithrombin 68 and fibrinogen 99 (Collen 1977, 1972).
HALF_LIFE_H = {
    "II": 60.0,
    "V": 24.0,
    "VII": 5.0,
    "VIII": 10.0,
    "IX": 20.0,
    "X": 34.0,
    "antithrombin": 68.0,
    "fibrinogen": 99.0,
    "platelets": 84.0,
    "d_dimer": 8.0,
}
RATE_PER_H = {name: math.log(2.0) / hours for name, hours in HALF_LIFE_H.items()}

# The acute phase: IL-6 doubles fibrinogen within two days (recalled), 2 to 4 times the production;
# in septic patients factor VIII is at 242 %, V at 96, X 75, II 64, VII 58 (Collins 2006).
ACUTE_PHASE_H = 12.0
MOST_ACUTE_PHASE = 1.5  # of a liver that cannot do more (assumption)
FIBRINOGEN_RISE = 3.0
FACTOR_VIII_RISE = 1.6
FACTOR_V_RISE = 0.4
OTHERS_FALL = 0.65
# Leak of proteins the size of albumin, which escapes at 5 %/h in health and 7 to 15 in septic
# shock; of what escapes more returns (assumption: the rest). Antithrombin's half-life in sepsis is
# 18.6 h (Ilias 2000).
LEAK_PER_H = {"antithrombin": 0.016, "II": 0.008, "VII": 0.02, "IX": 0.01, "X": 0.008}
# Platelets live 1 to 3 days in sepsis, of whatever consumes them (recalled); half of that is not
# the cascade's (assumption).
PLATELETS_LOST_BY_INFLAMMATION_PER_H = 0.014
# Plasmin beyond the usual takes fibrinogen as well (assumption).
FIBRINOGENOLYSIS_PER_H = 0.006
# PAI-1: within hours of endotoxin 7 to 49 U/mL (Suffredini 1989); sets lysis back (assumption).
PAI_1_RISE = 6.0
PAI_1_H = 8.0

# Heparin (unfractionated). Assumptions: it spreads in the plasma and has a half-life of an hour,
# without the saturable part of the heparin task.
HEPARIN_VOLUME_ML_PER_KG = 70.0
HEPARIN_RATE_PER_H = math.log(2.0)

# Tranexamic acid: a half-life of 2 h. Thrombomodulin: 20 h (recalled); on day 6 of a dose a day,
# 1.2 in our unit on average, it leaves 0.67 of TAT and D-dimer (SCARLET: 5.2 of 7.8 ng/mL, 1,130 of
# 1,649 ng/mL).
TRANEXAMIC_RATE_PER_H = math.log(2.0) / 2.0
THROMBOMODULIN_RATE_PER_H = math.log(2.0) / 20.0
THROMBOMODULIN_EFFECT = 0.4

# Assumptions: fibrin, organs, bleeding.
D_DIMER_YIELD = 24.0  # mg/L from 1 g/L of fibrin lysed
FIBRIN_CLEARED_PER_H = 0.1  # by cells, which leave no D-dimer
LYSIS_PER_H = 0.4  # of fibrin, without more PAI-1 than usual
REOPENING = 0.5  # of small vessels, relative to lysis
BLOCKING = 1.0  # of small vessels, for each exposure of all of the blood
HALF_BLOCKING_FIBRINOGEN_G_PER_L = 0.5  # more than enough is no more
HALF_BLOCKING_PLATELETS_1E9_PER_L = 25.0
ORGAN_RECOVERY_PER_H = 0.010
DAMAGE_BY_DISEASE_PER_H = 0.0035  # at an inflammation of 1
DAMAGE_BY_MICROTHROMBI_PER_H = 0.052
DAMAGE_BY_OVERLOAD_PER_H = 0.05  # by a volume of blood of twice what is tolerated
LIVER_WITHOUT_ORGANS = 0.6  # production of factors left when organ function is 0
SHOCK_PER_H = 0.045  # loss of organ function at the worst bleeding
BLOOD_LOSS_PER_H = 0.02  # of the blood, at the worst bleeding
BLEEDING_GROWTH_PER_H = 0.15
HEALING_HEMOSTASIS = 0.25  # above it bleeding heals


class Rates(Node):
    """What is taken as constant over a step of the fast path."""

    consumption: Consumption
    liver: Float[Array, "*b"]  # production over normal
    acute_phase: Float[Array, "*b"]
    inflammation: Float[Array, "*b"]
    blood_loss_per_h: Float[Array, "*b"]  # share of the blood
    filling_per_h: Float[Array, "*b"]  # towards the usual volume
    lysis_per_h: Float[Array, "*b"]
    blocking: Float[Array, "*b"]  # by fibrinogen and platelets, 0 to 1
    shock_per_h: Float[Array, "*b"]  # loss of organ function by bleeding
    overload: Float[Array, "*b"]
    bleeding_growth_per_h: Float[Array, "*b"]


def rates(blood: Blood, p: Parameters, consumed: Consumption, stops: Float[Array, "*b"]) -> Rates:
    """In this state; `stops` is its hemostasis."""
    missing_ml = _usual_plasma_ml(blood, p) - blood.plasma_ml
    filling_per_h = jnp.where(
        missing_ml > 0.0,
        blood_volume.REFILL_PER_H,
        blood_volume.EXCRETION_PER_H * (0.5 + 0.5 * blood.organ_function),
    )
    fibrinogen, platelets = blood.fibrinogen_g_per_l, blood.platelets_1e9_per_l
    return Rates(
        consumption=_modulated(consumed, blood.thrombomodulin),
        liver=LIVER_WITHOUT_ORGANS + (1.0 - LIVER_WITHOUT_ORGANS) * blood.organ_function,
        acute_phase=blood.acute_phase,
        inflammation=blood.inflammation,
        blood_loss_per_h=BLOOD_LOSS_PER_H * blood.bleeding,
        filling_per_h=filling_per_h,
        lysis_per_h=LYSIS_PER_H * lysis(blood, p.lytic),
        blocking=fibrinogen
        / (fibrinogen + HALF_BLOCKING_FIBRINOGEN_G_PER_L)
        * platelets
        / (platelets + HALF_BLOCKING_PLATELETS_1E9_PER_L),
        shock_per_h=SHOCK_PER_H * blood.bleeding**2,
        overload=blood_volume.overload(blood.plasma_ml, blood.red_cells_ml, p.weight_kg),
        bleeding_growth_per_h=BLEEDING_GROWTH_PER_H
        * (HEALING_HEMOSTASIS * p.bleeding_tendency - stops),
    )


def _modulated(consumed: Consumption, thrombomodulin) -> Consumption:
    left = 1.0 / (1.0 + THROMBOMODULIN_EFFECT * thrombomodulin)
    return jax.tree.map(lambda share: left * share, consumed)


def _usual_plasma_ml(blood: Blood, p: Parameters):
    # The vessels are kept filled: what red cells are missing is plasma.
    usual = blood_volume.PLASMA_ML_PER_KG + blood_volume.RED_CELLS_ML_PER_KG
    return usual * p.weight_kg - blood.red_cells_ml


def _plasma(blood: Blood, p: Parameters, now: Rates) -> tuple[Array, Array]:
    """Production and rate of loss of the volume."""
    return now.filling_per_h * _usual_plasma_ml(blood, p), now.filling_per_h + now.blood_loss_per_h


def _turnover(
    blood: Blood, p: Parameters, heparin_u_per_h, now: Rates, plasma_ml, filling_ml_per_h
) -> dict[str, Any]:
    """Production and rate of loss of what is linear, by field (factors: a dict of pairs)."""
    diluting_ml_per_h = jnp.maximum(filling_ml_per_h, 0.0)  # what leaves takes its proteins along

    def protein(name, set_point, consumed, lost: Any = 0.0):
        k, space = RATE_PER_H[name], blood_volume.space_ml(name, plasma_ml, p.weight_kg)
        in_plasma = (p.exposed_per_h * consumed * plasma_ml + diluting_ml_per_h) / space
        return k * set_point, k + LEAK_PER_H.get(name, 0.0) * now.inflammation + lost + in_plasma

    lost = now.consumption
    usual = now.liver / (1.0 + OTHERS_FALL * now.acute_phase)
    produced = dict.fromkeys(FACTORS, usual)
    produced["V"] = now.liver * (1.0 + FACTOR_V_RISE * now.acute_phase)
    produced["VIII"] = 1.0 + FACTOR_VIII_RISE * now.acute_phase
    fibrinogen = now.liver * (1.0 + FIBRINOGEN_RISE * now.acute_phase)
    platelet_ml = 1e3 * blood_volume.platelet_space_l(plasma_ml, blood.red_cells_ml)
    blood_ml = plasma_ml + blood.red_cells_ml
    k = RATE_PER_H["platelets"]
    given = heparin_u_per_h / (HEPARIN_VOLUME_ML_PER_KG * p.weight_kg)
    one = jnp.ones_like(given)
    return {
        "factors": {n: protein(n, produced[n], lost.factors[n]) for n in FACTORS},
        "antithrombin": protein("antithrombin", usual, lost.antithrombin),
        "fibrinogen_g_per_l": protein(
            "fibrinogen",
            fibrinogen * p.normal_fibrinogen_g_per_l,
            lost.fibrinogen,
            FIBRINOGENOLYSIS_PER_H * jnp.maximum(now.lysis_per_h / LYSIS_PER_H - 1.0, 0.0),
        ),
        "platelets_1e9_per_l": (
            k * p.normal_platelets_1e9_per_l,
            k
            + PLATELETS_LOST_BY_INFLAMMATION_PER_H * now.inflammation
            + p.exposed_per_h * lost.platelets * blood_ml / platelet_ml
            + filling_ml_per_h / blood_ml,
        ),
        "anti_xa_u_per_ml": (given, HEPARIN_RATE_PER_H * one),
        "tranexamic_mg_per_l": (0.0 * one, TRANEXAMIC_RATE_PER_H * one),
        "thrombomodulin": (0.0 * one, THROMBOMODULIN_RATE_PER_H * one),
        "tissue_factor_pm": (0.0 * one, p.decay_per_h),
        "inflammation": (0.0 * one, p.decay_per_h),
        "acute_phase": (
            jnp.minimum(blood.inflammation, MOST_ACUTE_PHASE) / ACUTE_PHASE_H,
            one / ACUTE_PHASE_H,
        ),
        "pai_1": ((1.0 + PAI_1_RISE * blood.inflammation) / PAI_1_H, one / PAI_1_H),
        "red_cells_ml": (0.0 * one, now.blood_loss_per_h),
    }


def _fibrin(fibrinogen_g_per_l, p: Parameters, now: Rates):
    """Production and rate of lysis."""
    made = p.exposed_per_h * now.consumption.fibrinogen * fibrinogen_g_per_l
    return made, FIBRIN_CLEARED_PER_H + now.lysis_per_h


def _microthrombi(p: Parameters, now: Rates) -> tuple[Array, Array]:
    blocked = BLOCKING * p.exposed_per_h * now.consumption.platelets * now.blocking
    return blocked, blocked + REOPENING * now.lysis_per_h


def _d_dimer(fibrin_g_per_l, now: Rates, plasma_ml, filling_ml_per_h):
    cleared = RATE_PER_H["d_dimer"]
    lysed = D_DIMER_YIELD * now.lysis_per_h * fibrin_g_per_l
    diluted = jnp.maximum(filling_ml_per_h, 0.0) / plasma_ml
    return lysed + cleared * NORMAL_D_DIMER_MG_PER_L, cleared + diluted


def _organs(inflammation, microthrombi, p: Parameters, now: Rates):
    damage = (
        p.organ_damage
        * (DAMAGE_BY_DISEASE_PER_H * inflammation + DAMAGE_BY_MICROTHROMBI_PER_H * microthrombi)
        + DAMAGE_BY_OVERLOAD_PER_H * now.overload
        + now.shock_per_h
    )
    return jnp.full_like(damage, ORGAN_RECOVERY_PER_H), ORGAN_RECOVERY_PER_H + damage


def slope(blood: Blood, p: Parameters, heparin_u_per_h, now: Rates) -> Blood:
    """Per hour."""
    filled, refilled_per_h = _plasma(blood, p, now)
    filling_ml_per_h = filled - now.filling_per_h * blood.plasma_ml
    volumes = blood.plasma_ml, filling_ml_per_h
    linear = _turnover(blood, p, heparin_u_per_h, now, *volumes)
    linear["plasma_ml"] = filled, refilled_per_h
    linear["fibrin_g_per_l"] = _fibrin(blood.fibrinogen_g_per_l, p, now)
    linear["microthrombi"] = _microthrombi(p, now)
    linear["d_dimer_mg_per_l"] = _d_dimer(blood.fibrin_g_per_l, now, *volumes)
    linear["organ_function"] = _organs(blood.inflammation, blood.microthrombi, p, now)
    factors = {
        name: production - rate * blood.factors[name]
        for name, (production, rate) in linear.pop("factors").items()
    }
    others = {
        name: production - rate * getattr(blood, name)
        for name, (production, rate) in linear.items()
    }
    bleeding = now.bleeding_growth_per_h * blood.bleeding * (1.0 - blood.bleeding)
    return Blood(factors=factors, bleeding=bleeding, **others)


def flow(hours, blood: Blood, p: Parameters, heparin_u_per_h, now: Rates) -> Blood:
    """Some hours later, with these rates."""
    plasma_ml, mean_ml = relax(blood.plasma_ml, *_plasma(blood, p, now), hours)
    # What has come in, over the volume in the middle: contents are kept to third order.
    filling_ml_per_h = (plasma_ml - blood.plasma_ml) / hours + now.blood_loss_per_h * mean_ml
    volumes = (0.5 * (blood.plasma_ml + plasma_ml), filling_ml_per_h)
    linear = _turnover(blood, p, heparin_u_per_h, now, *volumes)
    factors = {
        name: relax(blood.factors[name], production, rate, hours)[0]
        for name, (production, rate) in linear.pop("factors").items()
    }
    ends = {
        name: relax(getattr(blood, name), production, rate, hours)
        for name, (production, rate) in linear.items()
    }
    fibrin = _fibrin(ends["fibrinogen_g_per_l"][1], p, now)
    ends["fibrin_g_per_l"] = relax(blood.fibrin_g_per_l, *fibrin, hours)
    ends["microthrombi"] = relax(blood.microthrombi, *_microthrombi(p, now), hours)
    d_dimer = _d_dimer(ends["fibrin_g_per_l"][1], now, *volumes)
    ends["d_dimer_mg_per_l"] = relax(blood.d_dimer_mg_per_l, *d_dimer, hours)
    organs = _organs(ends["inflammation"][1], ends["microthrombi"][1], p, now)
    ends["organ_function"] = relax(blood.organ_function, *organs, hours)
    grown = jnp.exp(now.bleeding_growth_per_h * hours)
    bleeding = blood.bleeding * grown / (1.0 + blood.bleeding * (grown - 1.0))
    others = {name: x for name, (x, _) in ends.items()}
    return Blood(factors=factors, plasma_ml=plasma_ml, bleeding=bleeding, **others)
