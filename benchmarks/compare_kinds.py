"""How long a comparison of four kinds of policy takes: protocol, run, function, Stable-Baselines3.

    python -m benchmarks.compare_kinds [--patients 10000]

For three tasks: trains a tiny PPO run and a tiny SB3 model (not timed), then times `compare`, files
and charts included.
"""

import argparse
import tempfile
import time
from pathlib import Path

import jax.numpy as jnp

import hemosim_jax
from benchmarks.hardware import description
from hemosim_jax.experiment.cli import main as command_line
from hemosim_jax.interop.stable_baselines import TreatmentVecEnv

TASKS = ("WarfarinDosing-v0", "HeparinInfusion-v0", "EnoxaparinDosing-v0")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=10_000)
    options = parser.parse_args()
    from stable_baselines3 import PPO

    print(description())
    for env_id in TASKS:
        env, params = hemosim_jax.make(env_id)
        protocol = next(iter(hemosim_jax.protocols_of(env)))
        with tempfile.TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            command_line([
                "train", "--env-id", env_id, "--out", str(run), "--total-steps", "2048",
                "--num-envs", "64", "--rollout-steps", "16", "--eval-patients", "0",
            ])  # fmt: skip
            model = PPO("MlpPolicy", TreatmentVecEnv(env_id, 16), n_steps=16, device="cpu")
            middle = jnp.full(env.action_space().shape, 0.4)
            policies = {
                "protocol": protocol,
                "run": run,
                "function": lambda seen, action=middle: action + 0.0 * seen[0],
                "sb3": model.learn(256),
            }
            started = time.perf_counter()
            result = hemosim_jax.compare(
                env, params, policies, num_patients=options.patients, out=Path(folder) / "out"
            )
            elapsed_s = time.perf_counter() - started
        print(f"{env_id}: {elapsed_s:.1f} s")
        print(result)


if __name__ == "__main__":
    main()
