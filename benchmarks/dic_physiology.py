"""What DIC does untreated, and what the treatments of `DICManagement-v0` do to mortality.

    python -m benchmarks.dic_physiology [--patients 20000]

Mild, moderate and severe are the tiers of the task. Overt: a score of 5 or more at any decision.
Mortality within 28 days: deaths in the week, and what the organ function at its end implies.
"""

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table

import hemosim_jax
from benchmarks.hardware import description
from hemosim_jax.evaluation.evaluate import evaluate
from hemosim_jax.evaluation.resampling import mean_interval
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.registry import protocols_of, task_of


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    options = parser.parse_args()
    console = Console(width=150)
    console.print(description())
    columns = ("ever overt", "28-day mortality", "of the overt", "bled to death", "mean score")
    overt_deaths = []
    for tier in ("easy", "medium", "hard"):
        env, params = hemosim_jax.make("DICManagement-v0", difficulty=tier)
        table = Table(tier, *columns, title=f"{options.patients:,} patients")
        for policy in protocols_of(env).values():
            result = evaluate(
                task_of(env.name), env, params, policy, held_out(0), num_patients=options.patients
            )
            outcomes = {name: np.asarray(x) for name, x in result.metrics.items()}
            overt, mortality = outcomes["overt_percent"] > 0.0, outcomes["mortality_28_d_percent"]
            shown = [
                100.0 * overt,
                mortality,
                mortality[overt],
                outcomes["died_in_severe_bleed_percent"],
            ]
            table.add_row(
                policy.name,
                *(_percent(x) for x in shown),
                f"{outcomes['mean_score'].mean():.2f}",
            )
            if policy.name == "supportive_only" and tier != "easy":
                overt_deaths.append(mortality[overt])
        console.print(table)
    pooled = _percent(np.concatenate(overt_deaths))
    console.print(f"untreated overt DIC, moderate and severe together: {pooled} dead in 28 days")


def _percent(values):
    if len(values) < 2:
        return "-"
    mean, low, high, _ = mean_interval(values)
    return f"{mean:.1f} % [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    main()
