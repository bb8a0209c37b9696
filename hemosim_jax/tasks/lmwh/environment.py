"""`EnoxaparinDosing`: ten days of enoxaparin for venous thromboembolism, every 12 hours."""

from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.environment import EnvParams, EnvState, TreatmentEnvironment, start
from hemosim_jax.core.fields import ActionFields, Field, ObservationFields, flag
from hemosim_jax.core.node import Node
from hemosim_jax.core.options import Choices, Difficulty, check_choice
from hemosim_jax.core.random_draws import uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.tasks.lmwh import disturbances, hazards, model, population
from hemosim_jax.tasks.lmwh.disturbances import Disturbances, Risks
from hemosim_jax.tasks.lmwh.feng2006 import FENG2006
from hemosim_jax.tasks.lmwh.green2005 import GREEN2005
from hemosim_jax.tasks.lmwh.hazards import Coefficients, Expected
from hemosim_jax.tasks.lmwh.model import Enoxaparin, Order, Parameters
from hemosim_jax.tasks.lmwh.population import Patient

PAPERS = {"feng2006": FENG2006, "green2005": GREEN2005}
PaperName = Annotated[str, Choices(tuple(PAPERS))]
DECISION_INTERVAL_H = 12.0
EPISODE_H = 240.0
MAX_DOSE_MG_PER_KG = 2.0
PEAK_H = 4.0  # after a dose: when laboratories draw what they call the peak

TROUGH = Field("trough_iu_per_ml", "IU/mL", (0.0, 2.0))
PEAK = Field("peak_iu_per_ml", "IU/mL", (0.0, 2.0))
CREATININE = Field("creatinine_mg_per_dl", "mg/dL", (0.0, 8.0))
AGE_Y = Field("age_y", "y", population.AGE_Y)
WEIGHT_KG = Field("weight_kg", "kg", population.WEIGHT_KG)
HEIGHT_CM = Field("height_cm", "cm", population.HEIGHT_CM)
MALE = flag("male")
SINCE_DOSE_H = Field("since_dose_h", "h", (0.0, 48.0))
DOSE = Field("last_dose_mg_per_kg", "mg/kg", (0.0, MAX_DOSE_MG_PER_KG))
HOURS = Field("hours", "h", (0.0, EPISODE_H), open_above=True)


class RewardWeights(Node):
    """What events cost, in rewards.

    Alike, because as many die of the one as of the other (recalled, Carrier et al., Ann Intern Med
    2010;152:578: 11.3 % of recurrences and of major bleeds). At the laboratory's 0.004 a franc an
    event is worth 50,000 CHF: its treatment, and a tenth of a life (assumption).
    """

    major_bleed: Scalar = -200.0
    recurrence: Scalar = -200.0


class EnoxaparinParams(EnvParams):
    """The task's constants."""

    decision_interval: Scalar = DECISION_INTERVAL_H
    horizon: Scalar = EPISODE_H
    reward_weights: RewardWeights = RewardWeights()
    risks: Risks = Risks()
    coefficients: Coefficients = Coefficients()
    # Peaks on two doses a day; recommended ranges differ (0.5–1.0, 0.6–1.0, 0.7–1.1).
    therapeutic_peak_iu_per_ml: tuple[Scalar, Scalar] = (0.5, 1.1)


class Treatment(Node):
    """One decision. NaN as dose: the action was no number, nothing is given."""

    dose_mg_per_kg: Float[Array, ""]
    every_h: Float[Array, ""]


class EnoxaparinState(EnvState):
    """A patient under way."""

    drug: model.State
    disturbances: Disturbances
    smoothed_iu_per_ml: Float[Array, ""]  # what bleeding follows
    mean_iu_per_ml: Float[Array, ""]  # over the last interval
    peak_iu_per_ml: Float[Array, ""]  # 4 h after the last dose for which that time has come
    expected: Expected  # events, until the end of the last interval
    doses: Float[Array, ""]  # given in it
    last_dose_mg_per_kg: Float[Array, ""]


