r"""Tablets once or twice a day: two depots, two compartments, exact over any number of doses.

The morning and the evening dose have a depot each, because absorption may differ between them.
With depots $D_1, D_2$, central and peripheral amounts $A_c, A_p$,

$$D_i' = -k_{a,i} D_i, \quad
A_c' = \sum_i k_{a,i} D_i - (k_{10} + k_{12}) A_c + k_{21} A_p, \quad
A_p' = k_{12} A_c - k_{21} A_p$$

and every 24 h a dose is added to each depot, a lag after it is taken. The system is linear: a month
of doses is a geometric series (`integrate.repeated_doses`), and the area under the curve follows
from what was eliminated.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.model import Model
from hemosim_jax.core.node import Node
from hemosim_jax.integrate import StepMap, solve
from hemosim_jax.integrate.linear import (
    bateman,
    disposition_rates,
    fed_amounts,
    two_compartment_oral,
)
from hemosim_jax.integrate.repeated_doses import Train, two_compartment_left

DAY_H = 24.0
# Of the peripheral compartment of a drug that has none: any rate that elimination never meets.
EMPTY_K21_PER_H = 10.0


class Parameters(Node):
    """One drug in one patient; clearance and volumes are apparent (divided by bioavailability)."""

    absorption_per_h: Float[Array, "*b"]
    evening_absorption_ratio: Float[Array, "*b"]  # of the evening dose's rate to the morning's
    lag_h: Float[Array, "*b"]
    clearance_l_per_h: Float[Array, "*b"]
    central_l: Float[Array, "*b"]
    k12_per_h: Float[Array, "*b"]
    k21_per_h: Float[Array, "*b"]
    bioavailability: Float[Array, "*b"]  # relative to what the apparent parameters contain


class Regimen(Node):
    """What is taken every day, as the amount absorbed if `bioavailability` is 1.

    Doses that are due in the first `held_h` hours of an interval are left out.
    """

    morning_mg: Float[Array, "*b"] | float
    evening_mg: Float[Array, "*b"] | float
    held_h: Float[Array, "*b"] | float


class State(Node):
    """Amounts, the area under the curve so far, and when the next doses reach the depots."""

    morning_depot_mg: Float[Array, "*b"]
    evening_depot_mg: Float[Array, "*b"]
    central_mg: Float[Array, "*b"]
    peripheral_mg: Float[Array, "*b"]
    auc_ng_h_per_ml: Float[Array, "*b"]
    morning_due_h: Float[Array, "*b"]
    evening_due_h: Float[Array, "*b"]


def concentration_ng_per_ml(state: State, parameters: Parameters) -> Float[Array, "*b"]:
    """In plasma."""
    return 1000.0 * state.central_mg / parameters.central_l


class Tablets(Model):
    """See the module; time in hours. Inputs: a `Regimen`, or None for none."""

    def initial_state(self, parameters: Parameters) -> State:
        """Nothing taken yet; the first morning dose is taken now."""
        zero = jnp.zeros_like(parameters.lag_h)
        return State(
            zero,
            zero,
            zero,
            zero,
            auc_ng_h_per_ml=zero,
            morning_due_h=parameters.lag_h,
            evening_due_h=parameters.lag_h + 0.5 * DAY_H,
        )

    def vector_field(self, t: Any, state: State, args: tuple[Parameters, Regimen | None]) -> State:
        """The system between two doses, per hour."""
        parameters, _ = args
        evening_per_h = parameters.absorption_per_h * parameters.evening_absorption_ratio
        from_morning = parameters.absorption_per_h * state.morning_depot_mg
        from_evening = evening_per_h * state.evening_depot_mg
        exchange = (
            parameters.k12_per_h * state.central_mg - parameters.k21_per_h * state.peripheral_mg
        )
        eliminated = parameters.clearance_l_per_h / parameters.central_l * state.central_mg
        return State(
            morning_depot_mg=-from_morning,
            evening_depot_mg=-from_evening,
            central_mg=from_morning + from_evening - eliminated - exchange,
            peripheral_mg=exchange,
            auc_ng_h_per_ml=concentration_ng_per_ml(state, parameters),
            morning_due_h=-jnp.ones_like(state.morning_due_h),
            evening_due_h=-jnp.ones_like(state.evening_due_h),
        )

    def advance(
        self,
        state: State,
        duration: Float[Array, ""],
        parameters: Parameters,
        inputs: Regimen | None,
        *,
        differentiable: bool = False,
    ) -> tuple[State, Bool[Array, ""]]:
        """The state `duration` hours later, all doses that fall due meanwhile taken. Exact.

        With None none is taken, which costs less than a regimen of nothing. A dose due at the very
        end is left to the next interval.
        """
        return solve(
            self.vector_field,
            StepMap(_flow),
            state,
            duration,
            (parameters, inputs),
            differentiable=differentiable,
        )


TABLETS = Tablets()


def _flow(duration_h, state: State, args: tuple[Parameters, Regimen | None]) -> State:
    """What is in the body now, later, and what the doses add."""
    parameters, regimen = args
    later = _eliminate(duration_h, state, parameters)
    return later if regimen is None else _add_doses(duration_h, state, later, parameters, regimen)


def _eliminate(duration_h, state: State, parameters: Parameters) -> State:
    """Without any further dose, whose times pass all the same."""
    p = parameters
    rates = _rate_constants(p)
    central, peripheral = two_compartment_oral(
        state.morning_depot_mg,
        state.central_mg,
        state.peripheral_mg,
        p.absorption_per_h,
        *rates,
        duration_h,
    )
    evening_per_h = p.absorption_per_h * p.evening_absorption_ratio
    alpha, beta = disposition_rates(*rates)
    from_evening = fed_amounts(
        evening_per_h * state.evening_depot_mg,
        bateman(evening_per_h, alpha, duration_h),
        bateman(evening_per_h, beta, duration_h),
        rates,
    )
    later = State(
        morning_depot_mg=state.morning_depot_mg * jnp.exp(-p.absorption_per_h * duration_h),
        evening_depot_mg=state.evening_depot_mg * jnp.exp(-evening_per_h * duration_h),
        central_mg=central + from_evening[0],
        peripheral_mg=peripheral + from_evening[1],
        auc_ng_h_per_ml=state.auc_ng_h_per_ml,
        morning_due_h=_next_due_h(state.morning_due_h, duration_h),
        evening_due_h=_next_due_h(state.evening_due_h, duration_h),
    )
    return _add_auc(later, _in_body_mg(state) - _in_body_mg(later), p)


def _add_doses(duration_h, before: State, later: State, parameters: Parameters, regimen: Regimen):
    """`later` with what is left of the doses that fell due since `before`."""
    p = parameters

    def left(dose_mg, absorption_per_h, due_h):
        """Depot, central and peripheral amount, and all that was taken."""
        train = _doses_due(due_h, duration_h, regimen.held_h)
        dose_mg = dose_mg * p.bioavailability
        amounts = two_compartment_left(dose_mg, absorption_per_h, _rate_constants(p), train)
        return *amounts, dose_mg * train.number

    morning = left(regimen.morning_mg, p.absorption_per_h, before.morning_due_h)
    evening_per_h = p.absorption_per_h * p.evening_absorption_ratio
    evening = left(regimen.evening_mg, evening_per_h, before.evening_due_h)
    dosed = later.replace(
        morning_depot_mg=later.morning_depot_mg + morning[0],
        evening_depot_mg=later.evening_depot_mg + evening[0],
        central_mg=later.central_mg + morning[1] + evening[1],
        peripheral_mg=later.peripheral_mg + morning[2] + evening[2],
    )
    added_mg = _in_body_mg(dosed) - _in_body_mg(later)
    return _add_auc(dosed, morning[3] + evening[3] - added_mg, p)


def _rate_constants(p: Parameters):
    return p.clearance_l_per_h / p.central_l, p.k12_per_h, p.k21_per_h


def _in_body_mg(state: State):
    depots_mg = state.morning_depot_mg + state.evening_depot_mg
    return depots_mg + state.central_mg + state.peripheral_mg


def _add_auc(state: State, eliminated_mg, parameters: Parameters) -> State:
    gained = 1000.0 * eliminated_mg / parameters.clearance_l_per_h
    return state.replace(auc_ng_h_per_ml=state.auc_ng_h_per_ml + gained)


def _doses_before(due_h, end_h):
    """How many doses are due before `end_h`, the first of them at `due_h`."""
    return jnp.maximum(jnp.ceil((end_h - due_h) / DAY_H), 0.0)


def _doses_due(due_h, duration_h, held_h) -> Train:
    count = _doses_before(due_h, duration_h)
    taken = jnp.maximum(count - _doses_before(due_h, held_h), 0.0)
    since_last_h = duration_h - due_h - DAY_H * (count - 1.0)
    return Train(taken, jnp.full_like(count, DAY_H), since_last_h)


def _next_due_h(due_h, duration_h):
    return due_h + DAY_H * _doses_before(due_h, duration_h) - duration_h
