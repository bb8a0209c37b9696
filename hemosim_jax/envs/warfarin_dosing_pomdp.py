"""`WarfarinDosing-POMDP-v0`: warfarin as a clinic gives it, the INR measured when it is ordered."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax import laboratory
from hemosim_jax.envs.ordered_laboratory import OrderedLaboratory
from hemosim_jax.envs.warfarin_dosing import (
    OBSERVED_INR,
    WarfarinDosing,
    WarfarinParams,
    WarfarinState,
)
from hemosim_jax.spaces import Box, from_unit


@struct.dataclass
class WarfarinLaboratoryObservation:
    """What the clinic knows; the INR is the newest result."""

    inr: Float[Array, ""]
    inr_age_days: Float[Array, ""]  # since the sample was drawn
    inr_under_way: Bool[Array, ""]
    age_y: Float[Array, ""]
    weight_kg: Float[Array, ""]
    cyp2c9: Int[Array, ""]
    vkorc1: Int[Array, ""]
    day: Float[Array, ""]


class WarfarinDosingPOMDP(OrderedLaboratory, WarfarinDosing):
    """Warfarin by an ordered laboratory.

    Observation (8): newest INR (0..1, or -1 where there is none) and its age (0..1, 1 being
    28 days), whether one is under way, age, weight, CYP2C9 and VKORC1 genotype, day. Action (2) in
    0..1: the day's dose, and (above 0.5) an order of the INR, drawn before the dose. Reward:
    that of `WarfarinDosing-v0` for the true INR, less 0.004 for each franc of orders. The INR of
    admission is known at the start.
    """

    name = "WarfarinDosing-POMDP-v0"
    panel = laboratory.WARFARIN_PANEL
    on_admission = ("inr",)
    oldest_h = 28.0 * 24.0

    def true_values(
        self, state: WarfarinState, params: WarfarinParams
    ) -> dict[str, Float[Array, ""]]:
        """The INR."""
        return {"inr": self.model.inr(state.drug, state.patient.parameters)}

    def observe(
        self, key: jax.Array, state: WarfarinState, action: Array | None, params: WarfarinParams
    ) -> Float[Array, " 8"]:
        """The eight numbers of the class docstring."""
        _, _, _, *covariates_and_day = super().observe(key, state, action, params)
        under_way = laboratory.in_flight(state.laboratory.in_flight["inr"]) > 0
        inr, age = self.observed_result(state, "inr", OBSERVED_INR)
        return jnp.stack([inr, age, under_way.astype(inr.dtype), *covariates_and_day])

    def decode_observation(self, observation: Float[Array, " 8"]) -> WarfarinLaboratoryObservation:
        """Clinical units; what the space's bounds clip stays clipped."""
        # From the fourth number on the layout is that of the observed task.
        seen = super().decode_observation(observation)
        return WarfarinLaboratoryObservation(
            inr=from_unit(jnp.maximum(observation[0], 0.0), OBSERVED_INR),
            inr_age_days=self.oldest_h / 24.0 * observation[1],
            inr_under_way=observation[2] > 0.5,
            age_y=seen.age_y,
            weight_kg=seen.weight_kg,
            cyp2c9=seen.cyp2c9,
            vkorc1=seen.vkorc1,
            day=seen.day,
        )

    def observation_space(self, params: WarfarinParams | None = None) -> Box:
        """Eight numbers in -1..1."""
        return Box(-1.0, 1.0, (8,), jnp.result_type(float))
