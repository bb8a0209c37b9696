"""`WarfarinDosing-v0`: ninety days of daily warfarin, INR to be held between 2 and 3."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.durations import cubic_crossing
from hemosim_jax.core.environment import (
    Choices,
    Difficulty,
    EnvParams,
    EnvState,
    TreatmentEnvironment,
    check_choice,
    start,
)
from hemosim_jax.core.fields import ActionFields, Field, ObservationFields, category
from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.tasks.warfarin import disturbances, population
from hemosim_jax.tasks.warfarin.calibration import CALIBRATIONS, calibration_of
from hemosim_jax.tasks.warfarin.covariates import CYP2C9_GENOTYPES, VKORC1_GENOTYPES
from hemosim_jax.tasks.warfarin.disturbances import Disturbances, Risks
from hemosim_jax.tasks.warfarin.factors import FactorTurnover
from hemosim_jax.tasks.warfarin.hamberg2007 import Hamberg2007
from hemosim_jax.tasks.warfarin.hamberg2010 import Hamberg2010
from hemosim_jax.tasks.warfarin.population import Patient

MODELS = {
    "hamberg2010": Hamberg2010(),
    "hamberg2007": Hamberg2007(),
    "factors": FactorTurnover(),
}
Ancestry = Annotated[str, Choices(tuple(population.ANCESTRIES))]
CalibrationName = Annotated[str, Choices(tuple(CALIBRATIONS))]
ModelName = Annotated[str, Choices(tuple(MODELS))]
MAX_DOSE_MG = 15.0
EPISODE_DAYS = 90

INR = Field("inr", bounds=(0.0, 6.0))
PATIENT_FIELDS = (
    Field("age_y", "y", population.AGE_Y),
    Field("weight_kg", "kg", population.WEIGHT_KG),
    category("cyp2c9", CYP2C9_GENOTYPES),
    category("vkorc1", VKORC1_GENOTYPES),
    Field("day", "d", (0.0, EPISODE_DAYS), open_above=True),
)


class RewardWeights(Node):
    """Equation 1 of the task's specification (hemosim paper, section 4.1)."""

    target_inr: Scalar = 2.5
    deviation: Scalar = -1.0  # times |INR - target|
    in_range: Scalar = 0.5
    above: Scalar = -10.0  # INR > 4
    below: Scalar = -5.0  # INR < 1.5
    terminated_high: Scalar = -20.0  # once
    terminated_low: Scalar = -10.0


class WarfarinParams(EnvParams):
    """The paper's constants."""

    decision_interval: Scalar = 24.0  # h
    horizon: Scalar = 24.0 * EPISODE_DAYS
    reward_weights: RewardWeights = RewardWeights()
    risks: Risks = Risks()
    therapeutic_inr: tuple[Scalar, Scalar] = (2.0, 3.0)
    high_inr: Scalar = 4.0
    low_inr: Scalar = 1.5
    terminal_inr: tuple[Scalar, Scalar] = (1.0, 6.0)


class WarfarinState(EnvState):
    """A patient under way."""

    drug: Any  # the model's state
    disturbances: Disturbances
    ordered_mg: Float[Array, ""]  # the last decision


