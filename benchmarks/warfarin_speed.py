"""Steps per second of `env.step` with auto-reset under a random policy, against hemosim 0.2.2.

    python -m benchmarks.warfarin_speed [--out results.json]

hemosim (extra `bench`) is measured before and after ours, in this process; where it is not
installed only ours is reported. Compilation is not counted. "In blocks" means that a rollout does
all its steps with one block of patients before the next, so that their state stays in the cache;
one block of all patients is a plain `vmap(env.step)`. Memory is the peak of a process of its
own that does nothing but step 256 k patients.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp

import hemosim_jax
from benchmarks.hardware import description

REPEATS = 7
STEPS_PER_MEASUREMENT = 2**20  # at least 40 steps of every patient
CACHE_BLOCK = 16_384  # patients whose state stays in a processor's cache


def random_rollout(env, patients, steps, block):
    """A jitted function of (key, state, params): `steps` steps of all patients, block by block."""
    step = jax.vmap(env.step, in_axes=(0, 0, 0, None))

    def roll(key, state, params):
        def one_step(carry, _):
            key, state, total = carry
            key, key_action, key_step = jax.random.split(key, 3)
            actions = jax.random.uniform(key_action, (block, 1))
            keys = jax.random.split(key_step, block)
            observation, state, reward, *_ = step(keys, state, actions, params)
            return (key, state, total + reward.sum() + observation.sum()), None

        start = (key, state, jnp.float32(0.0))
        return jax.lax.scan(one_step, start, None, length=steps)[0][1:]

    def run(key, state, params):
        blocks = patients // block
        split = jax.tree.map(lambda x: x.reshape(blocks, block, *x.shape[1:]), state)
        keys = jax.random.split(key, blocks)
        return jax.lax.map(lambda row: roll(*row, params), (keys, split))

    return jax.jit(run)


def measure(difficulty, patients, block, steps=None):
    """Nanoseconds per patient and step (best of several), and seconds to compile."""
    env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty=difficulty)
    steps = steps or max(40, STEPS_PER_MEASUREMENT // patients)
    keys = jax.random.split(jax.random.key(0), patients)
    _, state = jax.jit(jax.vmap(env.reset, in_axes=(0, None)))(keys, params)
    started = time.perf_counter()
    run = random_rollout(env, patients, steps, block).lower(jax.random.key(1), state, params)
    compiled = run.compile()
    compile_s = time.perf_counter() - started
    best_s = float("inf")
    for repeat in range(REPEATS):
        started = time.perf_counter()
        jax.block_until_ready(compiled(jax.random.key(repeat), state, params))
        best_s = min(best_s, time.perf_counter() - started)
    return 1e9 * best_s / (patients * steps), compile_s


def hemosim_steps_per_s(seconds=4.0):
    """Single-process steps per second of hemosim's warfarin environment, or None."""
    try:
        import gymnasium
        import hemosim  # noqa: F401
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = gymnasium.make("hemosim/WarfarinDosing-v0", difficulty="medium")
        env.reset(seed=0)
        env.action_space.seed(0)
        started, steps = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            steps += 1
            if terminated or truncated:
                env.reset()
        return steps / (time.perf_counter() - started)


def peak_memory_gb(patients):
    """Peak resident memory of a process that steps `patients` patients."""
    command = [sys.executable, "-m", "benchmarks.warfarin_speed", "--only-step", str(patients)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument("--only-step", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_step:
        measure("medium", options.only_step, options.only_step, steps=5)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
        return
    results = {"hardware": description()}
    print(results["hardware"])
    peer = hemosim_steps_per_s()
    for difficulty, patients, block in (
        ("medium", 4096, 4096),
        ("hard", 4096, 4096),
        ("medium", 16_384, 16_384),
        ("medium", 65_536, CACHE_BLOCK),
        ("medium", 262_144, CACHE_BLOCK),
        ("medium", 262_144, 262_144),
        ("medium", 4096, 4096),
    ):
        nanoseconds, compile_s = measure(difficulty, patients, block)
        name = f"{difficulty}, {patients} patients in blocks of {block}"
        best = min(nanoseconds, results.get(name, {}).get("ns_per_step", nanoseconds))
        results[name] = {"ns_per_step": best, "steps_per_s": 1e9 / best, "compile_s": compile_s}
        print(
            f"{name}: {1e3 / nanoseconds:.2f} M steps/s, {nanoseconds:.1f} ns a step, "
            f"compiled in {compile_s:.1f} s"
        )
    results["peak_memory_gb_262144"] = peak_memory_gb(262_144)
    print(f"256 k patients: peak memory {results['peak_memory_gb_262144']:.2f} GB")
    if peer is None:
        print("hemosim is not installed: no ratio")
    else:
        again = hemosim_steps_per_s()
        results["hemosim_steps_per_s"] = max(peer, again)
        ours = results["medium, 4096 patients in blocks of 4096"]["steps_per_s"]
        results["ratio"] = ours / max(peer, again)
        print(f"hemosim 0.2.2: {peer:.0f} and {again:.0f} steps/s; ratio {results['ratio']:.0f}")
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
