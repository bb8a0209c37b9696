"""A policy on many held-out patients: one jitted rollout, one row of results for each patient."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import bootstrap

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.task import Task
from hemosim_jax.evaluation.rollout import Episode, episode
from hemosim_jax.evaluation.streams import Stream

BLOCK_PATIENTS = 4096  # at a time, so that a block of patients stays in a processor's cache
_BOOTSTRAP_RESAMPLES = 1000


class Evaluation(NamedTuple):
    """Results by patient, NumPy arrays of one length."""

    policy: str
    episode_return: np.ndarray
    terminated: np.ndarray
    faulty_steps: np.ndarray  # on which the action was no number or the solver failed
    metrics: dict[str, np.ndarray]  # the task's
    groups: dict[str, np.ndarray]  # integer codes, named by the task's `groups`


def evaluate(
    task: Task,
    env: TreatmentEnvironment,
    params: Any,
    policy: Policy,
    stream: Stream,
    *,
    patients: Any = None,
    num_patients: int = 10_000,
) -> Evaluation:
    """Runs `policy` on new patients of `params`' population, or once on each of `patients`.

    Policies evaluated with one stream meet the same patients and the same chance events.

    - `patients`: stacked (`Cohort.patients`), or None to draw `num_patients`.

    **Raises:** `ValueError` for a training stream, fewer than two patients, or a return that is not
    finite.
    """
    if stream.name != "held-out":
        raise ValueError(f"evaluation needs a held-out stream, got the {stream.name} stream")
    if patients is not None:
        num_patients = jax.tree.leaves(patients)[0].shape[0]
    if num_patients < 2:
        raise ValueError(f"num_patients must be at least 2, got {num_patients}")
    steps = int(params.max_steps_in_episode)

    def one_patient(row):
        key, patient = row
        one = episode(env, params, policy, steps, key, patient)
        groups = {name: one.info[name][0] for name in task.groups}
        metrics = task.metrics(one.info, one.alive, params)
        fine = one.info["valid_action"] & one.info["solver_ok"]
        faulty = jnp.sum(one.alive & ~fine)
        return jnp.sum(one.reward), one.terminated, faulty, metrics, groups

    rows = (jax.random.split(stream.key(), num_patients), patients)
    block = min(BLOCK_PATIENTS, num_patients)
    results = jax.jit(lambda rows: jax.lax.map(one_patient, rows, batch_size=block))(rows)
    evaluation = Evaluation(policy.name, *jax.tree.map(np.asarray, results))
    lost = int(np.sum(~np.isfinite(evaluation.episode_return)))
    if lost:
        raise ValueError(f"{policy.name}: the return of {lost} of {num_patients} patients is NaN")
    return evaluation


def rollouts(
    env: TreatmentEnvironment,
    params: Any,
    policy: Policy,
    stream: Stream,
    num_patients: int,
    patients: Any = None,
) -> Episode:
    """Whole episodes, stacked, for a look at a few patients."""
    keys = jax.random.split(stream.key(), num_patients)
    steps = int(params.max_steps_in_episode)
    run = jax.vmap(lambda key, patient: episode(env, params, policy, steps, key, patient))
    return jax.tree.map(np.asarray, jax.jit(run)(keys, patients))


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of the finite values and its bootstrap 95 % interval (percentile, 1,000 resamples)."""
    values = values[np.isfinite(values)]
    if values.size < 2 or np.ptp(values) == 0.0:
        mean = float(np.mean(values)) if values.size else float("nan")
        return mean, mean, mean
    interval = bootstrap(
        (values,),
        np.mean,
        n_resamples=_BOOTSTRAP_RESAMPLES,
        batch=50,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(np.mean(values)), float(interval.low), float(interval.high)
