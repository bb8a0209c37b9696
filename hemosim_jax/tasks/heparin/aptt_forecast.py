"""The next aPTT of a real patient, from weight, what was infused and the aPTTs before.

A cloud of virtual patients of the population goes through the real course; each aPTT weighs them by
how well they foretold it, and the next is forecast by the weighted median and a band of 80 %. What
the model leaves unexplained is an error of each measurement plus a deviation that persists for
hours, so that a recent surprise counts more than an old one. Only the size of what is unexplained
was chosen by real courses (`benchmarks.heparin_aptt`, which also judges the band by courses it was
not chosen by).
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.physiology.aptt_reagent import Reagent
from hemosim_jax.tasks.heparin import model
from hemosim_jax.tasks.heparin.mimic_heparin import APTT, BOLUS, RATE, Course
from hemosim_jax.tasks.heparin.model import HeparinModel
from hemosim_jax.tasks.heparin.population import (
    N_EFFECTS,
    WEIGHT_KG,
    Population,
    individual_parameters,
)

# Of the logarithm of the aPTT; equal shares are an assumption.
ERROR_SD = 0.14
DEVIATION_SD = 0.14
DEVIATION_MEMORY_H = 12.0
BAND = (0.1, 0.9)
TAIL_DEGREES = 4.0  # of the t distribution: charting errors are not normal
TYPICAL_WEIGHT_KG = (78.0, 0.2)  # median and SD of the log, where the weight is not known
ANALYZER_LIMIT_S = 150.0

_KINDS = {RATE: 0, BOLUS: 1, APTT: 2}
_NOTHING = 3
MODEL = HeparinModel()


class Forecast(NamedTuple):
    """One aPTT after the start of heparin that has one before it."""

    stay: str
    tier: str
    hours: float
    previous_s: float
    forecast_s: float
    low_s: float  # the band in which eight of ten aPTTs are foretold to lie
    high_s: float
    observed_s: float
    after_first: bool  # the previous aPTT, too, was taken on heparin
    infusing: bool  # the pump was on


class _Cloud(Node):
    drug: model.State
    rate_u_per_h: Float[Array, ""]
    log_weight: Float[Array, " particles"]
    residual: Float[Array, " particles"]  # of the last aPTT, log
    residual_age_h: Float[Array, ""]  # inf: no aPTT yet


def forecast_courses(
    courses: Sequence[Course],
    reagent: Reagent,
    key: jax.Array,
    *,
    population: Population | None = None,
    particles: int = 4000,
    spread: float = 1.0,
) -> list[Forecast]:
    """One-step-ahead forecasts of every aPTT after the start of heparin but a course's first.

    `spread` scales what the model leaves unexplained.

    **Raises:** `ValueError` if there is no course or fewer than 100 particles.
    """
    if not courses:
        raise ValueError("courses must not be empty")
    if particles < 100:
        raise ValueError(f"particles must be at least 100, got {particles}")
    population = Population() if population is None else population
    longest = max(len(course.events) for course in courses)
    padded = [_as_arrays(course, longest) for course in courses]
    weights_kg = np.array([course.weight_kg or np.nan for course in courses])

    def one_course(key, weight_kg, events):
        return _forecast(key, weight_kg, events, reagent, population, particles, spread)

    quantiles = jax.jit(jax.vmap(one_course))(
        jax.random.split(key, len(courses)),
        jnp.asarray(weights_kg, jnp.result_type(float)),
        tuple(jnp.asarray(np.stack(column)) for column in zip(*padded, strict=True)),
    )
    rows = []
    for course, foretold_s in zip(courses, np.asarray(quantiles), strict=True):
        previous, rate = None, 0.0
        for event, (low_s, median_s, high_s) in zip(course.events, foretold_s, strict=False):
            if event.kind == RATE:
                rate = event.value
            if event.kind != APTT:
                continue
            if previous and event.hours > 0.0:
                rows.append(
                    Forecast(
                        course.stay,
                        course.tier,
                        event.hours,
                        previous.value,
                        float(median_s),
                        float(low_s),
                        float(high_s),
                        event.value,
                        previous.hours > 0.0,
                        rate > 0.0,
                    )
                )
            previous = event
    return rows


def _as_arrays(course: Course, length: int):
    """Gap since the event before (h), kind, value, censored; padded."""
    dtype = np.dtype(jnp.result_type(float))
    gaps = np.diff([event.hours for event in course.events], prepend=course.events[0].hours)
    rest = length - len(course.events)
    return (
        np.pad(np.asarray(gaps, dtype), (0, rest)),
        np.pad([_KINDS[e.kind] for e in course.events], (0, rest), constant_values=_NOTHING),
        np.pad(np.array([e.value for e in course.events], dtype), (0, rest), constant_values=1.0),
        np.pad([e.censored for e in course.events], (0, rest)),
    )


def _forecast(key, weight_kg, events, reagent, population, particles, spread):
    """Lower bound, median and upper bound (s) before each event, of use where it is an aPTT."""
    key_weight, key_effects, key_error = jax.random.split(key, 3)
    median_kg, log_sd = TYPICAL_WEIGHT_KG
    unknown = median_kg * jnp.exp(log_sd * jax.random.normal(key_weight, (particles,)))
    weight_kg = jnp.where(jnp.isnan(weight_kg), jnp.clip(unknown, *WEIGHT_KG), weight_kg)
    effects = jax.random.normal(key_effects, (N_EFFECTS, particles))
    parameters = jax.vmap(lambda kg, z: individual_parameters(kg, list(z), population))(
        weight_kg, effects.T
    )
    surprise = jax.random.t(key_error, TAIL_DEGREES, (particles,))
    zeros = jnp.zeros(particles)
    start = _Cloud(
        drug=jax.vmap(MODEL.initial_state)(parameters),
        rate_u_per_h=jnp.zeros(()),
        log_weight=zeros,
        residual=zeros,
        residual_age_h=jnp.asarray(jnp.inf, zeros.dtype),
    )

    def one_event(cloud: _Cloud, event):
        gap_h, kind, value, censored = event
        one, zero = jnp.ones(()), jnp.zeros(())
        inputs = model.Inputs(cloud.rate_u_per_h, one, one, zero)
        drug, _ = jax.vmap(lambda s, p: MODEL.advance(s, gap_h, p, inputs))(cloud.drug, parameters)
        bolus_u = jnp.where(kind == _KINDS[BOLUS], value, 0.0)
        log_aptt = jnp.log(jax.vmap(lambda s, p: model.aptt_s(s, p, reagent))(drug, parameters))
        age_h = cloud.residual_age_h + gap_h
        share = DEVIATION_SD**2 / (DEVIATION_SD**2 + ERROR_SD**2)
        correlation = share * jnp.exp(-age_h / DEVIATION_MEMORY_H)
        foretold = log_aptt + correlation * cloud.residual
        scale = spread * jnp.sqrt((DEVIATION_SD**2 + ERROR_SD**2) * (1.0 - correlation**2))
        (median,) = _weighted_quantiles(foretold, cloud.log_weight, (0.5,))
        low, high = _weighted_quantiles(foretold + scale * surprise, cloud.log_weight, BAND)
        quantiles_s = jnp.exp(jnp.stack([low, median, high]))

        is_aptt = kind == _KINDS[APTT]
        observed = jnp.log(value)
        missed = observed - log_aptt
        residual = jnp.where(censored, jnp.maximum(missed, 0.0), missed)
        # A censored aPTT rules out the virtual patients who foretold less.
        distance = observed - foretold
        distance = jnp.where(censored, jnp.maximum(distance, 0.0), distance)
        log_likelihood = (
            -0.5 * (TAIL_DEGREES + 1.0) * jnp.log1p((distance / scale) ** 2 / TAIL_DEGREES)
        )
        cloud = _Cloud(
            drug=jax.vmap(lambda s, p: model.give_bolus(s, bolus_u, p))(drug, parameters),
            rate_u_per_h=jnp.where(kind == _KINDS[RATE], value, cloud.rate_u_per_h),
            log_weight=cloud.log_weight + jnp.where(is_aptt, log_likelihood, 0.0),
            residual=jnp.where(is_aptt, residual, cloud.residual),
            residual_age_h=jnp.where(is_aptt, 0.0, age_h),
        )
        return cloud, jnp.minimum(quantiles_s, ANALYZER_LIMIT_S)

    return jax.lax.scan(one_event, start, events)[1]


def _weighted_quantiles(values, log_weight, levels):
    order = jnp.argsort(values)
    below = jnp.cumsum(jax.nn.softmax(log_weight)[order])
    last = values.shape[0] - 1
    return [values[order][jnp.minimum(jnp.searchsorted(below, q), last)] for q in levels]
