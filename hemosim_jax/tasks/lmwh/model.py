r"""Enoxaparin under the skin, as anti-Xa activity: a depot and two compartments, exact.

With a depot $D$, central and peripheral amounts $A_c, A_p$ in IU of anti-Xa activity,

$$D' = -k_a D, \quad A_c' = k_a D - (CL + Q) A_c / V_c + Q A_p / V_p, \quad
A_p' = Q A_c / V_c - Q A_p / V_p$$

and an order adds a dose to the depot whenever its interval has passed since the last one. What the
assay reads is $A_c / V_c$ and the activity that is there without the drug. The system is linear:
any number of doses is a geometric series (`integrate.repeated_doses`), and the area under the curve
follows from what was eliminated. `green2005` and `feng2006` have the published parameters.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.model import Model
from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate import StepMap, solve
from hemosim_jax.integrate.linear import two_compartment_oral
from hemosim_jax.integrate.repeated_doses import Train, two_compartment_left

IU_PER_MG = 100.0  # the label's: 1 mg of enoxaparin has 100 IU of anti-Xa activity
_MOMENT_H = 1e-3  # a dose due within this is due now: clocks add up rounding errors


class Parameters(Node):
    """One patient, at his or her present kidney function."""

    absorption_per_h: Float[Array, "*b"]
    clearance_l_per_h: Float[Array, "*b"]
    central_l: Float[Array, "*b"]
    exchange_l_per_h: Float[Array, "*b"]
    peripheral_l: Float[Array, "*b"]
    bioavailability: Float[Array, "*b"]
    basal_iu_per_ml: Float[Array, "*b"]  # what the assay reads without the drug


class Published(NamedTuple):
    """The typical values of a paper, and what differs between patients."""

    renal_clearance_l_per_h: float  # at a creatinine clearance of 80 mL/min, and linear in it
    other_clearance_l_per_h: float
    central_l_per_kg: float
    absorption_per_h: float
    peripheral_l: float
    exchange_l_per_h: float
    bioavailability: float
    basal_iu_per_ml: float
    by_ideal_weight: bool  # creatinine clearance, by the formula of Cockcroft and Gault
    omega_clearance: float  # between patients, SD of the log
    omega_central: float


def typical_parameters(
    published: Published,
    weight_kg: Float[Array, "*b"],
    creatinine_clearance_ml_per_min: Float[Array, "*b"],
) -> Parameters:
    """The typical patient of this weight and these kidneys."""
    p, one = published, jnp.ones_like(weight_kg)
    renal = p.renal_clearance_l_per_h * creatinine_clearance_ml_per_min / 80.0
    return Parameters(
        absorption_per_h=p.absorption_per_h * one,
        clearance_l_per_h=renal + p.other_clearance_l_per_h,
        central_l=p.central_l_per_kg * weight_kg,
        exchange_l_per_h=p.exchange_l_per_h * one,
        peripheral_l=p.peripheral_l * one,
        bioavailability=p.bioavailability * one,
        basal_iu_per_ml=p.basal_iu_per_ml * one,
    )


class Order(Node):
    """What is prescribed: a dose whenever so much time has passed since the last one."""

    dose_iu: Float[Array, "*b"]
    every_h: Float[Array, "*b"]


class State(Node):
    """Amounts, the area under the drug's curve so far, and the time since the last dose."""

    depot_iu: Float[Array, "*b"]
    central_iu: Float[Array, "*b"]
    peripheral_iu: Float[Array, "*b"]
    auc_iu_h_per_ml: Float[Array, "*b"]
    since_dose_h: Float[Array, "*b"]  # inf: none yet


def anti_xa_iu_per_ml(state: State, parameters: Parameters) -> Float[Array, "*b"]:
    """What an assay without error reads."""
    return 0.001 * state.central_iu / parameters.central_l + parameters.basal_iu_per_ml


