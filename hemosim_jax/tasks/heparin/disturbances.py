"""What else happens to a patient on heparin: antibodies, bleeding, changing elimination.

The laws and their ranges are assumptions where no source is named.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, as_uniform, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.variation import mean_reverting
from hemosim_jax.tasks.heparin.model import ANTIBODY_HEPARIN_U_PER_ML, State

# Heparin-induced thrombocytopenia: 2.6 % on unfractionated heparin (Martel et al., Blood
# 2005;106:2710, of thromboprophylaxis; taken over to infusions: assumption). Platelets begin to
# fall on day 5 to 10, within a day after recent exposure.
HIT_INCIDENCE = 0.026
HIT_ONSET_DAY = (7.5, 0.22)  # median, SD of the log: 87 % between day 5 and 10 (assumption)
RAPID_ONSET_H = (2.0, 24.0)
# A third to a half have a thrombosis, 53 % within 30 days without another anticoagulant (recalled,
# Warkentin & Kelton 1996), most of them early: 51 % in all.
HIT_THROMBOSIS_PER_DAY = 0.06
HIT_THROMBOSIS_DAYS = 12.0

# Major bleeding: 7 % more for each 10 s of aPTT (recalled, OASIS-2). The relation is taken as it is
# down to the drug-free aPTT, where it leaves 0.8 of the hazard at 60 s (assumption).
BLEEDING_PER_APTT_S = 0.1 * 0.0677  # log(1.07) / 10 s
BLEEDING_REFERENCE_APTT_S = 60.0
# What is left of platelets and antithrombin once the loss is replaced (assumption).
LEFT_AFTER_BLEEDING = 0.8

RENAL_MEMORY_H = 48.0  # correlation times (assumptions)
ELIMINATION_MEMORY_H = 24.0
NEVER_H = jnp.inf


class Risks(Node):
    """How often the events happen in a population. All zero: nothing ever happens."""

    hit_incidence: Scalar = 0.0  # probability over a course of two weeks
    hit_incidence_reexposed: Scalar = 0.0  # after heparin in the last 30 to 100 days
    hit_thrombosis_per_day: Scalar = 0.0  # after the onset
    bleeding_per_day: Scalar = 0.0  # hazard of major bleeding at an aPTT of 60 s
    renal_sd: Scalar = 0.0  # stationary SD of the log of renal function over time
    elimination_sd: Scalar = 0.0  # and of the saturable path


MEDIUM = Risks(hit_incidence=HIT_INCIDENCE, hit_thrombosis_per_day=HIT_THROMBOSIS_PER_DAY)
HARD = Risks(
    hit_incidence=HIT_INCIDENCE,
    hit_incidence_reexposed=0.1,  # working value
    hit_thrombosis_per_day=HIT_THROMBOSIS_PER_DAY,
    bleeding_per_day=0.01,  # working value: about 5 % in five days, more than trials saw
    renal_sd=0.3,  # working value
    elimination_sd=0.15,  # working value
)


class Disturbances(Node):
    """The present condition."""

    immunized: Bool[Array, ""]  # the onset has come, and found heparin in the blood
    log_renal: Float[Array, ""]  # logs of the ratios to the values at the start
    log_elimination: Float[Array, ""]
    major_bleed: Bool[Array, ""]  # in the last interval
    thrombosis: Bool[Array, ""]


def draw_hit_onset_h(
    hit_uniform: Float[Array, ""], recently_exposed: Bool[Array, ""], risks: Risks
) -> Float[Array, ""]:
    """When antibodies come, in hours since the start of therapy (inf: never).

    `hit_uniform`, uniform on (0, 1), decides on thrombocytopenia.
    """
    incidence = jnp.where(recently_exposed, risks.hit_incidence_reexposed, risks.hit_incidence)
    gets_it = hit_uniform < incidence
    # Given that it comes, hit_uniform / incidence is again uniform.
    rest = jnp.clip(hit_uniform / jnp.maximum(incidence, 1e-6), 1e-4, 1.0 - 1e-4)
    median_day, log_sd = HIT_ONSET_DAY
    typical_h = 24.0 * median_day * jnp.exp(log_sd * as_normal(2.0 * rest - 1.0))
    rapid_h = RAPID_ONSET_H[0] + (RAPID_ONSET_H[1] - RAPID_ONSET_H[0]) * rest
    onset_h = jnp.where(recently_exposed, rapid_h, typical_h)
    return jnp.where(gets_it, onset_h, NEVER_H).astype(hit_uniform.dtype)


def well() -> Disturbances:
    """Nothing has happened yet."""
    zero, no = jnp.zeros((), jnp.result_type(float)), jnp.zeros((), bool)
    return Disturbances(no, zero, zero, no, no)


def progress(
    key: jax.Array,
    now: Disturbances,
    hit_onset_h: Float[Array, ""],
    elapsed_h: Float[Array, ""],
    duration_h: Float[Array, ""],
    anti_xa_u_per_ml: Float[Array, ""],
    aptt_s: Float[Array, ""],
    risks: Risks,
) -> Disturbances:
    """The condition over `duration_h` hours; level and aPTT are those with which they begin."""
    *uniforms, renal, elimination = uniform_vector(key, 4)
    bleeds_at, clots_at = map(as_uniform, uniforms)
    renal, elimination = as_normal(renal), as_normal(elimination)
    days = duration_h / 24.0
    over_s = aptt_s - BLEEDING_REFERENCE_APTT_S
    bleeding = risks.bleeding_per_day * jnp.exp(BLEEDING_PER_APTT_S * over_s) * days

    onset_passed = elapsed_h + duration_h > hit_onset_h
    immunized = now.immunized | (onset_passed & (anti_xa_u_per_ml > ANTIBODY_HEPARIN_U_PER_ML))
    at_risk = immunized & (elapsed_h < hit_onset_h + 24.0 * HIT_THROMBOSIS_DAYS)
    clotting = jnp.where(at_risk, risks.hit_thrombosis_per_day * days, 0.0)

    return Disturbances(
        immunized=immunized,
        log_renal=mean_reverting(now.log_renal, renal, duration_h / RENAL_MEMORY_H, risks.renal_sd),
        log_elimination=mean_reverting(
            now.log_elimination,
            elimination,
            duration_h / ELIMINATION_MEMORY_H,
            risks.elimination_sd,
        ),
        major_bleed=bleeds_at < -jnp.expm1(-bleeding),
        thrombosis=clots_at < -jnp.expm1(-clotting),
    )


def after_bleeding(drug: State, now: Disturbances) -> State:
    """Blood loss and its replacement dilute what a bag of red cells does not hold."""
    left = jnp.where(now.major_bleed, LEFT_AFTER_BLEEDING, 1.0)
    return drug.replace(
        antithrombin=left * drug.antithrombin,
        platelets_1e9_per_l=left * drug.platelets_1e9_per_l,
    )
