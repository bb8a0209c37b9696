"""SB3's own PPO on our Gymnasium environment, before and after learning.

python -m benchmarks.sb3_learns [--steps 100000]
"""

import argparse

import gymnasium
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy

import hemosim_jax  # noqa: F401  registers the ids


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    options = parser.parse_args()
    env = gymnasium.make("hemosim_jax/WarfarinDosing-v0", difficulty="medium")
    check_env(env)
    print("passes SB3's check_env")
    model = PPO("MlpPolicy", env, device="cpu", seed=0)
    for name, steps in (("before", 0), ("after", options.steps)):
        if steps:
            model.learn(steps)
        judged = gymnasium.make("hemosim_jax/WarfarinDosing-v0", difficulty="medium")
        judged.reset(seed=10_000)
        returns, _ = evaluate_policy(
            model, judged, n_eval_episodes=50, return_episode_rewards=True, warn=False
        )
        error = np.std(returns) / np.sqrt(len(returns))
        print(f"{name} {steps:,} steps: mean return {np.mean(returns):.1f} +- {error:.1f}")


if __name__ == "__main__":
    main()
