"""Compiled functions of an id with its options, shared by all in a process that ask for them."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.registry import make, options_of

Options = tuple[tuple[str, Any], ...]


class Single(NamedTuple):
    """One patient. `state` comes first from `step`, so that the rest can leave the device."""

    env: TreatmentEnvironment
    params: Any
    reset: Callable
    step: Callable


class Batch(NamedTuple):
    """Many patients.

    - `reset(keys, params)`: observations, states, infos.
    - `step(keys, states, actions, restart, params)`: states and the five values; patients of the
      mask `restart` are replaced instead, with a reward of 0.
    - `step_and_replace(keys, states, actions, params)`: states, the five values of the step, and
      observations and infos in which the patients who are done are replaced.
    """

    env: TreatmentEnvironment
    params: Any
    reset: Callable
    step: Callable
    step_and_replace: Callable
    split: Callable


def chosen(env_id: str, options: dict[str, Any]) -> Options:
    """All options of the task, as a key: what is not given is as it is by default.

    **Raises:** as `make`.
    """
    defaults = {name: parameter.default for name, parameter in options_of(env_id).items()}
    all_options = tuple(sorted((defaults | options).items()))
    try:
        hash(all_options)
    except TypeError:
        make(env_id, **options)  # says which value it cannot take
        raise
    return all_options


@functools.cache
def single(env_id: str, options: Options) -> Single:
    """The functions for one patient, of key data."""
    env, params = make(env_id, **dict(options))

    def reset(key_data, params):
        observation, state = env.reset_env(as_key(key_data), params)
        return observation, state, env.info(state, params)

    def step(key_data, state, action, params):
        return _step(env, as_key(key_data), state, action, params)

    return Single(env, params, jax.jit(reset), jax.jit(step))


@functools.cache
def batch(env_id: str, options: Options) -> Batch:
    """The functions for many patients, of typed keys."""
    env, params = make(env_id, **dict(options))

    def reset(key, params):
        observation, state = env.reset_env(key, params)
        return observation, state, env.info(state, params)

    def step(key, state, action, restart, params):
        key_step, key_reset = jax.random.split(key)
        state, values = _step(env, key_step, state, action, params)
        observation, begun, info = reset(key_reset, params)
        no = jnp.zeros((), bool)
        new = begun, (observation, jnp.zeros_like(values[1]), no, no, info)
        return _choose(restart, new, (state, values))

    def step_and_replace(key, state, action, params):
        key_step, key_reset = jax.random.split(key)
        state, values = _step(env, key_step, state, action, params)
        observation, begun, info = reset(key_reset, params)
        done = values[2] | values[3]
        state, shown = _choose(done, (begun, (observation, info)), (state, (values[0], values[4])))
        return state, values, shown

    return Batch(
        env,
        params,
        reset=jax.jit(jax.vmap(reset, in_axes=(0, None))),
        step=jax.jit(jax.vmap(step, in_axes=(0, 0, 0, 0, None))),
        step_and_replace=jax.jit(jax.vmap(step_and_replace, in_axes=(0, 0, 0, None))),
        split=jax.jit(
            lambda key_data, count: jax.random.split(as_key(key_data), count), static_argnums=1
        ),
    )


def _step(env, key, state, action, params):
    observation, state, reward, terminated, info = env.step_env(key, state, action, params)
    return state, (observation, reward, terminated, env.is_truncated(state, params), info)


def _choose(condition, yes, no):
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), yes, no)


def key_data(generator: np.random.Generator) -> np.ndarray:
    """Data of a key, drawn on the host."""
    return generator.integers(2**32, size=2, dtype=np.uint32)


def as_key(data: jax.Array) -> jax.Array:
    """The key of this data."""
    return jax.random.wrap_key_data(data, impl="threefry2x32")


def on_host(tree: Any) -> Any:
    """The same in NumPy, in memory that may be written to."""
    return jax.tree.map(np.array, jax.device_get(tree))
