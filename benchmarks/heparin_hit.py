"""Heparin-induced thrombocytopenia over three weeks of infusion, and after heparin is stopped.

    python -m benchmarks.heparin_hit [--patients 20000]

Published: 2.6 % (Martel 2005), platelets begin to fall on day 5 to 10; recalled: more than half
lost in 85-90 %, median nadir 50-60, thrombosis in a third to a half (53 % within 30 days without
another anticoagulant), above 150 some 4 days after stopping.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import binomtest

import hemosim_jax
from benchmarks.heparin_ward import STEP_H, simulate
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.tasks.heparin import model, nomograms
from hemosim_jax.tasks.heparin.model import HeparinModel

DAYS = 21
BLOCK = 5000


def recovery_days(parameters, fall=0.5):
    """Days from stopping, when platelets have fallen by `fall`, until they exceed 150."""
    one, zero, hour = jnp.ones(()), jnp.zeros(()), jnp.ones(())

    def one_patient(parameters):
        def one_hour(carry, _):
            state, stopped, since_h, recovered_h = carry
            rate = jnp.where(stopped, 0.0, 18.0 / 50.0 * parameters.volume_ml)
            state, _ = HeparinModel().advance(
                state, hour, parameters, model.Inputs(rate, one, one, one)
            )
            platelets = state.platelets_1e9_per_l
            stopped = stopped | (platelets < (1.0 - fall) * parameters.baseline_platelets_1e9_per_l)
            since_h = since_h + stopped
            back = stopped & (platelets > 150.0) & (since_h > 6.0)
            recovered_h = jnp.where(back & jnp.isinf(recovered_h), since_h, recovered_h)
            return (state, stopped, since_h, recovered_h), None

        start = (
            HeparinModel().initial_state(parameters),
            jnp.zeros((), bool),
            zero,
            zero + jnp.inf,
        )
        return jax.lax.scan(one_hour, start, None, length=24 * 40)[0][1::2]

    stopped, recovered_h = jax.jit(jax.vmap(one_patient))(parameters)
    return np.asarray(recovered_h)[np.asarray(stopped)] / 24.0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    options = parser.parse_args()
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty="medium")
    hit, onset_day, lost, nadir, clotted, affected = [], [], [], [], [], []
    blocks = -(-options.patients // BLOCK)
    for key in jax.random.split(held_out(0).key(), blocks):
        patients, course = simulate(env, params, nomograms.RASCHKE, BLOCK, key, 24 * DAYS)
        course = jax.tree.map(np.asarray, course)
        has_it = course["hit"].any(axis=1)
        baseline = np.asarray(patients.parameters.baseline_platelets_1e9_per_l)[has_it, None]
        platelets = course["platelets_1e9_per_l"][has_it]
        falls = platelets < 0.95 * baseline  # the fall has begun
        onset_day.append(np.where(falls.any(axis=1), falls.argmax(axis=1) * STEP_H / 24.0, np.nan))
        lost.append(1.0 - platelets.min(axis=1) / baseline[:, 0])
        nadir.append(platelets.min(axis=1))
        clotted.append(course["thrombosis"][has_it].any(axis=1))
        hit.append(has_it)
        affected.append(jax.tree.map(lambda x: np.asarray(x)[has_it], patients.parameters))  # noqa: B023
    hit, onset_day, lost, nadir, clotted = map(
        np.concatenate, (hit, onset_day, lost, nadir, clotted)
    )
    interval = binomtest(int(hit.sum()), hit.size).proportion_ci()
    in_window = np.mean((onset_day >= 5.0) & (onset_day <= 10.0))
    print(
        f"{hit.size} patients, {DAYS} days: {hit.sum()} with thrombocytopenia, "
        f"{100.0 * hit.mean():.2f} % [{100.0 * interval.low:.2f}, {100.0 * interval.high:.2f}]"
    )
    print(
        f"platelets begin to fall on day 5-10 in {100.0 * in_window:.0f} % (median day "
        f"{np.nanmedian(onset_day):.1f}); more than half lost in "
        f"{100.0 * np.mean(lost > 0.5):.0f} %, median nadir {np.median(nadir):.0f}, thrombosis "
        f"{100.0 * clotted.mean():.0f} %"
    )
    days = recovery_days(jax.tree.map(lambda *x: jnp.concatenate(x), *affected))
    print(f"heparin stopped once half is lost: above 150 after {np.median(days):.1f} days (median)")


if __name__ == "__main__":
    main()
