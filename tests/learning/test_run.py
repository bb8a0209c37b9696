import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.learning.config import PPOConfig
from hemosim_jax.learning.ppo import make_learner
from hemosim_jax.learning.run import load_state, metrics_rows, train_in_directory
from tests.learning.toy import Toy

CONFIG = PPOConfig(
    total_steps=6 * 32 * 4, num_envs=32, rollout_steps=4, num_minibatches=2, hidden_sizes=(8,)
)
ENV = Toy("box")
LEARNER = make_learner(ENV, ENV.default_params, CONFIG)


def train(directory, **options):
    return train_in_directory(LEARNER, CONFIG, jax.random.key(0), directory, **options)


def same(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_array_equal(x, y)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    directory = tmp_path_factory.mktemp("whole")
    return train(directory, checkpoint_every=2), metrics_rows(directory)


class StopError(Exception):
    pass


@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_a_run_that_broke_off_ends_bit_for_bit_the_same(tmp_path, uninterrupted, stop_after):
    def stop(row):
        if row["update"] == stop_after:
            raise StopError

    with pytest.raises(StopError):
        train(tmp_path, checkpoint_every=2, on_update=stop)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"update": 4, "ste')  # a line the crash cut off
    state, rows = train(tmp_path, checkpoint_every=2), metrics_rows(tmp_path)
    same(state, uninterrupted[0])
    assert rows == uninterrupted[1]
    assert [row["update"] for row in rows] == [1, 2, 3, 4, 5, 6]


def test_a_killed_process_goes_on(tmp_path, uninterrupted):
    script = (
        "import sys, time; from tests.learning.test_run import train\n"
        "train(sys.argv[1], checkpoint_every=1, on_update=lambda row: time.sleep(0.2))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], env={**os.environ})
    deadline = time.monotonic() + 120
    while not list((tmp_path / "checkpoints").glob("[1-5]")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    same(train(tmp_path, checkpoint_every=2), uninterrupted[0])
    assert metrics_rows(tmp_path) == uninterrupted[1]


def test_a_finished_run_is_only_read(tmp_path, uninterrupted):
    train(tmp_path)
    rows = []
    same(train(tmp_path, on_update=rows.append), uninterrupted[0])
    assert rows == []
    same(load_state(LEARNER, tmp_path), uninterrupted[0])


def test_lost_metrics_are_not_passed_over(tmp_path):
    train(tmp_path)
    (tmp_path / "metrics.jsonl").write_text("")
    longer = CONFIG.replace(total_steps=2 * CONFIG.total_steps)
    with pytest.raises(ValueError, match=r"metrics.jsonl' is damaged: 0 rows for 6 updates"):
        train_in_directory(LEARNER, longer, jax.random.key(0), tmp_path)


def test_other_kinds_of_keys_survive(tmp_path):
    key = jax.random.key(0, impl="rbg")
    train_in_directory(LEARNER, CONFIG, key, tmp_path)
    again = train_in_directory(LEARNER, CONFIG, key, tmp_path)
    assert jax.random.key_impl(again.key) == jax.random.key_impl(key)


def test_warfarin_resumes_bit_for_bit(tmp_path):
    env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty="hard")

    learner = make_learner(env, params, CONFIG)

    def run(directory, **options):
        return train_in_directory(learner, CONFIG, jax.random.key(1), directory, **options)

    def stop(row):
        if row["update"] == 3:
            raise StopError

    with pytest.raises(StopError):
        run(tmp_path / "broken", checkpoint_every=2, on_update=stop)
    same(run(tmp_path / "broken"), run(tmp_path / "whole"))


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint in"):
        load_state(LEARNER, tmp_path)


def test_a_damaged_checkpoint_is_named(tmp_path):
    # In a process of its own: the reads that orbax had begun die noisily with the interpreter.
    train(tmp_path)
    for file in (tmp_path / "checkpoints" / "6").rglob("*"):
        if file.is_file() and file.stat().st_size > 300:
            file.write_bytes(b"garbage")
    script = "import sys; from tests.learning.test_run import train; train(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "ValueError: checkpoint 6 in " in done.stderr
    assert "cannot be read" in done.stderr


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path):
    train(tmp_path)
    wider = make_learner(ENV, ENV.default_params, CONFIG.replace(hidden_sizes=(16,)))
    with pytest.raises(ValueError, match=r"another configuration: .* has shape \(8,\), not"):
        load_state(wider, tmp_path)
