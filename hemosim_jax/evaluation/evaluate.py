"""A policy on many held-out patients: one row of results for each."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.task import Task
from hemosim_jax.evaluation.rollout import Episode, episodes
from hemosim_jax.evaluation.streams import Stream

BLOCK_PATIENTS = 16_384  # at a time, to bound the memory
SHOWN_PATIENTS = 4  # whose courses are kept


class Evaluation(NamedTuple):
    """Results by patient, NumPy arrays of one length."""

    policy: str
    episode_return: np.ndarray
    terminated: np.ndarray
    faulty_steps: np.ndarray  # on which the action was no number or the solver failed
    metrics: dict[str, np.ndarray]  # the task's
    groups: dict[str, np.ndarray]  # integer codes, named by the task's `groups`
    courses: Episode  # of the first patients, stacked


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
    keys, blocks = jax.random.split(stream.key(), num_patients), []
    courses: Any = None
    for start in range(0, num_patients, BLOCK_PATIENTS):
        rows = slice(start, start + BLOCK_PATIENTS)
        some = None if patients is None else jax.tree.map(lambda x, r=rows: x[r], patients)
        followed = episodes(env, params, policy, keys[rows], some)
        if not blocks:
            courses = _by_patient(_first(followed))
        blocks.append(jax.device_get(_results(task.metrics, tuple(task.groups), followed, params)))
    results = jax.tree.map(lambda *x: np.concatenate(x), *blocks)
    returns, terminated, faulty_steps, metrics, groups = results
    evaluation = Evaluation(
        policy.name, returns, terminated, faulty_steps, metrics, groups, courses
    )
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
    return _by_patient(episodes(env, params, policy, keys, patients))


def _where_by_step(followed: Episode, change: Callable[[Any], Any]) -> Episode:
    """Applies `change` to whatever has a row for each step."""
    of_patients = {"terminated": followed.terminated, "first_info": followed.first_info}
    by_step = followed.replace(terminated=(), first_info=())
    return jax.tree.map(change, by_step).replace(**of_patients)


def _first(followed: Episode) -> Episode:
    shown = _where_by_step(followed, lambda x: x[:, :SHOWN_PATIENTS])
    return shown.replace(
        terminated=shown.terminated[:SHOWN_PATIENTS],
        first_info=jax.tree.map(lambda x: x[:SHOWN_PATIENTS], shown.first_info),
    )


def _by_patient(followed: Episode) -> Episode:
    """On the host, with the patients along the first axis."""
    return _where_by_step(jax.device_get(followed), lambda x: np.swapaxes(x, 0, 1))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _results(metrics, groups, followed: Episode, params):
    """By patient: what `Evaluation` holds."""
    fine = followed.info["valid_action"] & followed.info["solver_ok"]
    return (
        jnp.sum(followed.reward, axis=0),
        followed.terminated,
        jnp.sum(followed.alive & ~fine, axis=0),
        jax.vmap(metrics, in_axes=(1, 1, None))(followed.info, followed.alive, params),
        {name: followed.info[name][0] for name in groups},
    )
