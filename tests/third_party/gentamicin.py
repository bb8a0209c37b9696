"""A task of another package: daily gentamicin to a peak of 16 to 24 mg/L, in one compartment."""

import jax
import jax.numpy as jnp

from hemosim_jax.core.environment import EnvParams, EnvState, TreatmentEnvironment, start
from hemosim_jax.core.fields import ActionFields, Field, ObservationFields
from hemosim_jax.core.node import Node
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.task import DisplaySpec, Outcome, Signal, Task, Variant


class Params(EnvParams):
    decision_interval: float = 24.0
    horizon: float = 7 * 24.0
    clearance_l_per_h: float = 4.0
    target_mg_per_l: tuple = (16.0, 24.0)


class State(EnvState):
    amount_mg: jax.Array
    peak_mg_per_l: jax.Array


class Patient(Node):
    volume_l: jax.Array


class GentamicinDosing(TreatmentEnvironment):
    """Once a day, seven days."""

    name, version, time_unit, default_interval = "GentamicinDosing-v0", "1", "h", 24.0
    observation_fields = ObservationFields((Field("peak_mg_per_l", "mg/L", (0.0, 60.0)),))
    action_fields = ActionFields((Field("dose_mg", "mg", (0.0, 800.0), once=True),))

    def tier_params(self, difficulty):
        return Params()

    def draw_patient(self, key, params):
        return Patient(17.0 * jnp.exp(0.2 * jax.random.normal(key)))

    def initial_state(self, patient, params):
        zero = jnp.zeros_like(patient.volume_l)
        return State(**start(patient), amount_mg=zero, peak_mg_per_l=zero)

    def advance(self, key, state, treatment, duration, params):
        valid, volume_l = jnp.isfinite(treatment.dose_mg), state.patient.volume_l
        dosed_mg = state.amount_mg + jnp.where(valid, treatment.dose_mg, 0.0)
        left = jnp.exp(-params.clearance_l_per_h / volume_l * duration)
        return state.later(
            duration, amount_mg=dosed_mg * left, peak_mg_per_l=dosed_mg / volume_l,
            valid_action=valid,
        )  # fmt: skip

    def observed(self, state, params):
        return {"peak_mg_per_l": state.peak_mg_per_l}

    def reward_terms(self, state, params):
        low, high = params.target_mg_per_l
        inside = (state.peak_mg_per_l >= low) & (state.peak_mg_per_l <= high)
        return {"in_target": inside * self.intervals(state)}

    def readouts(self, state, params):
        inside = self.reward_terms(state, params)["in_target"] > 0.0
        return {
            "hours": state.elapsed, "peak_mg_per_l": state.peak_mg_per_l,
            "amount_mg": state.amount_mg, "therapeutic": inside,
            "cost": (state.peak_mg_per_l > 30.0).astype(state.elapsed.dtype),
        }  # fmt: skip


def fixed_360mg(env):
    action = env.encode_action(dose_mg=360.0)
    return Policy("fixed_360mg", lambda params: (), lambda key, carry, seen: (action, carry))


TASK = Task(
    variants={"GentamicinDosing-v0": Variant(GentamicinDosing, {"fixed_360mg": fixed_360mg})},
    metrics=lambda info, alive, params: {"in_target_percent": 100.0 * info["therapeutic"].mean()},
    describe=lambda patient: {"volume_l": float(patient.volume_l)},
    display=DisplaySpec(
        time=Signal("hours", "hours"),
        signals=(Signal("peak_mg_per_l", "peak, mg/L", "target_mg_per_l"),),
        treatments=(Signal("amount_mg", "gentamicin left, mg"),),
        outcomes=(Outcome("in_target_percent", "days in target, %", higher_is_better=True),),
    ),
)
