"""Whole episodes of a policy, without resets."""

import functools
from collections.abc import Callable
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
    first_info: dict[str, Array]  # at the start
    observation: Array  # that each decision was made on
    action: Array
    next_observation: Array  # what the step led to
    remembered: Any = ()  # of the policy's memory, after each decision


def episode(
    env: TreatmentEnvironment,
    params: Any,
    policy: Policy,
    steps: int,
    key: jax.Array,
    patient: Any = None,
    remember: Callable[[Any], Any] = lambda memory: (),
) -> Episode:
    """`steps` decisions of `policy` for `patient`, or for a new one if None. Traceable.

    `remember` says what is kept of the policy's memory at every step.
    """
    observation, state, first_info, key_steps = _begin(env, params, key, patient)

    def one_step(carry, step_key):
        observation, state, memory, alive = carry
        key_act, key_step = jax.random.split(step_key)
        action, memory = policy.act(key_act, memory, observation)
        state, after, row = _step(env, params, key_step, state, action, alive)
        alive = alive & ~row[2]
        return (after, state, memory, alive), (row, observation, action, after, remember(memory))

    start = (observation, state, policy.init(params), jnp.ones((), bool))
    _, ((reward, alive, ended, info), *seen) = jax.lax.scan(
        one_step, start, jax.random.split(key_steps, steps)
    )
    return Episode(reward, alive, jnp.any(ended), info, first_info, *seen)


def episodes(
    env: TreatmentEnvironment, params: Any, policy: Policy, keys: jax.Array, patients: Any = None
) -> Episode:
    """`episode` of many patients until the horizon, from the host; rows are `time, patient`.

    A little slower than one program for all, but the patients are compiled once for all policies
    (which are many, and small).
    """
    steps = int(params.max_steps_in_episode)
    observation, state, first_info, key_steps = _begin_all(env, params, keys, patients)
    step_keys = _split_all(key_steps, steps)
    memory = _remember_nothing(policy, params, keys)
    alive = jnp.ones(keys.shape[0], bool)
    rows: Any = None
    for step in range(steps):
        action, memory = _act_all(policy, step_keys, step, memory, observation)
        if rows is None:
            rows = _empty_rows(env, params, step_keys, state, action, alive, observation, steps)
        observation, state, alive, rows = _step_all(
            env, params, step_keys, step, state, action, alive, observation, rows
        )
    (reward, taken, ended, info), *seen = rows
    return Episode(reward, taken, jnp.any(ended, axis=0), info, first_info, *seen)


def _begin(env, params, key, patient):
    key_patient, key_reset, key_steps = jax.random.split(key, 3)
    if patient is None:
        patient = env.sample_patient(key_patient, params)
    observation, state = env.reset_to(key_reset, patient, params)
    return observation, state, env.info(state, params), key_steps


def _step(env, params, key, state, action, alive):
    """The next state and observation, and a row: reward, whether it was taken, its end, `info`."""
    after, state, reward, terminated, info = env.step_env(key, state, action, params)
    row = (jnp.where(alive, reward, 0.0), alive, alive & terminated, info)
    return state, after, row


@functools.partial(jax.jit, static_argnums=0)
def _begin_all(env, params, keys, patients):
    return jax.vmap(lambda key, patient: _begin(env, params, key, patient))(keys, patients)


@functools.partial(jax.jit, static_argnums=1)
def _split_all(keys, steps):
    return jax.vmap(lambda key: jax.random.split(key, steps), out_axes=1)(keys)


@functools.partial(jax.jit, static_argnums=0)
def _remember_nothing(policy, params, keys):
    return jax.vmap(lambda _: policy.init(params))(keys)


@functools.partial(jax.jit, static_argnums=0)
def _act_all(policy, step_keys, step, memory, observation):
    def act(key, memory, observation):
        return policy.act(jax.random.split(key)[0], memory, observation)

    return jax.vmap(act)(step_keys[step], memory, observation)


def _rows_of_step(env, params, step_keys, step, state, action, alive, observation):
    def one(key, state, action, alive):
        return _step(env, params, jax.random.split(key)[1], state, action, alive)

    state, after, row = jax.vmap(one)(step_keys[step], state, action, alive)
    return state, after, (row, observation, action, after)


def _empty_rows(env, params, step_keys, state, action, alive, observation, steps):
    *_, rows = jax.eval_shape(
        lambda *values: _rows_of_step(env, params, step_keys, 0, *values),
        state,
        action,
        alive,
        observation,
    )
    return jax.tree.map(lambda x: jnp.zeros((steps, *x.shape), x.dtype), rows)


@functools.partial(jax.jit, static_argnums=0, donate_argnums=8)
def _step_all(env, params, step_keys, step, state, action, alive, observation, rows):
    state, after, now = _rows_of_step(
        env, params, step_keys, step, state, action, alive, observation
    )
    rows = jax.tree.map(lambda all_, one: all_.at[step].set(one), rows, now)
    return after, state, alive & ~now[0][2], rows
