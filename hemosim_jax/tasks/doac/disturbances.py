"""What happens to a patient on an oral anticoagulant: kidneys, other drugs, procedures, events.

Within a patient clearance drifts and concentrations differ from day to day. The laws and their
ranges are assumptions where no source is named.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.durations import Crossing
from hemosim_jax.core.hazards import gather, thresholds
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, as_uniform
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.variation import mean_reverting
from hemosim_jax.tasks.doac.hazards import (
    FATAL_SHARE,
    HEMORRHAGIC_STROKE_SHARE,
    HOURS_PER_Y,
    SITES,
    Hazards,
    all_bleeds,
)

N_DRAWS = 6
N_EVENT_DRAWS = 6
N_THRESHOLDS = 1 + len(SITES)  # of an ischemic stroke, and of a bleed by site
MONTH_H = HOURS_PER_Y / 12.0
HELD_H = (48.0, 144.0)  # how long a procedure keeps from the drug
INHIBITOR_SHARE = 0.7  # of interacting drugs; the others induce
CLEARANCE_MEMORY_H = MONTH_H  # correlation times (assumptions)
DAY_TO_DAY_MEMORY_H = 24.0


class Risks(Node):
    """How often things happen in a population, and how much its patients vary.

    As they stand kidneys are stable and nothing happens. With the assay the variation gives troughs
    with a CV of 25 to 34 % by drug; 18 to 33 % were measured at three visits in eight weeks (Toorop
    et al., J Thromb Haemost 2022;20:92), 37 % in Testa et al., Thromb Res 2016. How it is shared
    out is an assumption.
    """

    # Median and SD of the log of the loss of creatinine clearance; in RE-LY it was 1.0–1.5 mL/min
    # a year, some 2 % (JACC 2015;65:2481).
    renal_decline_per_y: Scalar = 0.0
    renal_decline_log_sd: Scalar = 0.0
    interaction_starts_per_month: Scalar = 0.0
    interaction_stops_per_month: Scalar = 0.0
    procedures_per_month: Scalar = 0.0
    procedure_bleeding_ratio: Scalar = 1.0  # on the hazard in the month of a procedure
    clearance_sd: Scalar = 0.15  # stationary SD of the log of apparent clearance over time,
    day_to_day_sd: Scalar = 0.18  # and of a concentration's beside it


MEDIUM = Risks(renal_decline_per_y=0.06, renal_decline_log_sd=0.8)  # working values
HARD = Risks(  # working values
    renal_decline_per_y=0.20,
    renal_decline_log_sd=0.8,
    interaction_starts_per_month=0.05,
    interaction_stops_per_month=0.25,
    procedures_per_month=0.04,
    procedure_bleeding_ratio=3.0,
)


class Disturbances(Node):
    """The present condition."""

    interaction: Int[Array, "*b"]  # index into `covariates.INTERACTIONS`
    held_h: Float[Array, "*b"]  # without the drug at the start of the last interval
    log_clearance: Float[Array, "*b"]  # log of the ratio on apparent clearance
    log_day_to_day: Float[Array, "*b"]  # and on the concentration of the moment
    has_bled: Bool[Array, "*b"]  # a major bleed under treatment
    stroke: Bool[Array, "*b"]  # the last interval's events
    major_bleed: Bool[Array, "*b"]
    intracranial: Bool[Array, "*b"]
    gastrointestinal: Bool[Array, "*b"]
    fatal: Bool[Array, "*b"]
    until: tuple[Float[Array, "*b"], ...]  # hazard to be gathered until the next one of each


def draw_renal_decline_per_y(z: Float[Array, ""], risks: Risks) -> Float[Array, ""]:
    """How fast a patient's kidneys decline; `z` is standard normal."""
    return risks.renal_decline_per_y * jnp.exp(risks.renal_decline_log_sd * z)


def well(thresholds: tuple[Float[Array, "*b"], ...]) -> Disturbances:
    """No other drugs, no events; `thresholds` are those of the first ones."""
    zero = jnp.zeros_like(thresholds[0])
    no = jnp.zeros_like(zero, bool)
    return Disturbances(
        interaction=jnp.zeros_like(zero, jnp.int32),
        held_h=zero,
        log_clearance=zero,
        log_day_to_day=zero,
        has_bled=no,
        stroke=no,
        major_bleed=no,
        intracranial=no,
        gastrointestinal=no,
        fatal=no,
        until=thresholds,
    )


