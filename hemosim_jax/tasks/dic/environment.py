"""`DICManagement-v0`: a week of disseminated intravascular coagulation, decided every 4 h."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.durations import monotone_crossing
from hemosim_jax.core.environment import EnvParams, EnvState, TreatmentEnvironment, start
from hemosim_jax.core.fields import ActionFields, Field, ObservationFields, category
from hemosim_jax.core.laboratory.assay import Assay
from hemosim_jax.core.node import Node
from hemosim_jax.core.options import Choices, Difficulty, check_choice
from hemosim_jax.core.random_draws import as_normal, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_PT_S
from hemosim_jax.tasks.dic import blood_products, disturbances, model, population
from hemosim_jax.tasks.dic.blood import Blood, aptt_s, pt_s
from hemosim_jax.tasks.dic.blood_products import Products
from hemosim_jax.tasks.dic.consumption import CASCADES
from hemosim_jax.tasks.dic.disturbances import Disturbances
from hemosim_jax.tasks.dic.metrics import OVERT, isth_score
from hemosim_jax.tasks.dic.model import DICModel
from hemosim_jax.tasks.dic.population import Patient

DECISION_INTERVAL_H = 4.0
EPISODE_H = 168.0

# What the numbers of an action mean (the paper, section 4.4): units, and U/h.
PLATELET_UNITS = (0.0, 1.0, 2.0, 4.0)
PLASMA_UNITS = (0.0, 2.0, 4.0, 6.0)
CRYOPRECIPITATE_UNITS = (0.0, 5.0, 10.0)
HEPARIN_U_PER_H = (0.0, 500.0, 1000.0)

PLATELETS_1E9_PER_L = Field("platelets_1e9_per_l", "1e9/L", (0.0, 400.0))
FIBRINOGEN_G_PER_L = Field("fibrinogen_g_per_l", "g/L", (0.0, 6.0))
D_DIMER_MG_PER_L = Field("d_dimer_mg_per_l", "mg/L", (0.0, 40.0))
ORGAN_FUNCTION = Field("organ_function")
HOURS = Field("hours", "h", (0.0, EPISODE_H), open_above=True)
BLEEDING = Field("bleeding")
# What the score is of.
SCORED = ("platelets_1e9_per_l", "d_dimer_mg_per_l", "prolongation_s", "fibrinogen_g_per_l")
CascadeName = Annotated[str, Choices(tuple(CASCADES))]


class RewardWeights(Node):
    """Equation 4 of the task's specification (hemosim paper, section 4.4).

    The paper gives no price of a transfusion: those of the hemosim package.
    """

    score: Scalar = -1.0  # per point
    improved: Scalar = 2.0  # the score fell
    severe_bleeding: Scalar = -5.0
    platelet_unit: Scalar = -0.1
    plasma_unit: Scalar = -0.1
    cryoprecipitate_unit: Scalar = -0.05
    heparin_without_platelets: Scalar = -3.0
    organ_failure: Scalar = -20.0
    critical_platelets: Scalar = -15.0


class DICParams(EnvParams):
    """Thresholds and prices of the task."""

    decision_interval: Scalar = DECISION_INTERVAL_H
    horizon: Scalar = EPISODE_H
    reward_weights: RewardWeights = RewardWeights()
    severe_bleeding: Scalar = 0.5  # severity above which it counts
    any_bleeding: Scalar = 0.1  # severity above which there is a bleed (assumption)
    thrombosis_g_per_l: Scalar = 0.25  # microthrombi above which there is thrombosis (assumption)
    heparin_platelets_1e9_per_l: Scalar = 50.0  # below it heparin is penalized
    organ_failure: Scalar = 0.15  # organ function below which the patient dies (hemosim package)
    critical_platelets_1e9_per_l: Scalar = 10.0


class Treatment(Node):
    """One decision."""

    products: Products  # units, given at once
    heparin_u_per_h: Float[Array, ""]


class DICState(EnvState):
    """A patient under way."""

    physiology: model.State
    disturbances: Disturbances
    treatment: Treatment  # the last one
    score: Int[Array, ""]
    improved: Bool[Array, ""]  # the score fell in the last interval

    @property
    def blood(self) -> Blood:
        """What the patient's blood holds now."""
        return self.physiology.blood


