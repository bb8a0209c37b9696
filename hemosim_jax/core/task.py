"""What belongs to a task beside its simulation, in plain functions."""

import math
from collections.abc import Callable, Mapping, Sequence
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
    target_range: tuple[float, float] | str | None = None  # or the name of the parameter
    levels: tuple[str, ...] = ()  # of a category, by its codes from 0
    at_once: bool = False  # of a treatment: given at the beginning of an interval


class Outcome(NamedTuple):
    """A metric that policies are judged by, and which way is better for patients."""

    name: str
    label: str  # with its unit
    higher_is_better: bool = False
    bounds: tuple[float, float] = (0.0, 100.0)  # of one patient


class DisplaySpec(NamedTuple):
    """How a rollout is drawn and summed up, by names of `info` and of the task's metrics."""

    time: Signal  # since the start
    signals: tuple[Signal, ...]  # the first is what is to be held in range
    treatments: tuple[Signal, ...]
    outcomes: tuple[Outcome, ...]  # the first orders the policies in a chart
    events: tuple[Signal, ...] = ()  # flags of `info`; what is marked is the first time
    medians: tuple[str, ...] = ()  # metrics that are summed up by their median
    hours_per_time: float = 1.0  # of `time`

    def best_first(self, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Summaries of policies by the first outcome's mean; those without one come last."""
        first = self.outcomes[0]
        sign = -1.0 if first.higher_is_better else 1.0

        def place(row):
            mean = row[first.name]["mean"]
            return (math.isnan(mean), sign * mean)

        return sorted(rows, key=place)


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
    - `complete_patient(key, covariates, env, params)`: a patient with these covariates; the rest is
      drawn. `env` is the task itself, without a laboratory around it.
    - `covariates`: bounds of the numbers and levels of the categories among them.

    What is left out cannot be asked for: cohort files, patients described.
    """

    variants: Mapping[str, Variant]
    metrics: Callable[[dict[str, Array], Array, Any], dict[str, Array]]
    describe: Callable[[Any], dict[str, Any]]
    display: DisplaySpec
    groups: Mapping[str, tuple[str, ...]] = {}
    complete_cohort: Callable[[str | Path, Any, Any, jax.Array], CohortFile] | None = None
    complete_patient: Callable[[jax.Array, Any, Any, Any], Any] | None = None
    covariates: Mapping[str, tuple[Any, ...]] = {}


def read_cohort(
    task: Task, path: str | Path, env: TreatmentEnvironment, params: Any, key: jax.Array
) -> CohortFile:
    """Real patients' covariates from a file; what was not recorded is drawn with `key`.

    **Raises:** as the task's `complete_cohort`; `ValueError` if `params` holds no population, or
    the task reads no files.
    """
    if task.complete_cohort is None:
        raise ValueError(f"{env.name} reads no files of patients")
    if isinstance(params.patients, Cohort):
        raise ValueError("params.patients must be a population to draw from, got a cohort")
    return task.complete_cohort(path, env, params, key)
