"""Whatever can decide, as a policy: protocols, runs, functions, flax modules, SB3 models."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.policy import Policy
from hemosim_jax.experiment import run_record
from hemosim_jax.learning.algorithms import ALGORITHMS
from hemosim_jax.learning.run import load_state
from hemosim_jax.registry import protocols_of


def load_policy(directory: str | Path) -> Policy:
    """The agent of a training run, as it was at the last checkpoint; named after the directory.

    **Raises:** `FileNotFoundError` if there is no run or no checkpoint; `ValueError` if it is
    damaged, or was trained on another version of the task.
    """
    record = run_record.load(Path(directory))
    algorithm = ALGORITHMS[record.algorithm]
    env, params = record.environment()
    state = load_state(algorithm.make_learner(env, params, record.config), directory)
    policy = algorithm.policy(env, params, state, record.config)
    return policy._replace(name=Path(directory).resolve().name)


def as_policies(env: TreatmentEnvironment, given: Any) -> list[Policy]:
    """Policies of a mapping from names, of a sequence, or of one that decides; see `as_policy`.

    **Raises:** as `as_policy`; `ValueError` if two have the same name, or there is none.
    """
    if isinstance(given, Mapping):
        policies = [as_policy(env, one, name) for name, one in given.items()]
    else:
        several = isinstance(given, Sequence) and not _is_one(given)
        policies = [p for one in (given if several else [given]) for p in _one_or_seeds(env, one)]
    names = [policy.name for policy in policies]
    if not names:
        raise ValueError("policies: at least one is needed")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two policies are called {name!r}: give them names, in a dict")
    return policies


def _one_or_seeds(env: TreatmentEnvironment, given: Any) -> list[Policy]:
    """A policy; of a directory of several seeds, all of theirs."""
    if isinstance(given, str | Path) and given not in protocols_of(env):
        seeds = run_record.seeds_in(Path(given))
        return [as_policy(env, one, f"{Path(given).name}/{one.name}") for one in seeds] or [
            as_policy(env, given)
        ]
    return [as_policy(env, given)]


def _is_one(given: Any) -> bool:
    """A `Policy`, a name, or a flax module with its variables: sequences, but one policy."""
    return isinstance(given, str | Policy) or _is_flax_pair(given)


def _is_flax_pair(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) == 2 and hasattr(given[0], "apply")


def as_policy(env: TreatmentEnvironment, given: Any, name: str | None = None) -> Policy:
    """Whatever can decide for `env`, as a policy.

    - a `Policy`;
    - the name of a protocol, or the directory of a training run;
    - a function of an observation that returns an action, in JAX or (slower) in NumPy, and with it
      a bound flax module, an `nnx` or `equinox` one. What JAX can trace must be a function in the
      strict sense; one that gives something else when it is asked twice (it draws numbers) is
      called for every decision. One that remembers must be a `Policy`, whose memory is by patient;
    - a pair of a flax module and its variables;
    - a model of Stable-Baselines3, or whatever has its `predict` (deterministic, called for all
      patients of a block at once; one that has a memory is not supported).

    **Raises:** `KeyError` for a name that is neither protocol nor run; `TypeError` for what cannot
    decide; `ValueError` if its actions have another shape than the space's.
    """
    if hasattr(given, "unbind") and given.scope is not None:  # a bound flax module
        given = given.unbind()
    if isinstance(given, str | Path):
        policy = _named(env, given)
    elif isinstance(given, Policy):
        policy = given
    elif hasattr(given, "predict"):
        policy = _from_predict(env, given)
    elif _is_flax_pair(given):
        module, variables = given
        policy = _from_function(env, lambda observation: module.apply(variables, observation))
        policy = policy._replace(name=type(module).__name__)
    elif callable(given):
        policy = _from_function(env, given)
    else:
        raise TypeError(f"a policy is a protocol, a run, a function or a model; got {given!r}")
    return policy._replace(name=name) if name else policy


def _named(env: TreatmentEnvironment, given: str | Path) -> Policy:
    protocols = protocols_of(env)
    if given in protocols:
        return protocols[str(given)]
    if run_record.exists(Path(given)):
        record = run_record.load(Path(given))
        if record.task["env_id"] != env.name:
            raise ValueError(f"{str(given)!r} was trained on {record.task['env_id']}")
        return load_policy(given)
    raise KeyError(
        f"{str(given)!r} is no directory of a training run and none of the protocols of "
        f"{env.name}: {', '.join(protocols)}"
    )


def _from_function(env: TreatmentEnvironment, function: Callable) -> Policy:
    """Traced where JAX can trace it, otherwise called on the host for one patient at a time."""
    name = getattr(function, "__name__", type(function).__name__)
    space, observation = env.action_space(), _any_observation(env)
    decide = function
    try:
        action = jax.eval_shape(function, observation)
        if _traced(function, observation) != _traced(function, observation):
            decide = _on_host(function, space)
    except (jax.errors.JAXTypeError, TypeError):
        action = np.asarray(function(np.zeros(observation.shape, observation.dtype)))
        decide = _on_host(function, space)

    if not hasattr(action, "shape") or int(np.prod(action.shape)) != int(np.prod(space.shape)):
        raise ValueError(f"{name}: an action of {env.name} has shape {space.shape}, got {action}")

    def act(key, carry, observation):
        return jnp.asarray(decide(observation), space.dtype).reshape(space.shape), carry

    return Policy(name, lambda params: (), act)


def _traced(function: Callable, observation: jax.ShapeDtypeStruct) -> tuple[str, list]:
    """What JAX would keep of a function, to see whether it is the same the next time."""
    found = jax.make_jaxpr(lambda x: function(x))(observation)
    # Inside a traced function, constants may be traced themselves.
    values = [id(x) if isinstance(x, Tracer) else np.asarray(x).tolist() for x in found.consts]
    return str(found.jaxpr), values


def _on_host(function: Callable, space: Any) -> Callable:
    def decide(observation):
        return jax.pure_callback(
            lambda row: _action(function(np.asarray(row)), space),
            jax.ShapeDtypeStruct(space.shape, space.dtype),
            observation,
            vmap_method="sequential",
        )

    return decide


def _from_predict(env: TreatmentEnvironment, model: Any) -> Policy:
    space = env.action_space()
    expected = getattr(getattr(model, "observation_space", None), "shape", None)
    if expected not in (None, env.observation_space().shape):
        raise ValueError(
            f"{type(model).__name__}: was trained on observations of shape {expected}, those of "
            f"{env.name} have {env.observation_space().shape}"
        )

    def decide(observations):
        actions, _ = model.predict(np.asarray(observations), deterministic=True)
        return _action(actions, space, observations.shape[:-1])

    def act(key, carry, observation):
        shape = jax.ShapeDtypeStruct(space.shape, space.dtype)
        return jax.pure_callback(decide, shape, observation, vmap_method="expand_dims"), carry

    return Policy(type(model).__name__, lambda params: (), act)


def _any_observation(env: TreatmentEnvironment) -> jax.ShapeDtypeStruct:
    space = env.observation_space()
    return jax.ShapeDtypeStruct(space.shape, space.dtype)


def _action(action: Any, space: Any, batch: tuple[int, ...] = ()) -> np.ndarray:
    return np.asarray(action, space.dtype).reshape(*batch, *space.shape)
