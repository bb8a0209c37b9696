"""The circulation of a septic patient: what inflammation and drugs make of vessels and heart.

Sizes without a source are assumptions, chosen so that norepinephrine, fluid and pressure have the
effects that were measured in patients (`benchmarks.sepsis_bedside`).
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology import circulation, reynolds2006
from hemosim_jax.physiology.circulation import Circulation, Flow, Reflex
from hemosim_jax.tasks.sepsis.body import (
    BLOOD_L_PER_KG,
    OUTPUT_L_PER_MIN_PER_KG,
    Body,
    Parameters,
    blood_l,
)

# Of 1 kg, or of 70 (`circulation`).
UNSTRESSED_SHARE = 0.875
CAPACITY_L_PER_MMHG_PER_KG = 0.0014
VENOUS_RESISTANCE_70_KG = 1.0
RESISTANCE_AT_88_MMHG_70_KG = 15.6
STROKE_L_PER_KG = 0.13 / 70.0
AFTERLOAD = 0.08

# What vasoplegia of 1 does (assumptions).
RESISTANCE_LOG = 1.0
UNSTRESSED_RISE = 0.03
HEART_RATE_RISE = 0.4
DEPRESSION_LOG = 0.35
AFTERLOAD_RISE = 0.08  # a depressed heart minds resistance

# Norepinephrine. Clearance falls with severity from 3 to 0.9 L/min (Beloeil 2005: half-lives of
# 2 and 6.8 min); effect on the log of resistance: a concentration of half the effect between the
# 2.6 and 70 µg/L that others found (assumption), and less in the severely ill, as in children with
# four failing organs (Oualha 2014: 12 of 32 mmHg).
NOREPINEPHRINE_VOLUME_L = 8.84
CLEARANCE_L_PER_MIN = (3.0, 0.9)
HALF_EFFECT_UG_PER_L = 16.0
PRESSOR_LOG = 1.8
PRESSOR_LOSS = 1.0  # of the log of the effect, where damage is largest
PRESSOR_UNSTRESSED_FALL = 0.12  # for each unit of the log
PRESSOR_HEART = 0.65  # strength, for each unit of the log
# Vasopressin: half-life 10 min, 0.03 U/min the usual dose; effect an assumption after Patel 2002.
VASOPRESSIN_RATE_PER_H = 4.2
VASOPRESSIN_VOLUME_L_PER_KG = 0.2
HALF_EFFECT_MU_PER_L = 30.0
VASOPRESSIN_LOG = 0.7


class Tone(Node):
    """What drugs do to vessels."""

    norepinephrine: Float[Array, "*b"]  # on the log of the resistance
    vasopressin: Float[Array, "*b"]


def damage_share(body: Body) -> Float[Array, "*b"]:
    """Damage over that of the lasting states, 0 to about 1."""
    return body.infection.damage / reynolds2006.LARGEST_DAMAGE


def tone(body: Body, own: Parameters) -> Tone:
    """Of the concentrations now."""
    response = own.pressor * jnp.exp(-PRESSOR_LOSS * damage_share(body))
    c, v = body.norepinephrine_ug_per_l, body.vasopressin_mu_per_l
    return Tone(
        PRESSOR_LOG * response * c / (c + HALF_EFFECT_UG_PER_L),
        VASOPRESSIN_LOG * v / (v + HALF_EFFECT_MU_PER_L),
    )


def clearance_l_per_min(body: Body, own: Parameters) -> Float[Array, "*b"]:
    """Of norepinephrine."""
    best, worst = CLEARANCE_L_PER_MIN
    share = jnp.minimum(2.0 * damage_share(body), 1.0)
    return (best + (worst - best) * share) * own.weight_kg / 70.0


def circulation_of(body: Body, own: Parameters, drugs: Tone) -> Circulation:
    """As `physiology.circulation` has it."""
    size = own.weight_kg / 70.0
    relaxed = own.vessels * body.vasoplegia
    pressor = drugs.norepinephrine + drugs.vasopressin
    depressed = own.depression * body.vasoplegia
    normal_l = BLOOD_L_PER_KG * own.weight_kg
    return Circulation(
        volume_l=blood_l(body, own),
        unstressed_l=UNSTRESSED_SHARE
        * normal_l
        * (1.0 + UNSTRESSED_RISE * relaxed - PRESSOR_UNSTRESSED_FALL * pressor),
        capacity_l_per_mmhg=CAPACITY_L_PER_MMHG_PER_KG * own.weight_kg,
        venous_resistance=VENOUS_RESISTANCE_70_KG / size,
        resistance=RESISTANCE_AT_88_MMHG_70_KG
        / size
        * (own.set_mmhg / 88.0)
        * jnp.exp(pressor - RESISTANCE_LOG * relaxed),
        heart_rate_per_min=own.heart_rate_per_min * (1.0 + HEART_RATE_RISE * body.vasoplegia),
        stroke_l=STROKE_L_PER_KG
        * own.weight_kg
        * own.heart
        * (72.0 / own.heart_rate_per_min)
        * jnp.exp(PRESSOR_HEART * drugs.norepinephrine - DEPRESSION_LOG * depressed),
        afterload=AFTERLOAD + AFTERLOAD_RISE * depressed,
        set_mmhg=own.set_mmhg,
        reflex=Reflex(),
    )


def flow(body: Body, own: Parameters) -> Flow:
    """Pressure and output, where they come to rest."""
    return circulation.steady(circulation_of(body, own, tone(body, own)))


def hypoperfusion(now: Flow, own: Parameters) -> Float[Array, "*b"]:
    """Too little pressure, or flow, for organs: 0 in health, 1 in deep shock (assumptions)."""

    def lack(value, needed, width):
        return width * jnp.logaddexp((needed - value) / width, 0.0)

    pressure = lack(now.pressure_mmhg / own.set_mmhg, 0.68, 0.05)
    usual = OUTPUT_L_PER_MIN_PER_KG * own.weight_kg
    output = lack(now.output_l_per_min / usual, 0.75, 0.08)
    return 3.0 * pressure + 1.5 * output
