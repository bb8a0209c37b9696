"""One-step-ahead forecasts of aPTT on real courses, and whether their bands hold.

    python -m benchmarks.heparin_aptt FOLDER [--reagent paper] [--out results.json]

FOLDER holds `heparin_aptt.csv.gz` and `heparin_aptt_covariates.csv` of the MIMIC-III demo extract.
Mean absolute error of the logarithm, beside "the same as the last one", a constant, and the last
one shrunk towards it; both of these are fitted to the other courses. Intervals by bootstrap over
courses. Rows: aPTT with a known infusion rate, after the start of heparin, with one before; tiers A
and B. Bands of 80 %: what they cover when their width is chosen, by the interval score, on the
other courses.
"""

import argparse
import json
from pathlib import Path

import jax
import numpy as np

from hemosim_jax.physiology.aptt_reagent import REAGENTS
from hemosim_jax.tasks.heparin.aptt_forecast import forecast_courses
from hemosim_jax.tasks.heparin.mimic_heparin import read_heparin_courses

RESAMPLES = 2000
SPREADS = (0.6, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5)


def on_other_courses(rows):
    """Errors of a constant and of the last value shrunk to it, fitted to the other courses."""
    stays = np.array([row.stay for row in rows])
    observed = np.log([row.observed_s for row in rows])
    last = np.log([row.previous_s for row in rows])
    constant, shrunk = np.empty_like(observed), np.empty_like(observed)
    for stay in np.unique(stays):
        own, others = stays == stay, stays != stay
        center = np.median(observed[others])
        x, y = last[others] - center, observed[others] - center
        share = (x @ y) / (x @ x)
        constant[own] = np.abs(center - observed[own])
        shrunk[own] = np.abs(center + share * (last[own] - center) - observed[own])
    return constant.mean(), shrunk.mean()


def coverage_on_other_courses(courses, reagent):
    """What bands cover (%), and their median ratio, with the width chosen on the other courses."""
    widths = [
        forecast_courses(courses, reagent, jax.random.key(0), spread=spread) for spread in SPREADS
    ]
    stays = np.array([row.stay for row in widths[0]])
    observed, low, high = (
        np.log([[getattr(row, name) for row in rows] for rows in widths])
        for name in ("observed_s", "low_s", "high_s")
    )
    missed = np.maximum(low - observed, 0.0) + np.maximum(observed - high, 0.0)
    score = high - low + 2.0 / 0.2 * missed
    covered, ratio = np.empty(stays.size), np.empty(stays.size)
    for stay in np.unique(stays):
        own = stays == stay
        best = score[:, ~own].mean(axis=1).argmin()
        covered[own] = missed[best, own] < 1e-6
        ratio[own] = np.exp(high - low)[best, own]
    return 100.0 * covered.mean(), float(np.median(ratio))


def errors(rows):
    observed = np.log([row.observed_s for row in rows])
    model = np.abs(np.log([row.forecast_s for row in rows]) - observed)
    last = np.abs(np.log([row.previous_s for row in rows]) - observed)
    return model, last


def reduction(rows):
    """Both errors, the reduction in percent, and its 95 % interval over courses."""
    model, last = errors(rows)
    stays = np.array([row.stay for row in rows])
    names = np.unique(stays)
    rng = np.random.default_rng(0)
    resampled = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate(
            [np.flatnonzero(stays == stay) for stay in rng.choice(names, names.size)]
        )
        resampled.append(100.0 * (1.0 - model[chosen].mean() / last[chosen].mean()))
    low, high = np.percentile(resampled, (2.5, 97.5))
    return {
        "rows": len(rows),
        "courses": int(names.size),
        "model": float(model.mean()),
        "last_value": float(last.mean()),
        "reduction_percent": float(100.0 * (1.0 - model.mean() / last.mean())),
        "low": float(low),
        "high": float(high),
    }


def results(folder, reagent):
    """By subset of the rows, and of `others`: constants, and the cover of bands."""
    courses = read_heparin_courses(
        folder / "heparin_aptt.csv.gz", folder / "heparin_aptt_covariates.csv"
    )
    courses = [course for course in courses if course.tier in ("A", "B")]
    rows = forecast_courses(courses, REAGENTS[reagent], jax.random.key(0))
    subsets = {
        "tiers A and B": rows,
        "tier A": [row for row in rows if row.tier == "A"],
        "tier B": [row for row in rows if row.tier == "B"],
        "previous aPTT on heparin, too": [row for row in rows if row.after_first],
        "and the pump on": [row for row in rows if row.after_first and row.infusing],
    }
    found = {name: reduction(subset) for name, subset in subsets.items() if subset}
    constant, shrunk = on_other_courses(rows)
    covered, ratio = coverage_on_other_courses(courses, REAGENTS[reagent])
    found["others"] = {
        "constant": constant,
        "shrunk": shrunk,
        "covered_percent": covered,
        "ratio_of_bounds": ratio,
    }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reagent", choices=REAGENTS, default="paper")
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    options = parser.parse_args()
    found = results(options.folder, options.reagent)
    for name, row in found.items():
        if name == "others":
            continue
        print(
            f"{name}: {row['rows']} aPTT of {row['courses']} courses, error {row['model']:.3f}, "
            f"last value {row['last_value']:.3f}: {row['reduction_percent']:.1f} % less "
            f"[{row['low']:.1f}, {row['high']:.1f}]"
        )
    others = found["others"]
    print(
        f"a constant {others['constant']:.3f}, the last value shrunk towards it "
        f"{others['shrunk']:.3f}"
    )
    print(
        f"bands of 80 % cover {others['covered_percent']:.1f} % (upper bound "
        f"{others['ratio_of_bounds']:.2f} times the lower)"
    )
    if options.out:
        options.out.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
