"""The fast path of DIC against float64 integration, and the two cascades beside each other.

    python -m benchmarks.dic_accuracy [--patients 50]

A week of random treatment, a quarter of the patients untreated, every tier: the largest difference
of every laboratory value, for decisions every four hours as in the task, and every day. Then what
one exposure consumes by the reduced cascade and by Hockin & Mann, in the patients of every tier on
admission, without and with heparin (0.3 U/mL).
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.physiology.coagulation import hockin_mann
from hemosim_jax.physiology.coagulation.assays import thrombin_generation
from hemosim_jax.physiology.coagulation.plasma import Plasma
from hemosim_jax.tasks.dic import consumption, population
from tests.tasks.dic.random_treatment import differences

TIERS = {"easy": population.EASY, "medium": population.MEDIUM, "hard": population.HARD}


def cascades(patients, anti_xa_u_per_ml, count=256):
    """Mean shares by both cascades, and their rank correlation, of fibrinogen and prothrombin."""
    keys = jax.random.split(jax.random.key(0), count)
    drawn = jax.vmap(lambda key: population.sample(key, patients))(keys)
    state = jax.vmap(population.on_admission)(drawn)
    state = state.replace(anti_xa_u_per_ml=jnp.full(count, anti_xa_u_per_ml))

    def shares(cascade):
        outcome, ok = jax.jit(jax.vmap(lambda s: consumption.expose(s, cascade)))(state)
        assert bool(ok.all()), "the solver failed"
        return jax.vmap(consumption.consumption)(outcome, state)

    pairs = [shares(cascade) for cascade in consumption.CASCADES]
    words = []
    for name, read in (
        ("platelets", lambda c: c.platelets),
        ("fibrinogen", lambda c: c.fibrinogen),
        ("prothrombin", lambda c: c.factors["II"]),
        ("factors V and VIII", lambda c: c.factors["V"]),
    ):
        ours, full = (np.asarray(read(c)) for c in pairs)
        rank = np.corrcoef(*(np.argsort(np.argsort(x)) for x in (ours, full)))[0, 1]
        words.append(f"{name} {ours.mean():.3f} and {full.mean():.3f} (ranks {rank:.2f})")
    return ", ".join(words)


def own_consumption(tissue_factor_pm):
    """Shares of VII and X that Hockin & Mann itself activates in normal plasma in an exposure."""
    result = jax.jit(
        lambda pm: thrombin_generation(
            Plasma(), 1e-3 * pm, model="hockin2002", duration_s=consumption.EXPOSURE_S
        )
    )(jnp.asarray(tissue_factor_pm))
    last, normal = result.last, hockin_mann.NORMAL_NM
    seven = 1.0 - (last["VII"] + last["TF_VII"]) / normal["VII"]
    ten = 1.0 - (last["X"] + last["TF_VIIa_X"] + last["IXa_VIIIa_X"]) / normal["X"]
    return f"VII {float(seven):.3f}, X {float(ten):.4f}"


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
        for anti_xa in (0.0, 0.3):
            print(f"{tier}, anti-Xa {anti_xa}, reduced and full: {cascades(patients, anti_xa)}")
    for pm in (5.0, 15.0, 25.0):
        print(f"{pm:g} pM in normal plasma, by the full cascade alone: {own_consumption(pm)}")


if __name__ == "__main__":
    main()
