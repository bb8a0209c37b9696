"""`DICManagement-v1`: a week of disseminated intravascular coagulation, decided every 4 h."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.durations import Crossing, monotone_crossing
from hemosim_jax.core.environment import EnvParams, EnvState, TreatmentEnvironment, start
from hemosim_jax.core.fields import Field, ObservationFields
from hemosim_jax.core.laboratory.assay import Assay
from hemosim_jax.core.options import Choices, Difficulty, check_choice
from hemosim_jax.core.random_draws import as_normal, uniform_vector
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.physiology import assay_catalog
from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_PT_S
from hemosim_jax.tasks.dic import disturbances, model, mortality, population, reward, treatment
from hemosim_jax.tasks.dic.blood import Blood, aptt_s, pt_s
from hemosim_jax.tasks.dic.consumption import CASCADES
from hemosim_jax.tasks.dic.disturbances import Disturbances
from hemosim_jax.tasks.dic.metrics import OVERT, isth_score
from hemosim_jax.tasks.dic.model import DICModel
from hemosim_jax.tasks.dic.population import Patient
from hemosim_jax.tasks.dic.reward import REWARDS, Equation4, OutcomeWeights
from hemosim_jax.tasks.dic.treatment import Treatment, given

DECISION_INTERVAL_H = 4.0
EPISODE_H = 168.0

PLATELETS_1E9_PER_L = Field("platelets_1e9_per_l", "1e9/L", (0.0, 400.0))
FIBRINOGEN_G_PER_L = Field("fibrinogen_g_per_l", "g/L", (0.0, 12.0))
D_DIMER_MG_PER_L = Field("d_dimer_mg_per_l", "mg/L", (0.0, 40.0))
ORGAN_FUNCTION = Field("organ_function")
HOURS = Field("hours", "h", (0.0, EPISODE_H), open_above=True)
BLEEDING = Field("bleeding")
# What the score is of.
SCORED = ("platelets_1e9_per_l", "d_dimer_mg_per_l", "prolongation_s", "fibrinogen_g_per_l")
CascadeName = Annotated[str, Choices(CASCADES)]
RewardName = Annotated[str, Choices(REWARDS)]
TreatmentsName = Annotated[str, Choices(tuple(treatment.OPTIONS))]


class DICParams(EnvParams):
    """Thresholds and prices of the task."""

    decision_interval: Scalar = DECISION_INTERVAL_H
    horizon: Scalar = EPISODE_H
    outcome_weights: OutcomeWeights = OutcomeWeights()
    equation4_weights: Equation4 = Equation4()
    severe_bleeding: Scalar = 0.5  # severity above which it counts
    any_bleeding: Scalar = 0.1  # severity above which there is a bleed (assumption)
    thrombosis: Scalar = 0.25  # share of small vessels blocked above which it counts (assumption)
    # Of equation 4: below it heparin is penalized, and where it ends the episode (hemosim package).
    heparin_platelets_1e9_per_l: Scalar = 50.0
    organ_failure: Scalar = 0.15
    critical_platelets_1e9_per_l: Scalar = 10.0


class DICState(EnvState):
    """A patient under way."""

    physiology: model.State
    disturbances: Disturbances
    treatment: Treatment  # the last one
    red_cell_units: Float[Array, ""]  # the ward has added with it
    risk_28_d: Float[Array, ""]  # of death; 1 once dead
    risk_rise: Float[Array, ""]  # in the last interval
    score: Int[Array, ""]
    improved: Bool[Array, ""]  # the score fell in the last interval

    @property
    def blood(self) -> Blood:
        """What the patient's blood holds now."""
        return self.physiology.blood


