"""Ids to tasks. A task is imported when it is first asked for."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hemosim_jax.core.environment import TreatmentEnvironment
    from hemosim_jax.core.policy import Policy
    from hemosim_jax.core.task import Task
else:  # the package is imported without JAX; a task brings these when it is asked for
    TreatmentEnvironment = Policy = Task = Any

# One folder of `tasks/` a line, with the ids of its `TASK`.
FOLDERS = {
    "warfarin": ("WarfarinDosing-v0", "WarfarinDosing-POMDP-v0"),
    "heparin": ("HeparinInfusion-v0", "HeparinInfusion-POMDP-v0", "HeparinInfusion-Discrete-v0"),
    "doac": ("DOACManagement-v0",),
    "dic": (
        "DICManagement-v1",
        "DICManagement-POMDP-v1",
        "DICManagement-v0",
        "DICManagement-POMDP-v0",
    ),
    "lmwh": ("EnoxaparinDosing-v0",),
}

# Of other packages: `"MyDosing-v0" = "my_package:TASK"`, a line for each id.
ENTRY_POINTS = "hemosim_jax.tasks"


class _Tasks(Mapping):
    """Every known task by id, in the order of registration."""

    def __init__(self):
        self._loaders: dict[str, Callable[[], Task]] = {}

    def add(self, env_id: str, load: Callable[[], Task]) -> None:
        """**Raises:** `ValueError` for an id that stands for another task already."""
        if env_id in self._loaders:
            raise ValueError(f"{env_id!r} is registered already; give the task another id")
        self._loaders[env_id] = load

    def __getitem__(self, env_id: str) -> Task:
        task = self._loaders[env_id]()
        if env_id not in task.variants:
            raise KeyError(f"{env_id!r} is announced, but its task has {', '.join(task.variants)}")
        return task

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaders)

    def __len__(self) -> int:
        return len(self._loaders)


TASKS = _Tasks()


def register(task: Task) -> None:
    """Makes the ids of `task` known to `make`, gymnax, Gymnasium and the command line.

    Registering the same task again does nothing. A package that is installed can announce its ids
    as entry points instead (`ENTRY_POINTS`); they are then known without an import.

    **Raises:** `ValueError` for an id that stands for another task already.
    """
    for env_id in task.variants:
        if env_id not in TASKS or TASKS[env_id] is not task:
            TASKS.add(env_id, lambda: task)


def _task_of_folder(folder: str) -> Task:
    return import_module(f"hemosim_jax.tasks.{folder}").TASK


for _folder, _ids in FOLDERS.items():
    for _env_id in _ids:
        TASKS.add(_env_id, functools.partial(_task_of_folder, _folder))
for _found in entry_points(group=ENTRY_POINTS):
    TASKS.add(_found.name, _found.load)


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
