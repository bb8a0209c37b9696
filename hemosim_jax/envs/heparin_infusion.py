"""`HeparinInfusion-v0`: five days of heparin, aPTT to be held between 60 and 100 s."""

from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.cohort import CohortFile
from hemosim_jax.environment import (
    EnvParams,
    Readout,
    TreatmentEnvironment,
    plain_numbers,
)
from hemosim_jax.models import heparin
from hemosim_jax.models.aptt_reagent import REAGENTS, Reagent
from hemosim_jax.outcomes.aptt import aptt_outcomes
from hemosim_jax.patients import heparin as patients_heparin
from hemosim_jax.patients import heparin_course
from hemosim_jax.patients.heparin import Patient
from hemosim_jax.patients.heparin_file import read_heparin_cohort
from hemosim_jax.spaces import Box, from_unit, to_unit

MAX_INFUSION_U_PER_H = 2500.0
BOLUS_U_PER_KG = 80.0
DECISION_INTERVAL_H = 6.0
EPISODE_STEPS = 20

# Scales of the observation.
OBSERVED_APTT_S = (20.0, 200.0)
OBSERVED_ANTI_XA_U_PER_ML = (0.0, 2.0)
OBSERVED_RENAL_FUNCTION = (0.0, 1.0)
OBSERVED_PLATELETS_1E9_PER_L = (0.0, 450.0)
OBSERVED_HOURS = (0.0, EPISODE_STEPS * DECISION_INTERVAL_H)
_OBSERVED = (
    OBSERVED_APTT_S,
    OBSERVED_ANTI_XA_U_PER_ML,
    patients_heparin.WEIGHT_KG,
    OBSERVED_RENAL_FUNCTION,
    OBSERVED_PLATELETS_1E9_PER_L,
    OBSERVED_HOURS,
)


@struct.dataclass
class RewardWeights:
    """Equation 2 of the task's specification (hemosim paper, section 4.2)."""

    target_aptt_s: float = 75.0
    deviation_per_s: float = -1.0 / 30.0  # times |aPTT - target|
    in_range: float = 0.5
    above: float = -5.0  # aPTT > 120 s
    below: float = -3.0  # aPTT < 40 s
    terminated_platelets: float = -20.0
    terminated_aptt: float = -15.0


@struct.dataclass
class HeparinParams(EnvParams):
    """The paper's constants."""

    max_steps_in_episode: int = EPISODE_STEPS
    decision_interval_h: float = DECISION_INTERVAL_H
    reagent: Reagent | None = None
    reward_weights: RewardWeights = RewardWeights()
    risks: heparin_course.CourseRisks = heparin_course.CourseRisks()
    therapeutic_aptt_s: tuple[float, float] = (60.0, 100.0)
    high_aptt_s: float = 120.0
    low_aptt_s: float = 40.0
    terminal_aptt_s: float = 150.0
    terminal_platelets_1e9_per_l: float = 50.0
    reward_per_chf: float = 0.0  # of laboratory orders; the variant with a laboratory sets it


@struct.dataclass
class Treatment:
    """One decision. NaN as infusion: the action was no number, nothing is given."""

    infusion_u_per_h: Float[Array, ""]
    bolus_u_per_kg: Float[Array, ""]
    protamine_mg: Float[Array, ""]


@struct.dataclass
class HeparinState(environment.EnvState):
    """A patient under way."""

    time: Int[Array, ""]  # decisions made
    elapsed_h: Float[Array, ""]
    patient: Patient
    drug: heparin.State
    infusion_u_per_h: Float[Array, ""]  # given in the last interval
    bolus_u: Float[Array, ""]
    valid_action: Bool[Array, ""]  # whether it was a number
    solver_ok: Bool[Array, ""]
    laboratory: Any = ()  # of the variant with an ordered laboratory


@struct.dataclass
class HeparinObservation:
    """What the agent, or a protocol, knows."""

    aptt_s: Float[Array, ""]
    anti_xa_u_per_ml: Float[Array, ""]
    weight_kg: Float[Array, ""]
    renal_function: Float[Array, ""]
    platelets_1e9_per_l: Float[Array, ""]
    hours: Float[Array, ""]


