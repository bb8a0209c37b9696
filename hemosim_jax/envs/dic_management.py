"""`DICManagement-v0`: a week of disseminated intravascular coagulation, decided every 4 h."""

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
from hemosim_jax.models import blood_products, dic
from hemosim_jax.models.blood_products import Products
from hemosim_jax.models.coagulation.clotting_formulas import NORMAL_PT_S
from hemosim_jax.models.dic import Consumption
from hemosim_jax.outcomes.dic import OVERT, dic_outcomes, isth_score
from hemosim_jax.patients import dic as patients_dic
from hemosim_jax.patients import dic_course
from hemosim_jax.patients.dic import CAUSES, Patient
from hemosim_jax.patients.dic_file import read_dic_cohort
from hemosim_jax.patients.draws import as_uniform, draw
from hemosim_jax.spaces import Box, MultiDiscrete, from_unit, to_unit

DECISION_INTERVAL_H = 4.0
EPISODE_STEPS = 42

# What the numbers of an action mean (the paper, section 4.4): units, and U/h.
PLATELET_UNITS = (0.0, 1.0, 2.0, 4.0)
PLASMA_UNITS = (0.0, 2.0, 4.0, 6.0)
CRYOPRECIPITATE_UNITS = (0.0, 5.0, 10.0)
HEPARIN_U_PER_H = (0.0, 500.0, 1000.0)
SPACE = MultiDiscrete(
    tuple(map(len, (PLATELET_UNITS, PLASMA_UNITS, CRYOPRECIPITATE_UNITS, HEPARIN_U_PER_H)))
)

# Scales of the observation.
OBSERVED_SCORE = (0.0, 8.0)
OBSERVED_PLATELETS_1E9_PER_L = (0.0, 400.0)
OBSERVED_FIBRINOGEN_G_PER_L = (0.0, 6.0)
OBSERVED_PROLONGATION_S = (0.0, 30.0)
OBSERVED_D_DIMER_MG_PER_L = (0.0, 40.0)
OBSERVED_HOURS = (0.0, 168.0)
_UNIT = (0.0, 1.0)
_OBSERVED = (
    OBSERVED_SCORE,
    OBSERVED_PLATELETS_1E9_PER_L,
    OBSERVED_FIBRINOGEN_G_PER_L,
    OBSERVED_PROLONGATION_S,
    OBSERVED_D_DIMER_MG_PER_L,
    _UNIT,
    OBSERVED_HOURS,
    _UNIT,
)


@struct.dataclass
class RewardWeights:
    """Equation 4 of the task's specification (hemosim paper, section 4.4).

    The paper gives no price of a transfusion: those of the hemosim package.
    """

    score: float = -1.0  # per point
    improved: float = 2.0  # the score fell
    severe_bleeding: float = -5.0
    platelet_unit: float = -0.1
    plasma_unit: float = -0.1
    cryoprecipitate_unit: float = -0.05
    heparin_without_platelets: float = -3.0
    organ_failure: float = -20.0
    critical_platelets: float = -15.0


@struct.dataclass
class DICParams(EnvParams):
    """Thresholds and prices of the task."""

    max_steps_in_episode: int = EPISODE_STEPS
    decision_interval_h: float = DECISION_INTERVAL_H
    reward_weights: RewardWeights = RewardWeights()
    severe_bleeding: float = 0.5  # severity above which it counts
    any_bleeding: float = 0.1  # severity above which there is a bleed (assumption)
    thrombosis_g_per_l: float = 0.25  # microthrombi above which there is thrombosis (assumption)
    heparin_platelets_1e9_per_l: float = 50.0  # below it heparin is penalized
    organ_failure: float = 0.15  # organ function below which the patient dies (hemosim package)
    critical_platelets_1e9_per_l: float = 10.0
    reward_per_chf: float = 0.0  # of ordered assays, where there is a laboratory


@struct.dataclass
class Treatment:
    """One decision."""

    products: Products  # units, given at once
    heparin_u_per_h: Float[Array, ""]