class Enoxaparin(Model):
    """See the module; time in hours. Inputs: an `Order`, or None for none."""

    def initial_state(self, parameters: Parameters) -> State:
        """Before the first dose."""
        zero = jnp.zeros_like(parameters.clearance_l_per_h)
        return State(zero, zero, zero, zero, since_dose_h=zero + jnp.inf)

    def vector_field(self, t: Any, state: State, args: tuple[Parameters, Order | None]) -> State:
        """The system between two doses, per hour."""
        p, _ = args
        absorbed = p.absorption_per_h * state.depot_iu
        k10, k12, k21 = _rate_constants(p)
        exchange = k12 * state.central_iu - k21 * state.peripheral_iu
        return State(
            depot_iu=-absorbed,
            central_iu=absorbed - k10 * state.central_iu - exchange,
            peripheral_iu=exchange,
            auc_iu_h_per_ml=0.001 * state.central_iu / p.central_l,
            since_dose_h=jnp.ones_like(state.since_dose_h),
        )

    def advance(
        self,
        state: State,
        duration: Float[Array, ""],
        parameters: Parameters,
        inputs: Order | None,
        *,
        differentiable: bool = False,
    ) -> tuple[State, Bool[Array, ""]]:
        """The state `duration` hours later, all doses that fall due meanwhile given. Exact.

        A dose due at the very end is left to the next interval; an order of nothing gives none.
        """
        return solve(
            self.vector_field,
            StepMap(_flow),
            state,
            duration,
            (parameters, inputs),
            differentiable=differentiable,
        )


def number_of_doses(state: State, order: Order, duration_h: Scalar) -> Float[Array, "*b"]:
    """How many doses fall due in the next `duration_h` hours."""
    count = jnp.ceil((duration_h - _due_h(state, order) - _MOMENT_H) / order.every_h)
    return jnp.where(order.dose_iu > 0.0, jnp.maximum(count, 0.0), 0.0)


def _due_h(state: State, order: Order):
    due_h = jnp.maximum(order.every_h - state.since_dose_h, 0.0)
    return jnp.where(due_h < _MOMENT_H, 0.0, due_h)


def _flow(duration_h, state: State, args: tuple[Parameters, Order | None]) -> State:
    """What is in the body now, later, and what the doses add."""
    p, order = args
    rates = _rate_constants(p)
    central, peripheral = two_compartment_oral(
        state.depot_iu,
        state.central_iu,
        state.peripheral_iu,
        p.absorption_per_h,
        *rates,
        duration_h,
    )
    later = State(
        depot_iu=state.depot_iu * jnp.exp(-p.absorption_per_h * duration_h),
        central_iu=central,
        peripheral_iu=peripheral,
        auc_iu_h_per_ml=state.auc_iu_h_per_ml,
        since_dose_h=state.since_dose_h + duration_h,
    )
    given_iu = jnp.zeros_like(state.depot_iu)
    if order is not None:
        later, given_iu = _add_doses(duration_h, state, later, p, order)
    eliminated_iu = _in_body_iu(state) + given_iu - _in_body_iu(later)
    auc = state.auc_iu_h_per_ml + 0.001 * eliminated_iu / p.clearance_l_per_h
    return later.replace(auc_iu_h_per_ml=auc)


def _add_doses(duration_h, before: State, later: State, p: Parameters, order: Order):
    """`later` with what is left of the doses that fell due since `before`, and their sum."""
    number = number_of_doses(before, order, duration_h)
    since_last_h = duration_h - _due_h(before, order) - order.every_h * (number - 1.0)
    given = number > 0.0
    train = Train(number, order.every_h, jnp.where(given, since_last_h, 0.0))
    dose_iu = order.dose_iu * p.bioavailability
    depot, central, peripheral = two_compartment_left(
        dose_iu, p.absorption_per_h, _rate_constants(p), train
    )
    dosed = later.replace(
        depot_iu=later.depot_iu + depot,
        central_iu=later.central_iu + central,
        peripheral_iu=later.peripheral_iu + peripheral,
        since_dose_h=jnp.where(given, since_last_h, later.since_dose_h),
    )
    return dosed, dose_iu * number


def _rate_constants(p: Parameters):
    return (
        p.clearance_l_per_h / p.central_l,
        p.exchange_l_per_h / p.central_l,
        p.exchange_l_per_h / p.peripheral_l,
    )


def _in_body_iu(state: State):
    return state.depot_iu + state.central_iu + state.peripheral_iu
