"""What the learning benchmarks share: agents by seed, all policies on the same patients."""

import argparse
import json
import time
from pathlib import Path

import jax
import numpy as np
from rich.console import Console

import hemosim_jax
from benchmarks.hardware import description
from hemosim_jax.core.policy import Policy
from hemosim_jax.evaluation import report
from hemosim_jax.evaluation.evaluate import evaluate
from hemosim_jax.evaluation.rollout import episode
from hemosim_jax.evaluation.streams import held_out, training
from hemosim_jax.learning import ppo
from hemosim_jax.registry import protocols_of, task_of

KINDS = {"ppo": 0, "with memory": 64}  # units of memory


def parser(description, total_steps, patients, stream=1000):
    """The options that all of them have."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--seeds", type=int, default=3)
    result.add_argument("--tiers", nargs="+", default=["easy", "medium", "hard"])
    result.add_argument("--steps", type=int, default=total_steps)
    result.add_argument("--patients", type=int, default=patients)
    result.add_argument("--stream", type=int, default=stream, help="held-out stream that judges")
    result.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    result.add_argument("--out", type=Path, help="JSON file for the results")
    return result


def train_ppo(env, params, config, seeds, name="ppo"):
    """A policy for each seed."""
    train = jax.jit(ppo.make_train(env, params, config)).lower(jax.random.key(0)).compile()
    policies = [
        ppo.agent_policy(env, params, train(training(seed).key())[0].agent, config)
        for seed in range(seeds)
    ]
    return named(policies, name)


CHOICE_SEED = 18  # the patients in whom it is chosen: no agent trains on them, no policy is judged


def best_constant(env, params, actions, patients=4000):
    """The policy of one action (of `actions`, by name) that is best in other patients."""
    steps = int(params.max_steps_in_episode)
    keys = jax.random.split(training(CHOICE_SEED).key(), patients)

    @jax.jit
    def mean_return(action):
        policy = constant("any", action)
        rewards = jax.vmap(lambda key: episode(env, params, policy, steps, key).reward)(keys)
        return rewards.sum(axis=1).mean()

    name = max(actions, key=lambda name: float(mean_return(actions[name])))
    return constant(name, actions[name])


def constant(name, action):
    """Always the same action."""
    return Policy(name, lambda params: (), lambda key, carry, observation: (action, carry))


def named(policies, name):
    """The policies of the seeds, each with its seed in its name."""
    return [p._replace(name=f"{name}, seed {seed}") for seed, p in enumerate(policies)]


def judge(env, params, policies, patients, stream=1000):
    """The evaluations of all policies, on the same patients and the same chance events."""
    return [
        evaluate(task_of(env.name), env, params, p, held_out(stream), num_patients=patients)
        for p in policies
    ]


RESAMPLES = 2000


def over_seeds_and_patients(evaluations, baseline=None):
    """Mean return and its 95 % interval, seeds and patients both resampled.

    With a `baseline`, of the difference to it in the same patients.
    """
    returns = np.stack([one.episode_return for one in evaluations]).astype(float)
    if baseline is not None:
        returns = returns - baseline.episode_return
    rng = np.random.default_rng(0)
    seeds, patients = returns.shape
    means = np.empty(RESAMPLES)
    for n in range(RESAMPLES):
        weights = np.bincount(rng.integers(0, patients, patients), minlength=patients) / patients
        means[n] = (returns @ weights)[rng.integers(0, seeds, seeds)].mean()
    low, high = np.percentile(means, (2.5, 97.5))
    decimals = int(max(0.0, 1.0 - np.floor(np.log10(max(high - low, 1e-6)))))
    return f"{returns.mean():.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def means(results, names):
    """Lines of these metrics, of every policy."""
    return [
        f"{name}: " + ", ".join(f"{n} {e.metrics[name].mean():.2f}" for n, e in results.items())
        for name in names
    ]


def learn_and_judge(
    ids, config, constants, options, *, env_options=None, learn_from=None, others=None, more=None
):
    """PPO (of `--kinds`), every protocol and the best constant action, by id and tier.

    Prints a table each, and what agents gain with intervals over seeds and patients.

    - `constants(env)`: actions by name.
    - `env_options`: of `make`.
    - `learn_from(tier, env, params)`: environment and parameters that agents train on; None: these.
    - `others(env_id, tier, options)`: further evaluations on the same patients.
    - `more(tier, params, policies, results)`: lines to print below; both by name.
    """
    console = Console(width=100)
    console.print(description())
    written = {}
    config = config.replace(total_steps=options.steps)
    for env_id in ids:
        for tier in options.tiers:
            env, params = hemosim_jax.make(env_id, difficulty=tier, **(env_options or {}))
            task, started = task_of(env.name), time.perf_counter()
            trained_on = learn_from(tier, env, params) if learn_from else (env, params)
            agents = []
            for kind in options.kinds:
                its_config = config.replace(memory_size=KINDS[kind])
                agents += train_ppo(*trained_on, its_config, options.seeds, kind)
            constant = best_constant(env, params, constants(env))
            references = [*protocols_of(env).values(), constant]
            policies = [*references, *agents]
            results = judge(env, params, policies, options.patients, options.stream)
            best = max(results[: len(references)], key=lambda e: e.episode_return.mean())
            results += others(env_id, tier, options) if others else []
            summaries = [report.summary(task, result) for result in results]
            minutes = (time.perf_counter() - started) / 60.0
            console.print(report.table(task, summaries, f"{env_id}, {tier} ({minutes:.1f} min)"))
            lines = [f"best constant action: {constant.name}; best reference: {best.policy}"]
            kinds = {}
            for result in results[len(references) :]:
                kinds.setdefault(result.policy.split(", seed")[0], []).append(result)
            for name, seeds in kinds.items():
                own, gain = over_seeds_and_patients(seeds), over_seeds_and_patients(seeds, best)
                lines.append(f"{name}, over seeds and patients: {own}; more than the best: {gain}")
            if more:
                named_policies = {policy.name: policy for policy in policies}
                named_results = {result.policy: result for result in results}
                lines += more(tier, params, named_policies, named_results)
            console.print("\n".join(lines))
            written[f"{env_id}, {tier}"] = {
                "summaries": summaries,
                "best": best.policy,
                "constant": constant.name,
                "lines": lines,
            }
            if options.out:
                options.out.write_text(json.dumps(written, indent=1))
