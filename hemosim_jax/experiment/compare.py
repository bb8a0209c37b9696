"""One call that holds policies of any kind against each other on the same patients."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from hemosim_jax.core.cohort import Cohort
from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.options import DIFFICULTIES
from hemosim_jax.evaluation.comparison import Comparison
from hemosim_jax.evaluation.evaluate import evaluate
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.experiment.policies import as_policies
from hemosim_jax.experiment.provenance import provenance
from hemosim_jax.registry import protocols_of, task_of


def compare(
    env: TreatmentEnvironment,
    params: Any,
    policies: Any = None,
    *,
    baseline: str | None = None,
    num_patients: int = 10_000,
    cohort: Cohort | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    name: str = "comparison",
) -> Comparison:
    """Evaluates policies on the same held-out patients, with the same chance events.

    - `policies`: what decides, in a list or a dict from names (see
      `experiment.policies.as_policy`): names of protocols, directories of runs, functions of an
      observation, flax modules, models of Stable-Baselines3. Every protocol if not given.
    - `baseline`: the policy that the paired differences are taken from; the first if not given.
    - `num_patients`: new patients of the population in `params`; of a `cohort`, each patient once.
    - `seed`: of the stream of held-out patients, of which no agent is trained.
    - `out`: a directory for tables, results by patient and charts, all called after `name`.

    **Raises:** as `as_policy`; `KeyError` for a baseline that is not compared; `ValueError` for
    fewer than two patients, a cohort that is none, or a return that is not finite.
    """
    if not isinstance(num_patients, int) or num_patients < 2:
        raise ValueError(f"num_patients must be at least 2, got {num_patients!r}")
    if cohort is not None and not isinstance(cohort, Cohort):
        raise ValueError(
            f"cohort must be a Cohort (`core.task.read_cohort` reads one), got {type(cohort)}"
        )
    task = task_of(env.name)
    compared = as_policies(env, list(protocols_of(env)) if policies is None else policies)
    baseline = baseline or compared[0].name
    names = [policy.name for policy in compared]
    if baseline not in names:
        raise KeyError(f"baseline must be one of {', '.join(names)}; got {baseline!r}")
    tier, whose, patients = tier_of(env, params), "new patients", None
    if cohort is not None:
        whose = "patients of the cohort"
        params = params.replace(patients=cohort)
        patients, num_patients = cohort.patients, cohort.size
    evaluations = [
        evaluate(
            task, env, params, policy, held_out(seed), patients=patients, num_patients=num_patients
        )
        for policy in compared
    ]
    result = Comparison(
        task,
        f"{env.name}, {tier}, {num_patients:,} {whose}",
        evaluations,
        baseline,
        {
            "env_id": env.name,
            "environment_version": env.version,
            "tier": tier,
            "patients": num_patients,
            "from": "cohort" if cohort else "population",
            "seed": seed,
            **provenance(),
        },
    )
    if out is not None:
        write(result, env, params, out, name)
    return result


def tier_of(env: TreatmentEnvironment, params: Any) -> str:
    """The tier that has these parameters, in words."""
    # Where tiers do not differ it is the one that was asked for.
    for difficulty in (env.difficulty, *DIFFICULTIES):
        tier = env.tier(difficulty)
        if jax.tree.structure(tier) == jax.tree.structure(params) and all(
            np.array_equal(a, b)
            for a, b in zip(jax.tree.leaves(tier), jax.tree.leaves(params), strict=True)
        ):
            return f"{difficulty} tier"
    return "own parameters"


def write(
    result: Comparison, env: TreatmentEnvironment, params: Any, directory: str | Path, name: str
) -> list[Path]:
    """Tables, results by patient, and charts: outcomes, groups, a few patients' courses."""
    from hemosim_jax.plotting import charts, timeline  # matplotlib only where it is used

    task, directory = result.task, Path(directory)
    files = result.write(directory, name)
    chart = directory / f"{name}.png"
    charts.comparison(result.summaries, task.display, result.title).savefig(chart)
    files.append(chart)
    for group in task.groups:
        chart = directory / f"{name}_by_{group}.png"
        charts.forest(result.summaries, task.display, group, result.title).savefig(chart)
        files.append(chart)
    names = [one.policy for one in result.evaluations]
    others = [name for name in names if name != result.baseline]
    first_two = [*others[:1], result.baseline]
    courses = {one.policy: one.courses for one in result.evaluations if one.policy in first_two}
    measured = {
        name: timeline.measured(env, course, task.display) for name, course in courses.items()
    }
    heading = f"{env.name}, {result.about['tier']}: the first patients"
    chart = directory / f"{name}_courses.png"
    timeline.courses(courses, task.display, params, heading, measured).savefig(chart)
    return [*files, chart]
