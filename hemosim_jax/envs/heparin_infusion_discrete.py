"""`HeparinInfusion-Discrete-v0`: heparin by five changes of the running rate, after Nemati 2016."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float, Int

from hemosim_jax.envs.heparin_infusion import (
    BOLUS_U_PER_KG,
    MAX_INFUSION_U_PER_H,
    HeparinInfusion,
    HeparinParams,
    HeparinState,
    Treatment,
)
from hemosim_jax.patients.heparin import Patient
from hemosim_jax.spaces import Discrete

# The action grid as hemosim 0.2.2 reports it of Nemati et al., EMBC 2016 (doi
# 10.1109/EMBC.2016.7591355), whose own text was not at hand.
RATE_CHANGES_U_PER_KG_PER_H = (-4.0, -2.0, 0.0, 2.0, 4.0)
START_RATE_U_PER_KG_PER_H = 18.0


@struct.dataclass
class RateChange:
    """One decision: a change of the running rate."""

    change_u_per_kg_per_h: Float[Array, ""]


class HeparinInfusionDiscrete(HeparinInfusion):
    """`HeparinInfusion-v0` with five actions: -4, -2, 0, +2, +4 U/kg/h from the running rate.

    Therapy starts with 80 U/kg and 18 U/kg/h, which the first action already changes. Observation,
    patients, reward and ends are those of `HeparinInfusion-v0`.
    """

    name = "HeparinInfusion-Discrete-v0"

    def initial_state(self, patient: Patient, params: HeparinParams) -> HeparinState:
        """Before heparin; the rate it is about to start with counts as running."""
        state = super().initial_state(patient, params)
        rate = START_RATE_U_PER_KG_PER_H * patient.covariates.weight_kg
        return state.replace(infusion_u_per_h=jnp.minimum(rate, MAX_INFUSION_U_PER_H))

    def decode_action(self, action: Int[Array, ""]) -> RateChange:
        """The change that the action means; every integer is clipped to the five."""
        changes = jnp.asarray(RATE_CHANGES_U_PER_KG_PER_H, jnp.result_type(float))
        return RateChange(changes[jnp.clip(action, 0, self.num_actions - 1)])

    def advance(
        self,
        key: jax.Array,
        state: HeparinState,
        treatment: RateChange,
        duration_h: Float[Array, ""],
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
        return super().advance(key, state, absolute, duration_h, params)

    def action_space(self, params: HeparinParams | None = None) -> Discrete:
        """Five changes of the rate."""
        return Discrete(len(RATE_CHANGES_U_PER_KG_PER_H))
