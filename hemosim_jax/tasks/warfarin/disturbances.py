"""What else happens to a patient on warfarin: diet, new amiodarone, illness, missed doses.

Within a patient the INR varies by how much vitamin K there is (a slow drift of EC50), from day to
day, and by the assay. The concentration of warfarin explains little of it (15 % of the variance of
the prothrombin time, White et al., Clin Pharmacol Ther 1995;58:588). The laws and their ranges are
assumptions where no source is named; events make the hard tier.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, as_uniform
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.variation import mean_reverting
from hemosim_jax.tasks.warfarin.covariates import Inputs

AMIODARONE_ONSET_H = 16.0 * 24.0  # time constant (assumption; onset within 2 weeks, Kerin 1988)
AMIODARONE_REDUCTION = (0.25, 0.40)  # of clearance; dose needs at 100–400 mg/day, Sanoski 2002
ILLNESS_DURATION_H = (3.0 * 24.0, 10.0 * 24.0)  # assumption, mildest to most severe
ILLNESS_EC50_RATIO = (0.9, 0.75)  # assumptions: at most, an INR of 2.5 becomes 4 to 5
ILLNESS_CLEARANCE_RATIO = (0.95, 0.85)
VITAMIN_K_MEMORY_H = 7.0 * 24.0  # correlation times (assumptions)
DAY_TO_DAY_MEMORY_H = 24.0
NEVER_H = jnp.inf


class Risks(Node):
    """How often the events happen in a population, and how much its patients vary.

    As they stand: no events, and the variation of patients in ordinary care.
    """

    amiodarone_start: Scalar = 0.0  # probability within the first 90 days
    illness_per_day: Scalar = 0.0  # hazard while well
    missed_dose: tuple[Scalar, Scalar] = (0.0, 0.0)  # range of the patients' own probabilities
    # SD of the log of EC50 in the median patient: with the rest it gives a CV of the INR of 20 % on
    # a constant dose, measured every two weeks (18 to 24 % in unselected patients, Scand J Clin Lab
    # Invest 2014;74:470); the log SD of that SD between patients, and the SD of the log of the
    # INR's excess over the patient's own without the drug, are assumptions.
    vitamin_k_sd: Scalar = 0.13
    lability_log_sd: Scalar = 0.4
    day_to_day_sd: Scalar = 0.05


HARD = Risks(
    amiodarone_start=0.3,  # working value: frequent enough to be learned from
    illness_per_day=1.0 / 90.0,  # working value
    missed_dose=(0.05, 0.20),
)


class Traits(Node):
    """What is fixed in a patient."""

    amiodarone_start_h: Float[Array, "*b"]  # inf: never
    amiodarone_reduction: Float[Array, "*b"]
    missed_dose_probability: Float[Array, "*b"]
    lability: Float[Array, "*b"]  # how much vitamin K varies, relative to the median patient
    vitamin_k_at_start: Float[Array, "*b"]  # standard normal
    first_error: Float[Array, "*b"]  # of the first INR, standard normal


class Disturbances(Node):
    """The present condition."""

    illness_left_h: Float[Array, ""]  # 0: well
    illness_severity: Float[Array, ""]  # 0 mild .. 1 severe
    log_vitamin_k: Float[Array, ""]  # log of the ratio that vitamin K puts on EC50
    log_day_to_day: Float[Array, ""]  # log of the ratio on the excess INR
    missed_dose: Bool[Array, ""]  # the last dose ordered was not taken


N_TRAIT_UNIFORMS = 6
_START_WINDOW_H = 90.0 * 24.0


def _between(bounds, fraction):
    return bounds[0] + (bounds[1] - bounds[0]) * fraction


def draw_traits(
    uniforms: Sequence[Float[Array, ""]], risks: Risks, on_amiodarone: Bool[Array, ""]
) -> Traits:
    """Traits drawn from `risks`; `uniforms` are independent on (0, 1).

    Whoever takes amiodarone already (`on_amiodarone`) does not start it again.
    """
    amiodarone, reduction, missed, lability, vitamin_k, error = uniforms
    zero = jnp.zeros((), amiodarone.dtype)
    starts = (amiodarone < risks.amiodarone_start) & ~on_amiodarone
    # Given that it starts, amiodarone / amiodarone_start is again uniform.
    start_h = _START_WINDOW_H * amiodarone / jnp.maximum(risks.amiodarone_start, 1e-6)
    return Traits(
        amiodarone_start_h=jnp.where(starts, start_h, NEVER_H).astype(zero.dtype),
        amiodarone_reduction=_between(AMIODARONE_REDUCTION, reduction),
        missed_dose_probability=_between(risks.missed_dose, missed) + zero,
        lability=jnp.exp(risks.lability_log_sd * as_normal(2.0 * lability - 1.0)),
        vitamin_k_at_start=as_normal(2.0 * vitamin_k - 1.0),
        first_error=as_normal(2.0 * error - 1.0),
    )


def at_start(traits: Traits, risks: Risks, within_patient: Scalar) -> Disturbances:
    """Nothing has happened yet; vitamin K is what it happens to be (`within_patient`: see core)."""
    zero = jnp.zeros((), jnp.result_type(float))
    sd = within_patient * risks.vitamin_k_sd * traits.lability
    return Disturbances(
        illness_left_h=zero,
        illness_severity=zero,
        log_vitamin_k=sd * traits.vitamin_k_at_start,
        log_day_to_day=zero,
        missed_dose=jnp.zeros((), bool),
    )


N_STEP_UNIFORMS = 5


def progress(
    draws: Sequence[Float[Array, ""]],
    now: Disturbances,
    traits: Traits,
    duration_h: Float[Array, ""],
    risks: Risks,
    within_patient: Scalar,
) -> Disturbances:
    """The condition over the next `duration_h` hours, whose dose is ordered now.

    `draws` are independent and uniform on (-1, 1), as `uniform_vector` gives them.
    """
    *uniforms, vitamin_k, day_to_day = draws
    missed, onset, severity = map(as_uniform, uniforms)
    left_h = jnp.maximum(now.illness_left_h - duration_h, 0.0)
    hazard = risks.illness_per_day * duration_h / 24.0
    falls_ill = (left_h <= 0.0) & (onset < -jnp.expm1(-hazard))
    return Disturbances(
        missed_dose=missed < traits.missed_dose_probability,
        illness_left_h=jnp.where(falls_ill, _between(ILLNESS_DURATION_H, severity), left_h),
        illness_severity=jnp.where(falls_ill, severity, now.illness_severity),
        log_vitamin_k=mean_reverting(
            now.log_vitamin_k,
            as_normal(vitamin_k),
            duration_h / VITAMIN_K_MEMORY_H,
            within_patient * risks.vitamin_k_sd * traits.lability,
        ),
        log_day_to_day=mean_reverting(
            now.log_day_to_day,
            as_normal(day_to_day),
            duration_h / DAY_TO_DAY_MEMORY_H,
            within_patient * risks.day_to_day_sd,
        ),
    )


def inputs(
    now: Disturbances, traits: Traits, start_h: Float[Array, ""], duration_h: Float[Array, ""]
) -> Inputs:
    """What acts on the model's parameters, held over the interval from `start_h`.

    Amiodarone's slow inhibition is taken at the middle of the interval:
    clearance x (1 - f (1 - exp(-t / tau))).
    """
    on_amiodarone_h = jnp.maximum(start_h + 0.5 * duration_h - traits.amiodarone_start_h, 0.0)
    inhibited = traits.amiodarone_reduction * -jnp.expm1(-on_amiodarone_h / AMIODARONE_ONSET_H)
    ill = now.illness_left_h > 0.0
    illness_clearance = jnp.where(ill, _between(ILLNESS_CLEARANCE_RATIO, now.illness_severity), 1.0)
    illness_ec50 = jnp.where(ill, _between(ILLNESS_EC50_RATIO, now.illness_severity), 1.0)
    return Inputs(
        clearance_s_ratio=(1.0 - inhibited) * illness_clearance,
        ec50_ratio=illness_ec50 * jnp.exp(now.log_vitamin_k),
    )
