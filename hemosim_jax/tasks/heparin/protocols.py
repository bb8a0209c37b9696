"""Nomograms as policies for the heparin tasks.

The tasks' action is a rate held for the whole interval and a bolus of 80 U/kg or none. So a hold of
an hour is given as the mean rate of its interval, and a bolus of 40 U/kg, of which next to nothing
is left at the next decision six hours later, is left out. `nomograms`, which the
simulated trial of `benchmarks.heparin_trial` follows, has no such limits. Beside the nomogram the
platelets are looked at: where they have halved, heparin is stopped for good.

With an ordered laboratory a result is there six hours after its sample. The next sample after a
change is drawn once the change has settled, so out of range it is one every twelve hours; platelets
are ordered every day.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.laboratory.wrapper import OrderedLaboratory
from hemosim_jax.core.node import Node
from hemosim_jax.core.policy import Policy, random_policy
from hemosim_jax.physiology import aptt_reagent
from hemosim_jax.tasks.heparin import nomograms
from hemosim_jax.tasks.heparin.environment import (
    BOLUS_U_PER_KG,
    MAX_INFUSION_U_PER_H,
    HeparinInfusion,
)
from hemosim_jax.tasks.heparin.nomograms import Nomogram, Ward

# Platelets below this share of those of admission: heparin-induced thrombocytopenia is likely
# enough to stop heparin (two points of the 4T's score: a fall of more than half).
SUSPECTED_BELOW = 0.5
PLATELETS_EVERY_H = 24.0
_MOMENT_H = 0.01  # clocks are compared with this tolerance


class _Carry(Node):
    ward: Ward
    now_h: Float[Array, ""]
    interval_h: Float[Array, ""]
    bounds: tuple[Float[Array, ""], ...]
    used_drawn_h: Float[Array, ""]  # when the last result acted upon was drawn
    first_platelets: Float[Array, ""]
    stopped: Bool[Array, ""]


def _begin(nomogram: Nomogram, of_aptt: bool, params: Any) -> _Carry:
    dtype = jnp.result_type(float)
    bounds = jnp.asarray(nomogram.bounds, dtype)
    if of_aptt:
        bounds = aptt_reagent.translate(bounds, aptt_reagent.RASCHKE, params.reagent)
    zero = jnp.zeros((), dtype)
    return _Carry(
        ward=nomograms.before_start(),
        now_h=zero,
        interval_h=jnp.asarray(params.decision_interval, dtype),
        bounds=tuple(bounds),
        used_drawn_h=zero,
        first_platelets=zero,
        stopped=jnp.zeros((), bool),
    )


def _watch_platelets(carry: _Carry, platelets, known) -> _Carry:
    """Remembers the first platelets; heparin is stopped where they have halved."""
    first = jnp.where(carry.now_h < _MOMENT_H, platelets, carry.first_platelets)
    halved = known & (platelets < SUSPECTED_BELOW * first)
    return carry.replace(first_platelets=first, stopped=carry.stopped | halved)


def _decide(nomogram, carry: _Carry, weight_kg, result, drawn_h, is_new):
    """The ward and the bolus after this decision: the start, an adjustment, or nothing new."""
    first = carry.now_h < _MOMENT_H
    started, start_bolus_u = nomograms.start(nomogram, weight_kg, carry.now_h)
    adjusted, adjust_bolus_u = nomograms.adjust(
        nomogram,
        carry.bounds,
        carry.ward,
        result,
        drawn_h,
        carry.now_h,
        weight_kg,
        MAX_INFUSION_U_PER_H,
    )
    acts = is_new & ~first
    ward = nomograms.select(first, started, nomograms.select(acts, adjusted, carry.ward))
    bolus_u = jnp.where(first, start_bolus_u, jnp.where(acts, adjust_bolus_u, 0.0))
    return ward, bolus_u, acts


def _action(env, ward: Ward, bolus_u, weight_kg, carry: _Carry):
    """The action nearest to the ward's orders (see the module's docstring)."""
    full = bolus_u > (BOLUS_U_PER_KG - 1.0) * weight_kg
    rate = nomograms.infusion_u_per_h(ward, carry.now_h, carry.interval_h)
    return env.encode_action(jnp.where(carry.stopped, 0.0, rate), full & ~carry.stopped)


def _observed(name: str, nomogram: Nomogram, field: str) -> Callable[[HeparinInfusion], Policy]:
    def factory(env: HeparinInfusion) -> Policy:
        def act(key, carry, observation):
            seen = env.decode_observation(observation)
            carry = _watch_platelets(carry, seen.platelets_1e9_per_l, True)
            due = carry.now_h > carry.ward.next_check_h - _MOMENT_H
            result = getattr(seen, field)
            ward, bolus_u, _ = _decide(nomogram, carry, seen.weight_kg, result, carry.now_h, due)
            action = _action(env, ward, bolus_u, seen.weight_kg, carry)
            return action, carry.replace(ward=ward, now_h=carry.now_h + carry.interval_h)

        return Policy(name, lambda params: _begin(nomogram, field == "aptt_s", params), act)

    return factory


def _ordered(
    name: str, nomogram: Nomogram, assay: str, field: str
) -> Callable[[OrderedLaboratory], Policy]:
    def factory(env: OrderedLaboratory) -> Policy:
        def act(key, carry, observation):
            seen = env.decode_observation(observation)
            platelets = seen.platelets_1e9_per_l
            carry = _watch_platelets(carry, platelets.value, platelets.known)
            result, age_h = getattr(seen, field), getattr(seen, f"{assay}_age_h")
            drawn_h = carry.now_h - age_h
            # An age at its upper bound says nothing of when the sample was drawn.
            told_apart = result.known & (age_h < env.oldest_h - 1.0)
            is_new = told_apart & (drawn_h > carry.used_drawn_h + _MOMENT_H)
            ward, bolus_u, acts = _decide(
                nomogram, carry, seen.weight_kg, result.value, drawn_h, is_new
            )
            # One sample for each check: a draw puts the next check out of reach until its result.
            draws = (carry.now_h > ward.next_check_h - _MOMENT_H) & (carry.now_h > _MOMENT_H)
            day = carry.now_h / PLATELETS_EVERY_H
            is_day = (jnp.abs(day - jnp.round(day)) < 1e-3) & (carry.now_h > _MOMENT_H)
            action = env.encode_orders(
                _action(env, ward, bolus_u, seen.weight_kg, carry),
                **{assay: draws & ~carry.stopped, "platelets": is_day & ~carry.stopped},
            )
            ward = ward.replace(next_check_h=jnp.where(draws, jnp.inf, ward.next_check_h))
            carry = carry.replace(
                ward=ward,
                now_h=carry.now_h + carry.interval_h,
                used_drawn_h=jnp.where(acts, drawn_h, carry.used_drawn_h),
            )
            return action, carry

        return Policy(name, lambda params: _begin(nomogram, field == "aptt_s", params), act)

    return factory


PROTOCOLS: Mapping[str, Callable[[Any], Policy]] = {
    "raschke": _observed("raschke", nomograms.RASCHKE, "aptt_s"),
    "anti_xa": _observed("anti_xa", nomograms.ANTI_XA, "anti_xa_u_per_ml"),
    "random": random_policy,
}

POMDP_PROTOCOLS: Mapping[str, Callable[[Any], Policy]] = {
    "raschke": _ordered("raschke", nomograms.RASCHKE, "aptt", "aptt_s"),
    "anti_xa": _ordered("anti_xa", nomograms.ANTI_XA, "anti_xa", "anti_xa_u_per_ml"),
    "random": random_policy,
}
