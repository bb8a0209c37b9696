"""Do reward and survival agree in DIC? Every constant action and every protocol, each tier.

    python -m benchmarks.dic_policies [--patients 4000] [--tiers easy medium hard]

The rank correlation of return and mortality over all policies, and the best of them by either, in
patients (`SEED`) that nothing was chosen on: what bleeding on heparin and injured lungs cost, and
when the guideline gives heparin, were chosen in others.
"""

import argparse
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

import hemosim_jax
from benchmarks.hardware import description
from benchmarks.learning import constant
from hemosim_jax.evaluation.rollout import episode
from hemosim_jax.evaluation.streams import training
from hemosim_jax.registry import protocols_of

SEED = 24

# What a ward might do without looking, beside the protocols; by index.
NAMED = {
    "heparin 500": (0, 0, 0, 1),
    "heparin 1000": (0, 0, 0, 2),
    "2 platelets": (2, 0, 0, 0),
    "4 platelets": (3, 0, 0, 0),
    "2 plasma": (0, 1, 0, 0),
    "6 plasma": (0, 3, 0, 0),
    "5 cryoprecipitate": (0, 0, 1, 0),
    "10 cryoprecipitate": (0, 0, 2, 0),
    "1 platelets, 2 plasma, heparin 500": (1, 1, 0, 1),
    "4 platelets, 4 plasma, 5 cryoprecipitate, heparin 500": (3, 2, 1, 1),
    "everything, heparin 1000": (3, 3, 2, 2),
}


def every_action(env):
    """All 144: platelets, plasma, cryoprecipitate and heparin by their index."""
    sizes = env.action_space().sizes
    return {
        "-".join(map(str, action)): env.encode_action(*action)
        for action in itertools.product(*map(range, sizes))
    }


def results(env, params, patients):
    """Return, mortality and severe bleeds (%) of every policy by name: means, and by patient."""
    steps = int(params.max_steps_in_episode)
    keys = jax.random.split(training(SEED).key(), patients)

    def outcome(policy, key):
        course = episode(env, params, policy, steps, key)
        last = jnp.sum(course.alive) - 1
        severe = jnp.any(course.info["severe_bleeding"] & course.alive)
        return course.reward.sum(), 100.0 * course.info["risk_28_d"][last], 100.0 * severe

    @jax.jit
    def of_constant(action):
        return jax.vmap(lambda key: outcome(constant("", action), key))(keys)

    found = {name: of_constant(action) for name, action in every_action(env).items()}
    for name, policy in protocols_of(env).items():
        found[name] = jax.jit(jax.vmap(lambda key, p=policy: outcome(p, key)))(keys)
    return {name: np.asarray(values) for name, values in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=4_000)
    parser.add_argument("--tiers", nargs="+", default=["easy", "medium", "hard"])
    parser.add_argument("--reward", default="outcome")
    options = parser.parse_args()
    console = Console(width=120)
    console.print(description())
    for tier in options.tiers:
        env, params = hemosim_jax.make("DICManagement-v1", difficulty=tier, reward=options.reward)
        found = results(env, params, options.patients)
        means = {name: values.mean(axis=1) for name, values in found.items()}
        ranks = spearmanr([m[0] for m in means.values()], [m[1] for m in means.values()])
        protocols = list(protocols_of(env))
        names = {**dict.fromkeys(protocols), **NAMED}
        shown = {n: means["-".join(map(str, a)) if a else n] for n, a in names.items()}
        thirteen = spearmanr([m[0] for m in shown.values()], [m[1] for m in shown.values()])
        table = Table("policy", "return", "dead, %", "severe bleed, %", title=tier)
        for name, values in sorted(shown.items(), key=lambda item: -item[1][0]):
            table.add_row(name, *(f"{x:.2f}" for x in values))
        console.print(table)
        console.print(
            f"Spearman of return and mortality: {thirteen.statistic:.3f} over these "
            f"{len(shown)}, {ranks.statistic:.3f} over all {len(means)}"
        )
        constants = [name for name in means if name not in protocols]
        for column, what, best in ((0, "return", max), (1, "mortality", min)):
            name = best(constants, key=lambda n: means[n][column])
            gain = found["guideline"][column] - found[name][column]
            middle = gain.mean()
            error = 1.96 * gain.std() / np.sqrt(options.patients)
            console.print(
                f"best constant by {what}: {name}, {means[name][column]:.2f}; the guideline's "
                f"less its: {middle:.2f} [{middle - error:.2f}, {middle + error:.2f}]"
            )


if __name__ == "__main__":
    main()