def renal_ratio(
    renal_decline_per_y: Float[Array, "*b"], elapsed_h: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """Creatinine clearance now over that at the start."""
    return jnp.exp(-renal_decline_per_y * elapsed_h / HOURS_PER_Y)


def progress(
    draws: Sequence[Float[Array, ""]],
    now: Disturbances,
    duration_h: Float[Array, ""],
    risks: Risks,
    within_patient: Scalar,
) -> Disturbances:
    """What the coming interval brings: another drug started or stopped, a procedure.

    Takes `N_DRAWS` numbers of `uniform_vector`. Clearance is held over the interval.
    """
    changes, which, procedure, length = map(as_uniform, draws[:4])
    clearance, day_to_day = map(as_normal, draws[4:])
    months = duration_h / MONTH_H
    starts = changes < -jnp.expm1(-risks.interaction_starts_per_month * months)
    stops = changes < -jnp.expm1(-risks.interaction_stops_per_month * months)
    started = jnp.where(which < INHIBITOR_SHARE, 1, 2).astype(jnp.int32)
    none = jnp.zeros_like(started)
    taking = now.interaction > 0
    interaction = jnp.where(
        taking, jnp.where(stops, none, now.interaction), jnp.where(starts, started, none)
    )
    operated = procedure < -jnp.expm1(-risks.procedures_per_month * months)
    held_h = HELD_H[0] + (HELD_H[1] - HELD_H[0]) * length
    held_h = jnp.where(operated, jnp.minimum(held_h, duration_h), 0.0)
    return now.replace(
        interaction=interaction,
        held_h=held_h,
        log_clearance=mean_reverting(
            now.log_clearance,
            clearance,
            duration_h / CLEARANCE_MEMORY_H,
            within_patient * risks.clearance_sd,
        ),
        log_day_to_day=mean_reverting(
            now.log_day_to_day,
            day_to_day,
            duration_h / DAY_TO_DAY_MEMORY_H,
            within_patient * risks.day_to_day_sd,
        ),
    )


def bleeding_ratio(now: Disturbances, risks: Risks) -> Float[Array, ""]:
    """On the hazard of bleeding, in an interval with a procedure."""
    return jnp.where(now.held_h > 0.0, risks.procedure_bleeding_ratio, 1.0)


class Chances(Node):
    """Probabilities that an interval brings these."""

    stroke: Float[Array, "*b"]
    major_bleed: Float[Array, "*b"]
    continuation: Float[Array, "*b"]  # neither a stroke nor a death


def chances(expected: Hazards) -> Chances:
    """What `events` draws; `expected` are numbers of events."""
    bleeds = [-jnp.expm1(-number) for number in expected.bleeding]
    no_ischemic_stroke = jnp.exp(-expected.stroke)
    continuation = no_ischemic_stroke
    spared = (1.0 - HEMORRHAGIC_STROKE_SHARE, 1.0, 1.0)
    for bleed, lethality, no_stroke in zip(bleeds, FATAL_SHARE, spared, strict=True):
        continuation = continuation * (1.0 - bleed * (1.0 - no_stroke * (1.0 - lethality)))
    return Chances(
        stroke=1.0 - no_ischemic_stroke * (1.0 - HEMORRHAGIC_STROKE_SHARE * bleeds[0]),
        major_bleed=-jnp.expm1(-all_bleeds(expected)),
        continuation=continuation,
    )


def censor_terminal_events(before: Disturbances, after: Disturbances) -> Disturbances:
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


def events(
    draws: Sequence[Float[Array, ""]], now: Disturbances, expected: Hazards
) -> tuple[Disturbances, Crossing]:
    """The interval's events, and what ends the episode: a stroke or a fatal bleed, and when.

    `expected` are numbers of events, not rates; hazards are constant within an interval, which has
    at most one event of each kind. Takes `N_EVENT_DRAWS` numbers of `uniform_vector`.
    """
    kind, fatal = map(as_uniform, draws[N_THRESHOLDS:])
    numbers = (expected.stroke, *expected.bleeding)
    following = thresholds(draws[:N_THRESHOLDS])
    gathered = [gather(*one) for one in zip(now.until, numbers, following, strict=True)]
    ischemic, intracranial, gastrointestinal, other = (one.happened for one in gathered)
    when = [one.fraction for one in gathered]
    bleeds = (intracranial, gastrointestinal, other)
    lethality = [jnp.where(bled, p, 0.0) for bled, p in zip(bleeds, FATAL_SHARE, strict=True)]
    survives = (1.0 - lethality[0]) * (1.0 - lethality[1]) * (1.0 - lethality[2])
    major_bleed = intracranial | gastrointestinal | other
    hemorrhagic = intracranial & (kind < HEMORRHAGIC_STROKE_SHARE)
    dies = fatal > survives
    first_bleed = jnp.minimum(jnp.minimum(when[1], when[2]), when[3])
    stroke_at = jnp.minimum(when[0], jnp.where(hemorrhagic, when[1], 1.0))
    ends_at = jnp.minimum(stroke_at, jnp.where(dies, first_bleed, 1.0))
    later = now.replace(
        has_bled=now.has_bled | major_bleed,
        stroke=ischemic | hemorrhagic,
        major_bleed=major_bleed,
        intracranial=intracranial,
        gastrointestinal=gastrointestinal,
        fatal=dies,
        until=tuple(one.left for one in gathered),
    )
    return later, Crossing(later.stroke | dies, ends_at)