@struct.dataclass
class DICState(environment.EnvState):
    """A patient under way."""

    time: Int[Array, ""]  # decisions made
    elapsed_h: Float[Array, ""]
    patient: Patient
    blood: dic.State
    consumption: Consumption  # of the last interval
    treatment: Treatment  # the last one
    score: Int[Array, ""]
    improved: Bool[Array, ""]  # the score fell in the last interval
    solver_ok: Bool[Array, ""]
    laboratory: Any = None  # of tasks that order their assays


@struct.dataclass
class DICObservation:
    """What the agent, or a protocol, knows."""

    score: Float[Array, ""]
    platelets_1e9_per_l: Float[Array, ""]
    fibrinogen_g_per_l: Float[Array, ""]
    prolongation_s: Float[Array, ""]  # of the prothrombin time
    d_dimer_mg_per_l: Float[Array, ""]
    organ_function: Float[Array, ""]
    hours: Float[Array, ""]
    bleeding: Float[Array, ""]


class DICManagement(TreatmentEnvironment):
    """Blood products and heparin for a patient whose coagulation is running out of hand.

    Observation (8), each in 0..1: ISTH score, platelets, fibrinogen, prolongation of the
    prothrombin time, D-dimer, organ function, hours, severity of bleeding. Action:
    MultiDiscrete([4, 4, 3, 3]): platelets (0, 1, 2, 4 units), plasma (0, 2, 4, 6), cryoprecipitate
    (0, 5, 10), heparin (0, 500, 1000 U/h). Reward: equation 4 of the hemosim paper. Terminates when
    organs fail or platelets fall below 10; truncates after 42 decisions.
    """

    name = "DICManagement-v0"
    version = "0"
    readout = Readout(
        time="hours",
        time_label="hours",
        signal="isth_score",
        signal_label="ISTH score (5: overt DIC)",
        target_range=(0.0, 4.0),
        treatment="plasma_units",
        treatment_label="plasma, units",
        outcome="mortality_28_d_percent",
        outcome_label="28-day mortality, %",
        medians=(),
    )
    groups = MappingProxyType({"cause": tuple(cause.name for cause in CAUSES)})

    def __init__(self, difficulty: str = "medium", *, cascade: str = "reduced"):
        """The options.

        - `difficulty`: "easy" (mild, of sepsis), "medium" (moderate, any cause) or "hard"
          (fulminant, everyone bleeds).
        - `cascade`: "reduced" (eight states) or "hockin_mann" (34 species, a hundred times slower,
          without transition gradients) is what consumption follows from.

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(difficulty)
        if cascade not in dic.CASCADES:
            raise ValueError(f"cascade must be one of {', '.join(dic.CASCADES)}; got {cascade!r}")
        self.cascade = cascade
        self._supports_transition_gradients = cascade == "reduced"

    def tier_params(self, difficulty: str) -> DICParams:
        """What a tier consists of, in plain numbers."""
        patients = {
            "easy": patients_dic.EASY,
            "medium": patients_dic.MEDIUM,
            "hard": patients_dic.HARD,
        }[difficulty]
        return DICParams(patients=patients)

    def draw_patient(self, key: jax.Array, params: DICParams) -> Patient:
        """A patient of the population `params.patients`."""
        return patients_dic.sample(key, params.patients)

    def initial_state(self, patient: Patient, params: DICParams) -> DICState:
        """On admission."""
        zero = jnp.zeros((), jnp.result_type(float))
        no = jnp.zeros((), bool)
        blood = patients_dic.on_admission(patient, differentiable=self.transition_gradients_enabled)
        return DICState(
            time=jnp.zeros((), jnp.int32),
            elapsed_h=zero,
            patient=patient,
            blood=blood,
            consumption=dic.no_consumption(zero),
            treatment=Treatment(Products(zero, zero, zero), zero),
            score=_score(blood),
            improved=no,
            solver_ok=~no,
        )

    def decode_action(self, action: Int[Array, " 4"]) -> Treatment:
        """Units and U/h; every integer is clipped to those there are."""
        platelets, plasma, cryoprecipitate, heparin = action.astype(jnp.int32)
        return Treatment(
            Products(
                choose(platelets, PLATELET_UNITS),
                choose(plasma, PLASMA_UNITS),
                choose(cryoprecipitate, CRYOPRECIPITATE_UNITS),
            ),
            choose(heparin, HEPARIN_U_PER_H),
        )

    def encode_action(self, platelets, plasma, cryoprecipitate, heparin) -> Int[Array, " 4"]:
        """The action with these indices into the units above."""
        return jnp.stack(
            [jnp.asarray(i, jnp.int32) for i in (platelets, plasma, cryoprecipitate, heparin)]
        )

    def advance(
        self,
        key: jax.Array,
        state: DICState,
        treatment: Treatment,
        duration_h: Float[Array, ""],
        params: DICParams,
    ) -> DICState:
        """Transfusions at once, heparin throughout, and perhaps a bleed."""
        parameters = state.patient.parameters
        (u_bleed,) = map(as_uniform, draw(key, 1))
        blood = blood_products.give(state.blood, treatment.products, parameters.weight_kg)
        blood, consumed, ok = dic.advance(
            blood,
            state.consumption,
            duration_h,
            parameters,
            treatment.heparin_u_per_h,
            cascade=self.cascade,
            differentiable=self.transition_gradients_enabled,
        )
        blood = dic_course.begin_bleeding(u_bleed, blood, parameters, duration_h)
        score = _score(blood)
        return state.replace(
            elapsed_h=state.elapsed_h + duration_h,
            blood=blood,
            consumption=consumed,
            treatment=treatment,
            score=score,
            improved=score < state.score,
            solver_ok=ok & jnp.isfinite(blood.organ_function + blood.fibrinogen_g_per_l),
        )

    def observe(
        self, key: jax.Array, state: DICState, action: Array | None, params: DICParams
    ) -> Float[Array, " 8"]:
        """The eight numbers of the specification, clipped to 0..1."""
        blood = state.blood
        seen = (
            state.score.astype(blood.bleeding.dtype),
            blood.platelets_1e9_per_l,
            blood.fibrinogen_g_per_l,
            _prolongation_s(blood),
            blood.d_dimer_mg_per_l,
            blood.organ_function,
            state.elapsed_h,
            blood.bleeding,
        )
        return jnp.stack([to_unit(*pair) for pair in zip(seen, _OBSERVED, strict=True)])

    def decode_observation(self, observation: Float[Array, " 8"]) -> DICObservation:
        """Clinical units; what the space's bounds clip stays clipped."""
        return DICObservation(
            *(from_unit(observation[i], bounds) for i, bounds in enumerate(_OBSERVED))
        )

    def is_terminated(self, state: DICState, params: DICParams) -> Bool[Array, ""]:
        """Organs have failed, or next to no platelets are left."""
        return self._organs_failed(state, params) | self._platelets_critical(state, params)

    def reward(self, state: DICState, params: DICParams) -> Float[Array, ""]:
        """Equation 4."""
        weights, treatment = params.reward_weights, state.treatment
        products, dtype = treatment.products, state.elapsed_h.dtype
        few = state.blood.platelets_1e9_per_l < params.heparin_platelets_1e9_per_l

        def where(condition, weight):
            return jnp.where(condition, weight, 0.0)

        return (
            weights.score * state.score.astype(dtype)
            + where(state.improved, weights.improved)
            + where(state.blood.bleeding > params.severe_bleeding, weights.severe_bleeding)
            + weights.platelet_unit * products.platelets
            + weights.plasma_unit * products.plasma
            + weights.cryoprecipitate_unit * products.cryoprecipitate
            + where((treatment.heparin_u_per_h > 0.0) & few, weights.heparin_without_platelets)
            + where(self._organs_failed(state, params), weights.organ_failure)
            + where(self._platelets_critical(state, params), weights.critical_platelets)
        )

    def info(self, state: DICState, params: DICParams) -> dict[str, Array]:
        """`cost` is 1 while bleeding is severe; who dies then has bled to death."""
        blood, products = state.blood, state.treatment.products
        severe = blood.bleeding > params.severe_bleeding
        died = self.is_terminated(state, params)
        return {
            "isth_score": state.score,
            "overt": state.score >= OVERT,
            "platelets_1e9_per_l": blood.platelets_1e9_per_l,
            "fibrinogen_g_per_l": blood.fibrinogen_g_per_l,
            "pt_s": dic.pt_s(blood),
            "aptt_s": dic.aptt_s(blood),
            "d_dimer_mg_per_l": blood.d_dimer_mg_per_l,
            "antithrombin": blood.antithrombin,
            **{f"factor_{name.lower()}": level for name, level in blood.factors.items()},
            "anti_xa_u_per_ml": blood.anti_xa_u_per_ml,
            "microthrombi_g_per_l": blood.microthrombi_g_per_l,
            "tissue_factor_pm": blood.tissue_factor_pm,
            "hemoglobin_g_per_dl": blood.hemoglobin_g_per_dl,
            "organ_function": blood.organ_function,
            "bleeding": blood.bleeding,
            "severe_bleeding": severe,
            "thrombosis": blood.microthrombi_g_per_l > params.thrombosis_g_per_l,
            "therapeutic": state.score < OVERT,
            "platelet_units": products.platelets,
            "plasma_units": products.plasma,
            "cryoprecipitate_units": products.cryoprecipitate,
            "heparin_u_per_h": state.treatment.heparin_u_per_h,
            "died": died,
            "bled_to_death": died & severe,
            "died_bleeding": died & (blood.bleeding > params.any_bleeding),
            "hours": state.elapsed_h,
            "cause": state.patient.covariates.cause,
            "cost": severe.astype(state.elapsed_h.dtype),
            "valid_action": jnp.ones((), bool),  # an integer is always a number
            "solver_ok": state.solver_ok,
        }

    def outcomes(
        self, info: dict[str, Array], alive: Bool[Array, " times"], params: DICParams
    ) -> dict[str, Array]:
        """Deaths, scores, bleeding, products."""
        return dic_outcomes(info, alive)

    def complete_cohort(self, path: str | Path, params: DICParams, key: jax.Array) -> CohortFile:
        """Cause, age and weight from a file; what no file records is drawn.

        **Raises:** as `patients.dic_file.read_dic_cohort`; `ValueError` if `params` holds no
        population.
        """
        records = read_dic_cohort(path)
        cohort = patients_dic.complete_cohort(key, records.covariates, params.patients)
        return CohortFile(cohort, records.left_out)

    def describe(self, patient: Patient) -> dict[str, Any]:
        """Cause, covariates by name, and how severe it is."""
        parameters = patient.parameters
        return {
            "cause": CAUSES[int(patient.covariates.cause)].name,
            **plain_numbers(patient.covariates),
            "tissue_factor_pm": round(float(parameters.tissue_factor_pm), 2),
            "exposed_per_h": round(float(parameters.exposed_per_h), 4),
            "hours_since_onset": round(float(patient.onset_h), 1),
        }

    def action_space(self, params: DICParams | None = None) -> MultiDiscrete:
        """Platelets, plasma, cryoprecipitate, heparin."""
        return SPACE

    def observation_space(self, params: DICParams | None = None) -> Box:
        """Eight numbers in 0..1."""
        return Box(0.0, 1.0, (len(_OBSERVED),), jnp.result_type(float))

    def _organs_failed(self, state: DICState, params: DICParams) -> Bool[Array, ""]:
        return state.blood.organ_function < params.organ_failure

    def _platelets_critical(self, state: DICState, params: DICParams) -> Bool[Array, ""]:
        return state.blood.platelets_1e9_per_l < params.critical_platelets_1e9_per_l


def _prolongation_s(blood: dic.State) -> Float[Array, ""]:
    return dic.pt_s(blood) - NORMAL_PT_S


def _score(blood: dic.State) -> Int[Array, ""]:
    return isth_score(
        blood.platelets_1e9_per_l,
        blood.d_dimer_mg_per_l,
        _prolongation_s(blood),
        blood.fibrinogen_g_per_l,
    )
