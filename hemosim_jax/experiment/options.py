"""What the command line takes of tasks and learners, from their own signatures."""

import dataclasses
import inspect
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from hemosim_jax.core.scalar import Scalar
from hemosim_jax.learning.config import PPOConfig
from hemosim_jax.registry import TASKS, options_of

DEFAULT_ID = "WarfarinDosing-v0"


def _ppo_options() -> type:
    """Every field of PPOConfig, empty unless given: the preset decides the rest."""
    return _all_optional(
        "PPOOptions",
        [
            (field.name, float if field.type is Scalar else field.type, field.metadata["help"])
            for field in dataclasses.fields(PPOConfig)
        ],
    )


def _task_options() -> type:
    """The options of every registered task."""
    users: dict[str, dict[str, inspect.Parameter]] = {}
    for env_id in TASKS:
        for name, parameter in options_of(env_id).items():
            users.setdefault(name, {})[env_id] = parameter
    rows = [("env_id", str, f"One of {', '.join(TASKS)}; {DEFAULT_ID} if not given.")]
    for name, of_tasks in users.items():
        kind = next(iter(of_tasks.values())).annotation
        rows.append((name, kind, _users_by_default(of_tasks)))
    return _all_optional("TaskOptions", rows)


def _users_by_default(of_tasks: dict[str, inspect.Parameter]) -> str:
    """Which ids have the option, with which default."""
    parts = []
    for default in dict.fromkeys(parameter.default for parameter in of_tasks.values()):
        ids = [env_id for env_id, parameter in of_tasks.items() if parameter.default == default]
        whose = "every task" if len(ids) == len(TASKS) else ", ".join(ids)
        parts.append(f"{whose}; default {default}.")
    return " ".join(parts)


def _all_optional(name: str, rows: list[tuple[str, Any, str]]) -> type:
    """A dataclass of these fields (name, type, help), each None unless given."""
    return dataclasses.make_dataclass(
        name,
        [
            (
                field,
                Annotated[kind | None, tyro.conf.arg(help=meaning)],
                dataclasses.field(default=None),
            )
            for field, kind, meaning in rows
        ],
    )


# What is not given is the task's default; with a run, the run's.
if TYPE_CHECKING:  # made at run time, from the signatures

    class TaskOptions:
        """Of all registered tasks."""

    class PPOOptions:
        """Of `PPOConfig`."""
else:
    TaskOptions, PPOOptions = _task_options(), _ppo_options()
