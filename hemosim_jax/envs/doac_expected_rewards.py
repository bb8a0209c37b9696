"""`DOACManagement-v0` to learn from: rewards in expectation, and nobody leaves."""

import jax
import jax.numpy as jnp
from flax import struct
from jaxtyping import Array, Float

from hemosim_jax.envs.doac_management import (
    NO_DRUG,
    DOACManagement,
    DOACParams,
    DOACState,
    Treatment,
    equation_3,
)
from hemosim_jax.patients import doac_course


@struct.dataclass
class ExpectedRewardsParams(DOACParams):
    """Those of the task, and who comes with a prescription."""

    prescribed: float = 0.5  # share of patients


class DOACExpectedRewards(DOACManagement):
    """The reward is what equation 3 is expected to give with the interval's hazards.

    No stroke or death ends an episode; `info["discount"]` is the probability that there was none.
    For a learner that uses it (our PPO) what is best to do stays the same, and the noise of rare
    events is gone. Of the patients, `params.prescribed` come with a prescription for one of the
    drugs, not begun, so that a learner sees each of them continued. Agents are judged in
    `DOACManagement-v0`, whose options these are.
    """

    def tier_params(self, difficulty: str) -> ExpectedRewardsParams:
        """As the task's."""
        return ExpectedRewardsParams(**vars(super().tier_params(difficulty)))

    def reset_env(self, key: jax.Array, params: ExpectedRewardsParams) -> tuple[Array, DOACState]:
        """Starts an episode with a new patient, perhaps on a drug."""
        key_patient, key_drug = jax.random.split(key)
        state = self.initial_state(self.sample_patient(key_patient, params), params)
        which = jax.random.uniform(key_drug) / jnp.maximum(params.prescribed, 1e-6)
        drug = jnp.floor(self.number_of_drugs * which).astype(jnp.int32)
        state = state.replace(drug=jnp.where(which < 1.0, drug, NO_DRUG))
        return self.observe(None, state, None, params), state

    def advance(
        self,
        key: jax.Array,
        state: DOACState,
        treatment: Treatment,
        duration_h: Float[Array, ""],
        params: ExpectedRewardsParams,
    ) -> DOACState:
        """As the task, but that the patient is spared what would end the episode."""
        after = super().advance(key, state, treatment, duration_h, params)
        course = doac_course.spare(state.patient.course, after.patient.course)
        return after.replace(patient=after.patient.replace(course=course))

    def reward(self, state: DOACState, params: ExpectedRewardsParams) -> Float[Array, ""]:
        """Equation 3 in expectation."""
        return equation_3(state, doac_course.chances(state.expected), params.reward_weights)

    def info(self, state: DOACState, params: ExpectedRewardsParams) -> dict[str, Array]:
        """That of the task, and the probability of going on."""
        chances = doac_course.chances(state.expected)
        return super().info(state, params) | {"discount": chances.neither_stroke_nor_death}
