"""`WarfarinDosing-v0`: ninety days of daily warfarin, INR to be held between 2 and 3."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.calibration.warfarin_iwpc import calibration_of
from hemosim_jax.cohort import CohortFile
from hemosim_jax.environment import (
    EnvParams,
    Readout,
    TreatmentEnvironment,
    plain_numbers,
)
from hemosim_jax.models import warfarin_hamberg2007, warfarin_hamberg2010
from hemosim_jax.models.warfarin_covariates import CYP2C9_GENOTYPES, RACES, VKORC1_GENOTYPES
from hemosim_jax.outcomes.inr import inr_outcomes
from hemosim_jax.patients import warfarin, warfarin_course
from hemosim_jax.patients.iwpc import read_iwpc
from hemosim_jax.patients.warfarin import Patient
from hemosim_jax.spaces import Box, from_unit, to_unit

MODELS = {"hamberg2010": warfarin_hamberg2010, "hamberg2007": warfarin_hamberg2007}
MAX_DOSE_MG = 15.0
EPISODE_DAYS = 90

# Scales of the observation.
OBSERVED_INR = (0.0, 6.0)
OBSERVED_CONCENTRATION_MG_PER_L = (0.0, 5.0)


@struct.dataclass
class RewardWeights:
    """Equation 1 of the task's specification (hemosim paper, section 4.1)."""

    target_inr: float = 2.5
    deviation: float = -1.0  # times |INR - target|
    in_range: float = 0.5
    above: float = -10.0  # INR > 4
    below: float = -5.0  # INR < 1.5
    terminated_high: float = -20.0
    terminated_low: float = -10.0


@struct.dataclass
class WarfarinParams(EnvParams):
    """The paper's constants."""

    max_steps_in_episode: int = EPISODE_DAYS
    decision_interval_h: float = 24.0
    reward_weights: RewardWeights = RewardWeights()
    risks: warfarin_course.CourseRisks = warfarin_course.CourseRisks()
    therapeutic_inr: tuple[float, float] = (2.0, 3.0)
    high_inr: float = 4.0
    low_inr: float = 1.5
    terminal_inr: tuple[float, float] = (1.0, 6.0)
    reward_per_chf: float = 0.0  # of laboratory orders; the variant with a laboratory sets it


@struct.dataclass
class WarfarinState(environment.EnvState):
    """A patient under way."""

    time: Int[Array, ""]  # decisions made
    elapsed_h: Float[Array, ""]
    patient: Patient
    drug: Any  # the model's state
    ordered_mg: Float[Array, ""]  # the last decision
    valid_action: Bool[Array, ""]  # whether it was a number
    solver_ok: Bool[Array, ""]
    laboratory: Any = ()  # of the variant with an ordered laboratory


@struct.dataclass
class WarfarinObservation:
    """What the agent, or a protocol, knows."""

    inr: Float[Array, ""]
    s_warfarin_mg_per_l: Float[Array, ""]
    r_warfarin_mg_per_l: Float[Array, ""]
    age_y: Float[Array, ""]
    weight_kg: Float[Array, ""]
    cyp2c9: Int[Array, ""]
    vkorc1: Int[Array, ""]
    day: Float[Array, ""]


