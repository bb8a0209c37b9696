"""Ids to tasks."""

import inspect
from importlib import import_module
from typing import Any

import gymnax
from gymnax.registration import registered_envs

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.task import Task

# One folder of `tasks/` a line; its `TASK` names the ids.
FOLDERS = (
    "warfarin",
    "heparin",
    "doac",
    "dic",
    "lmwh",
)

TASKS: dict[str, Task] = {
    env_id: task
    for task in (import_module(f"hemosim_jax.tasks.{folder}").TASK for folder in FOLDERS)
    for env_id in task.variants
}


def task_of(env_id: str) -> Task:
    """The task that an id belongs to. **Raises:** `KeyError` for an unknown id."""
    if env_id not in TASKS:
        raise KeyError(f"unknown environment {env_id!r}; registered: {', '.join(TASKS)}")
    return TASKS[env_id]


def make(env_id: str, **options: Any) -> tuple[TreatmentEnvironment, Any]:
    """Builds an environment and its parameters, for example `make(id, difficulty="hard")`.

    **Raises:** `KeyError` for an unknown id; `ValueError` for an unknown option or value.
    """
    known = options_of(env_id)
    for name in options:
        if name not in known:
            raise ValueError(f"{env_id} has no option {name!r}; it has {', '.join(known)}")
    env = task_of(env_id).variants[env_id].environment(**options)
    return env, env.default_params


def options_of(env_id: str) -> dict[str, inspect.Parameter]:
    """The options of `make` for this id, by name. **Raises:** `KeyError` for an unknown id."""
    return dict(inspect.signature(task_of(env_id).variants[env_id].environment).parameters)


def protocols_of(env: TreatmentEnvironment) -> dict[str, Policy]:
    """Every protocol for this environment, by name. **Raises:** `KeyError` for an unknown id."""
    factories = task_of(env.name).variants[env.name].protocols
    built = {name: factory(env) for name, factory in factories.items()}
    return {name: policy for name, policy in built.items() if policy is not None}


def register_with_gymnax() -> None:
    """Makes `gymnax.make` know our ids; does nothing for those it knows already."""
    for env_id, task in TASKS.items():
        if env_id not in registered_envs:
            gymnax.register(env_id, task.variants[env_id].environment)
