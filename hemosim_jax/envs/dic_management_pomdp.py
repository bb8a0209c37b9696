"""`DICManagement-POMDP-v0`: what is not ordered from the laboratory is not known."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from hemosim_jax import laboratory
from hemosim_jax.envs import dic_management as observed
from hemosim_jax.envs.dic_management import DICManagement, DICParams, DICState
from hemosim_jax.envs.ordered_laboratory import OrderedLaboratory
from hemosim_jax.models import dic
from hemosim_jax.patients.dic import WEIGHT_KG
from hemosim_jax.spaces import Box, MultiDiscrete, from_unit, to_unit

BOUNDS = {
    "platelets": observed.OBSERVED_PLATELETS_1E9_PER_L,
    "prothrombin_time": (0.0, 60.0),
    "fibrinogen": observed.OBSERVED_FIBRINOGEN_G_PER_L,
    "d_dimer": observed.OBSERVED_D_DIMER_MG_PER_L,
    "antithrombin": (0.0, 1.5),
    "aptt": (0.0, 150.0),
    "hemoglobin": (0.0, 20.0),
}


@struct.dataclass
class Result:
    """The newest of an assay; one as old as `oldest_h` may not exist at all."""

    value: Float[Array, ""]  # in the unit of the assay
    age_h: Float[Array, ""]  # since the sample was drawn


@struct.dataclass
class DICLaboratoryObservation:
    """What the ward knows: results by assay, and what is seen at the bedside."""

    results: dict[str, Result]
    organ_function: Float[Array, ""]
    hours: Float[Array, ""]
    bleeding: Float[Array, ""]
    weight_kg: Float[Array, ""]


class DICManagementPOMDP(OrderedLaboratory, DICManagement):
    """DIC by an ordered laboratory.

    Observation (18): for each assay of the DIC panel (platelets, PT, fibrinogen, D-dimer,
    antithrombin, aPTT, hemoglobin) its newest result in 0..1 (-1: none yet) and its age (1: 48 h);
    organ function, hours, severity of bleeding, weight. Action: that of `DICManagement-v0`, then an
    order (0 or 1) for each assay. Reward: that of `DICManagement-v0`, less 0.004 for each franc of
    orders. Platelets, PT, fibrinogen, D-dimer and hemoglobin of admission are known at the start.
    """

    name = "DICManagement-POMDP-v0"
    panel = laboratory.DIC_PANEL
    on_admission = ("platelets", "prothrombin_time", "fibrinogen", "d_dimer", "hemoglobin")
    oldest_h = 48.0

    def true_values(self, state: DICState, params: DICParams) -> dict[str, Float[Array, ""]]:
        """In the units of the assays."""
        blood = state.blood
        return {
            "platelets": blood.platelets_1e9_per_l,
            "prothrombin_time": dic.pt_s(blood),
            "fibrinogen": blood.fibrinogen_g_per_l,
            "d_dimer": blood.d_dimer_mg_per_l,
            "antithrombin": blood.antithrombin,
            "aptt": dic.aptt_s(blood),
            "hemoglobin": blood.hemoglobin_g_per_dl,
        }

    def observe(
        self, key: jax.Array, state: DICState, action: Array | None, params: DICParams
    ) -> Float[Array, " 18"]:
        """The eighteen numbers of the class docstring."""
        results = [
            number
            for name in self.panel
            for number in self.observed_result(state, name, BOUNDS[name])
        ]
        blood = state.blood
        return jnp.stack(
            [
                *results,
                to_unit(blood.organ_function, (0.0, 1.0)),
                to_unit(state.elapsed_h, observed.OBSERVED_HOURS),
                to_unit(blood.bleeding, (0.0, 1.0)),
                to_unit(state.patient.covariates.weight_kg, WEIGHT_KG),
            ]
        )

    def decode_observation(self, observation: Float[Array, " 18"]) -> DICLaboratoryObservation:
        """Clinical units; what the space's bounds clip stays clipped."""
        results = {
            name: Result(
                from_unit(jnp.maximum(observation[2 * i], 0.0), BOUNDS[name]),
                self.oldest_h * observation[2 * i + 1],
            )
            for i, name in enumerate(self.panel)
        }
        organ_function, hours, bleeding, weight = observation[2 * len(self.panel) :]
        return DICLaboratoryObservation(
            results=results,
            organ_function=organ_function,
            hours=from_unit(hours, observed.OBSERVED_HOURS),
            bleeding=bleeding,
            weight_kg=from_unit(weight, WEIGHT_KG),
        )

    def action_space(self, params: DICParams | None = None) -> MultiDiscrete:
        """The treatment, then an order for each assay."""
        return MultiDiscrete((*observed.SPACE.sizes, *(2 for _ in self.panel)))

    def observation_space(self, params: DICParams | None = None) -> Box:
        """Eighteen numbers in -1..1."""
        return Box(-1.0, 1.0, (2 * len(self.panel) + 4,), jnp.result_type(float))
