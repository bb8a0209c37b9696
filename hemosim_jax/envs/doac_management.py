"""`DOACManagement-v0`: a year of a direct oral anticoagulant, one visit a month."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.choose import choose
from hemosim_jax.cohort import CohortFile
from hemosim_jax.environment import (
    EnvParams,
    Readout,
    TreatmentEnvironment,
    plain_numbers,
)
from hemosim_jax.models import doac, oral_dosing
from hemosim_jax.models.doac_covariates import INTERACTIONS
from hemosim_jax.outcomes import atrial_fibrillation as scores
from hemosim_jax.outcomes import doac_events, doac_labels
from hemosim_jax.outcomes.doac import doac_outcomes
from hemosim_jax.outcomes.doac_events import Coefficients, Hazards
from hemosim_jax.patients import atrial_fibrillation as patients_af
from hemosim_jax.patients import doac_course
from hemosim_jax.patients.atrial_fibrillation import Patient
from hemosim_jax.patients.atrial_fibrillation_file import read_fibrillation_cohort
from hemosim_jax.patients.doac_course import Chances, Course
from hemosim_jax.patients.draws import as_fine_uniform, as_uniform, draw
from hemosim_jax.spaces import Box, MultiDiscrete, from_unit, to_unit

DECISION_INTERVAL_H = 30.0 * 24.0
EPISODE_STEPS = 12
NO_DRUG = -1
DABIGATRAN = doac.DRUGS.index("dabigatran")

# Scales of the observation.
OBSERVED_CONCENTRATION_NG_PER_ML = (0.0, 500.0)
OBSERVED_CLEARANCE_ML_PER_MIN = (0.0, 150.0)
OBSERVED_SCORE = (0.0, 9.0)
OBSERVED_DAYS = (0.0, 365.0)
_OBSERVED = (
    OBSERVED_CONCENTRATION_NG_PER_ML,
    OBSERVED_CLEARANCE_ML_PER_MIN,
    patients_af.AGE_Y,
    patients_af.WEIGHT_KG,
    OBSERVED_SCORE,
    OBSERVED_SCORE,
    OBSERVED_DAYS,
)


@struct.dataclass
class RewardWeights:
    """Equation 3 of the task's specification (hemosim paper, section 4.3)."""

    month: float = 1.0
    stroke: float = -20.0
    major_bleed: float = -10.0
    switch: float = -5.0
    appropriate: float = 0.5  # the dose is a labelled one


@struct.dataclass
class DOACParams(EnvParams):
    """Thresholds and prices of the task."""

    max_steps_in_episode: int = EPISODE_STEPS
    decision_interval_h: float = DECISION_INTERVAL_H
    reward_weights: RewardWeights = RewardWeights()
    risks: doac_course.CourseRisks = doac_course.CourseRisks()
    coefficients: Coefficients = doac_events.CALIBRATED
    # Exposure over the typical one that counts as therapeutic (assumption).
    therapeutic_exposure: tuple[float, float] = (0.5, 2.0)


@struct.dataclass
class Treatment:
    """One decision: indices into `models.doac.DRUGS` and `LEVELS`."""

    drug: Int[Array, ""]
    level: Int[Array, ""]


@struct.dataclass
class DOACState(environment.EnvState):
    """A patient under way."""

    time: Int[Array, ""]  # decisions made
    elapsed_h: Float[Array, ""]
    patient: Patient
    compartments: tuple[oral_dosing.State, ...]  # by drug
    drug: Int[Array, ""]  # that is taken; NO_DRUG at the start
    level: Int[Array, ""]
    concentration_ng_per_ml: Float[Array, ""]  # of that drug, now
    mean_concentration_ng_per_ml: Float[Array, ""]  # over the last interval
    exposure: Float[Array, ""]  # the same of all drugs, over their typical ones
    expected: Hazards  # events expected in the last interval
    switched: Bool[Array, ""]
    appropriate: Bool[Array, ""]
    solver_ok: Bool[Array, ""]


