"""What the learning benchmarks share: agents by seed, all policies on the same patients."""

import argparse
from pathlib import Path

import jax

from hemosim_jax.core.policy import Policy
from hemosim_jax.evaluation.evaluate import evaluate
from hemosim_jax.evaluation.resampling import mean_interval
from hemosim_jax.evaluation.rollout import episode
from hemosim_jax.evaluation.streams import held_out, training
from hemosim_jax.learning import ppo
from hemosim_jax.registry import task_of


def parser(description, total_steps, patients):
    """The options that all of them have."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--seeds", type=int, default=3)
    result.add_argument("--tiers", nargs="+", default=["easy", "medium", "hard"])
    result.add_argument("--steps", type=int, default=total_steps)
    result.add_argument("--patients", type=int, default=patients)
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


def judge(env, params, policies, patients):
    """The evaluations of all policies, on the same patients and the same chance events."""
    return [
        evaluate(task_of(env.name), env, params, p, held_out(1000), num_patients=patients)
        for p in policies
    ]


def worst(evaluations, name):
    """The evaluation of the worst seed of `name`, None if there is none."""
    seeds = [e for e in evaluations if e.policy.startswith(f"{name}, seed")]
    return min(seeds, key=lambda e: e.episode_return.mean(), default=None)


def difference(a, b):
    """Mean difference of the return of the same patients, with its interval, in words."""
    mean, low, high, _ = mean_interval(a.episode_return - b.episode_return)
    return f"{a.policy} - {b.policy}: {mean:.3f} [{low:.3f}, {high:.3f}]"
