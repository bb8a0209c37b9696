"""Whole episodes of a policy, without resets."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.node import Node
from hemosim_jax.core.policy import Policy


class Episode(Node):
    """One patient's episode, a row for each decision; rows after the end are not `alive`."""

    reward: Float[Array, " times"]  # 0 after the end
    alive: Bool[Array, " times"]  # the step was taken
    terminated: Bool[Array, ""]
    info: dict[str, Array]  # of every step


def episode(
    env: TreatmentEnvironment,
    params: Any,
    policy: Policy,
    steps: int,
    key: jax.Array,
    patient: Any = None,
) -> Episode:
    """`steps` decisions of `policy` for `patient`, or for a new one if None. Traceable."""
    key_patient, key_reset, key_steps = jax.random.split(key, 3)
    if patient is None:
        patient = env.sample_patient(key_patient, params)
    observation, state = env.reset_to(key_reset, patient, params)

    def one_step(carry, step_key):
        observation, state, memory, alive = carry
        key_act, key_step = jax.random.split(step_key)
        action, memory = policy.act(key_act, memory, observation)
        observation, state, reward, terminated, info = env.step_env(key_step, state, action, params)
        row = (jnp.where(alive, reward, 0.0), alive, alive & terminated, info)
        return (observation, state, memory, alive & ~terminated), row

    start = (observation, state, policy.init(params), jnp.ones((), bool))
    _, (reward, alive, terminated, info) = jax.lax.scan(
        one_step, start, jax.random.split(key_steps, steps)
    )
    return Episode(reward=reward, alive=alive, terminated=jnp.any(terminated), info=info)
