"""What else happens to a patient on heparin: antibodies, bleeding, changing elimination.

The laws and their ranges are assumptions where no source is named.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.hazards import gather, thresholds
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.variation import mean_reverting
from hemosim_jax.tasks.heparin.model import ANTIBODY_HEPARIN_U_PER_ML, State

# Heparin-induced thrombocytopenia: 2.6 % on unfractionated heparin for prophylaxis (Martel et al.,
# Blood 2005;106:2710), 0.8 % on a therapeutic infusion (Smythe et al., Chest 2007;131:1644,
# recalled). Platelets begin to fall on day 5 to 10, within a day after recent exposure.
HIT_INCIDENCE = {"prophylactic": 0.026, "therapeutic": 0.008}
HIT_ONSET_DAY = (7.5, 0.22)  # median, SD of the log: 87 % between day 5 and 10 (assumption)
RAPID_ONSET_H = (2.0, 24.0)
# A third to a half have a thrombosis, 53 % within 30 days without another anticoagulant (recalled,
# Warkentin & Kelton 1996), most of them early: 51 % in all.
HIT_THROMBOSIS_PER_DAY = 0.06
HIT_THROMBOSIS_DAYS = 12.0

# What is left of platelets and antithrombin once the loss is replaced (assumption).
LEFT_AFTER_BLEEDING = 0.8

RENAL_MEMORY_H = 48.0  # correlation times (assumptions)
ELIMINATION_MEMORY_H = 24.0
RESPONSE_MEMORY_H = 48.0
NEVER_H = jnp.inf


class Risks(Node):
    """How often the events happen in a population, and how much its patients vary.

    As they stand: no events. At a constant rate the variation gives, with the rhythm of the day and
    the assay, an aPTT with a CV of 9 %, as 18 pairs from real courses have it; how it is shared out
    is an assumption.
    """

    hit_incidence: Scalar = 0.0  # probability over a course of two weeks
    hit_incidence_reexposed: Scalar = 0.0  # after heparin in the last 30 to 100 days
    hit_thrombosis_per_day: Scalar = 0.0  # after the onset
    bleeding_per_day: Scalar = 0.0  # hazard of major bleeding at an aPTT of 60 s
    renal_sd: Scalar = 0.0  # stationary SD of the log of renal function over time,
    elimination_sd: Scalar = 0.10  # of the saturable path,
    response_sd: Scalar = 0.06  # and of the aPTT's gain: factor VIII, fibrinogen


MEDIUM = Risks(
    hit_incidence=HIT_INCIDENCE["therapeutic"], hit_thrombosis_per_day=HIT_THROMBOSIS_PER_DAY
)
HARD = Risks(
    hit_incidence=HIT_INCIDENCE["therapeutic"],
    hit_incidence_reexposed=0.1,  # working value
    hit_thrombosis_per_day=HIT_THROMBOSIS_PER_DAY,
    bleeding_per_day=0.01,  # working value: about 5 % in five days, more than trials saw
    renal_sd=0.3,  # working value
    elimination_sd=0.15,  # working value
)


class Disturbances(Node):
    """The present condition."""

    immunized: Bool[Array, ""]  # the onset has come, and found heparin in the blood
    immunized_share: Float[Array, ""]  # of the last interval
    log_renal: Float[Array, ""]  # logs of the ratios to the values at the start
    log_elimination: Float[Array, ""]
    log_response: Float[Array, ""]
    major_bleed: Bool[Array, ""]  # in the last interval
    thrombosis: Bool[Array, ""]
    until_bleed: Float[Array, ""]  # hazard still to be gathered until the next one
    until_thrombosis: Float[Array, ""]


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


def well(thresholds: tuple[Float[Array, ""], ...]) -> Disturbances:
    """Nothing has happened yet; `thresholds` are those of the first bleed and thrombosis."""
    zero, no = jnp.zeros((), jnp.result_type(float)), jnp.zeros((), bool)
    return Disturbances(no, zero, zero, zero, zero, no, no, *thresholds)


def progress(
    draws: Sequence[Float[Array, ""]],
    now: Disturbances,
    hit_onset_h: Float[Array, ""],
    elapsed_h: Float[Array, ""],
    duration_h: Float[Array, ""],
    anti_xa_u_per_ml: Float[Array, ""],
    risks: Risks,
    within_patient: Scalar,
) -> Disturbances:
    """The condition over `duration_h` hours, but for its events; the level is the first one.

    `draws` are three numbers of `uniform_vector`.
    """
    renal, elimination, response = map(as_normal, draws)
    end_h = elapsed_h + duration_h
    immunized = now.immunized | (
        (end_h > hit_onset_h) & (anti_xa_u_per_ml > ANTIBODY_HEPARIN_U_PER_ML)
    )
    since_onset = jnp.clip((end_h - hit_onset_h) / duration_h, 0.0, 1.0)
    return now.replace(
        immunized=immunized,
        immunized_share=jnp.where(immunized, since_onset, 0.0),
        log_renal=mean_reverting(
            now.log_renal, renal, duration_h / RENAL_MEMORY_H, within_patient * risks.renal_sd
        ),
        log_elimination=mean_reverting(
            now.log_elimination,
            elimination,
            duration_h / ELIMINATION_MEMORY_H,
            within_patient * risks.elimination_sd,
        ),
        log_response=mean_reverting(
            now.log_response,
            response,
            duration_h / RESPONSE_MEMORY_H,
            within_patient * risks.response_sd,
        ),
    )


def with_events(
    draws: Sequence[Float[Array, ""]],
    now: Disturbances,
    hit_onset_h: Float[Array, ""],
    elapsed_h: Float[Array, ""],
    duration_h: Float[Array, ""],
    bleeding_h: Float[Array, ""],
    risks: Risks,
) -> Disturbances:
    """Bleeding and thrombosis of the interval that `progress` began.

    `bleeding_h` are its hours, each by its hazard relative to an aPTT of 60 s; `draws` two numbers
    of `uniform_vector`.
    """
    next_bleed, next_thrombosis = thresholds(draws)
    bleed = gather(now.until_bleed, risks.bleeding_per_day * bleeding_h / 24.0, next_bleed)
    last_h = hit_onset_h + 24.0 * HIT_THROMBOSIS_DAYS
    at_risk_h = jnp.minimum(elapsed_h + duration_h, last_h) - jnp.maximum(elapsed_h, hit_onset_h)
    at_risk_h = jnp.where(now.immunized, jnp.maximum(at_risk_h, 0.0), 0.0)
    clot = gather(
        now.until_thrombosis,
        risks.hit_thrombosis_per_day * at_risk_h / 24.0,
        next_thrombosis,
    )
    return now.replace(
        major_bleed=bleed.happened,
        until_bleed=bleed.left,
        thrombosis=clot.happened,
        until_thrombosis=clot.left,
    )


def after_bleeding(drug: State, now: Disturbances) -> State:
    """Blood loss and its replacement dilute what a bag of red cells does not hold."""
    left = jnp.where(now.major_bleed, LEFT_AFTER_BLEEDING, 1.0)
    return drug.replace(
        antithrombin=left * drug.antithrombin,
        platelets_1e9_per_l=left * drug.platelets_1e9_per_l,
    )
