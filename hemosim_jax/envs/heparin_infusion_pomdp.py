"""`HeparinInfusion-POMDP-v0`: the patient is hidden, the laboratory answers what it is asked."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Bool, Float

from hemosim_jax import laboratory
from hemosim_jax.envs import heparin_infusion as observed
from hemosim_jax.envs.heparin_infusion import HeparinInfusion, HeparinParams, HeparinState
from hemosim_jax.envs.ordered_laboratory import OrderedLaboratory
from hemosim_jax.patients.heparin import WEIGHT_KG
from hemosim_jax.spaces import Box, from_unit, to_unit


@struct.dataclass
class HeparinLaboratoryObservation:
    """What the ward knows. Results are the newest; one that is 48 h old may not exist at all."""

    aptt_s: Float[Array, ""]
    aptt_age_h: Float[Array, ""]  # since the sample was drawn
    anti_xa_u_per_ml: Float[Array, ""]
    anti_xa_age_h: Float[Array, ""]
    platelets_1e9_per_l: Float[Array, ""]
    platelets_age_h: Float[Array, ""]
    aptt_under_way: Bool[Array, ""]
    weight_kg: Float[Array, ""]
    renal_function: Float[Array, ""]  # on admission
    hours: Float[Array, ""]


class HeparinInfusionPOMDP(OrderedLaboratory, HeparinInfusion):
    """Heparin by an ordered laboratory.

    Observation (10): newest aPTT and its age, anti-Xa and its age, platelets and their age (results
    in 0..1, or -1 where there is none yet; ages in 0..1, 1 being 48 h), whether an aPTT is under
    way, weight, renal function on admission, hours. Action (5) in 0..1: infusion, bolus, and orders
    (above 0.5) of aPTT, anti-Xa and platelets. Reward: that of `HeparinInfusion-v0` for the true
    aPTT, less 0.004 for each franc of orders. aPTT and platelets of admission are known at the
    start.
    """

    name = "HeparinInfusion-POMDP-v0"
    panel = laboratory.HEPARIN_PANEL
    on_admission = ("aptt", "platelets")
    oldest_h = 48.0

    def true_values(
        self, state: HeparinState, params: HeparinParams
    ) -> dict[str, Float[Array, ""]]:
        """aPTT (s), anti-Xa (U/mL), platelets (1e9/L)."""
        return {
            "aptt": self._aptt_s(state, params),
            "anti_xa": state.drug.anti_xa_u_per_ml,
            "platelets": state.drug.platelets_1e9_per_l,
        }

    def observe(
        self, key: jax.Array, state: HeparinState, action: Array | None, params: HeparinParams
    ) -> Float[Array, " 10"]:
        """The ten numbers of the class docstring."""
        covariates_and_time = super().observe(key, state, action, params)
        weight, hours = covariates_and_time[2], covariates_and_time[5]
        renal = to_unit(state.patient.covariates.renal_function, observed.OBSERVED_RENAL_FUNCTION)
        under_way = laboratory.in_flight(state.laboratory.in_flight["aptt"]) > 0
        return jnp.stack(
            [
                *self.observed_result(state, "aptt", observed.OBSERVED_APTT_S),
                *self.observed_result(state, "anti_xa", observed.OBSERVED_ANTI_XA_U_PER_ML),
                *self.observed_result(state, "platelets", observed.OBSERVED_PLATELETS_1E9_PER_L),
                under_way.astype(weight.dtype),
                weight,
                renal,
                hours,
            ]
        )

    def decode_observation(self, observation: Float[Array, " 10"]) -> HeparinLaboratoryObservation:
        """Clinical units; what the space's bounds clip stays clipped."""

        def scaled(index, bounds):
            return from_unit(jnp.maximum(observation[index], 0.0), bounds)

        def age_h(index):
            return self.oldest_h * observation[index]

        return HeparinLaboratoryObservation(
            aptt_s=scaled(0, observed.OBSERVED_APTT_S),
            aptt_age_h=age_h(1),
            anti_xa_u_per_ml=scaled(2, observed.OBSERVED_ANTI_XA_U_PER_ML),
            anti_xa_age_h=age_h(3),
            platelets_1e9_per_l=scaled(4, observed.OBSERVED_PLATELETS_1E9_PER_L),
            platelets_age_h=age_h(5),
            aptt_under_way=observation[6] > 0.5,
            weight_kg=scaled(7, WEIGHT_KG),
            renal_function=scaled(8, observed.OBSERVED_RENAL_FUNCTION),
            hours=scaled(9, observed.OBSERVED_HOURS),
        )

    def observation_space(self, params: HeparinParams | None = None) -> Box:
        """Ten numbers in -1..1."""
        return Box(-1.0, 1.0, (10,), jnp.result_type(float))
