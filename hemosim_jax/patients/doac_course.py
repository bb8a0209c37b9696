"""What happens to a patient on an oral anticoagulant: kidneys, other drugs, procedures, events.

The laws and their ranges are assumptions where no source is named.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.outcomes.doac_events import (
    FATAL_SHARE,
    HEMORRHAGIC_STROKE_SHARE,
    HOURS_PER_Y,
    Hazards,
)

N_UNIFORMS = 4
N_EVENT_UNIFORMS = 6
MONTH_H = HOURS_PER_Y / 12.0
HELD_H = (48.0, 144.0)  # how long a procedure keeps from the drug
INHIBITOR_SHARE = 0.7  # of interacting drugs; the others induce


@struct.dataclass
class CourseRisks:
    """How often things happen in a population. All zero: kidneys are stable, nothing happens."""

    # Median and SD of the log of the loss of creatinine clearance; in RE-LY it was 1.0–1.5 mL/min
    # a year, some 2 % (JACC 2015;65:2481).
    renal_decline_per_y: float = 0.0
    renal_decline_log_sd: float = 0.0
    interaction_starts_per_month: float = 0.0
    interaction_stops_per_month: float = 0.0
    procedures_per_month: float = 0.0
    procedure_bleeding_ratio: float = 1.0  # on the hazard in the month of a procedure


MEDIUM = CourseRisks(renal_decline_per_y=0.06, renal_decline_log_sd=0.8)  # working values
HARD = CourseRisks(  # working values
    renal_decline_per_y=0.20,
    renal_decline_log_sd=0.8,
    interaction_starts_per_month=0.05,
    interaction_stops_per_month=0.25,
    procedures_per_month=0.04,
    procedure_bleeding_ratio=3.0,
)


@struct.dataclass
class Course:
    """One patient's fate (fixed) and present condition."""

    renal_decline_per_y: Float[Array, "*b"]
    interaction: Int[Array, "*b"]  # index into models.doac_covariates.INTERACTIONS
    held_h: Float[Array, "*b"]  # without the drug at the start of the last interval
    has_bled: Bool[Array, "*b"]  # a major bleed under treatment
    stroke: Bool[Array, "*b"]  # the last interval's events
    major_bleed: Bool[Array, "*b"]
    intracranial: Bool[Array, "*b"]
    gastrointestinal: Bool[Array, "*b"]
    fatal: Bool[Array, "*b"]


def begin(z_decline: Float[Array, ""], risks: CourseRisks) -> Course:
    """A patient without other drugs; `z_decline`, standard normal, decides on the kidneys."""
    no = jnp.zeros((), bool)
    rate = risks.renal_decline_per_y * jnp.exp(risks.renal_decline_log_sd * z_decline)
    return Course(
        renal_decline_per_y=rate,
        interaction=jnp.zeros((), jnp.int32),
        held_h=jnp.zeros_like(rate),
        has_bled=no,
        stroke=no,
        major_bleed=no,
        intracranial=no,
        gastrointestinal=no,
        fatal=no,
    )


def renal_ratio(course: Course, elapsed_h: Float[Array, ""]) -> Float[Array, ""]:
    """Creatinine clearance now over that at the start."""
    return jnp.exp(-course.renal_decline_per_y * elapsed_h / HOURS_PER_Y)


def progress(
    uniforms: Sequence[Float[Array, ""]],
    course: Course,
    duration_h: Float[Array, ""],
    risks: CourseRisks,
) -> Course:
    """What the coming interval brings: another drug started or stopped, a procedure.

    Takes `N_UNIFORMS` numbers, uniform on (0, 1).
    """
    changes, which, procedure, length = uniforms
    months = duration_h / MONTH_H
    starts = changes < -jnp.expm1(-risks.interaction_starts_per_month * months)
    stops = changes < -jnp.expm1(-risks.interaction_stops_per_month * months)
    started = jnp.where(which < INHIBITOR_SHARE, 1, 2).astype(jnp.int32)
    none = jnp.zeros_like(started)
    taking = course.interaction > 0
    interaction = jnp.where(
        taking, jnp.where(stops, none, course.interaction), jnp.where(starts, started, none)
    )
    operated = procedure < -jnp.expm1(-risks.procedures_per_month * months)
    held_h = HELD_H[0] + (HELD_H[1] - HELD_H[0]) * length
    held_h = jnp.where(operated, jnp.minimum(held_h, duration_h), 0.0)
    return course.replace(interaction=interaction, held_h=held_h)


def bleeding_ratio(course: Course, risks: CourseRisks) -> Float[Array, ""]:
    """On the hazard of bleeding, in an interval with a procedure."""
    return jnp.where(course.held_h > 0.0, risks.procedure_bleeding_ratio, 1.0)


@struct.dataclass
class Chances:
    """Probabilities that an interval brings these."""

    stroke: Float[Array, "*b"]
    major_bleed: Float[Array, "*b"]
    neither_stroke_nor_death: Float[Array, "*b"]


def chances(expected: Hazards) -> Chances:
    """What `events` draws; `expected` are numbers of events."""
    bleeds = [-jnp.expm1(-number) for number in expected.bleeding]
    no_ischemic_stroke = jnp.exp(-expected.stroke)
    goes_on = no_ischemic_stroke
    spared = (1.0 - HEMORRHAGIC_STROKE_SHARE, 1.0, 1.0)
    for bleed, lethality, no_stroke in zip(bleeds, FATAL_SHARE, spared, strict=True):
        goes_on = goes_on * (1.0 - bleed * (1.0 - no_stroke * (1.0 - lethality)))
    return Chances(
        stroke=1.0 - no_ischemic_stroke * (1.0 - HEMORRHAGIC_STROKE_SHARE * bleeds[0]),
        major_bleed=-jnp.expm1(-sum(expected.bleeding)),
        neither_stroke_nor_death=goes_on,
    )


def spare(before: Course, after: Course) -> Course:
    """`after` without the stroke or the death in it: the interval's bleeds are left out with it.

    Not quite the law of those who survived, in whom an earlier bleed is a little likelier (0.2 %).
    """
    ends = after.stroke | after.fatal
    no = jnp.zeros_like(ends)
    return after.replace(
        has_bled=jnp.where(ends, before.has_bled, after.has_bled),
        stroke=no,
        major_bleed=after.major_bleed & ~ends,
        intracranial=after.intracranial & ~ends,
        gastrointestinal=after.gastrointestinal & ~ends,
        fatal=no,
    )


def events(uniforms: Sequence[Float[Array, ""]], course: Course, expected: Hazards) -> Course:
    """The interval's events; `expected` are numbers of events, not rates.

    An interval has at most one of each kind. Takes `N_EVENT_UNIFORMS` numbers, uniform on (0, 1).
    """
    *uniforms, kind, fatal = uniforms
    happens = [
        u < -jnp.expm1(-number)
        for u, number in zip(uniforms, (expected.stroke, *expected.bleeding), strict=True)
    ]
    ischemic, intracranial, gastrointestinal, other = happens
    lethality = [jnp.where(bled, p, 0.0) for bled, p in zip(happens[1:], FATAL_SHARE, strict=True)]
    survives = (1.0 - lethality[0]) * (1.0 - lethality[1]) * (1.0 - lethality[2])
    major_bleed = intracranial | gastrointestinal | other
    return course.replace(
        has_bled=course.has_bled | major_bleed,
        stroke=ischemic | (intracranial & (kind < HEMORRHAGIC_STROKE_SHARE)),
        major_bleed=major_bleed,
        intracranial=intracranial,
        gastrointestinal=gastrointestinal,
        fatal=fatal > survives,
    )
