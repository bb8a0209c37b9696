"""`WarfarinDosing-v0`: ninety days of daily warfarin, INR to be held between 2 and 3."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.environment import (
    EnvParams,
    EnvState,
    TreatmentEnvironment,
    start,
)
from hemosim_jax.core.fields import ActionFields, Field, ObservationFields, category
from hemosim_jax.core.laboratory.assay import Assay
from hemosim_jax.core.node import Node
from hemosim_jax.core.options import Choices, Difficulty, check_choice, check_flag
from hemosim_jax.core.random_draws import as_normal, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.tasks.warfarin import disturbances, population
from hemosim_jax.tasks.warfarin.calibration import CALIBRATIONS, calibration_of
from hemosim_jax.tasks.warfarin.covariates import CYP2C9_GENOTYPES, VKORC1_GENOTYPES
from hemosim_jax.tasks.warfarin.disturbances import Disturbances, Risks
from hemosim_jax.tasks.warfarin.factors import FactorTurnover
from hemosim_jax.tasks.warfarin.hamberg2007 import Hamberg2007
from hemosim_jax.tasks.warfarin.hamberg2010 import Hamberg2010
from hemosim_jax.tasks.warfarin.population import Patient

MODELS = {
    "factors": FactorTurnover(),
    "hamberg2010": Hamberg2010(),
    "hamberg2007": Hamberg2007(),
}
Ancestry = Annotated[str, Choices(tuple(population.ANCESTRIES))]
CalibrationName = Annotated[str, Choices(tuple(CALIBRATIONS))]
ModelName = Annotated[str, Choices(tuple(MODELS))]
MAX_DOSE_MG = 15.0
EPISODE_DAYS = 90
MAX_VITAMIN_K_MG, MAX_PROTHROMBIN_COMPLEX_U_PER_KG = 10.0, 50.0
ANTIDOTE_FIELDS = (
    Field("vitamin_k_mg", "mg", (0.0, MAX_VITAMIN_K_MG), once=True),
    Field(
        "prothrombin_complex_u_per_kg", "U/kg", (0.0, MAX_PROTHROMBIN_COMPLEX_U_PER_KG), once=True
    ),
)
# The CV of the INR is then 9 %, that of patients who stay in range on a constant dose (van den
# Besselaar et al., Thromb Res 2012;130:535), where `disturbances.Risks` gives 20 %.
EASY_WITHIN_PATIENT = 0.45

INR = Field("inr", bounds=(0.0, 12.0))  # as far as the assay reports
PATIENT_FIELDS = (
    Field("age_y", "y", population.AGE_Y),
    Field("weight_kg", "kg", population.WEIGHT_KG),
    category("cyp2c9", CYP2C9_GENOTYPES),
    category("vkorc1", VKORC1_GENOTYPES),
    Field("day", "d", (0.0, EPISODE_DAYS), open_above=True),
)


class RewardWeights(Node):
    """Equation 1 of the hemosim paper (section 4.1), by the day, but that nothing ends.

    There an episode ended beyond INR 6 for 20 points: less than ninety days of ordinary care cost
    patients whose INR varies, so that 15 mg a day earned more than any protocol.
    """

    target_inr: Scalar = 2.5
    deviation: Scalar = -1.0  # times |INR - target|, the INR as far as the assay reports it
    in_range: Scalar = 0.5
    above: Scalar = -10.0  # INR > 4
    below: Scalar = -5.0  # INR < 1.5
    vitamin_k: Scalar = -0.5  # each dose (assumption)
    prothrombin_complex: Scalar = -20.0  # each dose: thrombosis and cost (assumption)


class WarfarinParams(EnvParams):
    """The paper's constants."""

    decision_interval: Scalar = 24.0  # h
    horizon: Scalar = 24.0 * EPISODE_DAYS
    reward_weights: RewardWeights = RewardWeights()
    risks: Risks = Risks()
    therapeutic_inr: tuple[Scalar, Scalar] = (2.0, 3.0)
    high_inr: Scalar = 4.0
    low_inr: Scalar = 1.5


class Treatment(Node):
    """What is given at the start of an interval; NaN where the action is not finite."""

    dose_mg: Float[Array, ""]
    vitamin_k_mg: Float[Array, ""]
    prothrombin_complex_u_per_kg: Float[Array, ""]


