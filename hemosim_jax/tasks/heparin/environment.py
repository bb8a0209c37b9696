"""`HeparinInfusion-v0`: five days of heparin, aPTT to be held between 60 and 100 s."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.durations import monotone_crossing
from hemosim_jax.core.environment import EnvParams, EnvState, TreatmentEnvironment, start
from hemosim_jax.core.fields import ActionFields, Field, ObservationFields, flag
from hemosim_jax.core.laboratory.assay import Assay
from hemosim_jax.core.node import Node
from hemosim_jax.core.options import Choices, Difficulty, check_choice, check_flag
from hemosim_jax.core.random_draws import as_normal, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.physiology.aptt_reagent import PAPER, REAGENTS, Reagent
from hemosim_jax.tasks.heparin import disturbances, model, population
from hemosim_jax.tasks.heparin.disturbances import Disturbances, Risks
from hemosim_jax.tasks.heparin.ends import aptt_too_long
from hemosim_jax.tasks.heparin.model import HeparinModel
from hemosim_jax.tasks.heparin.population import Patient

MAX_INFUSION_U_PER_H = 2500.0
BOLUS_U_PER_KG = 80.0
DECISION_INTERVAL_H = 6.0
EPISODE_H = 120.0
ReagentName = Annotated[str, Choices(tuple(REAGENTS))]

APTT_S = Field("aptt_s", "s", (20.0, 200.0))
ANTI_XA_U_PER_ML = Field("anti_xa_u_per_ml", "U/mL", (0.0, 2.0))
WEIGHT_KG = Field("weight_kg", "kg", population.WEIGHT_KG)
RENAL_FUNCTION = Field("renal_function")
PLATELETS_1E9_PER_L = Field("platelets_1e9_per_l", "1e9/L", (0.0, 450.0))
PROTAMINE_MG = Field("protamine_mg", "mg", (0.0, model.MAX_PROTAMINE_MG), once=True)
HOURS = Field("hours", "h", (0.0, EPISODE_H), open_above=True)


class RewardWeights(Node):
    """Equation 2 of the task's specification (hemosim paper, section 4.2)."""

    target_aptt_s: Scalar = 75.0
    deviation_per_s: Scalar = -1.0 / 30.0  # times |aPTT - target|
    in_range: Scalar = 0.5
    above: Scalar = -5.0  # aPTT > 120 s
    below: Scalar = -3.0  # aPTT < 40 s
    terminated_platelets: Scalar = -20.0  # once
    terminated_aptt: Scalar = -15.0


class HeparinParams(EnvParams):
    """The paper's constants."""

    decision_interval: Scalar = DECISION_INTERVAL_H
    horizon: Scalar = EPISODE_H
    reagent: Reagent = PAPER
    reward_weights: RewardWeights = RewardWeights()
    risks: Risks = Risks()
    therapeutic_aptt_s: tuple[Scalar, Scalar] = (60.0, 100.0)
    high_aptt_s: Scalar = 120.0
    low_aptt_s: Scalar = 40.0
    terminal_aptt_s: Scalar = 150.0
    terminal_platelets_1e9_per_l: Scalar = 50.0


class Treatment(Node):
    """One decision. NaN as infusion: the action was no number, nothing is given."""

    infusion_u_per_h: Float[Array, ""]
    bolus_u_per_kg: Float[Array, ""]
    protamine_mg: Float[Array, ""]


class HeparinState(EnvState):
    """A patient under way."""

    drug: model.State
    disturbances: Disturbances
    infusion_u_per_h: Float[Array, ""]  # given in the last interval
    bolus_u: Float[Array, ""]
    since_bolus_h: Float[Array, ""]