class DICManagement(TreatmentEnvironment):
    """Blood products and heparin for a patient whose coagulation is running out of hand.

    Reward: equation 4 of the hemosim paper. Terminates when organs fail or platelets fall below 10,
    also between two decisions; truncates after a week.
    """

    name = "DICManagement-v0"
    version = "2"
    assays: Mapping[str, Assay] = {
        "platelets_1e9_per_l": assay_catalog.PLATELETS,
        "fibrinogen_g_per_l": assay_catalog.FIBRINOGEN,
        "d_dimer_mg_per_l": assay_catalog.D_DIMER,
        "pt_s": assay_catalog.PROTHROMBIN_TIME,
    }
    time_unit = "h"
    default_interval = DECISION_INTERVAL_H
    observation_fields = ObservationFields(
        (
            Field("score", bounds=(0.0, 8.0), kind="count"),
            PLATELETS_1E9_PER_L,
            FIBRINOGEN_G_PER_L,
            Field("prolongation_s", "s", (0.0, 30.0)),  # of the prothrombin time
            D_DIMER_MG_PER_L,
            ORGAN_FUNCTION,
            HOURS,
            BLEEDING,
        )
    )
    action_fields = ActionFields(
        (
            category("platelet_units", PLATELET_UNITS, once=True),
            category("plasma_units", PLASMA_UNITS, once=True),
            category("cryoprecipitate_units", CRYOPRECIPITATE_UNITS, once=True),
            category("heparin_u_per_h", HEPARIN_U_PER_H),
        )
    )

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        cascade: CascadeName = "reduced",
        within_patient: bool = True,
        measurement_error: bool = True,
    ):
        """The options.

        - `difficulty`: "easy" (mild, of sepsis, half the variation within a patient), "medium"
          (moderate, any cause) or "hard" (fulminant, everyone bleeds).
        - `cascade`: "reduced" (eight states) or "hockin_mann" (34 species, a hundred times slower,
          without transition gradients) is what consumption follows from.
        - `within_patient`, `measurement_error`: as `TreatmentEnvironment`.

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(
            difficulty, within_patient=within_patient, measurement_error=measurement_error
        )
        check_choice("cascade", cascade, CASCADES)
        self.model = DICModel(cascade=cascade)
        self._supports_transition_gradients = cascade == "reduced"

    def tier_params(self, difficulty: str) -> DICParams:
        """What a tier consists of, in plain numbers."""
        tiers = {"easy": population.EASY, "medium": population.MEDIUM, "hard": population.HARD}
        within_patient = 0.5 if difficulty == "easy" else 1.0
        return DICParams(patients=tiers[difficulty], within_patient=within_patient)

    def draw_patient(self, key: jax.Array, params: DICParams) -> Patient:
        """A patient of the population `params.patients`."""
        return population.sample(key, params.patients)

    def initial_state(self, patient: Patient, params: DICParams) -> DICState:
        """On admission."""
        zero = jnp.zeros((), jnp.result_type(float))
        blood = population.on_admission(patient, differentiable=self.transition_gradients_enabled)
        return DICState(
            **start(patient, reasons=("organs", "platelets"), errors=patient.first_errors),
            physiology=model.with_blood(blood),
            disturbances=disturbances.at_admission(patient.threshold),
            treatment=Treatment(Products(zero, zero, zero), zero),
            score=_score(blood),
            improved=jnp.zeros((), bool),
        )

    def decode_action(self, action: Int[Array, " 4"]) -> Treatment:
        """Units and U/h; every integer is clipped to those there are."""
        platelets, plasma, cryoprecipitate, heparin = self.action_fields.decode(action)
        return Treatment(Products(platelets, plasma, cryoprecipitate), heparin)

    def encode_action(
        self, platelets: Any, plasma: Any, cryoprecipitate: Any, heparin: Any
    ) -> Int[Array, " 4"]:
        """The action with these indices into the units above."""
        return self.action_fields.encode(
            platelet_units=platelets,
            plasma_units=plasma,
            cryoprecipitate_units=cryoprecipitate,
            heparin_u_per_h=heparin,
        )

    def advance(
        self,
        key: jax.Array,
        state: DICState,
        treatment: Treatment,
        duration: Float[Array, ""],
        params: DICParams,
    ) -> DICState:
        """Transfusions at once, heparin throughout, and perhaps a bleed."""
        draws = uniform_vector(key, disturbances.N_DRAWS + len(self.assays))
        condition = disturbances.progress(
            draws[:3], state.disturbances, duration, params.within_patient
        )
        parameters = disturbances.parameters(state.patient.parameters, condition)
        dosed = blood_products.give(state.blood, treatment.products, parameters.weight_kg)
        after, ok = self.model.advance(
            state.physiology.replace(blood=dosed),
            duration,
            parameters,
            treatment.heparin_u_per_h,
            differentiable=self.transition_gradients_enabled,
        )
        condition, blood = disturbances.begin_bleeding(
            draws[3:5], condition, state.physiology, after, parameters
        )
        score = _score(blood)
        ends = {
            "organs": monotone_crossing(
                dosed.organ_function,
                after.lowest_organ_function,
                params.organ_failure,
                rising=False,
            ),
            "platelets": monotone_crossing(
                dosed.platelets_1e9_per_l,
                after.lowest_platelets_1e9_per_l,
                params.critical_platelets_1e9_per_l,
                rising=False,
            ),
        }
        return state.later(
            duration,
            ends,
            physiology=after.replace(blood=blood),
            disturbances=condition,
            treatment=treatment,
            score=score,
            improved=score < state.score,
            errors=tuple(map(as_normal, draws[disturbances.N_DRAWS :])),
            solver_ok=ok & jnp.isfinite(blood.organ_function + blood.fibrinogen_g_per_l),
        )

    def observed(self, state: DICState, params: DICParams) -> dict[str, Array]:
        """The values of the specification, and the weight."""
        blood = state.blood
        return {
            "score": state.score,
            "platelets_1e9_per_l": blood.platelets_1e9_per_l,
            "fibrinogen_g_per_l": blood.fibrinogen_g_per_l,
            "prolongation_s": _prolongation_s(blood),
            "pt_s": pt_s(blood),
            "d_dimer_mg_per_l": blood.d_dimer_mg_per_l,
            "organ_function": blood.organ_function,
            "hours": state.elapsed,
            "bleeding": blood.bleeding,
            "weight_kg": state.patient.covariates.weight_kg,
        }

    def measured_values(self, state: DICState, params: DICParams) -> dict[str, Array]:
        """The score and the prolongation are those of what was measured."""
        seen = super().measured_values(state, params)
        seen["prolongation_s"] = seen["pt_s"] - NORMAL_PT_S
        return {**seen, "score": isth_score(*(seen[name] for name in SCORED))}

    def reward_terms(self, state: DICState, params: DICParams) -> dict[str, Float[Array, ""]]:
        """Equation 4; score, bleeding and heparin run with time, the others are paid once."""
        weights, treatment = params.reward_weights, state.treatment
        products, dtype = treatment.products, state.elapsed.dtype
        few = state.blood.platelets_1e9_per_l < params.heparin_platelets_1e9_per_l
        severe = state.blood.bleeding > params.severe_bleeding
        unsafe = (treatment.heparin_u_per_h > 0.0) & few
        intervals, ended = self.intervals(state), state.terminated

        def where(condition, weight):
            return jnp.where(condition, weight, 0.0)

        return {
            "score": weights.score * state.score.astype(dtype) * intervals,
            "severe_bleeding": where(severe, weights.severe_bleeding) * intervals,
            "heparin_without_platelets": where(unsafe, weights.heparin_without_platelets)
            * intervals,
            "improved": where(state.improved, weights.improved),
            "platelet_units": weights.platelet_unit * products.platelets,
            "plasma_units": weights.plasma_unit * products.plasma,
            "cryoprecipitate_units": weights.cryoprecipitate_unit * products.cryoprecipitate,
            "organ_failure": where(ended["organs"], weights.organ_failure),
            "critical_platelets": where(ended["platelets"], weights.critical_platelets),
        }

    def readouts(self, state: DICState, params: DICParams) -> dict[str, Array]:
        """`cost` is 1 while bleeding is severe; a death then is one in a severe bleed."""
        blood, products = state.blood, state.treatment.products
        severe = blood.bleeding > params.severe_bleeding
        died = self.is_terminated(state, params)
        return {
            "isth_score": state.score,
            "overt": state.score >= OVERT,
            "platelets_1e9_per_l": blood.platelets_1e9_per_l,
            "fibrinogen_g_per_l": blood.fibrinogen_g_per_l,
            "pt_s": pt_s(blood),
            "aptt_s": aptt_s(blood),
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
            "died_in_severe_bleed": died & severe,
            "died_bleeding": died & (blood.bleeding > params.any_bleeding),
            "hours": state.elapsed,
            "cause": state.patient.covariates.cause,
            "cost": severe.astype(state.elapsed.dtype),
        }


def _prolongation_s(blood: Blood) -> Float[Array, ""]:
    return pt_s(blood) - NORMAL_PT_S


def _score(blood: Blood) -> Int[Array, ""]:
    return isth_score(
        blood.platelets_1e9_per_l,
        blood.d_dimer_mg_per_l,
        _prolongation_s(blood),
        blood.fibrinogen_g_per_l,
    )
