"""What the models from warfarin to INR share."""

import abc
from typing import Any, ClassVar

import jax
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.model import Model
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.integrate import StepMap, solve
from hemosim_jax.tasks.warfarin.covariates import Calibration, Covariates, Inputs, RandomEffects


class WarfarinModel(Model):
    """Oral racemic warfarin to INR; time in hours.

    States have `depot_mg` (of each enantiomer), `central_s_mg` and `central_r_mg`; parameters have
    `volume_s_l`, `volume_r_l` and `baseline_inr`.
    """

    PUBLISHED: ClassVar[Calibration]

    @abc.abstractmethod
    def individual_parameters(
        self, covariates: Covariates, effects: RandomEffects, calibration: Any
    ) -> Any:
        """Typical value of the covariates, refined by `calibration`, times the random effects."""

    @abc.abstractmethod
    def inr(self, state: Any, parameters: Any) -> Float[Array, ""]:
        """International normalized ratio."""

    @abc.abstractmethod
    def steady_state_dose_mg_per_day(
        self, parameters: Any, target_inr: Scalar
    ) -> Float[Array, "*b"]:
        """Daily racemic dose whose average concentrations hold `target_inr` (above baseline)."""

    @abc.abstractmethod
    def flow(self, duration_h: Float[Array, ""], state: Any, args: tuple[Any, Inputs]) -> Any:
        """The fast path: exact where the system is linear, by a rule where it is not.

        Any dose is given before, at the start of the interval, where the rule's points lie dense.
        """

    def give_dose(self, state: Any, dose_mg: Scalar) -> Any:
        """A tablet of racemic warfarin, half of it S."""
        return state.replace(depot_mg=state.depot_mg + 0.5 * dose_mg)

    def advance(
        self,
        state: Any,
        duration: Scalar,
        parameters: Any,
        inputs: Inputs,
        *,
        differentiable: bool = False,
    ) -> tuple[Any, Bool[Array, ""]]:
        """The state `duration` later in one step of `flow`, and whether the solver succeeded."""
        return solve(
            self.vector_field,
            StepMap(self.flow),
            state,
            duration,
            (parameters, inputs),
            differentiable=differentiable,
        )

    def inr_slope_per_h(self, state: Any, parameters: Any, inputs: Inputs) -> Float[Array, ""]:
        """How fast the INR changes."""
        slope = self.vector_field(0.0, state, (parameters, inputs))
        return jax.jvp(lambda now: self.inr(now, parameters), (state,), (slope,))[1]

    def concentration_s_mg_per_l(self, state: Any, parameters: Any) -> Float[Array, ""]:
        """S-warfarin in plasma."""
        return state.central_s_mg / parameters.volume_s_l

    def concentration_r_mg_per_l(self, state: Any, parameters: Any) -> Float[Array, ""]:
        """R-warfarin in plasma."""
        return state.central_r_mg / parameters.volume_r_l
