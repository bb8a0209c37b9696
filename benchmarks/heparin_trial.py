"""The trial of Raschke 1993, simulated: weight-based against standard care.

    python -m benchmarks.heparin_trial [--patients 2000]

Share of patients with a measured aPTT above 1.5 times control (45 s of that laboratory's reagent)
in a sample of the first 24 h. Published: 60 of 62 (97 %) and 37 of 48 (77 %). The same virtual
patients (medium tier) are in both arms. Of standard care only the start is published; its steps are
an assumption.
"""

import argparse

import jax
import numpy as np
from scipy.stats import binomtest

import hemosim_jax
from benchmarks.comparison import Row
from benchmarks.heparin_ward import STEP_H, simulate
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.tasks.heparin import nomograms

THRESHOLD_S = 45.0
HOURS = 48
ARMS = {"weight-based": nomograms.RASCHKE, "standard care": nomograms.STANDARD_CARE}


PUBLISHED = {"weight-based": (60, 62), "standard care": (37, 48)}


def exact_interval_percent(count, total):
    """Clopper and Pearson's, 95 %."""
    interval = binomtest(count, total).proportion_ci()
    return 100.0 * interval.low, 100.0 * interval.high


def rows(patients):
    """The two arms against the trial's."""
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty="medium", reagent="raschke")
    for name, nomogram in ARMS.items():
        _, course = simulate(env, params, nomogram, patients, held_out(0).key(), HOURS)
        result_s, drawn_h = (np.asarray(course[k]) for k in ("aptt_result_s", "aptt_drawn_h"))
        within = (drawn_h <= 24.0) & ~np.isnan(result_s)
        count = int(np.any(within & (result_s > THRESHOLD_S), axis=1).sum())
        low, high = exact_interval_percent(*PUBLISHED[name])
        share = 100.0 * PUBLISHED[name][0] / PUBLISHED[name][1]
        yield Row(
            f"Raschke 1993, {name}: above threshold within 24 h, %",
            f"{share:.0f} ({low:.0f}-{high:.0f})",
            100.0 * count / patients,
            exact_interval_percent(count, patients),
            "chosen" if name == "weight-based" else "predicted",
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=2000)
    options = parser.parse_args()
    env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty="medium", reagent="raschke")
    for name, nomogram in ARMS.items():
        _, course = simulate(env, params, nomogram, options.patients, held_out(0).key(), HOURS)
        course = jax.tree.map(np.asarray, course)
        result_s, drawn_h = course["aptt_result_s"], course["aptt_drawn_h"]
        within = (drawn_h <= 24.0) & ~np.isnan(result_s)
        above = np.any(within & (result_s > THRESHOLD_S), axis=1).mean()
        in_range = np.any(within & (result_s > THRESHOLD_S) & (result_s < 70.5), axis=1).mean()
        six = np.where(np.abs(drawn_h - 6.0) < 0.1, result_s, np.nan)
        six = six[~np.isnan(six)]
        aptt_24 = course["aptt_s"][:, int(24 / STEP_H) - 1]
        margin = 196.0 * np.sqrt(above * (1.0 - above) / options.patients)
        print(
            f"{name}: {options.patients} patients, above threshold within 24 h "
            f"{100.0 * above:.1f} % (+-{margin:.1f}), in range {100.0 * in_range:.1f} %; at 6 h "
            f"{100.0 * (six < 45.5).mean():.0f} % below, {100.0 * (six > 70.5).mean():.0f} % above "
            f"range; true aPTT in range at 24 h "
            f"{100.0 * ((aptt_24 > 45.0) & (aptt_24 < 70.5)).mean():.0f} %"
        )


if __name__ == "__main__":
    main()
