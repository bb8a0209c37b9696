"""Does PPO beat the guideline of `DOACManagement-v0` on patients it never saw? Every tier.

    python -m benchmarks.doac_learning [--seeds 3] [--tiers easy medium hard] [--patients 400000]

Each seed trains its own agent on its own training stream; all policies are judged on the same
held-out patients. The observation has the current drug one-hot. Beside the return stand the events
per 100 patient-years, with Poisson intervals: a reward is not health.
"""

import json
import time

import numpy as np
from rich.console import Console
from rich.table import Table

import hemosim_jax
from benchmarks.hardware import description
from benchmarks.learning import judge, parser, train_ppo, worst
from hemosim_jax.learning.config import WIDE
from hemosim_jax.registry import protocols_of
from hemosim_jax.tasks.doac.expected_rewards import DOACExpectedRewards

# Agents learn from expected rewards, half of their patients with a prescription; they are judged
# where events happen. A decision shows at once in what is expected of its month, so the horizon can
# be near. With less entropy at the start a third of the seeds begin everyone with the same drug.
# Tried with other seeds and other held-out patients.
CONFIG = WIDE.replace(
    rollout_steps=24,
    num_minibatches=16,
    total_steps=10_000_000,
    discount=0.5,
    gae_lambda=0.2,
    entropy_coefficient=0.3,
    anneal_entropy=True,
)
PROTOCOLS = ("guideline", "always_apixaban")
EVENTS = ("stroke", "major_bleed", "intracranial", "fatal")


def normal_interval(values):
    """Mean and 95 % interval of many values."""
    half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def row(evaluation):
    """What one policy comes to."""
    outcomes = evaluation.metrics
    years = float(np.sum(outcomes["years"]))
    counts = {event: float(np.sum(outcomes[f"{event}_percent"])) / 100.0 for event in EVENTS}
    rates = {event: (100.0 * n / years, 196.0 * n**0.5 / years) for event, n in counts.items()}
    return {
        "policy": evaluation.policy,
        "return": normal_interval(evaluation.episode_return),
        "per_100_years": rates,
        "appropriate_percent": float(outcomes["appropriate_percent"].mean()),
        "switches": float(outcomes["switches"].mean()),
    }


def table(rows, title):
    """The rows, best return first."""
    result = Table("policy", "return", *(f"{e} /100 y" for e in EVENTS), "labelled, %", "switches")
    result.title = title
    for one in sorted(rows, key=lambda r: -r["return"][0]):
        mean, low, high = one["return"]
        result.add_row(
            one["policy"],
            f"{mean:.3f} [{low:.3f}, {high:.3f}]",
            *(f"{rate:.2f} ±{half:.2f}" for rate, half in one["per_100_years"].values()),
            f"{one['appropriate_percent']:.1f}",
            f"{one['switches']:.3f}",
        )
    return result


def main():
    options = parser(__doc__, CONFIG.total_steps, 400_000).parse_args()
    console = Console(width=150)
    console.print(description())
    written = {}
    for tier in options.tiers:
        env, params = hemosim_jax.make("DOACManagement-v0", difficulty=tier, one_hot=True)
        started = time.perf_counter()
        expecting = DOACExpectedRewards(tier, one_hot=True)
        config = CONFIG.replace(total_steps=options.steps)
        agents = train_ppo(expecting, expecting.default_params, config, options.seeds)
        protocols = [protocols_of(env)[name] for name in PROTOCOLS]
        results = judge(env, params, [*protocols, *agents], options.patients)
        rows = [row(result) for result in results]
        minutes = (time.perf_counter() - started) / 60.0
        console.print(table(rows, f"{tier}, {options.patients:,} patients ({minutes:.1f} min)"))
        guideline = next(e for e in results if e.policy == "guideline")
        agent = worst(results, "ppo")
        mean, low, high = normal_interval(agent.episode_return - guideline.episode_return)
        console.print(
            f"same patients: {agent.policy} - guideline {mean:.3f} [{low:.3f}, {high:.3f}]"
        )
        written[tier] = {"rows": rows, "worst_seed_minus_guideline": (mean, low, high)}
        if options.out:
            options.out.write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