class HeparinInfusion(TreatmentEnvironment):
    """Titrate intravenous heparin over five days, every six hours.

    A bolus is 80 U/kg; it and the new rate start at once. Reward: equation 2 of the hemosim paper,
    for the true aPTT at the end of the interval. Terminates when platelets fall below 50 or the
    aPTT exceeds 150 s, also between two decisions; in the first six hours after a bolus, when no
    ward looks at it, the aPTT does not. Truncates after 120 h. An action not finite is none.
    """

    name = "HeparinInfusion-v0"
    version = "2"
    assays: Mapping[str, Assay] = {
        "aptt_s": assay_catalog.APTT,
        "anti_xa_u_per_ml": assay_catalog.ANTI_XA,
        "platelets_1e9_per_l": assay_catalog.PLATELETS,
    }
    time_unit = "h"
    default_interval = DECISION_INTERVAL_H
    observation_fields = ObservationFields(
        (APTT_S, ANTI_XA_U_PER_ML, WEIGHT_KG, RENAL_FUNCTION, PLATELETS_1E9_PER_L, HOURS)
    )
    action_fields = ActionFields(
        (Field("infusion_u_per_h", "U/h", (0.0, MAX_INFUSION_U_PER_H)), flag("bolus", once=True))
    )

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        reagent: ReagentName = "paper",
        protamine: bool = False,
        within_patient: bool = True,
        measurement_error: bool = True,
    ):
        """The options fix `default_params`.

        - `difficulty`: "easy" (normal kidneys, half the variability, no complications), "medium"
          (renal function varies between patients, full variability, thrombocytopenia as often as
          published, which five days hardly ever show) or "hard" (and recent exposure to heparin,
          bleeding, kidneys and elimination that change). Kidneys alone raise the level on a usual
          infusion by 11 % at most: the linear path is a small part.
        - `reagent`: "paper" (anti-Xa 0.3–0.7 is 60–100 s) or "raschke" (46–70 s).
        - `protamine`: it is an action too, up to 50 mg.
        - `within_patient`, `measurement_error`: as `TreatmentEnvironment`.

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(
            difficulty, within_patient=within_patient, measurement_error=measurement_error
        )
        check_flag("protamine", protamine)
        self.protamine = protamine
        if protamine:
            self.action_fields = ActionFields((*self.action_fields.fields, PROTAMINE_MG))
        check_choice("reagent", reagent, REAGENTS)
        self.model = HeparinModel()
        self._reagent = REAGENTS[reagent]
        self._omega_aptt_gain = population.OMEGA_APTT_GAIN[reagent]

    def tier_params(self, difficulty: str) -> HeparinParams:
        """What a tier consists of, in plain numbers."""
        patients, risks = population.Population(), disturbances.MEDIUM
        within_patient = 0.5 if difficulty == "easy" else 1.0
        if difficulty == "easy":
            patients = patients.replace(renal_decline_per_y=0.0, renal_log_sd=0.0, variability=0.5)
            risks = Risks()
        if difficulty == "hard":
            patients = patients.replace(recently_exposed=0.3)  # working value (assumption)
            risks = disturbances.HARD
        return HeparinParams(
            patients=patients.replace(omega_aptt_gain=self._omega_aptt_gain),
            reagent=self._reagent,
            risks=risks,
            within_patient=within_patient,
        )

    def draw_patient(self, key: jax.Array, params: HeparinParams) -> Patient:
        """A patient of the population `params.patients`."""
        return population.sample(key, params.patients, params.risks)

    def initial_state(self, patient: Patient, params: HeparinParams) -> HeparinState:
        """Before heparin."""
        zero = jnp.zeros((), jnp.result_type(float))
        return HeparinState(
            **start(patient, reasons=("aptt", "platelets"), errors=patient.first_errors),
            drug=self.model.initial_state(patient.parameters),
            disturbances=disturbances.well(patient.thresholds),
            infusion_u_per_h=zero,
            bolus_u=zero,
            since_bolus_h=zero + jnp.inf,
        )

    def decode_action(self, action: Float[Array, " n"]) -> Treatment:
        """What is given; an infusion of NaN where the action is not finite."""
        decoded = self.action_fields.decode(action)
        rate = decoded.infusion_u_per_h
        bolus = jnp.where(decoded.bolus, BOLUS_U_PER_KG, 0.0).astype(rate.dtype)
        return Treatment(rate, bolus, decoded.protamine_mg if self.protamine else 0.0 * rate)

    def encode_action(
        self, infusion_u_per_h: Any, bolus: Any, protamine_mg: Any = 0.0
    ) -> Float[Array, " n"]:
        """The action that infuses so much (at most 2,500 U/h), after a bolus of 80 U/kg or not.

        `protamine_mg` is left out where it is no action.
        """
        given = {"protamine_mg": protamine_mg} if self.protamine else {}
        return self.action_fields.encode(infusion_u_per_h=infusion_u_per_h, bolus=bolus, **given)

    def advance(
        self,
        key: jax.Array,
        state: HeparinState,
        treatment: Treatment,
        duration: Float[Array, ""],
        params: HeparinParams,
    ) -> HeparinState:
        """Bolus, protamine and the new rate now, the hours that follow, and what they bring."""
        patient = state.patient
        before = _parameters(patient, state.disturbances)
        valid = jnp.isfinite(treatment.infusion_u_per_h)
        infusion_u_per_h = jnp.where(valid, treatment.infusion_u_per_h, 0.0)
        bolus_u = treatment.bolus_u_per_kg * patient.covariates.weight_kg
        dosed = model.give_bolus(state.drug, bolus_u, before)
        dosed = model.give_protamine(dosed, jnp.where(valid, treatment.protamine_mg, 0.0), before)
        aptt_s = model.aptt_s(dosed, before, params.reagent)
        draws = uniform_vector(key, 5 + len(self.assays))
        condition = disturbances.progress(
            draws[:3],
            state.disturbances,
            patient.hit_onset_h,
            state.elapsed,
            duration,
            dosed.anti_xa_u_per_ml,
            params.risks,
            params.within_patient,
        )
        parameters = _parameters(patient, condition)
        inputs = model.Inputs(
            infusion_u_per_h=infusion_u_per_h,
            elimination_ratio=jnp.exp(condition.log_elimination),
            renal_function=_renal_function(patient, condition),
            immunized=condition.immunized_share,
            reagent=params.reagent,
            circadian_amplitude=params.within_patient * model.CIRCADIAN_AMPLITUDE,
        )
        drug, solver_ok = self.model.advance(
            dosed, duration, parameters, inputs, differentiable=self.transition_gradients_enabled
        )
        condition = disturbances.with_events(
            draws[3:5],
            condition,
            patient.hit_onset_h,
            state.elapsed,
            duration,
            drug.bleeding_h - dosed.bleeding_h,
            params.risks,
        )
        drug = disturbances.after_bleeding(drug, condition)
        since_bolus_h = jnp.where(bolus_u > 0.0, 0.0, state.since_bolus_h)
        ends = {
            "aptt": aptt_too_long(
                (aptt_s, model.aptt_s(drug, parameters, params.reagent)),
                (
                    duration * model.aptt_slope_s_per_h(dosed, before, inputs, params.reagent),
                    duration * model.aptt_slope_s_per_h(drug, parameters, inputs, params.reagent),
                ),
                since_bolus_h,
                duration,
                params.terminal_aptt_s,
            ),
            "platelets": monotone_crossing(
                state.drug.platelets_1e9_per_l,
                drug.platelets_1e9_per_l,
                params.terminal_platelets_1e9_per_l,
                rising=False,
            ),
        }
        return state.later(
            duration,
            ends,
            disturbances=condition,
            drug=drug,
            infusion_u_per_h=infusion_u_per_h,
            bolus_u=bolus_u,
            since_bolus_h=since_bolus_h + duration,
            errors=tuple(map(as_normal, draws[5:])),
            valid_action=valid,
            solver_ok=solver_ok & jnp.isfinite(drug.anti_xa_u_per_ml),
        )

    def observed(self, state: HeparinState, params: HeparinParams) -> dict[str, Array]:
        """The values of the specification, and renal function as it was on admission."""
        return {
            "aptt_s": self._aptt_s(state, params),
            "anti_xa_u_per_ml": state.drug.anti_xa_u_per_ml,
            "weight_kg": state.patient.covariates.weight_kg,
            "renal_function": _renal_function(state.patient, state.disturbances),
            "renal_function_on_admission": state.patient.covariates.renal_function,
            "platelets_1e9_per_l": state.drug.platelets_1e9_per_l,
            "hours": state.elapsed,
        }

    def reward_terms(
        self, state: HeparinState, params: HeparinParams
    ) -> dict[str, Float[Array, ""]]:
        """Equation 2; deviation and ranges run with time, terminal penalties are paid once."""
        aptt_s = self._aptt_s(state, params)
        weights, intervals = params.reward_weights, self.intervals(state)
        deviation = weights.deviation_per_s * jnp.abs(aptt_s - weights.target_aptt_s)
        ended = state.terminated

        def where(condition, weight):
            return jnp.where(condition, weight, 0.0)

        return {
            "deviation": deviation * intervals,
            "in_range": where(_therapeutic(aptt_s, params), weights.in_range) * intervals,
            "above": where(aptt_s > params.high_aptt_s, weights.above) * intervals,
            "below": where(aptt_s < params.low_aptt_s, weights.below) * intervals,
            "terminated_platelets": where(ended["platelets"], weights.terminated_platelets),
            "terminated_aptt": where(ended["aptt"], weights.terminated_aptt),
        }

    def readouts(self, state: HeparinState, params: HeparinParams) -> dict[str, Array]:
        """`cost` is 1 while the aPTT is above 120 s, or after a bleed or thrombosis."""
        condition, drug = state.disturbances, state.drug
        aptt_s = self._aptt_s(state, params)
        harmed = (aptt_s > params.high_aptt_s) | condition.major_bleed | condition.thrombosis
        return {
            "aptt_s": aptt_s,
            "anti_xa_u_per_ml": drug.anti_xa_u_per_ml,
            "antithrombin": drug.antithrombin,
            "platelets_1e9_per_l": drug.platelets_1e9_per_l,
            "renal_function": _renal_function(state.patient, condition),
            "therapeutic": _therapeutic(aptt_s, params),
            "infusion_u_per_h": state.infusion_u_per_h,
            "bolus_u": state.bolus_u,
            "hit": condition.immunized,
            "major_bleed": condition.major_bleed,
            "thrombosis": condition.thrombosis,
            "hours": state.elapsed,
            "recently_exposed": state.patient.covariates.recently_exposed.astype(jnp.int32),
            "cost": harmed.astype(aptt_s.dtype),
        }

    def _aptt_s(self, state: HeparinState, params: HeparinParams) -> Float[Array, ""]:
        parameters = _parameters(state.patient, state.disturbances)
        return model.aptt_s(state.drug, parameters, params.reagent)


def _parameters(patient: Patient, condition: Disturbances) -> model.Parameters:
    """Those of now: the response of the aPTT varies."""
    own = patient.parameters
    return own.replace(aptt_gain=own.aptt_gain * jnp.exp(condition.log_response))


def _renal_function(patient: Patient, condition: Disturbances) -> Float[Array, ""]:
    ratio = jnp.exp(condition.log_renal)
    return jnp.clip(patient.covariates.renal_function * ratio, *population.RENAL_FUNCTION)


def _therapeutic(aptt_s, params):
    low, high = params.therapeutic_aptt_s
    return (aptt_s >= low) & (aptt_s <= high)
