"""The fast path of DIC against float64 integration, and the network against the cascade.

    python -m benchmarks.dic_accuracy [--patients 50]

A week of random treatment, a quarter of the patients untreated, every tier: the largest difference
of every laboratory value, for decisions every four hours as in the task, and every day. Then what
one exposure consumes by the network and by the whole cascade, in the patients of every tier on
admission, without and with heparin.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.tasks.dic import consumption, population
from tests.tasks.dic.random_treatment import differences

TIERS = {"easy": population.EASY, "medium": population.MEDIUM, "hard": population.HARD}


def cascades(patients, anti_xa_u_per_ml, count=512):
    """Of each share: its mean, and the median and 90th percentile of the network's error, %."""
    keys = jax.random.split(jax.random.key(0), count)
    drawn = jax.vmap(lambda key: population.sample(key, patients))(keys)
    state = jax.vmap(population.on_admission)(drawn)
    state = state.replace(anti_xa_u_per_ml=jnp.full(count, anti_xa_u_per_ml))

    def shares(cascade):
        found, ok = jax.jit(jax.vmap(lambda s: consumption.consumption(s, cascade)))(state)
        assert bool(ok.all()), "the solver failed"
        return found

    pairs = [shares(cascade) for cascade in consumption.CASCADES]
    words = []
    for name, read in (
        ("platelets", lambda c: c.platelets),
        ("fibrinogen", lambda c: c.fibrinogen),
        ("antithrombin", lambda c: c.antithrombin),
        *((name, lambda c, name=name: c.factors[name]) for name in ("II", "V", "VIII", "X")),
    ):
        ours, full = (np.asarray(read(c)) for c in pairs)
        used = full > 0.01  # a hundredth of what meets tissue factor
        if used.sum() < 20:
            continue
        error = 100.0 * np.abs(ours / full - 1.0)[used]
        middle, high = np.percentile(error, (50, 90))
        words.append(f"{name} {full.mean():.3f}: {middle:.1f}, {high:.1f} %")
    return "; ".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=50)
    options = parser.parse_args()
    for interval_h, decisions in ((4.0, 42), (24.0, 7)):
        for tier, patients in TIERS.items():
            found = differences(patients, options.patients, decisions, interval_h)
            words = ", ".join(f"{name} {value:.3%}" for name, value in found.items())
            print(f"{tier}, every {interval_h:g} h: {words}")
    for tier, patients in TIERS.items():
        for anti_xa in (0.0, 0.12):
            found = cascades(patients, anti_xa)
            print(f"{tier}, anti-Xa {anti_xa}, mean share: error, median and 90 %: {found}")


if __name__ == "__main__":
    main()
