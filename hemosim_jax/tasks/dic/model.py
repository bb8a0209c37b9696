"""Disseminated intravascular coagulation over time: `rates` integrated, by the hour."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.model import Model
from hemosim_jax.core.node import Node
from hemosim_jax.integrate import StepMap, solve
from hemosim_jax.tasks.dic.blood import Blood, Parameters, at_onset, hemostasis
from hemosim_jax.tasks.dic.consumption import Consumption, consumption, no_consumption
from hemosim_jax.tasks.dic.mortality import daily_hazard
from hemosim_jax.tasks.dic.rates import flow, rates, slope

# Steps of the fast path, as fractions of an interval; the first follow a change of heparin.
_GRID = (0.0, 0.3, 1.0)


class State(Node):
    """The blood, and what the model remembers."""

    blood: Blood
    consumption: Consumption  # of the last step
    hemostasis: Float[Array, "*b"]  # of the last step
    lowest_organ_function: Float[Array, "*b"]  # at the ends of the steps of the last interval
    lowest_platelets_1e9_per_l: Float[Array, "*b"]
    without_hemostasis_h: Float[Array, "*b"]  # hours, each by the lost share's square
    death_hazard: Float[Array, "*b"]  # gathered


def with_blood(blood: Blood) -> State:
    """The state of a patient whose blood has met nothing yet."""
    zero = jnp.zeros_like(blood.organ_function)
    return State(
        blood,
        no_consumption(zero),
        zero + 1.0,
        blood.organ_function,
        blood.platelets_1e9_per_l,
        zero,
        zero,
    )


class DICModel(Model):
    """See `rates`; time in hours. Parameters, then units of heparin per hour.

    `cascade`: "network" (fitted to the whole one), or "hockin_mann" (the whole one, far
    slower, no gradients).
    """

    cascade: str = "network"

    def initial_state(self, parameters: Parameters) -> State:
        """At the onset of the disease."""
        return with_blood(at_onset(parameters))

    def vector_field(
        self, t: Any, state: State, args: tuple[Parameters, Float[Array, "*b"]]
    ) -> State:
        """Per hour, the cascade at every evaluation: what references integrate."""
        parameters, heparin_u_per_h = args
        consumed, _ = consumption(state.blood, self.cascade)
        stops = hemostasis(state.blood, parameters.lytic)
        now = rates(state.blood, parameters, consumed, stops)
        return jax.tree.map(jnp.zeros_like, state).replace(
            blood=slope(state.blood, parameters, heparin_u_per_h, now),
            without_hemostasis_h=(1.0 - stops) ** 2,
            death_hazard=daily_hazard(state.blood.organ_function) / 24.0,
        )

    def advance(
        self,
        state: State,
        duration: Float[Array, ""],
        parameters: Parameters,
        inputs: Float[Array, ""],
        *,
        differentiable: bool = False,
    ) -> tuple[State, Bool[Array, ""]]:
        """The state `duration` hours later, by exponential midpoint steps.

        The middle of a step is predicted with the consumption and hemostasis of the step before;
        what the cascade, bleeding and volumes do there holds for the whole step, over which the
        rest is linear.
        """

        def midpoint(hours, carry, args):
            state, ok = carry
            now = rates(state.blood, parameters, state.consumption, state.hemostasis)
            middle = flow(0.5 * hours, state.blood, parameters, inputs, now)
            consumed, found = consumption(middle, self.cascade, differentiable=differentiable)
            stops = hemostasis(middle, parameters.lytic)
            there = rates(middle, parameters, consumed, stops)
            end = flow(hours, state.blood, parameters, inputs, there)
            hazard = daily_hazard(middle.organ_function) / 24.0
            later = State(
                end,
                consumed,
                stops,
                jnp.minimum(state.lowest_organ_function, end.organ_function),
                jnp.minimum(state.lowest_platelets_1e9_per_l, end.platelets_1e9_per_l),
                state.without_hemostasis_h + hours * (1.0 - stops) ** 2,
                state.death_hazard + hours * hazard,
            )
            return later, jnp.where(found, ok, 0.0)

        highest = jnp.full_like(duration, jnp.inf)
        fresh = state.replace(lowest_organ_function=highest, lowest_platelets_1e9_per_l=highest)
        (end, ok), _ = solve(
            _still,
            StepMap(midpoint),
            (fresh, jnp.ones_like(duration)),
            duration,
            None,
            grid=_GRID,
            differentiable=differentiable,
        )
        return end, ok > 0.0


def untreated(
    parameters: Parameters, duration_h: Float[Array, "*b"], *, differentiable: bool = False
) -> Blood:
    """After some hours of disease that nobody has treated: where a patient starts.

    In two steps; tissue factor and inflammation decay under treatment only.
    """
    still = parameters.replace(decay_per_h=jnp.zeros_like(parameters.decay_per_h))
    start = at_onset(still)
    none = jnp.zeros_like(start.bleeding)

    def step(hours, carry, args):
        blood, consumed = carry
        middle = flow(0.5 * hours, blood, still, none, rates(blood, still, consumed, none + 1.0))
        consumed, _ = consumption(middle, "network", differentiable=differentiable)
        return flow(hours, blood, still, none, rates(middle, still, consumed, none + 1.0)), consumed

    (ill, _), _ = solve(
        _still,
        StepMap(step),
        (start, no_consumption(none)),
        duration_h,
        None,
        grid=(0.0, 0.5, 1.0),
        differentiable=differentiable,
    )
    return ill


def _still(t, carry, args):
    """In place of a vector field where the steps are a solver's own."""
    return jax.tree.map(jnp.zeros_like, carry)