class DICManagement(TreatmentEnvironment):
    """Blood products and heparin for a patient whose coagulation is running out of hand.

    Terminates when the patient dies, at once; truncates after a week.
    """

    name = "DICManagement-v1"
    version = "1"
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
    action_fields = treatment.USUAL

    def __init__(
        self,
        difficulty: Difficulty = "medium",
        *,
        reward: RewardName = "outcome",
        treatments: TreatmentsName = "usual",
        cascade: CascadeName = "network",
        within_patient: bool = True,
        measurement_error: bool = True,
    ):
        """The options.

        - `difficulty`: "easy" (mild, of sepsis, half the variation within a patient), "medium"
          (moderate, any cause) or "hard" (fulminant, everyone bleeds).
        - `reward`: "outcome" (death by day 28, bleeding, products at their prices) or "equation4"
          (of the hemosim paper; also ends where organ function falls below 0.15 or platelets below
          10): the environment then is `DICManagement-v0`.
        - `treatments`: "usual", or "all" (fibrinogen concentrate, prothrombin complex,
          antithrombin, tranexamic acid and thrombomodulin as well).
        - `cascade`: what consumption follows from; "network" (fitted to the other) or "hockin_mann"
          (34 species, far slower, without transition gradients).
        - `within_patient`, `measurement_error`: as `TreatmentEnvironment`.

        **Raises:** `ValueError` for any other value.
        """
        super().__init__(
            difficulty, within_patient=within_patient, measurement_error=measurement_error
        )
        check_choice("reward", reward, REWARDS)
        check_choice("treatments", treatments, treatment.OPTIONS)
        check_choice("cascade", cascade, CASCADES)
        self.by_equation4 = reward == "equation4"
        if self.by_equation4:
            self.name, self.version = "DICManagement-v0", "3"
        self.action_fields = treatment.OPTIONS[treatments]
        self.model = DICModel(cascade=cascade)
        self._supports_transition_gradients = cascade == "network"

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
        blood = population.on_admission(patient, differentiable=self.transition_gradients_enabled)
        zero = jnp.zeros_like(blood.organ_function)
        reasons = ("death", "organs", "platelets") if self.by_equation4 else ("death",)
        return DICState(
            **start(patient, reasons=reasons, errors=patient.first_errors),
            physiology=model.with_blood(blood),
            disturbances=disturbances.at_admission(patient.until_bleed, patient.until_death),
            treatment=treatment.nothing(),
            red_cell_units=zero,
            risk_28_d=mortality.risk_by_day_28(blood.organ_function, zero),
            risk_rise=zero,
            score=_score(blood),
            improved=jnp.zeros((), bool),
        )

    def decode_action(self, action: Int[Array, " n"]) -> Treatment:
        """Units and U/h; every integer is clipped to those there are."""
        return treatment.decoded(self.action_fields.decode(action))

    def encode_action(
        self, platelets: Any, plasma: Any, cryoprecipitate: Any, heparin: Any, **others: Any
    ) -> Int[Array, " n"]:
        """The action with these indices into the units of `treatment`; `others` by field."""
        names = [field.name for field in self.action_fields.fields]
        usual = (platelets, plasma, cryoprecipitate, heparin)
        return self.action_fields.encode(
            **{**dict.fromkeys(names, 0), **dict(zip(names, usual, strict=False)), **others}
        )

    def advance(
        self,
        key: jax.Array,
        state: DICState,
        treatment: Treatment,
        duration: Float[Array, ""],
        params: DICParams,
    ) -> DICState:
        """Products at once, heparin throughout, and perhaps a bleed, or death."""
        draws = uniform_vector(key, disturbances.N_DRAWS + len(self.assays))
        condition = disturbances.progress(
            draws[:3], state.disturbances, duration, params.within_patient
        )
        parameters = disturbances.parameters(state.patient.parameters, condition)
        dosed, red_cells = given(state.blood, treatment, parameters.weight_kg)
        before = state.physiology.replace(blood=dosed)
        after, ok = self.model.advance(
            before,
            duration,
            parameters,
            treatment.heparin_u_per_h,
            differentiable=self.transition_gradients_enabled,
        )
        condition, blood = disturbances.begin_bleeding(
            draws[3:6], condition, before, after, parameters
        )
        condition, death = disturbances.death(condition, before, after)
        score = _score(blood)
        ends = {"death": Crossing(death.happened, death.fraction)}
        if self.by_equation4:
            ends |= _ends_of_equation_4(dosed, after, params)
        died = death.happened | (ends["organs"].happened if self.by_equation4 else False)
        hours = state.elapsed + duration
        risk = jnp.where(died, 1.0, mortality.risk_by_day_28(blood.organ_function, hours))
        return state.later(
            duration,
            ends,
            physiology=after.replace(blood=blood),
            disturbances=condition,
            treatment=treatment,
            red_cell_units=red_cells,
            risk_28_d=risk,
            risk_rise=risk - state.risk_28_d,
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
        """As `reward` says."""
        severe = state.blood.bleeding > params.severe_bleeding
        intervals = self.intervals(state)
        if not self.by_equation4:
            return reward.outcome(
                params.outcome_weights, state.risk_rise, severe, state.treatment, intervals
            )
        few = state.blood.platelets_1e9_per_l < params.heparin_platelets_1e9_per_l
        unsafe = (state.treatment.heparin_u_per_h > 0.0) & few
        return reward.equation4(
            params.equation4_weights,
            state.score,
            state.improved,
            severe,
            unsafe,
            state.treatment,
            state.terminated,
            intervals,
        )

    def readouts(self, state: DICState, params: DICParams) -> dict[str, Array]:
        """`cost` is 1 while bleeding is severe; a death then is one in a severe bleed."""
        blood, products = state.blood, state.treatment.products
        severe = blood.bleeding > params.severe_bleeding
        died = state.risk_28_d == 1.0
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
            "microthrombi": blood.microthrombi,
            "tissue_factor_pm": blood.tissue_factor_pm,
            "hemoglobin_g_per_dl": blood.hemoglobin_g_per_dl,
            "organ_function": blood.organ_function,
            "bleeding": blood.bleeding,
            "severe_bleeding": severe,
            "thrombosis": blood.microthrombi > params.thrombosis,
            "therapeutic": state.score < OVERT,
            "platelet_units": products.platelets,
            "plasma_units": products.plasma,
            "cryoprecipitate_units": products.cryoprecipitate,
            "red_cell_units": state.red_cell_units,
            "heparin_u_per_h": state.treatment.heparin_u_per_h,
            "risk_28_d": state.risk_28_d,
            "died": died,
            "died_in_severe_bleed": died & severe,
            "died_bleeding": died & (blood.bleeding > params.any_bleeding),
            "hours": state.elapsed,
            "cause": state.patient.covariates.cause,
            "cost": severe.astype(state.elapsed.dtype),
        }


def _ends_of_equation_4(before: Blood, after: model.State, params: DICParams):
    return {
        "organs": monotone_crossing(
            before.organ_function,
            after.lowest_organ_function,
            params.organ_failure,
            rising=False,
        ),
        "platelets": monotone_crossing(
            before.platelets_1e9_per_l,
            after.lowest_platelets_1e9_per_l,
            params.critical_platelets_1e9_per_l,
            rising=False,
        ),
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