@struct.dataclass
class DOACObservation:
    """What the agent, or a protocol, knows."""

    concentration_ng_per_ml: Float[Array, ""]
    creatinine_clearance_ml_per_min: Float[Array, ""]
    age_y: Float[Array, ""]
    weight_kg: Float[Array, ""]
    cha2ds2_vasc: Float[Array, ""]
    has_bled: Float[Array, ""]
    days: Float[Array, ""]
    drug: Float[Array, ""]  # index; NO_DRUG before the first visit


class DOACManagement(TreatmentEnvironment):
    """Choose a drug and its dose for a patient with atrial fibrillation, every 30 days for a year.

    Observation (8), each in 0..1: concentration before the next dose, creatinine clearance, age,
    weight, CHA2DS2-VASc, HAS-BLED, days, current drug (0: none yet). Action: MultiDiscrete([3, 3]),
    the drug (rivaroxaban, dabigatran, apixaban) and its dose (low, standard, high: 15, 20, 30 mg
    once a day; 110, 150, 220 mg, 2.5, 5, 10 mg twice). Reward: equation 3 of the hemosim paper.
    Terminates at a stroke or a fatal bleed; truncates after 12 decisions.

    Strokes and bleeds follow from the exposure of the interval. A new drug is taken from the next
    dose on, while what is left of the old one is eliminated.
    """

    name = "DOACManagement-v0"
    version = "0"
    readout = Readout(
        time="days",
        time_label="days",
        signal="exposure",
        signal_label="exposure (1: typical)",
        target_range=(0.5, 2.0),
        treatment="daily_dose_mg",
        treatment_label="daily dose, mg",
        outcome="appropriate_percent",
        outcome_label="decisions for a labelled dose, %",
        medians=(),
    )
    groups = MappingProxyType(
        {
            "kidneys": ("below 50 mL/min", "50 to 80 mL/min", "above 80 mL/min"),
            "female": ("men", "women"),
        }
    )

    def __init__(
        self,
        difficulty: str = "medium",
        *,
        edoxaban: bool = False,
        label: str = "EU",
        one_hot: bool = False,
    ):
        """The options.

        - `difficulty`: "easy" (stable kidneys), "medium" (kidneys decline, each at its own pace) or
          "hard" (they decline faster, interacting drugs are started and stopped, procedures
          interrupt the treatment).
        - `edoxaban`: a fourth drug (30, 60, 90 mg once a day).
        - `label`: "EU" or "US": what counts as an appropriate dose; with "US" the low dose of
          dabigatran is 75 mg.
        - `one_hot`: the observation's last number, the current drug, is replaced by one number for
          each drug and none. The code of "none" lies beside that of the first drug, so that what a
          network learns of keeping a drug also decides which one it begins with.

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(difficulty)
        doac_labels.check_label(label)
        self.label = label
        self.one_hot = one_hot
        self.number_of_drugs = len(doac.DRUGS) if edoxaban else len(doac.DRUGS) - 1
        doses = doac.doses_mg(label)[: self.number_of_drugs]
        self._daily_mg = tuple(
            tuple(dose * model.DOSES_PER_DAY for dose in levels)
            for levels, model in zip(doses, doac.MODELS, strict=False)
        )
        self._regimens = tuple(
            tuple(doac.regimen(dose, drug) for dose in levels) for drug, levels in enumerate(doses)
        )

    def tier_params(self, difficulty: str) -> DOACParams:
        """What a tier consists of, in plain numbers."""
        risks = {
            "easy": doac_course.CourseRisks(),
            "medium": doac_course.MEDIUM,
            "hard": doac_course.HARD,
        }[difficulty]
        return DOACParams(patients=patients_af.Population(), risks=risks)

    def draw_patient(self, key: jax.Array, params: DOACParams) -> Patient:
        """A patient of the population `params.patients`."""
        return patients_af.sample(key, params.patients, params.risks)

    def initial_state(self, patient: Patient, params: DOACParams) -> DOACState:
        """Before the first tablet."""
        zero = jnp.zeros((), jnp.result_type(float))
        no = jnp.zeros((), bool)
        return DOACState(
            time=jnp.zeros((), jnp.int32),
            elapsed_h=zero,
            patient=patient,
            compartments=tuple(map(oral_dosing.initial_state, self._parameters(patient, zero))),
            drug=jnp.full((), NO_DRUG, jnp.int32),
            level=jnp.zeros((), jnp.int32),
            concentration_ng_per_ml=zero,
            mean_concentration_ng_per_ml=zero,
            exposure=zero,
            expected=Hazards(zero, (zero,) * len(doac_events.SITES)),
            switched=no,
            appropriate=no,
            solver_ok=~no,
        )

    def decode_action(self, action: Int[Array, " 2"]) -> Treatment:
        """Drug and dose; every integer is clipped to those there are."""
        drugs, levels = self.action_space().sizes
        action = action.astype(jnp.int32)
        return Treatment(jnp.clip(action[0], 0, drugs - 1), jnp.clip(action[1], 0, levels - 1))

    def encode_action(self, drug: Int[Array, ""], level: Int[Array, ""]) -> Int[Array, " 2"]:
        """The action that gives this drug at this level."""
        return jnp.stack([jnp.asarray(drug, jnp.int32), jnp.asarray(level, jnp.int32)])

    def advance(
        self,
        key: jax.Array,
        state: DOACState,
        treatment: Treatment,
        duration_h: Float[Array, ""],
        params: DOACParams,
    ) -> DOACState:
        """The interval's tablets, after a pause if there is a procedure, and its events."""
        n_course, n_events = doac_course.N_UNIFORMS, doac_course.N_EVENT_UNIFORMS
        draws = draw(key, n_course + 2 * n_events)
        course = doac_course.progress(
            tuple(map(as_uniform, draws[:n_course])), state.patient.course, duration_h, params.risks
        )
        event_draws = draws[n_course:]
        of_events = tuple(map(as_fine_uniform, event_draws[:n_events], event_draws[n_events:]))
        patient = state.patient.replace(course=course)
        parameters = self._parameters(patient, state.elapsed_h + 0.5 * duration_h)
        regimens = [choose(treatment.level, levels) for levels in self._regimens]
        compartments, solver_ok = doac.advance(
            state.compartments,
            duration_h,
            parameters,
            treatment.drug,
            choose(treatment.drug, regimens).replace(held_h=course.held_h),
            differentiable=self.transition_gradients_enabled,
        )
        means = [later.auc_ng_h_per_ml / duration_h for later in compartments]
        exposure = doac_events.exposure(means)
        cha2ds2_vasc, has_bled = self._scores(patient, state.elapsed_h)
        age_y = patients_af.age_y(patient, state.elapsed_h)
        on_warfarin = doac_events.bleeding_on_warfarin(has_bled, age_y)
        expected = doac_events.expected_events(
            exposure,
            treatment.drug,
            doac_events.stroke_without_treatment(cha2ds2_vasc),
            on_warfarin * doac_course.bleeding_ratio(course, params.risks),
            duration_h,
            course.held_h,
            params.coefficients,
        )
        concentrations = [
            oral_dosing.concentration_ng_per_ml(*pair)
            for pair in zip(compartments, parameters, strict=True)
        ]
        concentration = choose(treatment.drug, concentrations)
        # What is appropriate is judged by what could be known before the interval.
        criteria = patients_af.label_criteria(state.patient, state.elapsed_h)
        low, standard = choose(treatment.drug, doac_labels.labelled(criteria, self.label))
        return state.replace(
            elapsed_h=state.elapsed_h + duration_h,
            patient=patient.replace(course=doac_course.events(of_events, course, expected)),
            compartments=compartments,
            drug=treatment.drug,
            level=treatment.level,
            concentration_ng_per_ml=concentration,
            mean_concentration_ng_per_ml=choose(treatment.drug, means),
            exposure=exposure,
            expected=expected,
            switched=(state.drug != NO_DRUG) & (state.drug != treatment.drug),
            appropriate=choose(treatment.level, (low, standard, jnp.zeros_like(low))),
            solver_ok=solver_ok & jnp.isfinite(concentration),
        )

    def observe(
        self, key: jax.Array, state: DOACState, action: Array | None, params: DOACParams
    ) -> Float[Array, " n"]:
        """The eight numbers of the specification, clipped to 0..1; with `one_hot` more."""
        patient, now_h = state.patient, state.elapsed_h
        cha2ds2_vasc, has_bled = self._scores(patient, now_h)
        dtype = now_h.dtype
        seen = (
            state.concentration_ng_per_ml,
            patients_af.clearance_now(patient, now_h),
            patients_af.age_y(patient, now_h),
            patient.covariates.weight_kg,
            cha2ds2_vasc.astype(dtype),
            has_bled.astype(dtype),
            now_h / 24.0,
        )
        numbers = [to_unit(*pair) for pair in zip(seen, _OBSERVED, strict=True)]
        if self.one_hot:
            drug = [(state.drug == index).astype(dtype) for index in self._observed_drugs]
        else:
            drug = [to_unit(state.drug.astype(dtype), self._drug_codes)]
        return jnp.stack([*numbers, *drug])

    def decode_observation(self, observation: Float[Array, " n"]) -> DOACObservation:
        """Clinical units; what the space's bounds clip stays clipped."""
        drug = from_unit(observation[len(_OBSERVED)], self._drug_codes)
        if self.one_hot:
            drug = (NO_DRUG + jnp.argmax(observation[len(_OBSERVED) :])).astype(observation.dtype)
        numbers = (from_unit(observation[i], bounds) for i, bounds in enumerate(_OBSERVED))
        return DOACObservation(*numbers, drug)

    def is_terminated(self, state: DOACState, params: DOACParams) -> Bool[Array, ""]:
        """A stroke, or a fatal bleed."""
        return state.patient.course.stroke | state.patient.course.fatal

    def reward(self, state: DOACState, params: DOACParams) -> Float[Array, ""]:
        """Equation 3."""
        return equation_3(state, state.patient.course, params.reward_weights)

    def info(self, state: DOACState, params: DOACParams) -> dict[str, Array]:
        """`cost` is 1 after a stroke or a major bleed, of which `fatal` ones are a part.

        What was expected is a number of events in the last interval; ischemic strokes only.
        """
        patient, now_h = state.patient, state.elapsed_h
        covariates, course = patient.covariates, patient.course
        dtype = now_h.dtype
        low, high = params.therapeutic_exposure
        cha2ds2_vasc, has_bled = self._scores(patient, now_h)
        at_start = covariates.creatinine_clearance_ml_per_min
        daily_mg = choose(state.drug, [choose(state.level, levels) for levels in self._daily_mg])
        return {
            "exposure": state.exposure,
            "concentration_ng_per_ml": state.concentration_ng_per_ml,
            "mean_concentration_ng_per_ml": state.mean_concentration_ng_per_ml,
            "anti_xa_iu_per_ml": doac.anti_xa_iu_per_ml(state.concentration_ng_per_ml, state.drug),
            "thrombin_time_s": doac.thrombin_time_s(
                jnp.where(state.drug == DABIGATRAN, state.concentration_ng_per_ml, 0.0)
            ),
            "creatinine_clearance_ml_per_min": patients_af.clearance_now(patient, now_h),
            "creatinine_mg_per_dl": patients_af.creatinine_now(patient, now_h),
            "cha2ds2_vasc": cha2ds2_vasc,
            "has_bled": has_bled,
            "therapeutic": (state.exposure >= low) & (state.exposure <= high),
            "drug": state.drug,
            "level": state.level,
            "daily_dose_mg": jnp.where(state.drug == NO_DRUG, 0.0, daily_mg),
            "switched": state.switched,
            "appropriate": state.appropriate,
            "expected_ischemic_strokes": state.expected.stroke,
            "expected_bleeds": sum(state.expected.bleeding),
            "stroke": course.stroke,
            "major_bleed": course.major_bleed,
            "intracranial": course.intracranial,
            "gastrointestinal": course.gastrointestinal,
            "fatal": course.fatal,
            "interaction": course.interaction,
            "held_h": course.held_h,
            "days": now_h / 24.0,
            "kidneys": (at_start >= 50.0).astype(jnp.int32) + (at_start > 80.0).astype(jnp.int32),
            "female": (~covariates.male).astype(jnp.int32),
            "cost": (course.stroke | course.major_bleed).astype(dtype),
            "valid_action": jnp.ones((), bool),  # an integer is always a number
            "solver_ok": state.solver_ok,
        }

    def outcomes(
        self, info: dict[str, Array], alive: Bool[Array, " times"], params: DOACParams
    ) -> dict[str, Array]:
        """Labelled doses, events, switches, years."""
        return doac_outcomes(info, alive)

    def complete_cohort(self, path: str | Path, params: DOACParams, key: jax.Array) -> CohortFile:
        """Covariates and components of the scores; what no file records is drawn.

        **Raises:** as `patients.atrial_fibrillation_file.read_fibrillation_cohort`.
        """
        records = read_fibrillation_cohort(path)
        cohort = patients_af.complete_cohort(key, records.covariates, params.patients, params.risks)
        return CohortFile(cohort, records.left_out)

    def describe(self, patient: Patient) -> dict[str, Any]:
        """Covariates by name, the risk factors, and the pace at which the kidneys decline."""
        covariates = patient.covariates
        return {
            "sex": "male" if covariates.male else "female",
            "asian": bool(covariates.asian),
            "risk_factors": [name for name, has in vars(covariates.risk).items() if has],
            **plain_numbers(covariates),
            "renal_decline_per_y": round(float(patient.course.renal_decline_per_y), 4),
            "interaction": INTERACTIONS[int(patient.course.interaction)],
        }

    def action_space(self, params: DOACParams | None = None) -> MultiDiscrete:
        """The drug, and its dose."""
        return MultiDiscrete((self.number_of_drugs, len(doac.LEVELS)))

    def observation_space(self, params: DOACParams | None = None) -> Box:
        """Eight numbers in 0..1; with `one_hot` more."""
        drug = len(self._observed_drugs) if self.one_hot else 1
        return Box(0.0, 1.0, (len(_OBSERVED) + drug,), jnp.result_type(float))

    @property
    def _drug_codes(self) -> tuple[float, float]:
        return float(NO_DRUG), float(self.number_of_drugs - 1)

    @property
    def _observed_drugs(self) -> range:
        return range(NO_DRUG, self.number_of_drugs)

    def _parameters(self, patient: Patient, now_h) -> tuple[oral_dosing.Parameters, ...]:
        covariates = patients_af.pharmacokinetic_covariates(patient, now_h)
        return doac.parameters(covariates, patient.effects, self.number_of_drugs)

    def _scores(self, patient: Patient, now_h):
        age_y, risk = patients_af.age_y(patient, now_h), patients_af.risk_now(patient)
        creatinine = patients_af.creatinine_now(patient, now_h)
        return (
            scores.cha2ds2_vasc(age_y, patient.covariates.male, risk),
            scores.has_bled(age_y, creatinine, risk),
        )


def equation_3(
    state: DOACState, events: Course | Chances, weights: RewardWeights
) -> Float[Array, ""]:
    """The reward of an interval with these events, or these chances of them."""
    dtype = state.elapsed_h.dtype
    return (
        weights.month
        + weights.stroke * events.stroke.astype(dtype)
        + weights.major_bleed * events.major_bleed.astype(dtype)
        + weights.switch * state.switched.astype(dtype)
        + weights.appropriate * state.appropriate.astype(dtype)
    )