class WarfarinDosing(TreatmentEnvironment):
    """Titrate daily warfarin over 90 days.

    Reward: equation 1 of the hemosim paper. Terminates when the INR goes beyond 6 or below 1, also
    between two decisions; truncates after 90 days.

    The dose is one tablet at the start of the decision interval (a day, unless
    `params.decision_interval` says otherwise), and the INR that is rewarded and observed is the
    true one at its end. An action that is not finite is no dose.
    """

    name = "WarfarinDosing-v0"
    version = "1"
    time_unit = "h"
    default_interval = 24.0
    observation_fields = ObservationFields(
        (
            INR,
            Field("s_warfarin_mg_per_l", "mg/L", (0.0, 5.0)),
            Field("r_warfarin_mg_per_l", "mg/L", (0.0, 5.0)),
            *PATIENT_FIELDS,
        )
    )
    action_fields = ActionFields((Field("dose_mg", "mg", (0.0, MAX_DOSE_MG), once=True),))

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        ancestry: Ancestry = "European",
        calibration: CalibrationName = "iwpc",
        model: ModelName = "hamberg2010",
    ):
        """The options fix `default_params` (tier, population) and the model.

        - `difficulty`: "easy" (*1/*1 and GG, half the variability, no co-medication), "medium" (all
          genotypes, full variability) or "hard" (and amiodarone started during the episode, acute
          illness, missed doses, variable vitamin K intake).
        - `ancestry`: "European", "African", "East Asian" or "Latino".
        - `calibration`: "iwpc" or "published".
        - `model`: "hamberg2010", "hamberg2007", or "factors" (vitamin K-dependent factors, right in
          time, too; with the calibration "iwpc").

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(difficulty)
        check_choice("model", model, MODELS)
        self.model = MODELS[model]
        self._population = population.of_ancestry(ancestry, calibration_of(calibration, self.model))

    def tier_params(self, difficulty: str) -> WarfarinParams:
        """What a tier consists of, in plain numbers."""
        patients, risks = self._population, Risks()
        if difficulty == "easy":
            patients = patients.replace(
                cyp2c9=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                vkorc1=(1.0, 0.0, 0.0),
                amiodarone=0.0,
                enzyme_inducer=0.0,
                variability=0.5,
            )
        if difficulty == "hard":
            risks = disturbances.HARD
        return WarfarinParams(patients=patients, risks=risks)

    def draw_patient(self, key: jax.Array, params: WarfarinParams) -> Patient:
        """A patient of the population `params.patients`."""
        return population.sample(key, params.patients, params.risks, self.model)

    def initial_state(self, patient: Patient, params: WarfarinParams) -> WarfarinState:
        """Never dosed, well."""
        return WarfarinState(
            **start(patient, reasons=("high", "low")),
            drug=self.model.initial_state(patient.parameters),
            disturbances=disturbances.well(),
            ordered_mg=jnp.zeros((), jnp.result_type(float)),
        )

    def decode_action(self, action: Float[Array, " 1"]) -> Float[Array, ""]:
        """The dose ordered (mg); NaN where the action is not finite."""
        return self.action_fields.decode(action).dose_mg

    def encode_action(self, dose_mg: Any) -> Float[Array, " 1"]:
        """The action that orders `dose_mg` (at most 15)."""
        return self.action_fields.encode(dose_mg=dose_mg)

    def advance(
        self,
        key: jax.Array,
        state: WarfarinState,
        treatment: Float[Array, ""],
        duration: Float[Array, ""],
        params: WarfarinParams,
    ) -> WarfarinState:
        """One dose of `treatment` mg now, if the patient takes it, and the hours that follow."""
        traits, parameters = state.patient.traits, state.patient.parameters
        valid = jnp.isfinite(treatment)
        ordered_mg = jnp.where(valid, treatment, 0.0)
        condition = disturbances.progress(key, state.disturbances, traits, duration, params.risks)
        taken_mg = jnp.where(condition.missed_dose, 0.0, ordered_mg)
        inputs = disturbances.inputs(condition, traits, state.elapsed, duration)
        dosed = self.model.give_dose(state.drug, taken_mg)
        drug, solver_ok = self.model.advance(
            dosed, duration, parameters, inputs, differentiable=self.transition_gradients_enabled
        )
        inr = self.model.inr(drug, parameters)
        ends = (self.model.inr(dosed, parameters), inr)
        slopes = (
            duration * self.model.inr_slope_per_h(dosed, parameters, inputs),
            duration * self.model.inr_slope_per_h(drug, parameters, inputs),
        )
        low, high = params.terminal_inr
        return state.later(
            duration,
            {
                "high": cubic_crossing(ends, slopes, high, rising=True),
                "low": cubic_crossing(ends, slopes, low, rising=False),
            },
            drug=drug,
            disturbances=condition,
            ordered_mg=ordered_mg,
            valid_action=valid,
            solver_ok=solver_ok & jnp.isfinite(inr),
        )

    def observed(self, state: WarfarinState, params: WarfarinParams) -> dict[str, Array]:
        """The values of the specification."""
        covariates, parameters = state.patient.covariates, state.patient.parameters
        return {
            "inr": self.model.inr(state.drug, parameters),
            "s_warfarin_mg_per_l": self.model.concentration_s_mg_per_l(state.drug, parameters),
            "r_warfarin_mg_per_l": self.model.concentration_r_mg_per_l(state.drug, parameters),
            "age_y": covariates.age_y,
            "weight_kg": covariates.weight_kg,
            "cyp2c9": covariates.cyp2c9,
            "vkorc1": covariates.vkorc1,
            "day": state.elapsed / 24.0,
        }

    def reward_terms(
        self, state: WarfarinState, params: WarfarinParams
    ) -> dict[str, Float[Array, ""]]:
        """Equation 1; deviation and ranges run with time, terminal penalties are paid once."""
        inr = self.model.inr(state.drug, state.patient.parameters)
        weights, intervals = params.reward_weights, self.intervals(state)

        def where(condition, weight):
            return jnp.where(condition, weight, 0.0)

        return {
            "deviation": weights.deviation * jnp.abs(inr - weights.target_inr) * intervals,
            "in_range": where(_therapeutic(inr, params), weights.in_range) * intervals,
            "above": where(inr > params.high_inr, weights.above) * intervals,
            "below": where(inr < params.low_inr, weights.below) * intervals,
            "terminated_high": where(state.terminated["high"], weights.terminated_high),
            "terminated_low": where(state.terminated["low"], weights.terminated_low),
        }

    def readouts(self, state: WarfarinState, params: WarfarinParams) -> dict[str, Array]:
        """`cost` is 1 while the INR is above 4."""
        parameters, condition = state.patient.parameters, state.disturbances
        inr = self.model.inr(state.drug, parameters)
        return {
            "inr": inr,
            "s_warfarin_mg_per_l": self.model.concentration_s_mg_per_l(state.drug, parameters),
            "r_warfarin_mg_per_l": self.model.concentration_r_mg_per_l(state.drug, parameters),
            "therapeutic": _therapeutic(inr, params),
            "dose_ordered_mg": state.ordered_mg,
            "dose_taken_mg": jnp.where(condition.missed_dose, 0.0, state.ordered_mg),
            "missed_dose": condition.missed_dose,
            "ill": condition.illness_left_h > 0.0,
            "on_new_amiodarone": state.elapsed > state.patient.traits.amiodarone_start_h,
            "day": state.elapsed / 24.0,
            "cyp2c9": state.patient.covariates.cyp2c9,
            "vkorc1": state.patient.covariates.vkorc1,
            "cost": (inr > params.high_inr).astype(inr.dtype),
        }


def _therapeutic(inr, params):
    low, high = params.therapeutic_inr
    return (inr >= low) & (inr <= high)
