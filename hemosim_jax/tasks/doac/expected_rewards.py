"""`DOACManagement-v0` to learn from: rewards in expectation, and nobody leaves."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.core.options import Difficulty
from hemosim_jax.core.wrapper import Around, WrappedEnvironment
from hemosim_jax.integrate.linear import phi1
from hemosim_jax.tasks.doac import disturbances
from hemosim_jax.tasks.doac.environment import (
    DOACManagement,
    DOACParams,
    DOACState,
    Treatment,
)
from hemosim_jax.tasks.doac.fields import NO_DRUG
from hemosim_jax.tasks.doac.reward import interval_reward_terms


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class ExpectedRewardsParams(Around):
    """Those of the task, and who comes with a prescription."""

    task: DOACParams
    prescribed: Any = 0.5  # share of patients


class DOACExpectedRewards(WrappedEnvironment):
    """The reward is what equation 3 is expected to give with the interval's hazards.

    No stroke or death ends an episode; `info["discount"]` is that of the interval's duration times
    the probability that there was none. For a learner that uses it (all of ours) what is best to do
    stays the same, and the noise of rare events is gone. Of the patients, `params.prescribed` come
    with a prescription for one of the drugs, not begun, so that a learner sees each of them
    continued. Agents are judged in `DOACManagement-v0`, whose options these are.
    """

    env: DOACManagement

    def __init__(self, difficulty: Difficulty = "medium", **options: Any):
        """Options and errors as `DOACManagement`."""
        env = DOACManagement(difficulty, **options)
        super().__init__(env, name=env.name, version=env.version)

    def inner(self, params_or_state: Any) -> Any:
        """The task's parameters; the state is the task's."""
        is_params = isinstance(params_or_state, ExpectedRewardsParams)
        return params_or_state.task if is_params else params_or_state

    @property
    def default_params(self) -> ExpectedRewardsParams:
        """The task's, half of the patients with a prescription."""
        return self._with_share(self.env.default_params)

    def tier(self, difficulty: str) -> ExpectedRewardsParams:
        """The task's, half of the patients with a prescription. **Raises:** as the task's."""
        return self._with_share(self.env.tier(difficulty))

    def _with_share(self, params: DOACParams) -> ExpectedRewardsParams:
        return ExpectedRewardsParams(params, jnp.asarray(0.5, jnp.result_type(float)))

    def reset_env(self, key: jax.Array, params: ExpectedRewardsParams) -> tuple[Array, DOACState]:
        """Starts an episode with a new patient, perhaps on a drug."""
        key_patient, key_drug = jax.random.split(key)
        state = self.initial_state(self.sample_patient(key_patient, params), params)
        which = jax.random.uniform(key_drug) / jnp.maximum(params.prescribed, 1e-6)
        drug = jnp.floor(self.env.number_of_drugs * which).astype(jnp.int32)
        state = state.replace(drug=jnp.where(which < 1.0, drug, NO_DRUG))
        return self.observe(None, state, None, params), state

    def advance(
        self,
        key: jax.Array,
        state: DOACState,
        treatment: Treatment,
        duration: Float[Array, ""],
        params: ExpectedRewardsParams,
    ) -> DOACState:
        """As the task, but that the patient is spared what would end the episode."""
        after = super().advance(key, state, treatment, duration, params)
        return after.replace(
            elapsed=state.elapsed + duration,
            interval=duration,
            terminated=jax.tree.map(jnp.zeros_like, after.terminated),
            disturbances=disturbances.censor_terminal_events(
                state.disturbances, after.disturbances
            ),
        )

    def reward_terms(
        self, state: DOACState, params: ExpectedRewardsParams
    ) -> dict[str, Float[Array, ""]]:
        """Equation 3 in expectation; a month that a stroke or death would end counts in part."""
        chances = disturbances.chances(state.expected)
        # With a constant hazard h the mean share of the interval before the end is (1 - e^-h) / h.
        lived = phi1(-jnp.log(chances.continuation))
        return interval_reward_terms(
            self.intervals(state) * lived,
            chances.stroke,
            chances.major_bleed,
            state.switched,
            state.appropriate,
            params.task.reward_weights,
        )

    def discount(self, state: DOACState, params: ExpectedRewardsParams) -> Float[Array, ""]:
        """That of the duration, times the probability of going on."""
        worth = params.discount ** self.intervals(state)
        return worth * disturbances.chances(state.expected).continuation
