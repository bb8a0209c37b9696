"""Does PPO beat the label's dose of `EnoxaparinDosing-v0` on patients it never saw? Every tier.

    python -m benchmarks.enoxaparin_learning [--seeds 3] [--tiers easy medium hard] [--out FILE]

All policies are judged on the same patients, among them the constant prescription that is best in
others; and once more for the published uncertainty of how steeply bleeding rises with activity
(relative risk 1.63 to 5.37 below 30 mL/min), and for the other pharmacokinetic model; agents are
trained on neither.
"""

import json
import time

from rich.console import Console

import hemosim_jax
from benchmarks.hardware import description
from benchmarks.learning import best_constant, difference, judge, parser, train_ppo, worst
from hemosim_jax.core.environment import strong
from hemosim_jax.evaluation import report
from hemosim_jax.learning.config import WIDE
from hemosim_jax.registry import protocols_of, task_of

CONFIG = WIDE.replace(total_steps=3_000_000)
# Rise of the log of the hazard per IU/mL and hazard at 0.78 IU/mL, fitted as those of
# `tasks.lmwh.hazards` to the ends of the interval of the relative risk (`enoxaparin_evidence`).
SLOPES = {"low": (1.01, 0.00272), "high": (2.62, 0.00175)}


def prescriptions(env):
    """Constant actions by name: 0.3 to 1.2 mg/kg twice, or 0.6 to 2 mg/kg once a day."""
    doses = [(0.1 * n, False) for n in range(3, 13)] + [(0.2 * n, True) for n in range(3, 11)]
    return {
        f"{dose:.1f} mg/kg {'once' if once else 'twice'}": env.encode_orders(
            env.env.encode_action(dose, once)
        )
        for dose, once in doses
    }


def other_truths(tier, params):
    """Environments and parameters under which the same policies are judged again."""
    coefficients = params.coefficients
    env, _ = hemosim_jax.make("EnoxaparinDosing-v0", difficulty=tier)
    for name, (slope, hazard) in SLOPES.items():
        changed = coefficients.replace(bleeding_per_iu_per_ml=slope, bleeding_per_day=hazard)
        yield f"bleeding rises {name}", env, strong(params.replace(coefficients=changed))
    yield "green2005", *hemosim_jax.make("EnoxaparinDosing-v0", difficulty=tier, model="green2005")


def main():
    options = parser(__doc__, CONFIG.total_steps, 20_000).parse_args()
    console = Console(width=100)
    console.print(description())
    written = {}
    for tier in options.tiers:
        env, params = hemosim_jax.make("EnoxaparinDosing-v0", difficulty=tier)
        config = CONFIG.replace(total_steps=options.steps)
        started = time.perf_counter()
        agents = train_ppo(env, params, config, options.seeds)
        constant = best_constant(env, params, prescriptions(env))
        policies = [*protocols_of(env).values(), constant, *agents]
        results = judge(env, params, policies, options.patients)
        minutes = (time.perf_counter() - started) / 60.0
        summaries = [report.summary(task_of(env.name), result) for result in results]
        console.print(report.table(task_of(env.name), summaries, f"{tier} ({minutes:.1f} min)"))
        for name in ("expected_bleeds_percent", "expected_recurrences_percent"):
            shown = ", ".join(f"{e.policy} {e.metrics[name].mean():.2f}" for e in results)
            console.print(f"{name}: {shown}")
        label = next(e for e in results if e.policy == "label")
        best = next(e for e in results if e.policy == constant.name)
        lines = [
            f"worst seed, same patients: {difference(worst(results, 'ppo'), other)}"
            for other in (label, best)
        ]
        for name, other, its_params in other_truths(tier, params):
            policies = [protocols_of(env)["label"], constant, *agents]
            again = judge(other, its_params, policies, options.patients)
            lines += [f"{name}: {difference(worst(again, 'ppo'), one)}" for one in again[:2]]
        console.print("\n".join(lines))
        written[tier] = {"summaries": summaries, "lines": lines}
        if options.out:
            options.out.write_text(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