class WarfarinDosing(TreatmentEnvironment):
    """Titrate daily warfarin over 90 days.

    Observation (8), each in 0..1: INR, S- and R-warfarin concentration, age, weight, CYP2C9 and
    VKORC1 genotype, day. Action (1) in 0..1: the day's dose, up to 15 mg. Reward: equation 1 of the
    hemosim paper. Terminates at INR > 6 or < 1; truncates after 90 days.

    The dose is one tablet at the start of the decision interval (a day, unless
    `params.decision_interval_h` says otherwise), and the INR that is rewarded and observed is the
    true one at its end. An action that is not finite is no dose.
    """

    name = "WarfarinDosing-v0"
    version = "0"
    readout = Readout(
        time="day",
        time_label="day",
        signal="inr",
        signal_label="INR",
        target_range=(2.0, 3.0),
        treatment="dose_taken_mg",
        treatment_label="warfarin, mg/day",
        outcome="time_in_range_percent",
        outcome_label="time in therapeutic range, %",
        medians=("first_in_range_day",),
    )
    groups = MappingProxyType({"cyp2c9": CYP2C9_GENOTYPES, "vkorc1": VKORC1_GENOTYPES})

    def __init__(
        self,
        difficulty: str = "medium",
        *,
        ancestry: str = "European",
        calibration: str = "iwpc",
        model: str = "hamberg2010",
    ):
        """The options fix `default_params` (tier, population) and the model.

        - `difficulty`: "easy" (*1/*1 and GG, half the variability, no co-medication), "medium" (all
          genotypes, full variability) or "hard" (and amiodarone started during the episode, acute
          illness, missed doses, variable vitamin K intake).
        - `ancestry`: "European", "African", "East Asian" or "Latino".
        - `calibration`: "iwpc" or "published".
        - `model`: "hamberg2010" or "hamberg2007".

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(difficulty)
        if model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}; got {model!r}")
        self.model = MODELS[model]
        self._population = warfarin.population(ancestry, calibration_of(calibration, self.model))

    def tier_params(self, difficulty: str) -> WarfarinParams:
        """What a tier consists of, in plain numbers."""
        population, risks = self._population, warfarin_course.CourseRisks()
        if difficulty == "easy":
            population = population.replace(
                cyp2c9=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0),
                vkorc1=(1.0, 0.0, 0.0),
                amiodarone=0.0,
                enzyme_inducer=0.0,
                variability=0.5,
            )
        if difficulty == "hard":
            risks = warfarin_course.HARD
        return WarfarinParams(patients=population, risks=risks)

    def draw_patient(self, key: jax.Array, params: WarfarinParams) -> Patient:
        """A patient of the population `params.patients`."""
        return warfarin.sample(key, params.patients, params.risks, self.model)

    def initial_state(self, patient: Patient, params: WarfarinParams) -> WarfarinState:
        """Never dosed, well."""
        zero = jnp.zeros((), jnp.result_type(float))
        return WarfarinState(
            time=jnp.zeros((), jnp.int32),
            elapsed_h=zero,
            patient=patient,
            drug=self.model.initial_state(),
            ordered_mg=zero,
            valid_action=jnp.ones((), bool),
            solver_ok=jnp.ones((), bool),
        )

    def decode_action(self, action: Float[Array, " 1"]) -> Float[Array, ""]:
        """The dose ordered (mg); NaN where the action is not finite."""
        fraction = action[0].astype(jnp.result_type(float))
        return jnp.where(jnp.isfinite(fraction), jnp.clip(fraction, 0.0, 1.0), jnp.nan) * (
            MAX_DOSE_MG
        )

    def encode_action(self, dose_mg: Float[Array, ""]) -> Float[Array, " 1"]:
        """The action that orders `dose_mg` (at most 15)."""
        return jnp.clip(dose_mg / MAX_DOSE_MG, 0.0, 1.0)[None]

    def advance(
        self,
        key: jax.Array,
        state: WarfarinState,
        treatment: Float[Array, ""],
        duration_h: Float[Array, ""],
        params: WarfarinParams,
    ) -> WarfarinState:
        """One dose of `treatment` mg now, if the patient takes it, and the hours that follow."""
        valid = jnp.isfinite(treatment)
        ordered_mg = jnp.where(valid, treatment, 0.0)
        course = warfarin_course.progress(key, state.patient.course, duration_h, params.risks)
        taken_mg = jnp.where(course.missed_dose, 0.0, ordered_mg)
        drug, solver_ok = self.model.advance(
            self.model.give_dose(state.drug, taken_mg),
            duration_h,
            state.patient.parameters,
            warfarin_course.inputs(course, state.elapsed_h, duration_h),
            differentiable=self.transition_gradients_enabled,
        )
        return state.replace(
            elapsed_h=state.elapsed_h + duration_h,
            patient=state.patient.replace(course=course),
            drug=drug,
            ordered_mg=ordered_mg,
            valid_action=valid,
            solver_ok=solver_ok & jnp.isfinite(self.model.inr(drug, state.patient.parameters)),
        )

    def observe(
        self,
        key: jax.Array,
        state: WarfarinState,
        action: Array | None,
        params: WarfarinParams,
    ) -> Float[Array, " 8"]:
        """The eight numbers of the specification, clipped to 0..1."""
        covariates, parameters = state.patient.covariates, state.patient.parameters
        raw = (
            (self.model.inr(state.drug, parameters), OBSERVED_INR),
            (
                self.model.concentration_s_mg_per_l(state.drug, parameters),
                OBSERVED_CONCENTRATION_MG_PER_L,
            ),
            (
                self.model.concentration_r_mg_per_l(state.drug, parameters),
                OBSERVED_CONCENTRATION_MG_PER_L,
            ),
            (covariates.age_y, warfarin.AGE_Y),
            (covariates.weight_kg, warfarin.WEIGHT_KG),
            (covariates.cyp2c9, (0, len(CYP2C9_GENOTYPES) - 1)),
            (covariates.vkorc1, (0, len(VKORC1_GENOTYPES) - 1)),
            (state.elapsed_h / 24.0, (0, EPISODE_DAYS)),
        )
        return jnp.stack([to_unit(value, bounds) for value, bounds in raw])

    def decode_observation(self, observation: Float[Array, " 8"]) -> WarfarinObservation:
        """Clinical units; what the space's bounds clip stays clipped."""

        def scaled(index, bounds):
            return from_unit(observation[index], bounds)

        def coded(index, names):
            return jnp.round(scaled(index, (0, len(names) - 1))).astype(jnp.int32)

        return WarfarinObservation(
            inr=scaled(0, OBSERVED_INR),
            s_warfarin_mg_per_l=scaled(1, OBSERVED_CONCENTRATION_MG_PER_L),
            r_warfarin_mg_per_l=scaled(2, OBSERVED_CONCENTRATION_MG_PER_L),
            age_y=scaled(3, warfarin.AGE_Y),
            weight_kg=scaled(4, warfarin.WEIGHT_KG),
            cyp2c9=coded(5, CYP2C9_GENOTYPES),
            vkorc1=coded(6, VKORC1_GENOTYPES),
            day=scaled(7, (0, EPISODE_DAYS)),
        )

    def is_terminated(self, state: WarfarinState, params: WarfarinParams) -> Bool[Array, ""]:
        """INR beyond either terminal bound."""
        inr = self.model.inr(state.drug, state.patient.parameters)
        return (inr < params.terminal_inr[0]) | (inr > params.terminal_inr[1])

    def reward(self, state: WarfarinState, params: WarfarinParams) -> Float[Array, ""]:
        """Equation 1 with the terminal penalties."""
        inr = self.model.inr(state.drug, state.patient.parameters)
        weights = params.reward_weights

        def where(condition, weight):
            return jnp.where(condition, weight, 0.0)

        return (
            weights.deviation * jnp.abs(inr - weights.target_inr)
            + where(self._therapeutic(inr, params), weights.in_range)
            + where(inr > params.high_inr, weights.above)
            + where(inr < params.low_inr, weights.below)
            + where(inr > params.terminal_inr[1], weights.terminated_high)
            + where(inr < params.terminal_inr[0], weights.terminated_low)
        )

    def info(self, state: WarfarinState, params: WarfarinParams) -> dict[str, Array]:
        """`cost` is 1 while the INR is above 4."""
        parameters, course = state.patient.parameters, state.patient.course
        inr = self.model.inr(state.drug, parameters)
        return {
            "inr": inr,
            "s_warfarin_mg_per_l": self.model.concentration_s_mg_per_l(state.drug, parameters),
            "r_warfarin_mg_per_l": self.model.concentration_r_mg_per_l(state.drug, parameters),
            "therapeutic": self._therapeutic(inr, params),
            "dose_ordered_mg": state.ordered_mg,
            "dose_taken_mg": jnp.where(course.missed_dose, 0.0, state.ordered_mg),
            "missed_dose": course.missed_dose,
            "ill": course.illness_left_h > 0.0,
            "on_new_amiodarone": state.elapsed_h > course.amiodarone_start_h,
            "day": state.elapsed_h / 24.0,
            "cyp2c9": state.patient.covariates.cyp2c9,
            "vkorc1": state.patient.covariates.vkorc1,
            "cost": (inr > params.high_inr).astype(inr.dtype),
            "valid_action": state.valid_action,
            "solver_ok": state.solver_ok,
        }

    def outcomes(
        self, info: dict[str, Array], alive: Bool[Array, " times"], params: WarfarinParams
    ) -> dict[str, Array]:
        """Time in range, days above 4 and below 1.5, first day in range."""
        return inr_outcomes(
            info["day"],
            info["inr"],
            alive,
            target_range=params.therapeutic_inr,
            high_inr=params.high_inr,
            low_inr=params.low_inr,
        )

    def complete_cohort(
        self, path: str | Path, params: WarfarinParams, key: jax.Array
    ) -> CohortFile:
        """Covariates in the IWPC layout; what it does not record is drawn as in `params`.

        **Raises:** as `patients.iwpc.read_iwpc`.
        """
        records = read_iwpc(path)
        patients = warfarin.complete_cohort(
            key, records.covariates, params.patients, params.risks, self.model
        )
        return CohortFile(patients, records.left_out)

    def describe(self, patient: Patient) -> dict[str, Any]:
        """Covariates by name, the individual parameters, and what is to come."""
        covariates = patient.covariates
        flags = ("amiodarone", "enzyme_inducer", "smoker")
        return {
            "sex": "male" if covariates.male else "female",
            "race": RACES[int(covariates.race)],
            "cyp2c9": CYP2C9_GENOTYPES[int(covariates.cyp2c9)],
            "vkorc1": VKORC1_GENOTYPES[int(covariates.vkorc1)],
            **{name: bool(getattr(covariates, name)) for name in flags},
            **plain_numbers(covariates, patient.parameters),
            "missed_dose_probability": round(float(patient.course.missed_dose_probability), 4),
            "amiodarone_start_day": float(patient.course.amiodarone_start_h) / 24.0,
        }

    @staticmethod
    def _therapeutic(inr, params):
        low, high = params.therapeutic_inr
        return (inr >= low) & (inr <= high)

    def action_space(self, params: WarfarinParams | None = None) -> Box:
        """The day's dose as a fraction of 15 mg."""
        return Box(0.0, 1.0, (1,), jnp.result_type(float))

    def observation_space(self, params: WarfarinParams | None = None) -> Box:
        """Eight numbers in 0..1."""
        return Box(0.0, 1.0, (8,), jnp.result_type(float))
