"""Shared fixtures. Compiled functions are made once for the whole run.

The package is imported under a checker of its annotations: shapes, dtypes and types of whatever a
test calls are held against the signatures.
"""

import os

# XLA's pool has a thread a core; with two, vmapped training can wait for itself (`docs/limits.md`).
os.environ.setdefault("NPROC", "8")

from jaxtyping import install_import_hook

import tests.typechecker  # noqa: F401  (the hook names it)

install_import_hook("hemosim_jax", "tests.typechecker.checked")

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.testing import Checked

MANY_MAPS = 40_000
SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_file(name: str) -> Path:
    """A file of reference numbers or real data, which are not part of the repository."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"reference data {name} is not here (expected beside the checkout)")
    return path


@pytest.fixture(autouse=True, scope="module")
def _forget_programs():
    """XLA maps memory for every program, and Linux ends a process that has 65,530 maps."""
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_text().count("\n") > MANY_MAPS:
        jax.clear_caches()


@pytest.fixture
def strict():
    """Refuses implicit dtype and rank promotion, as in diffrax's own tests."""
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture(scope="session")
def warfarin():
    """The medium warfarin task, with its jitted functions, vmapped over patients."""
    env, params = hemosim_jax.make("WarfarinDosing-v0")
    return Task(env, params)


@pytest.fixture(scope="session")
def heparin_task():
    """The medium heparin task, likewise."""
    return Task(*hemosim_jax.make("HeparinInfusion-v0"))


class Task(Checked):
    """An environment with compiled, batched functions."""

    def __init__(self, env, params):
        super().__init__(env, params, hemosim_jax.task_of(env.name))

    def follower(self, patients, steps):
        """A function of (action, params): courses of new patients under one action, ends ignored.

        Compiled once; every `info`, `reward` and `observation` has the shape (patients, steps).
        """

        def follow(key, action, params):
            key_reset, key_steps = jax.random.split(key)
            _, state = self.env.reset_env(key_reset, params)

            def step(state, key):
                observation, state, reward, *_, info = self.env.step_env(key, state, action, params)
                return state, {**info, "reward": reward, "observation": observation}

            return jax.lax.scan(step, state, jax.random.split(key_steps, steps))[1]

        compiled = jax.jit(jax.vmap(follow, in_axes=(0, None, None)))
        keys = jax.random.split(jax.random.key(5), patients)

        def run(action, params=self.params):
            return jax.tree.map(np.asarray, compiled(keys, jnp.array(action), params))

        return run
