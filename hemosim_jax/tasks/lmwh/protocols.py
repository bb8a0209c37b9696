"""Published dosing rules for enoxaparin as policies.

Creatinine is ordered once a day by all that look at it, and its clearance taken by the formula of
Cockcroft and Gault.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.laboratory.wrapper import OrderedLaboratory
from hemosim_jax.core.node import Node
from hemosim_jax.core.policy import Policy, random_policy
from hemosim_jax.tasks.lmwh.population import creatinine_clearance_ml_per_min

FULL_MG_PER_KG = 1.0
SEVERE_ML_PER_MIN = 30.0
MODERATE_ML_PER_MIN = 50.0
FIXED_MG = 80.0  # the syringe nearest to 1 mg/kg of most adults (assumption)
_MOMENT_H = 0.01  # clocks are compared with this tolerance


class _Carry(Node):
    now_h: Float[Array, ""]
    interval_h: Float[Array, ""]
    factor: Float[Array, ""]  # of the dose that the kidneys ask for
    next_peak_h: Float[Array, ""]  # when the next one is to be asked for
    used_at_h: Float[Array, ""]  # when the last result acted upon was ordered
    in_range: Bool[Array, ""]  # whether that one was
    held: Bool[Array, ""]  # until the activity is low


def _begin(params: Any) -> _Carry:
    dtype = jnp.result_type(float)
    zero = jnp.zeros((), dtype)
    return _Carry(
        now_h=zero,
        interval_h=jnp.asarray(params.decision_interval, dtype),
        factor=zero + 1.0,
        next_peak_h=zero + FIRST_PEAK_H,
        used_at_h=zero - 1.0,
        in_range=jnp.zeros((), bool),
        held=jnp.zeros((), bool),
    )


def _clearance(seen: Any) -> Float[Array, ""]:
    return creatinine_clearance_ml_per_min(
        seen.age_y, seen.weight_kg, seen.male, seen.creatinine_mg_per_dl.value
    )


def _each_day(carry: _Carry) -> Bool[Array, ""]:
    return jnp.mod(carry.now_h + _MOMENT_H, 24.0) < carry.interval_h - _MOMENT_H


def _rule(
    name: str, dose: Callable[[Any, _Carry], tuple[Any, Any]], creatinine: bool = True
) -> Callable[[OrderedLaboratory], Policy]:
    """A policy without anti-Xa: `dose(seen, carry)` gives mg/kg, and whether once a day."""

    def factory(env: OrderedLaboratory) -> Policy:
        def act(key, carry, observation):
            seen = env.decode_observation(observation)
            action = env.env.encode_action(*dose(seen, carry))
            orders = {"creatinine": _each_day(carry)} if creatinine else {}
            later = carry.replace(now_h=carry.now_h + carry.interval_h)
            return env.encode_orders(action, **orders), later

        return Policy(name, _begin, act)

    return factory


def _label(seen: Any, carry: _Carry):
    """1 mg/kg twice a day, once a day below 30 mL/min."""
    return jnp.full_like(carry.now_h, FULL_MG_PER_KG), _clearance(seen) < SEVERE_ML_PER_MIN


def _hulot(seen: Any, carry: _Carry):
    """After a full first dose 0.8 mg/kg below 50 mL/min and 0.66 below 30, twice a day.

    Hulot et al., Clin Pharmacol Ther 2005;77:542.
    """
    clearance = _clearance(seen)
    reduced = jnp.where(clearance < SEVERE_ML_PER_MIN, 0.66, 0.8)
    full = (clearance >= MODERATE_ML_PER_MIN) | (carry.now_h < _MOMENT_H)
    return jnp.where(full, FULL_MG_PER_KG, reduced), jnp.zeros((), bool)


def _fixed(seen: Any, carry: _Carry):
    return FIXED_MG / seen.weight_kg, jnp.zeros((), bool)


# The nomogram of Monagle et al., Chest 2001;119(1 Suppl):344S, by the peak in IU/mL: the dose is
# multiplied, and above 2.0 (where the assay reads 2.0) held until the activity is below 0.5. A hold
# of three hours (1.6 to 2.0) is left out: the next decision is twelve hours away.
BOUNDS_IU_PER_ML = (0.35, 0.5, 1.05, 1.55, 2.0)
FACTORS = (1.25, 1.10, 1.0, 0.8, 0.7, 0.6)
LOW_IU_PER_ML = 0.5
FIRST_PEAK_H = 36.0  # of the third dose
AFTER_CHANGE_H = 24.0
FIRST_AFTER_RANGE_H = 24.0  # the next day
LATER_AFTER_RANGE_H = 168.0  # then within a week
AFTER_HOLD_H = 12.0  # of the first dose after it


def _nomogram(env: OrderedLaboratory) -> Policy:
    """The label's dose for the kidneys of admission, then by peaks."""

    def act(key, carry, observation):
        seen = env.decode_observation(observation)
        ordered_at_h = carry.now_h - seen.peak_age_h
        told_apart = seen.peak_iu_per_ml.known & (seen.peak_age_h < env.oldest_h - 1.0)
        is_new = told_apart & (ordered_at_h > carry.used_at_h + _MOMENT_H)
        peak = seen.peak_iu_per_ml.value
        row = jnp.sum(peak >= jnp.asarray(BOUNDS_IU_PER_ML, peak.dtype)).astype(jnp.int32)
        ratio = jnp.asarray(FACTORS, peak.dtype)[row]
        factor = jnp.where(is_new, carry.factor * ratio, carry.factor)
        in_range = ratio == 1.0
        after_range_h = jnp.where(carry.in_range, LATER_AFTER_RANGE_H, FIRST_AFTER_RANGE_H)
        wait_h = jnp.where(in_range, after_range_h, AFTER_CHANGE_H)
        low = seen.trough_iu_per_ml.known & (seen.trough_iu_per_ml.value < LOW_IU_PER_ML)
        held = (is_new & (peak >= BOUNDS_IU_PER_ML[-1])) | (carry.held & ~low)
        next_peak_h = jnp.where(is_new, ordered_at_h + wait_h, carry.next_peak_h)
        next_peak_h = jnp.where(carry.held & ~held, carry.now_h + AFTER_HOLD_H, next_peak_h)
        asks = ~held & (carry.now_h > next_peak_h - _MOMENT_H)
        dose = jnp.where(held, 0.0, FULL_MG_PER_KG * factor)
        action = env.env.encode_action(dose, _clearance(seen) < SEVERE_ML_PER_MIN)
        carry = carry.replace(
            now_h=carry.now_h + carry.interval_h,
            factor=factor,
            next_peak_h=jnp.where(asks, jnp.inf, next_peak_h),
            used_at_h=jnp.where(is_new, ordered_at_h, carry.used_at_h),
            in_range=jnp.where(is_new, in_range, carry.in_range),
            held=held,
        )
        return env.encode_orders(action, peak=asks, trough=held), carry

    return Policy("anti_xa", _begin, act)


PROTOCOLS: Mapping[str, Callable[[Any], Policy]] = {
    "label": _rule("label", _label),
    "anti_xa": _nomogram,
    "hulot": _rule("hulot", _hulot),
    "fixed": _rule("fixed", _fixed, creatinine=False),
    "random": random_policy,
}
