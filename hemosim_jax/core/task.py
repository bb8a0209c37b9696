"""What belongs to a task beside its simulation, in plain functions."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jaxtyping import Array

from hemosim_jax.core.cohort import Cohort, CohortFile
from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.policy import Policy


class Signal(NamedTuple):
    """A read-out of `info` as people see it."""

    name: str
    label: str  # with its unit
    target_range: tuple[float, float] | None = None


class DisplaySpec(NamedTuple):
    """How a rollout is drawn and summed up, by names of `info` and of the task's metrics."""

    time: Signal  # since the start
    signals: tuple[Signal, ...]  # the first is what is to be held in range
    treatments: tuple[Signal, ...]
    outcome: Signal  # the metric that policies are compared by, beside the return
    medians: tuple[str, ...] = ()  # metrics that are summed up by their median
    lower_is_better: bool = False  # of the outcome


class Variant(NamedTuple):
    """What an id stands for: how to build the environment, and the protocols published for it.

    A protocol's factory gives None where the environment's options lack what it needs.
    """

    environment: Callable[..., TreatmentEnvironment]
    protocols: Mapping[str, Callable[[Any], Policy | None]]


class Task(NamedTuple):
    """A task: its variants by id, and what reads, describes, judges and draws its patients.

    - `metrics(info, alive, params)`: one patient's clinical results from the `info` of every step;
      `alive` marks the steps until the end.
    - `groups`: integer entries of `info` by which results are split, with the names of the codes.
    - `describe(patient)`: the patient in words and plain numbers; not traceable.
    - `complete_cohort(path, env, params, key)`: real patients' covariates from a file; what was
      not recorded is drawn from the population in `params`.
    """

    variants: Mapping[str, Variant]
    metrics: Callable[[dict[str, Array], Array, Any], dict[str, Array]]
    groups: Mapping[str, tuple[str, ...]]
    describe: Callable[[Any], dict[str, Any]]
    complete_cohort: Callable[[str | Path, Any, Any, jax.Array], CohortFile]
    display: DisplaySpec


def read_cohort(
    task: Task, path: str | Path, env: TreatmentEnvironment, params: Any, key: jax.Array
) -> CohortFile:
    """Real patients' covariates from a file; what was not recorded is drawn with `key`.

    **Raises:** as the task's `complete_cohort`; `ValueError` if `params` holds no population.
    """
    if isinstance(params.patients, Cohort):
        raise ValueError("params.patients must be a population to draw from, got a cohort")
    return task.complete_cohort(path, env, params, key)