class EnoxaparinDosing(TreatmentEnvironment):
    """Dose enoxaparin in the first ten days after venous thromboembolism, every 12 hours.

    A decision prescribes a dose per kg and its interval, 12 or 24 h: the dose is given when so much
    time has passed since the last one. Terminates at a major bleed or a recurrence; truncates after
    240 h. Reward: the expected number of both in the interval, at a price each; summed up until the
    episode ends this has the same mean as the price of the event that ends it, and less noise. An
    action that is not finite is no treatment.

    The anti-Xa activities are true ones; `enoxaparin_dosing` puts the laboratory around it.
    """

    name = "EnoxaparinDosing"
    version = "2"
    time_unit = "h"
    default_interval = DECISION_INTERVAL_H
    observation_fields = ObservationFields(
        (TROUGH, PEAK, CREATININE, AGE_Y, WEIGHT_KG, HEIGHT_CM, MALE, SINCE_DOSE_H, DOSE, HOURS)
    )
    action_fields = ActionFields(
        (Field("dose_mg_per_kg", "mg/kg", (0.0, MAX_DOSE_MG_PER_KG)), flag("once_daily"))
    )

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        model: PaperName = "feng2006",
        within_patient: bool = True,
        measurement_error: bool = True,
    ):
        """The options.

        - `difficulty`: "easy" (healthy kidneys, half the variability between and within patients),
          "medium" (full variability, a sixth with impaired kidneys) or "hard" (half with impaired
          kidneys, and kidneys that get worse and better).
        - `model`: "feng2006" or "green2005", whose peaks differ less by kidney function than
          those that were measured.
        - `within_patient`, `measurement_error`: as `TreatmentEnvironment`.

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(
            difficulty, within_patient=within_patient, measurement_error=measurement_error
        )
        check_choice("model", model, PAPERS)
        self.paper = model
        self.model = Enoxaparin()

    def tier_params(self, difficulty: str) -> EnoxaparinParams:
        """What a tier consists of, in plain numbers. The shares are working values."""
        paper = PAPERS[self.paper]
        patients = population.Population(
            omega_clearance=paper.omega_clearance, omega_central=paper.omega_central
        )
        tiers = {
            "easy": (patients.replace(variability=0.5), Risks(), 0.5),
            "medium": (patients.replace(impaired=0.17), Risks(), 1.0),
            "hard": (patients.replace(impaired=0.5), disturbances.HARD, 1.0),
        }
        patients, risks, within_patient = tiers[difficulty]
        return EnoxaparinParams(patients=patients, risks=risks, within_patient=within_patient)

    def draw_patient(self, key: jax.Array, params: EnoxaparinParams) -> Patient:
        """A patient of the population `params.patients`."""
        return population.sample(key, params.patients)

    def initial_state(self, patient: Patient, params: EnoxaparinParams) -> EnoxaparinState:
        """Before the first dose."""
        zero = jnp.zeros((), jnp.result_type(float))
        well = disturbances.well(patient.thresholds)
        parameters = self.parameters(patient, well)
        return EnoxaparinState(
            **start(patient, reasons=("major_bleed", "recurrence")),
            drug=self.model.initial_state(parameters),
            disturbances=well,
            smoothed_iu_per_ml=parameters.basal_iu_per_ml,
            mean_iu_per_ml=parameters.basal_iu_per_ml,
            peak_iu_per_ml=parameters.basal_iu_per_ml,
            expected=Expected(zero, zero),
            doses=zero,
            last_dose_mg_per_kg=zero,
        )

    def parameters(self, patient: Patient, condition: Disturbances) -> Parameters:
        """The patient's own, at the present kidneys."""
        own, paper = patient.covariates, PAPERS[self.paper]
        formula_kg = own.weight_kg
        if paper.by_ideal_weight:
            formula_kg = population.ideal_weight_kg(own.height_cm, own.male)
        creatinine_clearance = population.creatinine_clearance_ml_per_min(
            own.age_y, formula_kg, own.male, _creatinine(patient, condition)
        )
        typical = model.typical_parameters(paper, own.weight_kg, creatinine_clearance)
        ratio = patient.clearance_ratio * jnp.exp(condition.log_clearance)
        return typical.replace(
            clearance_l_per_h=typical.clearance_l_per_h * ratio,
            central_l=typical.central_l * patient.central_ratio,
        )

    def decode_action(self, action: Float[Array, " 2"]) -> Treatment:
        """Dose and interval; a dose of NaN where the action is not finite."""
        decoded = self.action_fields.decode(action)
        dose = decoded.dose_mg_per_kg
        return Treatment(dose, jnp.where(decoded.once_daily, 24.0, 12.0).astype(dose.dtype))

    def encode_action(self, dose_mg_per_kg: Any, once_daily: Any) -> Float[Array, " 2"]:
        """The action that prescribes so much, once or twice a day."""
        return self.action_fields.encode(dose_mg_per_kg=dose_mg_per_kg, once_daily=once_daily)

    def advance(
        self,
        key: jax.Array,
        state: EnoxaparinState,
        treatment: Treatment,
        duration: Float[Array, ""],
        params: EnoxaparinParams,
    ) -> EnoxaparinState:
        """The doses that fall due, the hours that follow, and what they bring."""
        patient = state.patient
        renal, clearance = uniform_vector(key, 2)
        condition = disturbances.progress(
            state.disturbances, (renal, clearance), duration, params.risks, params.within_patient
        )
        parameters = self.parameters(patient, condition)
        valid = jnp.isfinite(treatment.dose_mg_per_kg)
        dose_mg_per_kg = jnp.where(valid, treatment.dose_mg_per_kg, 0.0)
        dose_iu = model.IU_PER_MG * dose_mg_per_kg * patient.covariates.weight_kg
        order = Order(dose_iu, treatment.every_h)
        doses = model.number_of_doses(state.drug, order, duration)

        def later(hours):
            return self.model.advance(
                state.drug,
                hours,
                parameters,
                order,
                differentiable=self.transition_gradients_enabled,
            )

        drug, solver_ok = later(duration)
        sampled_h, is_drawn = _newest_peak_h(state.drug, drug, doses, order, duration)
        middle_h = 0.5 * duration
        nodes_h = [node * duration for node in hazards.NODES]
        between, _ = jax.vmap(later)(jnp.stack([*nodes_h, middle_h, sampled_h]))
        *activities, _, peak = jax.vmap(model.anti_xa_iu_per_ml, in_axes=(0, None))(
            between, parameters
        )
        area = between.auc_iu_h_per_ml[-2] - state.drug.auc_iu_h_per_ml
        whole = drug.auc_iu_h_per_ml - state.drug.auc_iu_h_per_ml
        smoothed = [state.smoothed_iu_per_ml]
        for half in (area, whole - area):
            mean = half / middle_h + parameters.basal_iu_per_ml
            smoothed.append(hazards.smoothed_iu_per_ml(smoothed[-1], mean, middle_h))
        expected = hazards.expected_events(
            tuple(activities), tuple(smoothed), duration, params.coefficients
        )
        condition, bleed, recurrence = disturbances.events(condition, expected)
        until = jnp.minimum(bleed.fraction, recurrence.fraction)
        return state.later(
            duration,
            {"major_bleed": bleed, "recurrence": recurrence},
            disturbances=condition,
            drug=drug,
            smoothed_iu_per_ml=smoothed[-1],
            mean_iu_per_ml=whole / duration + parameters.basal_iu_per_ml,
            peak_iu_per_ml=jnp.where(is_drawn, peak, state.peak_iu_per_ml),
            expected=jax.tree.map(lambda x: x * until, expected),
            doses=doses,
            last_dose_mg_per_kg=jnp.where(doses > 0.0, dose_mg_per_kg, state.last_dose_mg_per_kg),
            valid_action=valid,
            solver_ok=solver_ok & jnp.isfinite(drug.central_iu),
        )

    def observed(self, state: EnoxaparinState, params: EnoxaparinParams) -> dict[str, Array]:
        """Activities, creatinine, what was known on admission, and what was given."""
        own = state.patient.covariates
        parameters = self.parameters(state.patient, state.disturbances)
        return {
            "trough_iu_per_ml": model.anti_xa_iu_per_ml(state.drug, parameters),
            "peak_iu_per_ml": state.peak_iu_per_ml,
            "creatinine_mg_per_dl": _creatinine(state.patient, state.disturbances),
            "age_y": own.age_y,
            "weight_kg": own.weight_kg,
            "height_cm": own.height_cm,
            "male": own.male,
            "since_dose_h": jnp.minimum(state.drug.since_dose_h, SINCE_DOSE_H.bounds[1]),
            "last_dose_mg_per_kg": state.last_dose_mg_per_kg,
            "hours": state.elapsed,
        }

    def reward_terms(
        self, state: EnoxaparinState, params: EnoxaparinParams
    ) -> dict[str, Float[Array, ""]]:
        """The events expected in the interval, until what ended it, at their prices."""
        weights = params.reward_weights
        return {
            "major_bleed": weights.major_bleed * state.expected.bleeds,
            "recurrence": weights.recurrence * state.expected.recurrences,
        }

    def readouts(self, state: EnoxaparinState, params: EnoxaparinParams) -> dict[str, Array]:
        """`cost` is 1 after a major bleed or a recurrence."""
        patient, condition = state.patient, state.disturbances
        own = patient.covariates
        parameters = self.parameters(patient, condition)
        low, high = params.therapeutic_peak_iu_per_ml
        clearance = population.creatinine_clearance_ml_per_min(
            own.age_y, own.weight_kg, own.male, _creatinine(patient, condition)
        )
        ended = condition.major_bleed | condition.recurrence
        return {
            "anti_xa_iu_per_ml": model.anti_xa_iu_per_ml(state.drug, parameters),
            "mean_iu_per_ml": state.mean_iu_per_ml,
            "peak_iu_per_ml": state.peak_iu_per_ml,
            "therapeutic": (state.peak_iu_per_ml >= low) & (state.peak_iu_per_ml <= high),
            "creatinine_clearance_ml_per_min": clearance,
            "doses": state.doses,
            "given_mg_per_kg": state.doses * state.last_dose_mg_per_kg,
            "expected_bleeds": state.expected.bleeds,
            "expected_recurrences": state.expected.recurrences,
            "major_bleed": condition.major_bleed,
            "recurrence": condition.recurrence,
            "hours": state.elapsed,
            "kidneys": (clearance >= 30.0).astype(jnp.int32) + (clearance > 60.0).astype(jnp.int32),
            "cost": ended.astype(clearance.dtype),
        }


def _newest_peak_h(before: model.State, after: model.State, doses, order: Order, duration):
    """When in the interval the newest peak falls due, and whether one does."""
    of_last = duration - after.since_dose_h + PEAK_H
    of_earlier = jnp.where(doses > 1.5, of_last - order.every_h, PEAK_H - before.since_dose_h)
    due_h = jnp.where(of_last <= duration, of_last, of_earlier)
    is_due = (due_h > 0.0) & (due_h <= duration)
    return jnp.where(is_due, due_h, duration), is_due


def _creatinine(patient: Patient, condition: Disturbances) -> Float[Array, ""]:
    drawn = patient.covariates.creatinine_mg_per_dl * jnp.exp(-condition.log_renal)
    return jnp.clip(drawn, *population.CREATININE_MG_PER_DL)