class HeparinInfusion(TreatmentEnvironment):
    """Titrate intravenous heparin over five days, every six hours.

    Observation (6), each in 0..1: aPTT, heparin level (anti-Xa), weight, renal function,
    platelets, hours. Action (2) in 0..1: the infusion, up to 2,500 U/h; above 0.5, a bolus of
    80 U/kg. Reward: equation 2 of the hemosim paper. Terminates at an aPTT > 150 s or platelets
    < 50; truncates after 120 h.

    The bolus and the new rate start at once; the aPTT that is rewarded and observed is the true one
    at the end of the interval. An action that is not finite is no treatment.
    """

    name = "HeparinInfusion-v0"
    version = "0"
    readout = Readout(
        time="hours",
        time_label="hours",
        signal="aptt_s",
        signal_label="aPTT, s",
        target_range=(60.0, 100.0),
        treatment="infusion_u_per_h",
        treatment_label="heparin, U/h",
        outcome="in_range_percent",
        outcome_label="time in therapeutic range, %",
        medians=("first_in_range_h",),
    )
    groups = MappingProxyType({"recently_exposed": ("no recent heparin", "recent heparin")})

    def __init__(self, difficulty: str = "medium", *, reagent: str = "paper"):
        """The options fix `default_params`.

        - `difficulty`: "easy" (normal kidneys, half the variability, no complications), "medium"
          (renal function varies between patients, full variability, thrombocytopenia as often as
          published, which five days hardly ever show) or "hard" (and recent exposure to heparin,
          bleeding, kidneys and elimination that change). Kidneys alone raise the level on a usual
          infusion by 11 % at most: the linear path is a small part.
        - `reagent`: "paper" (anti-Xa 0.3–0.7 is 60–100 s) or "raschke" (46–70 s).

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(difficulty)
        if reagent not in REAGENTS:
            raise ValueError(f"reagent must be one of {', '.join(REAGENTS)}; got {reagent!r}")
        self._reagent = REAGENTS[reagent]

    def tier_params(self, difficulty: str) -> HeparinParams:
        """What a tier consists of, in plain numbers."""
        population, risks = patients_heparin.Population(), heparin_course.MEDIUM
        if difficulty == "easy":
            population = population.replace(
                renal_decline_per_y=0.0, renal_log_sd=0.0, variability=0.5
            )
            risks = heparin_course.CourseRisks()
        if difficulty == "hard":
            population = population.replace(recently_exposed=0.3)  # working value
            risks = heparin_course.HARD
        return HeparinParams(patients=population, reagent=self._reagent, risks=risks)

    def draw_patient(self, key: jax.Array, params: HeparinParams) -> Patient:
        """A patient of the population `params.patients`."""
        return patients_heparin.sample(key, params.patients, params.risks)

    def initial_state(self, patient: Patient, params: HeparinParams) -> HeparinState:
        """Before heparin."""
        zero = jnp.zeros((), jnp.result_type(float))
        return HeparinState(
            time=jnp.zeros((), jnp.int32),
            elapsed_h=zero,
            patient=patient,
            drug=heparin.initial_state(patient.parameters),
            infusion_u_per_h=zero,
            bolus_u=zero,
            valid_action=jnp.ones((), bool),
            solver_ok=jnp.ones((), bool),
        )

    def decode_action(self, action: Float[Array, " 2"]) -> Treatment:
        """Infusion and bolus; an infusion of NaN where the action is not finite."""
        valid = jnp.all(jnp.isfinite(action))
        fraction = jnp.clip(action.astype(jnp.result_type(float)), 0.0, 1.0)
        return Treatment(
            infusion_u_per_h=jnp.where(valid, MAX_INFUSION_U_PER_H * fraction[0], jnp.nan),
            bolus_u_per_kg=jnp.where(valid & (fraction[1] > 0.5), BOLUS_U_PER_KG, 0.0),
            protamine_mg=jnp.zeros_like(fraction[0]),
        )

    def encode_action(
        self, infusion_u_per_h: Float[Array, ""], bolus: Bool[Array, ""]
    ) -> Float[Array, " 2"]:
        """The action that infuses so much (at most 2,500 U/h), after a bolus of 80 U/kg or not."""
        fraction = jnp.clip(infusion_u_per_h / MAX_INFUSION_U_PER_H, 0.0, 1.0)
        return jnp.stack([fraction, jnp.asarray(bolus).astype(fraction.dtype)])

    def advance(
        self,
        key: jax.Array,
        state: HeparinState,
        treatment: Treatment,
        duration_h: Float[Array, ""],
        params: HeparinParams,
    ) -> HeparinState:
        """Bolus, protamine and the new rate now, the hours that follow, and what they bring."""
        patient = state.patient
        parameters = patient.parameters
        valid = jnp.isfinite(treatment.infusion_u_per_h)
        infusion_u_per_h = jnp.where(valid, treatment.infusion_u_per_h, 0.0)
        bolus_u = treatment.bolus_u_per_kg * patient.covariates.weight_kg
        drug = heparin.give_bolus(state.drug, bolus_u, parameters)
        drug = heparin.give_protamine(drug, treatment.protamine_mg, parameters)
        course = heparin_course.progress(
            key,
            patient.course,
            state.elapsed_h,
            duration_h,
            drug.anti_xa_u_per_ml,
            heparin.aptt_s(drug, parameters, params.reagent),
            params.risks,
        )
        inputs = heparin.Inputs(
            infusion_u_per_h=infusion_u_per_h,
            elimination_ratio=jnp.exp(course.log_elimination),
            renal_function=_renal_function(patient.replace(course=course)),
            immunized=course.immunized.astype(infusion_u_per_h.dtype),
        )
        drug, solver_ok = heparin.advance(
            drug,
            duration_h,
            parameters,
            inputs,
            differentiable=self.transition_gradients_enabled,
        )
        drug = heparin_course.after_bleeding(drug, course)
        return state.replace(
            elapsed_h=state.elapsed_h + duration_h,
            patient=patient.replace(course=course),
            drug=drug,
            infusion_u_per_h=infusion_u_per_h,
            bolus_u=bolus_u,
            valid_action=valid,
            solver_ok=solver_ok & jnp.isfinite(drug.anti_xa_u_per_ml),
        )

    def observe(
        self, key: jax.Array, state: HeparinState, action: Array | None, params: HeparinParams
    ) -> Float[Array, " 6"]:
        """The six numbers of the specification, clipped to 0..1."""
        seen = (
            self._aptt_s(state, params),
            state.drug.anti_xa_u_per_ml,
            state.patient.covariates.weight_kg,
            _renal_function(state.patient),
            state.drug.platelets_1e9_per_l,
            state.elapsed_h,
        )
        return jnp.stack([to_unit(*pair) for pair in zip(seen, _OBSERVED, strict=True)])

    def decode_observation(self, observation: Float[Array, " 6"]) -> HeparinObservation:
        """Clinical units; what the space's bounds clip stays clipped."""
        return HeparinObservation(
            *(from_unit(observation[i], bounds) for i, bounds in enumerate(_OBSERVED))
        )

    def is_terminated(self, state: HeparinState, params: HeparinParams) -> Bool[Array, ""]:
        """Platelets too few, or aPTT beyond the terminal bound."""
        few = state.drug.platelets_1e9_per_l < params.terminal_platelets_1e9_per_l
        return few | (self._aptt_s(state, params) > params.terminal_aptt_s)

    def reward(self, state: HeparinState, params: HeparinParams) -> Float[Array, ""]:
        """Equation 2 with the terminal penalties."""
        aptt_s, weights = self._aptt_s(state, params), params.reward_weights
        few = state.drug.platelets_1e9_per_l < params.terminal_platelets_1e9_per_l

        def where(condition, weight):
            return jnp.where(condition, weight, 0.0)

        return (
            weights.deviation_per_s * jnp.abs(aptt_s - weights.target_aptt_s)
            + where(_therapeutic(aptt_s, params), weights.in_range)
            + where(aptt_s > params.high_aptt_s, weights.above)
            + where(aptt_s < params.low_aptt_s, weights.below)
            + where(few, weights.terminated_platelets)
            + where(aptt_s > params.terminal_aptt_s, weights.terminated_aptt)
        )

    def info(self, state: HeparinState, params: HeparinParams) -> dict[str, Array]:
        """`cost` is 1 while the aPTT is above 120 s, or after a bleed or thrombosis."""
        course, drug = state.patient.course, state.drug
        aptt_s = self._aptt_s(state, params)
        harmed = (aptt_s > params.high_aptt_s) | course.major_bleed | course.thrombosis
        return {
            "aptt_s": aptt_s,
            "anti_xa_u_per_ml": drug.anti_xa_u_per_ml,
            "antithrombin": drug.antithrombin,
            "platelets_1e9_per_l": drug.platelets_1e9_per_l,
            "renal_function": _renal_function(state.patient),
            "therapeutic": _therapeutic(aptt_s, params),
            "infusion_u_per_h": state.infusion_u_per_h,
            "bolus_u": state.bolus_u,
            "hit": course.immunized,
            "major_bleed": course.major_bleed,
            "thrombosis": course.thrombosis,
            "hours": state.elapsed_h,
            "recently_exposed": state.patient.covariates.recently_exposed.astype(jnp.int32),
            "cost": harmed.astype(aptt_s.dtype),
            "valid_action": state.valid_action,
            "solver_ok": state.solver_ok,
        }

    def outcomes(
        self, info: dict[str, Array], alive: Bool[Array, " times"], params: HeparinParams
    ) -> dict[str, Array]:
        """Time in range, above 120 s and below 40 s, first hour in range, events."""
        return aptt_outcomes(
            info,
            alive,
            target_range=params.therapeutic_aptt_s,
            high_aptt_s=params.high_aptt_s,
            low_aptt_s=params.low_aptt_s,
        )

    def complete_cohort(
        self, path: str | Path, params: HeparinParams, key: jax.Array
    ) -> CohortFile:
        """Age, sex, weight and, where it is recorded, renal function; the rest is drawn.

        **Raises:** as `patients.heparin_file.read_heparin_cohort`.
        """
        records = read_heparin_cohort(path)
        cohort = patients_heparin.complete_cohort(
            key, records.covariates, records.renal_known, params.patients, params.risks
        )
        return CohortFile(cohort, records.left_out)

    def describe(self, patient: Patient) -> dict[str, Any]:
        """Covariates by name, the individual parameters, and what is to come."""
        covariates = patient.covariates
        return {
            "sex": "male" if covariates.male else "female",
            "recently_exposed": bool(covariates.recently_exposed),
            **plain_numbers(covariates, patient.parameters),
            "hit_onset_h": float(patient.course.hit_onset_h),
        }

    def _aptt_s(self, state: HeparinState, params: HeparinParams) -> Float[Array, ""]:
        return heparin.aptt_s(state.drug, state.patient.parameters, params.reagent)

    def action_space(self, params: HeparinParams | None = None) -> Box:
        """Infusion as a fraction of 2,500 U/h, and the bolus."""
        return Box(0.0, 1.0, (2,), jnp.result_type(float))

    def observation_space(self, params: HeparinParams | None = None) -> Box:
        """Six numbers in 0..1."""
        return Box(0.0, 1.0, (6,), jnp.result_type(float))


def _renal_function(patient: Patient) -> Float[Array, ""]:
    now = patient.covariates.renal_function * jnp.exp(patient.course.log_renal)
    return jnp.clip(now, *patients_heparin.RENAL_FUNCTION)


def _therapeutic(aptt_s, params):
    low, high = params.therapeutic_aptt_s
    return (aptt_s >= low) & (aptt_s <= high)
