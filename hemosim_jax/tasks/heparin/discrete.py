"""`HeparinInfusion-Discrete-v0`: heparin by five changes of the running rate, after Nemati 2016."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from hemosim_jax.core.fields import ActionFields, category
from hemosim_jax.core.node import Node
from hemosim_jax.core.options import Difficulty
from hemosim_jax.core.wrapper import WrappedEnvironment
from hemosim_jax.tasks.heparin.environment import (
    BOLUS_U_PER_KG,
    MAX_INFUSION_U_PER_H,
    HeparinInfusion,
    HeparinParams,
    HeparinState,
    ReagentName,
    Treatment,
)
from hemosim_jax.tasks.heparin.population import Patient

# The action grid as hemosim 0.2.2 reports it of Nemati et al., EMBC 2016 (doi
# 10.1109/EMBC.2016.7591355), whose own text was not at hand.
RATE_CHANGES_U_PER_KG_PER_H = (-4.0, -2.0, 0.0, 2.0, 4.0)
START_RATE_U_PER_KG_PER_H = 18.0


ACTION_FIELDS = ActionFields((category("rate_change_u_per_kg_per_h", RATE_CHANGES_U_PER_KG_PER_H),))


class RateChange(Node):
    """One decision: a change of the running rate."""

    change_u_per_kg_per_h: Float[Array, ""]


class HeparinInfusionDiscrete(WrappedEnvironment):
    """`HeparinInfusion` with five actions: -4, -2, 0, +2, +4 U/kg/h from the running rate.

    Therapy starts with 80 U/kg and 18 U/kg/h, which the first action already changes. Observation,
    patients, reward and ends are those of `HeparinInfusion-v0`.
    """

    action_fields = ACTION_FIELDS

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        reagent: ReagentName = "paper",
        within_patient: bool = True,
        measurement_error: bool = True,
    ):
        """Options and errors as `HeparinInfusion`, which has protamine too."""
        env = HeparinInfusion(
            difficulty,
            reagent=reagent,
            within_patient=within_patient,
            measurement_error=measurement_error,
        )
        super().__init__(env, name="HeparinInfusion-Discrete-v0", version="2")
        self.action_fields = ACTION_FIELDS

    def initial_state(self, patient: Patient, params: HeparinParams) -> HeparinState:
        """Before heparin; the rate it is about to start with counts as running."""
        state = super().initial_state(patient, params)
        rate = START_RATE_U_PER_KG_PER_H * patient.covariates.weight_kg
        return state.replace(infusion_u_per_h=jnp.minimum(rate, MAX_INFUSION_U_PER_H))

    def decode_action(self, action: Int[Array, ""]) -> RateChange:
        """The change that the action means; every integer is clipped to the five."""
        return RateChange(self.action_fields.decode(action).rate_change_u_per_kg_per_h)

    def encode_action(self, change: Any) -> Int[Array, ""]:
        """The action of this index into the changes."""
        return self.action_fields.encode(rate_change_u_per_kg_per_h=change)

    def advance(
        self,
        key: jax.Array,
        state: HeparinState,
        treatment: RateChange,
        duration: Float[Array, ""],
        params: HeparinParams,
    ) -> HeparinState:
        """The changed rate from now on; a bolus at the start of therapy."""
        weight_kg = state.patient.covariates.weight_kg
        rate = state.infusion_u_per_h + treatment.change_u_per_kg_per_h * weight_kg
        absolute = Treatment(
            infusion_u_per_h=jnp.clip(rate, 0.0, MAX_INFUSION_U_PER_H),
            bolus_u_per_kg=jnp.where(state.time == 0, BOLUS_U_PER_KG, 0.0).astype(rate.dtype),
            protamine_mg=jnp.zeros_like(rate),
        )
        return super().advance(key, state, absolute, duration, params)
