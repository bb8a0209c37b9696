"""What the command line takes of tasks and algorithms, from their own signatures."""

import dataclasses
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import tyro

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.options import Choices
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.experiment import run_record
from hemosim_jax.learning.algorithms import ALGORITHMS
from hemosim_jax.registry import TASKS, make, options_of

DEFAULT_ID = "WarfarinDosing-v0"


# Options that may be left out, whose help says what is then done.
Name = Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")]
Number = Annotated[int | None, tyro.conf.arg(metavar="INT", help_behavior_hint="")]
File = Annotated[Path | None, tyro.conf.arg(metavar="PATH", help_behavior_hint="")]


def given(options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in vars(options).items() if value is not None}


def make_given(options: Any) -> tuple[TreatmentEnvironment, Any]:
    """The task that the options ask for. **Raises:** as `make`."""
    return make(**{"env_id": DEFAULT_ID, **given(options)})


def make_as_trained(options: Any, directory: Any) -> tuple[TreatmentEnvironment, Any]:
    """The task of a run; options given replace those it was trained with.

    **Raises:** as `run_record.load` and `make`; `ValueError` for another id.
    """
    record, wanted = run_record.load(directory), given(options)
    if wanted.get("env_id", record.task["env_id"]) != record.task["env_id"]:
        raise ValueError(f"{str(directory)!r} was trained on {record.task['env_id']}")
    return make(**{**record.task, **wanted})


def _task_options() -> type:
    """The options of every registered task."""
    users: dict[str, dict[str, inspect.Parameter]] = {}
    for env_id in TASKS:
        for name, parameter in options_of(env_id).items():
            users.setdefault(name, {})[env_id] = parameter
    meaning = f"The task; {DEFAULT_ID} if not given ({', '.join(TASKS)})."
    rows = [
        (
            "env_id",
            Annotated[str | None, tyro.conf.arg(metavar="ID", help=meaning, help_behavior_hint="")],
        )
    ]
    for name, parameters in users.items():
        defaults = {env_id: parameter.default for env_id, parameter in parameters.items()}
        allowed = dict.fromkeys(
            value for parameter in parameters.values() for value in _choices(parameter.annotation)
        )
        kind = next(iter(parameters.values())).annotation
        rows.append((name, _argument(kind, _by_default(defaults, len(TASKS)), tuple(allowed))))
    return _all_optional("TaskOptions", rows)


def _learner_options() -> type:
    """The hyperparameters of every algorithm; what is not given is the preset's."""
    users: dict[str, dict[str, dataclasses.Field]] = {}
    for algorithm, known in ALGORITHMS.items():
        for field in dataclasses.fields(next(iter(known.presets.values()))):
            users.setdefault(field.name, {})[algorithm] = field
    rows = []
    for name, fields in users.items():
        first = next(iter(fields.values()))
        defaults = {algorithm: field.default for algorithm, field in fields.items()}
        meaning = first.metadata["help"]
        meaning = f"{meaning[0].upper()}{meaning[1:]} ({_by_default(defaults, 0)})."
        rows.append((name, _argument(float if first.type is Scalar else first.type, meaning)))
    return _all_optional("LearnerOptions", rows)


def _by_default(defaults: dict[str, Any], of_all: int) -> str:
    """Whose the option is, with which default."""
    parts = []
    for default in dict.fromkeys(defaults.values()):
        users = [user for user, value in defaults.items() if value == default]
        whose = "every task" if len(users) == of_all else ", ".join(users)
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
        parts.append(f"{whose}: {shown}")
    return "; ".join(parts)


def _choices(annotation: Any) -> tuple[str, ...]:
    return next((extra.allowed for extra in get_args(annotation) if isinstance(extra, Choices)), ())


def _argument(kind: Any, meaning: str, allowed: tuple[str, ...] = ()) -> Any:
    """A type that may be None, with its help and what stands for its value there."""
    shown = {int: "INT", float: "FLOAT", bool: "{True,False}", tuple[int, ...]: "INT [INT ...]"}
    metavar = "{" + ",".join(allowed) + "}" if allowed else shown.get(kind, "STR")
    return Annotated[
        kind | None, tyro.conf.arg(help=meaning, metavar=metavar, help_behavior_hint="")
    ]


def _all_optional(name: str, rows: list[tuple[str, Any]]) -> type:
    """A dataclass of these fields, each None unless given."""
    return dataclasses.make_dataclass(
        name, [(field, kind, dataclasses.field(default=None)) for field, kind in rows]
    )


if TYPE_CHECKING:  # made at run time, from the signatures

    class TaskOptions:
        """Of all registered tasks."""

    class LearnerOptions:
        """Of all algorithms."""
else:
    TaskOptions, LearnerOptions = _task_options(), _learner_options()
