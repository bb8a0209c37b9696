"""Training steps per second of both PPO presets, against SB3's PPO on hemosim 0.2.2.

    python -m benchmarks.warfarin_training [--out results.json]

SB3 runs with the paper's settings, which are its defaults (extra `bench`; torch's thread count as
it comes and 1, the better counts). Compilation is reported beside, not counted.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import jax

import hemosim_jax
from benchmarks.hardware import description
from hemosim_jax.learning.config import PRESETS
from hemosim_jax.learning.ppo import make_learner

SECONDS = 15.0


def measure(preset):
    """(steps per second, compile seconds) of whole updates: rollout, advantages, epochs."""
    env, params = hemosim_jax.make("WarfarinDosing-v0")
    config = PRESETS[preset]
    learner = make_learner(env, params, config)
    state = jax.jit(learner.init)(jax.random.key(0))
    started = time.perf_counter()
    update = jax.jit(learner.update, donate_argnums=0).lower(state).compile()
    compile_s = time.perf_counter() - started
    state, metrics = update(state)
    jax.block_until_ready(metrics)
    started, updates = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        state, metrics = update(state)
        jax.block_until_ready(metrics)
        updates += 1
    return updates * config.batch_size / (time.perf_counter() - started), compile_s


def sb3_steps_per_s(rollouts=4):
    """The better of one and of torch's default number of threads, or None if not installed."""
    try:
        import hemosim  # noqa: F401
        import torch
        from stable_baselines3 import PPO
    except ImportError:
        return None
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for threads in (torch.get_num_threads(), 1):
            torch.set_num_threads(threads)
            model = PPO("MlpPolicy", "hemosim/WarfarinDosing-v0", device="cpu", seed=0, verbose=0)
            started = time.perf_counter()
            model.learn(rollouts * 2048)
            rates.append(rollouts * 2048 / (time.perf_counter() - started))
    return max(rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    options = parser.parse_args()
    results = {"hardware": description()}
    print(results["hardware"])
    peer = sb3_steps_per_s()
    for preset in PRESETS:
        rate, compile_s = measure(preset)
        results[preset] = {"steps_per_s": rate, "compile_s": compile_s}
        ratio = f", {rate / peer:.0f} times SB3" if peer else ""
        print(f"{preset}: {rate:,.0f} steps/s{ratio}; compiled in {compile_s:.1f} s")
    if peer:
        results["sb3_hemosim_steps_per_s"] = peer
        print(f"SB3 PPO on hemosim 0.2.2: {peer:.0f} steps/s")
    else:
        print("hemosim or stable-baselines3 is not installed: no ratio")
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