class WarfarinState(EnvState):
    """A patient under way."""

    drug: Any  # the model's state
    disturbances: Disturbances
    ordered: Treatment  # the last decision


class WarfarinDosing(TreatmentEnvironment):
    """Titrate daily warfarin over 90 days.

    Reward: see `RewardWeights`. Truncates after 90 days; nothing terminates an episode.

    The dose is one tablet at the start of the decision interval (a day, unless
    `params.decision_interval` says otherwise). The true INR at its end is rewarded; that and the
    concentrations are observed with the errors of their assays. An action that is not finite is no
    dose.
    """

    name = "WarfarinDosing-v0"
    version = "2"
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
    assays: Mapping[str, Assay] = {
        "inr": assay_catalog.INR,
        "s_warfarin_mg_per_l": assay_catalog.WARFARIN,
        "r_warfarin_mg_per_l": assay_catalog.WARFARIN,
    }

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        ancestry: Ancestry = "European",
        calibration: CalibrationName = "iwpc",
        model: ModelName = "factors",
        antidotes: bool = False,
        within_patient: bool = True,
        measurement_error: bool = True,
    ):
        """The options fix `default_params` (tier, population) and the model.

        - `difficulty`: "easy" (*1/*1 and GG, half the variability, no co-medication), "medium" (all
          genotypes, full variability) or "hard" (and amiodarone started during the episode, acute
          illness, missed doses, variable vitamin K intake).
        - `ancestry`: "European", "African", "East Asian" or "Latino".
        - `calibration`: "iwpc" or "published".
        - `model`: "factors" (vitamin K-dependent factors; with the calibration "iwpc" only),
          "hamberg2010" or "hamberg2007".
        - `antidotes`: vitamin K and prothrombin complex are actions too (with "factors" only).
        - `within_patient`, `measurement_error`: as `TreatmentEnvironment`.

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(
            difficulty, within_patient=within_patient, measurement_error=measurement_error
        )
        check_choice("model", model, MODELS)
        check_flag("antidotes", antidotes)
        self.model = MODELS[model]
        if antidotes and not isinstance(self.model, FactorTurnover):
            raise ValueError(f"antidotes need the model factors, got {model!r}")
        self.antidotes = antidotes
        if antidotes:
            self.action_fields = ActionFields((*self.action_fields.fields, *ANTIDOTE_FIELDS))
        self._population = population.of_ancestry(ancestry, calibration_of(calibration, self.model))

    def tier_params(self, difficulty: str) -> WarfarinParams:
        """What a tier consists of, in plain numbers."""
        patients, risks = self._population, Risks()
        within_patient = EASY_WITHIN_PATIENT if difficulty == "easy" else 1.0
        if difficulty == "easy":
            patients = patients.replace(
                cyp2c9=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                vkorc1=(1.0, 0.0, 0.0),
                unseen=(0.0, 0.0, 0.0),
                amiodarone=0.0,
                enzyme_inducer=0.0,
                variability=0.5,
            )
        if difficulty == "hard":
            risks = disturbances.HARD
        return WarfarinParams(patients=patients, risks=risks, within_patient=within_patient)

    def draw_patient(self, key: jax.Array, params: WarfarinParams) -> Patient:
        """A patient of the population `params.patients`."""
        return population.sample(key, params.patients, params.risks, self.model)

    def initial_state(self, patient: Patient, params: WarfarinParams) -> WarfarinState:
        """Never dosed, well; vitamin K is what it happens to be."""
        first = patient.traits.first_error
        zero = jnp.zeros_like(first)
        return WarfarinState(
            **start(patient, errors=(first, zero, zero)),
            drug=self.model.initial_state(patient.parameters),
            disturbances=disturbances.at_start(patient.traits, params.risks, params.within_patient),
            ordered=Treatment(zero, zero, zero),
        )

    def decode_action(self, action: Float[Array, " n"]) -> Treatment:
        """What is ordered."""
        given = self.action_fields.decode(action)
        if self.antidotes:
            return Treatment(given.dose_mg, given.vitamin_k_mg, given.prothrombin_complex_u_per_kg)
        none = jnp.zeros_like(given.dose_mg)
        return Treatment(given.dose_mg, none, none)

    def encode_action(self, dose_mg: Any, **antidotes: Any) -> Float[Array, " n"]:
        """The action that orders `dose_mg` (at most 15) and antidotes by their fields, if any."""
        none = {field.name: 0.0 for field in self.action_fields.fields[1:]}
        return self.action_fields.encode(dose_mg=dose_mg, **{**none, **antidotes})

    def advance(
        self,
        key: jax.Array,
        state: WarfarinState,
        treatment: Treatment,
        duration: Float[Array, ""],
        params: WarfarinParams,
    ) -> WarfarinState:
        """One tablet now, if the patient takes it, antidotes, and the hours that follow."""
        traits, parameters = state.patient.traits, state.patient.parameters
        valid = jnp.isfinite(treatment.dose_mg)
        ordered = jax.tree.map(lambda dose: jnp.where(valid, dose, 0.0), treatment)
        draws = uniform_vector(key, disturbances.N_STEP_UNIFORMS + len(self.assays))
        condition = disturbances.progress(
            draws[: disturbances.N_STEP_UNIFORMS],
            state.disturbances,
            traits,
            duration,
            params.risks,
            params.within_patient,
        )
        taken_mg = jnp.where(condition.missed_dose, 0.0, ordered.dose_mg)
        inputs = disturbances.inputs(condition, traits, state.elapsed, duration)
        dosed = self.model.give_dose(state.drug, taken_mg)
        if self.antidotes:
            dosed = self.model.give_vitamin_k(dosed, ordered.vitamin_k_mg)
            dosed = self.model.give_prothrombin_complex(dosed, ordered.prothrombin_complex_u_per_kg)
        drug, solver_ok = self.model.advance(
            dosed, duration, parameters, inputs, differentiable=self.transition_gradients_enabled
        )
        return state.later(
            duration,
            drug=drug,
            disturbances=condition,
            ordered=ordered,
            errors=tuple(map(as_normal, draws[disturbances.N_STEP_UNIFORMS :])),
            valid_action=valid,
            solver_ok=solver_ok & jnp.isfinite(self.model.inr(drug, parameters)),
        )

    def inr(self, state: WarfarinState) -> Float[Array, ""]:
        """The true INR: that of the model, its excess varying from day to day."""
        parameters = state.patient.parameters
        excess = self.model.inr(state.drug, parameters) - parameters.baseline_inr
        return parameters.baseline_inr + excess * jnp.exp(state.disturbances.log_day_to_day)

    def observed(self, state: WarfarinState, params: WarfarinParams) -> dict[str, Array]:
        """The values of the specification."""
        covariates, parameters = state.patient.covariates, state.patient.parameters
        return {
            "inr": self.inr(state),
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
        """Deviation and ranges run with time; antidotes are paid for when they are given."""
        inr = self.inr(state)
        weights, intervals = params.reward_weights, self.intervals(state)
        reported = jnp.minimum(inr, assay_catalog.INR.limits[1])

        def where(condition, weight):
            return jnp.where(condition, weight, 0.0)

        return {
            "deviation": weights.deviation * jnp.abs(reported - weights.target_inr) * intervals,
            "in_range": where(_therapeutic(inr, params), weights.in_range) * intervals,
            "above": where(inr > params.high_inr, weights.above) * intervals,
            "below": where(inr < params.low_inr, weights.below) * intervals,
            "vitamin_k": where(state.ordered.vitamin_k_mg > 0.0, weights.vitamin_k),
            "prothrombin_complex": where(
                state.ordered.prothrombin_complex_u_per_kg > 0.0, weights.prothrombin_complex
            ),
        }

    def readouts(self, state: WarfarinState, params: WarfarinParams) -> dict[str, Array]:
        """`cost` is 1 while the INR is above 4."""
        parameters, condition = state.patient.parameters, state.disturbances
        inr = self.inr(state)
        return {
            "inr": inr,
            "s_warfarin_mg_per_l": self.model.concentration_s_mg_per_l(state.drug, parameters),
            "r_warfarin_mg_per_l": self.model.concentration_r_mg_per_l(state.drug, parameters),
            "therapeutic": _therapeutic(inr, params),
            "dose_ordered_mg": state.ordered.dose_mg,
            "dose_taken_mg": jnp.where(condition.missed_dose, 0.0, state.ordered.dose_mg),
            "vitamin_k_mg": state.ordered.vitamin_k_mg,
            "prothrombin_complex_u_per_kg": state.ordered.prothrombin_complex_u_per_kg,
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
