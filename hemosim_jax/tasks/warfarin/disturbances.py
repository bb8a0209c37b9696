"""What else happens to a patient on warfarin: new amiodarone, illness, missed doses, diet.

The laws and their ranges are assumptions where no source is named; they make the hard tier.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, as_uniform, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.variation import mean_reverting
from hemosim_jax.tasks.warfarin.covariates import Inputs

AMIODARONE_ONSET_H = 16.0 * 24.0  # time constant (assumption; onset within 2 weeks, Kerin 1988)
AMIODARONE_REDUCTION = (0.25, 0.40)  # of clearance; dose needs at 100–400 mg/day, Sanoski 2002
ILLNESS_DURATION_H = (3.0 * 24.0, 10.0 * 24.0)  # assumption, mildest to most severe
ILLNESS_EC50_RATIO = (0.8, 0.6)  # assumption
ILLNESS_CLEARANCE_RATIO = (0.85, 0.7)  # assumption
VITAMIN_K_MEMORY_H = 7.0 * 24.0  # correlation time of intake (assumption)
NEVER_H = jnp.inf


class Risks(Node):
    """How often the events happen in a population. All zero: nothing ever happens."""

    amiodarone_start: Scalar = 0.0  # probability within the first 90 days
    illness_per_day: Scalar = 0.0  # hazard while well
    missed_dose: tuple[Scalar, Scalar] = (0.0, 0.0)  # range of the patients' own probabilities
    vitamin_k_sd: Scalar = 0.0  # stationary SD of the log of EC50


HARD = Risks(
    amiodarone_start=0.3,  # working value: frequent enough to be learned from
    illness_per_day=1.0 / 45.0,  # working value: two in 90 days
    missed_dose=(0.05, 0.20),
    vitamin_k_sd=0.10,  # working value
)


class Traits(Node):
    """What is fixed in a patient."""

    amiodarone_start_h: Float[Array, "*b"]  # inf: never
    amiodarone_reduction: Float[Array, "*b"]
    missed_dose_probability: Float[Array, "*b"]


class Disturbances(Node):
    """The present condition."""

    illness_left_h: Float[Array, ""]  # 0: well
    illness_severity: Float[Array, ""]  # 0 mild .. 1 severe
    log_vitamin_k: Float[Array, ""]  # log of the ratio that intake puts on EC50
    missed_dose: Bool[Array, ""]  # the last dose ordered was not taken


N_TRAIT_UNIFORMS = 3
_START_WINDOW_H = 90.0 * 24.0


def _between(bounds, fraction):
    return bounds[0] + (bounds[1] - bounds[0]) * fraction


def draw_traits(
    uniforms: Sequence[Float[Array, ""]], risks: Risks, on_amiodarone: Bool[Array, ""]
) -> Traits:
    """Traits drawn from `risks`; `uniforms` are independent on (0, 1).

    Whoever takes amiodarone already (`on_amiodarone`) does not start it again.
    """
    amiodarone, reduction, missed = uniforms
    zero = jnp.zeros((), amiodarone.dtype)
    starts = (amiodarone < risks.amiodarone_start) & ~on_amiodarone
    # Given that it starts, amiodarone / amiodarone_start is again uniform.
    start_h = _START_WINDOW_H * amiodarone / jnp.maximum(risks.amiodarone_start, 1e-6)
    return Traits(
        amiodarone_start_h=jnp.where(starts, start_h, NEVER_H).astype(zero.dtype),
        amiodarone_reduction=_between(AMIODARONE_REDUCTION, reduction),
        missed_dose_probability=_between(risks.missed_dose, missed) + zero,
    )


def well() -> Disturbances:
    """Nothing has happened yet."""
    zero = jnp.zeros((), jnp.result_type(float))
    return Disturbances(zero, zero, zero, jnp.zeros((), bool))


def progress(
    key: jax.Array,
    now: Disturbances,
    traits: Traits,
    duration_h: Float[Array, ""],
    risks: Risks,
) -> Disturbances:
    """The condition over the next `duration_h` hours, whose dose is ordered now."""
    *uniforms, vitamin_k = uniform_vector(key, 4)
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
            risks.vitamin_k_sd,
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
