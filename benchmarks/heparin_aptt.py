"""One-step-ahead forecasts of aPTT on real courses, against "the same as the last one".

    python -m benchmarks.heparin_aptt FOLDER [--reagent paper] [--out results.json]

FOLDER holds `heparin_aptt.csv.gz` and `heparin_aptt_covariates.csv` of the MIMIC-III demo extract.
Mean absolute error of the logarithm; intervals by bootstrap over courses. Rows: aPTT with a known
infusion rate, after the start of heparin, with one before; tiers A and B.
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--reagent", choices=REAGENTS, default="paper")
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    options = parser.parse_args()
    courses = read_heparin_courses(
        options.folder / "heparin_aptt.csv.gz", options.folder / "heparin_aptt_covariates.csv"
    )
    courses = [course for course in courses if course.tier in ("A", "B")]
    rows = forecast_courses(courses, REAGENTS[options.reagent], jax.random.key(0))
    subsets = {
        "tiers A and B": rows,
        "tier A": [row for row in rows if row.tier == "A"],
        "tier B": [row for row in rows if row.tier == "B"],
        "previous aPTT on heparin, too": [row for row in rows if row.after_first],
        "and the pump on": [row for row in rows if row.after_first and row.infusing],
    }
    results = {name: reduction(subset) for name, subset in subsets.items()}
    for name, row in results.items():
        print(
            f"{name}: {row['rows']} aPTT of {row['courses']} courses, error {row['model']:.3f}, "
            f"last value {row['last_value']:.3f}: {row['reduction_percent']:.1f} % less "
            f"[{row['low']:.1f}, {row['high']:.1f}]"
        )
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
