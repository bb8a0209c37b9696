"""The same treatment decided more or less often: what it is worth.

    python -m benchmarks.heparin_time [--patients 4000] [--out results.json]

Raschke's nomogram over 120 h, decided every 3, 6 and 12 h, the same patients of every tier: return
per hour and time in range; and the same where the doses agree, in the 12 h blocks in which all
three gave the same rate, without a bolus, in the block and in the one before. Then a constant
infusion at its steady state, decided every 1, 2, 4 and 6 h: return per hour. The first day on 80
U/kg and 18 U/kg/h in the hard tier, decided every 1 to 24 h: how many bleed, and how many end by
their aPTT. And the observed clock of a course of 180 h.
"""

import argparse
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import hemosim_jax
from benchmarks.hardware import description
from hemosim_jax.core.policy import Policy
from hemosim_jax.evaluation.evaluate import rollouts
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.registry import protocols_of
from tests.tasks.heparin.test_time import follow, settled

INTERVALS_H = (3.0, 6.0, 12.0)
BLOCK_H = 12.0


def by_block(values, interval_h):
    """Reshaped to patients, blocks, decisions of a block."""
    return values.reshape(values.shape[0], -1, round(BLOCK_H / interval_h))


def nomogram(tier, patients):
    """Return per hour and share of time in range by interval, of all and where doses agree."""
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty=tier)
    policy = protocols_of(env)["raschke"]
    seen, rates = {}, {}
    for interval_h in INTERVALS_H:
        own = params.replace(decision_interval=jnp.float32(interval_h))
        run = rollouts(env, own, policy, held_out(0), patients)
        lived_h = np.max(np.where(run.alive, run.info["hours"], 0.0), axis=1)
        steps = {
            "return": by_block(run.reward, interval_h),
            "in range": by_block(run.info["therapeutic"] & run.alive, interval_h),
            "alive": by_block(run.alive, interval_h),
        }
        seen[interval_h] = (run.reward.sum(1), lived_h, steps)
        given = np.where(run.info["bolus_u"] > 0.0, -1.0, run.info["infusion_u_per_h"])
        rates[interval_h] = by_block(given, interval_h)
    first = rates[INTERVALS_H[-1]][:, :, 0]
    same = np.ones(first.shape, bool)
    for interval_h in INTERVALS_H:
        same &= np.all(np.abs(rates[interval_h] - first[:, :, None]) < 0.5, axis=2)
        same &= seen[interval_h][2]["alive"].all(axis=2)
    agree = same.copy()
    agree[:, 1:] &= same[:, :-1]
    agree[:, 0] = False
    table = {}
    for interval_h, (total, lived_h, steps) in seen.items():
        blocks = agree.sum() * BLOCK_H
        table[interval_h] = {
            "return": float(total.mean()),
            "return per hour": float(total.sum() / lived_h.sum()),
            "where doses agree: return per hour": float(
                steps["return"].sum(axis=2)[agree].sum() / blocks
            ),
            "where doses agree: in range, %": float(
                100.0 * steps["in range"].mean(axis=2)[agree].mean()
            ),
            "blocks": int(agree.sum()),
        }
    return table


def constant(patients):
    """Return per hour of a constant infusion at steady state, by interval."""
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty="easy")
    state, actions = settled(env, params, patients)
    table = {}
    for interval_h in (1.0, 2.0, 4.0, 6.0):
        own = params.replace(decision_interval=jnp.float32(interval_h), horizon=jnp.float32(1e6))
        _, (reward, _, _) = follow(env, own, state, actions, round(24.0 / interval_h))
        table[interval_h] = np.asarray(reward, np.float64).sum(1) / 24.0
    return table


def first_day(patients):
    """Percent of patients who bleed, by interval."""
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty="hard")
    table = {}
    for interval_h in (1.0, 6.0, 12.0, 24.0):
        own = params.replace(decision_interval=jnp.float32(interval_h), horizon=jnp.float32(24.0))

        def act(key, now, seen):
            action = env.encode_action(18.0 * env.decode_observation(seen).weight_kg, now == 0)
            return action, now + 1

        policy = Policy("bolus and infusion", lambda params: jnp.zeros((), jnp.int32), act)
        run = rollouts(env, own, policy, held_out(0), patients)
        bled = np.any(run.info["major_bleed"] & run.alive, axis=1)
        table[interval_h] = 100.0 * float(bled.mean())
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=4000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    print(description())
    results = {}
    for tier in ("easy", "medium", "hard"):
        results[tier] = nomogram(tier, options.patients)
        for interval_h, row in results[tier].items():
            words = ", ".join(f"{name} {value:.4g}" for name, value in row.items())
            print(f"{tier}, every {interval_h:g} h: {words}")
    steady = constant(min(options.patients, 1000))
    reference = steady[1.0]
    for interval_h, per_hour in steady.items():
        worst = np.abs(per_hour - reference).max()
        results[f"constant, {interval_h:g} h"] = float(worst)
        print(
            f"constant infusion, every {interval_h:g} h: {per_hour.mean():.6f} per hour, "
            f"at most {worst:.1e} from every hour"
        )
    results["first day"] = first_day(5 * options.patients)
    for interval_h, percent in results["first day"].items():
        print(f"first day, every {interval_h:g} h: {percent:.2f} % bleed")
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty="easy")
    params = params.replace(horizon=jnp.float32(180.0))
    state, actions = settled(env, params, 4)
    state, _ = follow(env, params, state, actions, int(params.max_steps_in_episode))
    seen = jax.vmap(lambda s: env.decode_observation(env.observe(None, s, None, params)))(state)
    print(f"the observed clock after 180 h: {np.asarray(seen.hours).tolist()}")
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
