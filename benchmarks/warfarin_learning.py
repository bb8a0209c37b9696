"""Does PPO, trained in minutes, beat every protocol on patients it never saw? Several seeds.

    python -m benchmarks.warfarin_learning [--seeds 5] [--difficulty medium] [--out results.json]

Each seed trains its own agent on its own training stream; all policies are then judged on the same
10,000 held-out patients, of a stream no seed trains on.
"""

import argparse
import json
import time
from pathlib import Path

import jax
from rich.console import Console

import hemosim_jax
from benchmarks.hardware import description
from hemosim_jax.evaluation import report
from hemosim_jax.evaluation.evaluate import evaluate
from hemosim_jax.evaluation.streams import held_out, training
from hemosim_jax.learning.config import PRESETS
from hemosim_jax.learning.ppo import agent_policy, make_train
from hemosim_jax.registry import protocols_of, task_of


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--difficulty", default="medium")
    parser.add_argument("--preset", default="wide")
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    options = parser.parse_args()
    console = Console(width=100)
    console.print(description())
    env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty=options.difficulty)
    config = PRESETS[options.preset]
    train = jax.jit(make_train(env, params, config))
    compiled = train.lower(jax.random.key(0)).compile()
    policies, seconds = list(protocols_of(env).values()), []
    for seed in range(options.seeds):
        started = time.perf_counter()
        state, _ = jax.block_until_ready(compiled(training(seed).key()))
        seconds.append(time.perf_counter() - started)
        policy = agent_policy(env, params, state.agent, config)
        policies.append(policy._replace(name=f"ppo, seed {seed}"))
    console.print(f"{config.total_steps:,} steps in {min(seconds):.0f}-{max(seconds):.0f} s a seed")
    stream = held_out(1000)
    task = task_of(env.name)
    outcome = task.display.outcomes[0].name
    summaries = [
        report.summary(
            task, evaluate(task, env, params, policy, stream, num_patients=options.patients)
        )
        for policy in policies
    ]
    title = f"{env.name}, {options.difficulty}, {options.patients:,} held-out patients"
    console.print(report.table(task, summaries, title))
    agents = [row for row in summaries if row["policy"].startswith("ppo")]
    others = [row for row in summaries if not row["policy"].startswith("ppo")]
    best = max(others, key=lambda row: row["return"]["mean"])
    in_range = max(others, key=lambda row: row[outcome]["mean"])
    worst = min(agents, key=lambda row: row["return"]["mean"])
    least = min(agents, key=lambda row: row[outcome]["mean"])
    console.print(
        f"worst seed against best protocol: return {worst['return']} | {best['return']};"
        f" {outcome} {least[outcome]} | {in_range[outcome]}"
    )
    if options.out:
        options.out.write_text(json.dumps({"seconds": seconds, "summaries": summaries}, indent=1))


if __name__ == "__main__":
    main()
