"""Does PPO beat the label's dose of `EnoxaparinDosing-v0` on patients it never saw? Every tier.

    python -m benchmarks.enoxaparin_learning [--seeds 3] [--tiers easy medium hard] [--out FILE]

PPO with and without memory against every protocol and the constant prescription that is best in
other patients, all on the same patients; label, constant and PPO once more for the published
uncertainty of how steeply bleeding rises with activity (relative risk 1.63 to 5.37 below
30 mL/min), and for the other pharmacokinetic model, on neither of which agents are trained.
"""

import hemosim_jax
from benchmarks.learning import (
    judge,
    learn_and_judge,
    means,
    over_seeds_and_patients,
    parser,
)
from hemosim_jax.core.environment import strong
from hemosim_jax.learning.config import WIDE

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


def judged_again(tier, params, policies, results):
    """What is expected, and what PPO gains where the truth is another."""
    lines = means(results, ("expected_bleeds_percent", "expected_recurrences_percent"))
    constant = next(name for name in policies if name.endswith((" once", " twice")))
    agents = [name for name in policies if name.startswith("ppo, seed")]
    patients = len(next(iter(results.values())).episode_return)

    def gains(where, results):
        for reference in ("label", constant):
            gain = over_seeds_and_patients([results[n] for n in agents], results[reference])
            lines.append(f"{where}: PPO - {reference} {gain}")

    gains("as trained", results)
    for where, other, its_params in other_truths(tier, params):
        again = judge(
            other, its_params, [policies[n] for n in ("label", constant, *agents)], patients
        )
        gains(where, {e.policy: e for e in again})
    return lines


def main():
    options = parser(__doc__, CONFIG.total_steps, 10_000).parse_args()
    learn_and_judge(["EnoxaparinDosing-v0"], CONFIG, prescriptions, options, more=judged_again)


if __name__ == "__main__":
    main()
