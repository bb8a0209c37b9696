"""What chance brings to a patient with DIC: bleeds, and a disease that is not the same every day.

The laws and their sizes are assumptions where no source is named.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.hazards import Event, gather, thresholds
from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import as_normal, as_uniform
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.core.variation import mean_reverting
from hemosim_jax.tasks.dic.blood import Blood, Parameters
from hemosim_jax.tasks.dic.model import State

# Bleeds per hour without any hemostasis, and how severe one is at first, uniform.
BLEEDS_PER_H = 0.004
FIRST_SEVERITY = (0.15, 0.65)
# SD of the logs over time. In health fibrinogen varies by 11 % from week to week (Zengi & Ucar,
# Turk J Biochem 2023), platelets by 8 % (Arch Pathol Lab Med 1992;116:825); their slow turnover
# passes on half of what production does.
EXPOSURE_SD = 0.2
FIBRINOGEN_SD = 0.15
PLATELETS_SD = 0.11
EXPOSURE_MEMORY_H = 24.0
PRODUCTION_MEMORY_H = 96.0

N_DRAWS = 6
NEVER = 1e9  # hazard: nobody dies twice


class Disturbances(Node):
    """The present condition: logs of ratios, and hazards until a bleed and death."""

    log_exposure: Float[Array, "*b"]  # on the share of the plasma that meets tissue factor
    log_fibrinogen: Float[Array, "*b"]  # on what the liver keeps,
    log_platelets: Float[Array, "*b"]  # and the marrow
    until_bleed: Float[Array, "*b"]  # hazard
    until_death: Float[Array, "*b"]


def at_admission(until_bleed: Float[Array, "*b"], until_death: Float[Array, "*b"]) -> Disturbances:
    """As the disease was until now."""
    zero = jnp.zeros_like(until_bleed)
    return Disturbances(zero, zero, zero, until_bleed, until_death)


def progress(
    draws: Sequence[Float[Array, ""]],
    now: Disturbances,
    duration_h: Float[Array, ""],
    within_patient: Scalar,
) -> Disturbances:
    """The condition over the next hours. `draws` are three numbers of `uniform_vector`."""
    exposure, fibrinogen, platelets = map(as_normal, draws)
    recent, slow = duration_h / EXPOSURE_MEMORY_H, duration_h / PRODUCTION_MEMORY_H

    def varied(value, normal, memories, sd):
        return mean_reverting(value, normal, memories, within_patient * sd)

    return now.replace(
        log_exposure=varied(now.log_exposure, exposure, recent, EXPOSURE_SD),
        log_fibrinogen=varied(now.log_fibrinogen, fibrinogen, slow, FIBRINOGEN_SD),
        log_platelets=varied(now.log_platelets, platelets, slow, PLATELETS_SD),
    )


def parameters(own: Parameters, now: Disturbances) -> Parameters:
    """Those of now."""
    return own.replace(
        exposed_per_h=own.exposed_per_h * jnp.exp(now.log_exposure),
        normal_fibrinogen_g_per_l=own.normal_fibrinogen_g_per_l * jnp.exp(now.log_fibrinogen),
        normal_platelets_1e9_per_l=own.normal_platelets_1e9_per_l * jnp.exp(now.log_platelets),
    )


def begin_bleeding(
    draws: Sequence[Float[Array, ""]],
    now: Disturbances,
    before: State,
    after: State,
    own: Parameters,
) -> tuple[Disturbances, Blood]:
    """A bleed may have begun in the interval, the likelier the worse hemostasis was.

    `draws` are three numbers of `uniform_vector`.
    """
    gathered_h = after.without_hemostasis_h - before.without_hemostasis_h
    hazard = BLEEDS_PER_H * own.bleeding_tendency * gathered_h
    event = gather(now.until_bleed, hazard, thresholds(draws[:2])[0])
    blood = after.blood
    low, high = FIRST_SEVERITY
    severity = jnp.maximum(blood.bleeding, low + (high - low) * as_uniform(draws[2]))
    bleeding = jnp.where(event.happened, severity, blood.bleeding)
    return now.replace(until_bleed=event.left), blood.replace(bleeding=bleeding)


def death(now: Disturbances, before: State, after: State) -> tuple[Disturbances, Event]:
    """Whether the patient has died in the interval, and when."""
    never = jnp.full_like(now.until_death, NEVER)
    event = gather(now.until_death, after.death_hazard - before.death_hazard, never)
    return now.replace(until_death=event.left), event
