"""Do learned policies beat the nomograms on patients they never saw? Every tier, several seeds.

    python -m benchmarks.heparin_learning [--seeds 3] [--tiers easy medium hard] [--out FILE]

`HeparinInfusion-v0`: PPO, and the five-action Q-network (on `HeparinInfusion-Discrete-v0`, the same
patients), against the Raschke and the anti-Xa nomogram. `HeparinInfusion-POMDP-v0`: PPO with and
without memory against the same nomograms that order their own laboratory. Each seed trains its own
agent on its own training stream; all policies are judged on the same held-out patients.
"""

import json
import time

import jax
from rich.console import Console

import hemosim_jax
from benchmarks.hardware import description
from benchmarks.learning import difference, judge, named, parser, train_ppo, worst
from hemosim_jax.evaluation import report
from hemosim_jax.evaluation.streams import training
from hemosim_jax.learning import dqn
from hemosim_jax.learning.config import WIDE
from hemosim_jax.registry import protocols_of, task_of

# Fewer environments than `wide`, for more updates, and a nearer horizon (a decision's effect is
# over within a day); tried on other seeds and other held-out patients than these.
CONFIG = WIDE.replace(num_envs=512, total_steps=5_000_000, discount=0.95)
OBSERVED, ORDERED, DISCRETE = (
    "HeparinInfusion-v0",
    "HeparinInfusion-POMDP-v0",
    "HeparinInfusion-Discrete-v0",
)


def train_dqn(env, params, seeds):
    """A greedy policy for each seed."""
    config = dqn.DQNConfig()
    train = jax.jit(dqn.make_train(env, params, config)).lower(jax.random.key(0)).compile()
    policies = [
        dqn.greedy_policy(train(training(seed).key())[0].weights, config, env.num_actions)
        for seed in range(seeds)
    ]
    return named(policies, "dqn")


def main():
    options_of = parser(__doc__, CONFIG.total_steps, 10_000)
    options_of.add_argument(
        "--ids", nargs="+", choices=(OBSERVED, ORDERED), default=[OBSERVED, ORDERED]
    )
    options = options_of.parse_args()
    console = Console(width=100)
    console.print(description())
    written = {}
    config = CONFIG.replace(total_steps=options.steps)
    for env_id in options.ids:
        for tier in options.tiers:
            env, params = hemosim_jax.make(env_id, difficulty=tier)
            started = time.perf_counter()
            agents = train_ppo(env, params, config, options.seeds)
            if env_id == ORDERED:
                remembering = config.replace(memory_size=64)
                agents += train_ppo(env, params, remembering, options.seeds, "recurrent")
            protocols = list(protocols_of(env).values())
            results = judge(env, params, [*protocols, *agents], options.patients)
            best = max(results[: len(protocols)], key=lambda e: e.episode_return.mean())
            if env_id == OBSERVED:
                discrete, its_params = hemosim_jax.make(DISCRETE, difficulty=tier)
                networks = train_dqn(discrete, its_params, options.seeds)
                results += judge(discrete, its_params, networks, options.patients)
            summaries = [report.summary(task_of(env.name), result) for result in results]
            minutes = (time.perf_counter() - started) / 60.0
            console.print(
                report.table(task_of(env.name), summaries, f"{env_id}, {tier} ({minutes:.1f} min)")
            )
            by_name = {name: worst(results, name) for name in ("ppo", "recurrent", "dqn")}
            pairs = [(agent, best) for agent in by_name.values() if agent]
            if by_name["recurrent"]:
                pairs.append((by_name["recurrent"], by_name["ppo"]))
            for pair in pairs:
                console.print(f"worst seed, same patients: {difference(*pair)}")
            written[f"{env_id}, {tier}"] = {
                "summaries": summaries,
                "differences": [difference(*pair) for pair in pairs],
            }
            if options.out:
                options.out.write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
