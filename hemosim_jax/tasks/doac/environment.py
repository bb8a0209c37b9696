"""`DOACManagement-v0`: a year of a direct oral anticoagulant, one visit a month."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.choose import choose
from hemosim_jax.core.environment import EnvParams, EnvState, TreatmentEnvironment, start
from hemosim_jax.core.laboratory.assay import Assay
from hemosim_jax.core.node import Node
from hemosim_jax.core.options import Choices, Difficulty, check_choice, check_flag
from hemosim_jax.core.random_draws import as_normal, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.outcomes.atrial_fibrillation import cha2ds2_vasc, has_bled
from hemosim_jax.physiology import assay_catalog, oral_dosing
from hemosim_jax.tasks.doac import disturbances, drugs, hazards, labels, population, posterior
from hemosim_jax.tasks.doac.disturbances import Disturbances, Risks
from hemosim_jax.tasks.doac.drugs import DirectAnticoagulants, Taken
from hemosim_jax.tasks.doac.fields import NO_DRUG, fields
from hemosim_jax.tasks.doac.hazards import Coefficients, Hazards
from hemosim_jax.tasks.doac.population import Patient
from hemosim_jax.tasks.doac.reward import RewardWeights, interval_reward_terms

DECISION_INTERVAL_H = 30.0 * 24.0
EPISODE_H = 12.0 * DECISION_INTERVAL_H
DABIGATRAN = drugs.DRUGS.index("dabigatran")

LabelName = Annotated[str, Choices(tuple(labels.LABELS))]
EvidenceName = Annotated[str, Choices(posterior.EVIDENCE)]


class DOACParams(EnvParams):
    """Thresholds and prices of the task."""

    decision_interval: Scalar = DECISION_INTERVAL_H
    horizon: Scalar = EPISODE_H
    reward_weights: RewardWeights = RewardWeights()
    risks: Risks = Risks()
    coefficients: Coefficients = hazards.CALIBRATED
    # Exposure over the typical one that counts as therapeutic (assumption).
    therapeutic_exposure: tuple[Scalar, Scalar] = (0.5, 2.0)


class Treatment(Node):
    """One decision: indices into `drugs.DRUGS` and `LEVELS`."""

    drug: Int[Array, ""]
    level: Int[Array, ""]


class DOACState(EnvState):
    """A patient under way."""

    compartments: tuple[oral_dosing.State, ...]  # by drug
    disturbances: Disturbances
    drug: Int[Array, ""]  # that is taken; NO_DRUG at the start
    level: Int[Array, ""]
    concentration_ng_per_ml: Float[Array, ""]  # of that drug, now
    mean_concentration_ng_per_ml: Float[Array, ""]  # over the last interval
    exposure: Float[Array, ""]  # the same of all drugs, over their typical ones
    expected: Hazards  # events expected in the last interval
    switched: Bool[Array, ""]
    appropriate: Bool[Array, ""]


class DOACManagement(TreatmentEnvironment):
    """Choose a drug and its dose for a patient with atrial fibrillation, every 30 days for a year.

    Doses (low, standard, high): rivaroxaban 15, 20, 30 mg once a day; dabigatran 110, 150, 220 mg,
    apixaban 2.5, 5, 10 mg twice. Reward: equation 3 of the hemosim paper. Terminates at a stroke or
    a fatal bleed; truncates after 12 decisions.

    Strokes and bleeds follow from the exposure of the interval. A new drug is taken from the next
    dose on, while what is left of the old one is eliminated.
    """

    name = "DOACManagement-v0"
    version = "3"
    assays: Mapping[str, Assay] = {
        "concentration_ng_per_ml": assay_catalog.DOAC_CONCENTRATION,
        "creatinine_clearance_ml_per_min": assay_catalog.CREATININE_CLEARANCE,
    }
    time_unit = "h"
    default_interval = DECISION_INTERVAL_H
    observation_fields, action_fields = fields(len(drugs.DRUGS) - 1)

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        edoxaban: bool = False,
        label: LabelName = "EU",
        one_hot: bool = False,
        evidence: EvidenceName = "point",
        within_patient: bool = True,
        measurement_error: bool = True,
    ):
        """The options.

        - `difficulty`: "easy" (stable kidneys, half the variation within a patient), "medium"
          (kidneys decline, each at its own pace) or "hard" (they decline faster, interacting drugs
          are started and stopped, procedures interrupt the treatment).
        - `edoxaban`: a fourth drug (30, 60, 90 mg once a day).
        - `label`: "EU" or "US": what counts as an appropriate dose; with "US" the low dose of
          dabigatran is 75 mg.
        - `one_hot`: the observation's last number, the current drug, is replaced by one number for
          each drug and none. The code of "none" lies beside that of the first drug, so that what a
          network learns of keeping a drug also decides which one it begins with.
        - `evidence`: "point" (everybody has the same coefficients of the hazards) or "posterior":
          every patient lives in one of the worlds that the trials allow, whose coefficients
          `params.coefficients` holds, and from which none can tell.
        - `within_patient`, `measurement_error`: as `TreatmentEnvironment`.

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(
            difficulty, within_patient=within_patient, measurement_error=measurement_error
        )
        labels.check_label(label)
        check_choice("evidence", evidence, posterior.EVIDENCE)
        check_flag("edoxaban", edoxaban)
        check_flag("one_hot", one_hot)
        self.label = label
        self.evidence = evidence
        self.one_hot = one_hot
        self.model = DirectAnticoagulants()
        self.number_of_drugs = len(drugs.DRUGS) if edoxaban else len(drugs.DRUGS) - 1
        self.observation_fields, self.action_fields = fields(self.number_of_drugs, one_hot)
        doses = drugs.doses_mg(label)[: self.number_of_drugs]
        self._daily_mg = tuple(
            tuple(dose * model.DOSES_PER_DAY for dose in levels)
            for levels, model in zip(doses, drugs.MODELS, strict=False)
        )
        self._regimens = tuple(
            tuple(drugs.regimen(dose, drug) for dose in levels) for drug, levels in enumerate(doses)
        )

    def tier_params(self, difficulty: str) -> DOACParams:
        """What a tier consists of, in plain numbers."""
        tiers = {"easy": Risks(), "medium": disturbances.MEDIUM, "hard": disturbances.HARD}
        return DOACParams(
            patients=population.Population(),
            risks=tiers[difficulty],
            coefficients=(posterior.load() if self.evidence == "posterior" else hazards.CALIBRATED),
            within_patient=0.5 if difficulty == "easy" else 1.0,
        )

    def draw_patient(self, key: jax.Array, params: DOACParams) -> Patient:
        """A patient of the population `params.patients`."""
        return population.sample(key, params.patients, params.risks)

    def initial_state(self, patient: Patient, params: DOACParams) -> DOACState:
        """Before the first tablet."""
        zero = jnp.zeros((), jnp.result_type(float))
        no = jnp.zeros((), bool)
        well = disturbances.well(patient.thresholds)
        return DOACState(
            **start(patient, reasons=("event",), errors=(zero, patient.first_error)),
            compartments=self.model.initial_state(self._parameters(patient, well, zero)),
            disturbances=well,
            drug=jnp.full((), NO_DRUG, jnp.int32),
            level=jnp.zeros((), jnp.int32),
            concentration_ng_per_ml=zero,
            mean_concentration_ng_per_ml=zero,
            exposure=zero,
            expected=Hazards(zero, (zero,) * len(hazards.SITES)),
            switched=no,
            appropriate=no,
        )

    def decode_action(self, action: Int[Array, " 2"]) -> Treatment:
        """Drug and dose; every integer is clipped to those there are."""
        return Treatment(*self.action_fields.decode(action))

    def encode_action(self, drug: Any, level: Any) -> Int[Array, " 2"]:
        """The action that gives this drug at this level."""
        return self.action_fields.encode(drug=drug, level=level)

    def advance(
        self,
        key: jax.Array,
        state: DOACState,
        treatment: Treatment,
        duration: Float[Array, ""],
        params: DOACParams,
    ) -> DOACState:
        """The interval's tablets, after a pause if there is a procedure, and its events."""
        patient, elapsed_h = state.patient, state.elapsed
        n_condition, n_events = disturbances.N_DRAWS, disturbances.N_EVENT_DRAWS
        draws = uniform_vector(key, n_condition + n_events + len(self.assays))
        condition = disturbances.progress(
            draws[:n_condition], state.disturbances, duration, params.risks, params.within_patient
        )
        of_events, of_errors = draws[n_condition:-2], draws[-2:]
        parameters = self._parameters(patient, condition, elapsed_h + 0.5 * duration)
        regimens = [choose(treatment.level, levels) for levels in self._regimens]
        regimen = choose(treatment.drug, regimens).replace(held_h=condition.held_h)
        compartments, solver_ok = self.model.advance(
            state.compartments,
            duration,
            parameters,
            Taken(treatment.drug, regimen),
            differentiable=self.transition_gradients_enabled,
        )
        means = [later.auc_ng_h_per_ml / duration for later in compartments]
        exposure = hazards.exposure(means)
        stroke_score, bleeding_score = _scores(patient, condition, elapsed_h)
        age_y = population.age_y(patient, elapsed_h)
        coefficients = params.coefficients
        if self.evidence == "posterior":
            coefficients = posterior.of_patient(coefficients, patient)
        on_warfarin = hazards.bleeding_on_warfarin(bleeding_score, age_y)
        expected = hazards.expected_events(
            exposure,
            treatment.drug,
            hazards.stroke_without_treatment(stroke_score),
            on_warfarin * disturbances.bleeding_ratio(condition, params.risks),
            duration,
            condition.held_h,
            coefficients,
        )
        concentrations = [
            oral_dosing.concentration_ng_per_ml(*pair)
            for pair in zip(compartments, parameters, strict=True)
        ]
        concentration = choose(treatment.drug, concentrations) * jnp.exp(condition.log_day_to_day)
        # What is appropriate is judged by what could be known before the interval.
        criteria = population.label_criteria(
            patient, state.disturbances, elapsed_h, params.measurement_error * state.errors[1]
        )
        low, standard = choose(treatment.drug, labels.labelled(criteria, self.label))
        condition, ends = disturbances.events(of_events, condition, expected)
        return state.later(
            duration,
            {"event": ends},
            disturbances=condition,
            compartments=compartments,
            drug=treatment.drug,
            level=treatment.level,
            concentration_ng_per_ml=concentration,
            mean_concentration_ng_per_ml=choose(treatment.drug, means),
            exposure=exposure,
            expected=expected,
            switched=(state.drug != NO_DRUG) & (state.drug != treatment.drug),
            appropriate=choose(treatment.level, (low, standard, jnp.zeros_like(low))),
            errors=tuple(map(as_normal, of_errors)),
            solver_ok=solver_ok & jnp.isfinite(concentration),
        )

    def observed(self, state: DOACState, params: DOACParams) -> dict[str, Array]:
        """The values of the specification."""
        patient, now_h = state.patient, state.elapsed
        stroke_score, bleeding_score = _scores(patient, state.disturbances, now_h)
        return {
            "concentration_ng_per_ml": state.concentration_ng_per_ml,
            "creatinine_clearance_ml_per_min": population.clearance_now(patient, now_h),
            "age_y": population.age_y(patient, now_h),
            "weight_kg": patient.covariates.weight_kg,
            "cha2ds2_vasc": stroke_score,
            "has_bled": bleeding_score,
            "days": now_h / 24.0,
            "drug": state.drug,
        }

    def reward_terms(self, state: DOACState, params: DOACParams) -> dict[str, Float[Array, ""]]:
        """Equation 3."""
        condition = state.disturbances
        return interval_reward_terms(
            self.intervals(state),
            condition.stroke,
            condition.major_bleed,
            state.switched,
            state.appropriate,
            params.reward_weights,
        )

    def readouts(self, state: DOACState, params: DOACParams) -> dict[str, Array]:
        """`cost` is 1 after a stroke or a major bleed, of which `fatal` ones are a part.

        What was expected is a number of events in the last interval; ischemic strokes only.
        """
        patient, condition, now_h = state.patient, state.disturbances, state.elapsed
        covariates = patient.covariates
        low, high = params.therapeutic_exposure
        stroke_score, bleeding_score = _scores(patient, condition, now_h)
        at_start = covariates.creatinine_clearance_ml_per_min
        daily_mg = choose(state.drug, [choose(state.level, levels) for levels in self._daily_mg])
        concentration = state.concentration_ng_per_ml
        return {
            "exposure": state.exposure,
            "concentration_ng_per_ml": concentration,
            "mean_concentration_ng_per_ml": state.mean_concentration_ng_per_ml,
            "anti_xa_iu_per_ml": drugs.anti_xa_iu_per_ml(concentration, state.drug),
            "thrombin_time_s": drugs.thrombin_time_s(
                jnp.where(state.drug == DABIGATRAN, concentration, 0.0)
            ),
            "creatinine_clearance_ml_per_min": population.clearance_now(patient, now_h),
            "creatinine_mg_per_dl": population.creatinine_now(patient, now_h),
            "cha2ds2_vasc": stroke_score,
            "has_bled": bleeding_score,
            "therapeutic": (state.exposure >= low) & (state.exposure <= high),
            "drug": state.drug,
            "level": state.level,
            "daily_dose_mg": jnp.where(state.drug == NO_DRUG, 0.0, daily_mg),
            "switched": state.switched,
            "appropriate": state.appropriate,
            "expected_ischemic_strokes": state.expected.stroke,
            "expected_bleeds": hazards.all_bleeds(state.expected),
            "stroke": condition.stroke,
            "major_bleed": condition.major_bleed,
            "intracranial": condition.intracranial,
            "gastrointestinal": condition.gastrointestinal,
            "fatal": condition.fatal,
            "interaction": condition.interaction,
            "held_h": condition.held_h,
            "days": now_h / 24.0,
            "kidneys": (at_start >= 50.0).astype(jnp.int32) + (at_start > 80.0).astype(jnp.int32),
            "female": (~covariates.male).astype(jnp.int32),
            "cost": (condition.stroke | condition.major_bleed).astype(now_h.dtype),
        }

    def _parameters(self, patient: Patient, condition: Disturbances, now_h):
        own = population.pharmacokinetic_covariates(patient, condition, now_h)
        ratio = jnp.exp(condition.log_clearance)
        return tuple(
            one.replace(clearance_l_per_h=one.clearance_l_per_h * ratio)
            for one in drugs.parameters(own, patient.effects, self.number_of_drugs)
        )


def _scores(patient: Patient, condition: Disturbances, now_h):
    """CHA2DS2-VASc and HAS-BLED now."""
    age_y, risk = population.age_y(patient, now_h), population.risk_now(patient, condition)
    creatinine = population.creatinine_now(patient, now_h)
    return (
        cha2ds2_vasc(age_y, patient.covariates.male, risk),
        has_bled(age_y, creatinine, risk),
    )
