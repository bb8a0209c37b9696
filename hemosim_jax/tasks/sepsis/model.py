"""Sepsis over time: `rates` integrated, by the hour."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.model import Model
from hemosim_jax.integrate import StepMap, solve
from hemosim_jax.tasks.sepsis.body import Body, Drugs, Parameters, healthy
from hemosim_jax.tasks.sepsis.rates import flow, rates, slope, still

# Steps of the fast path, as fractions of an interval; the first follow a change of drugs.
_GRID = (0.0, 0.12, 0.35, 0.65, 1.0)


class SepsisModel(Model):
    """See `rates`; time in hours. Inputs are what runs (`Drugs`); antibiotics are given before."""

    def initial_state(self, parameters: Parameters) -> Body:
        """Before the illness."""
        return healthy(parameters, jnp.zeros_like(parameters.weight_kg))

    def vector_field(self, t: Any, state: Body, args: tuple[Parameters, Drugs]) -> Body:
        """Per hour, with pressure and reflexes at rest at every moment."""
        own, drugs = args
        return slope(state, own, rates(state, own, drugs))

    def advance(
        self,
        state: Body,
        duration: Float[Array, ""],
        parameters: Parameters,
        inputs: Drugs,
        *,
        differentiable: bool = False,
    ) -> tuple[Body, Bool[Array, ""]]:
        """The state `duration` hours later, by exponential midpoint steps."""

        def midpoint(hours, body, args):
            middle = flow(0.5 * hours, body, parameters, rates(body, parameters, inputs))
            return flow(hours, body, parameters, rates(middle, parameters, inputs))

        end, ok = solve(
            still,
            StepMap(midpoint),
            state,
            duration,
            None,
            grid=_GRID,
            differentiable=differentiable,
        )
        return end, ok
