"""`DICManagement` to learn from: the outcome reward in expectation, and nobody dies."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.options import Difficulty
from hemosim_jax.core.wrapper import Around, WrappedEnvironment
from hemosim_jax.tasks.dic.disturbances import NEVER
from hemosim_jax.tasks.dic.environment import DICManagement, DICParams, DICState
from hemosim_jax.tasks.dic.population import Patient
from hemosim_jax.tasks.dic.treatment import Treatment


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ExpectedRewardsState(Around):
    """The task's, of a patient who does not die, and what the last interval's risk was."""

    task: DICState
    survival: Any  # probability of living through the last interval


class DICExpectedRewards(WrappedEnvironment):
    """The reward is what the outcome reward is expected to be with the interval's hazard of death.

    Nobody dies; `info["discount"]` is that of the interval's duration times the probability of
    living through it, and 0 at the horizon: the risk of death by day 28 that is left has been paid
    by then, and nothing follows. The sum of rewards, each times the discounts before it, is that of
    the task in expectation (at a discount of 1), without the noise of single deaths. Agents are
    judged in `DICManagement`, whose options these are.
    """

    env: DICManagement

    def __init__(self, difficulty: Difficulty = "medium", **options: Any):
        """Options and errors as `DICManagement`; the reward is that of outcomes."""
        env = DICManagement(difficulty, reward="outcome", **options)
        super().__init__(env, name=env.name, version=env.version)

    def inner(self, params_or_state: Any) -> Any:
        """The task's state; the parameters are the task's."""
        is_state = isinstance(params_or_state, ExpectedRewardsState)
        return params_or_state.task if is_state else params_or_state

    def initial_state(self, patient: Patient, params: DICParams) -> ExpectedRewardsState:
        """On admission."""
        spared = patient.replace(until_death=jnp.full_like(patient.until_death, NEVER))
        state = self.env.initial_state(spared, params)
        return ExpectedRewardsState(state, jnp.ones_like(state.elapsed))

    def advance(
        self,
        key: jax.Array,
        state: ExpectedRewardsState,
        treatment: Treatment,
        duration: Float[Array, ""],
        params: DICParams,
    ) -> ExpectedRewardsState:
        """As the task, with the expected rise of the risk."""
        before = state.task
        after = self.env.advance(key, before, treatment, duration, params)
        hazard = after.physiology.death_hazard - before.physiology.death_hazard
        survival = jnp.exp(-hazard)
        expected = survival * after.risk_28_d + (1.0 - survival) - before.risk_28_d
        return ExpectedRewardsState(after.replace(risk_rise=expected), survival)

    def measured_values(self, state: ExpectedRewardsState, params: DICParams) -> dict[str, Any]:
        """The task's, the score of what was measured."""
        return self.env.measured_values(state.task, params)

    def discount(self, state: ExpectedRewardsState, params: DICParams) -> Float[Array, ""]:
        """That of the duration, times the probability of going on; 0 at the horizon."""
        worth = params.discount ** self.intervals(state) * state.survival
        return jnp.where(self.is_truncated(state, params), 0.0, worth)
