"""The Hamberg models against the stable doses of the IWPC cohort: fit, errors, spread.

    python -m benchmarks.warfarin_iwpc path/to/iwpc_development.csv.gz

Prints the constants that `calibration.warfarin_iwpc` holds (fitted on the file given), the mean
absolute error of the weekly dose in the sample and cross-validated, and the spread.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.tasks.warfarin.algorithms import iwpc_clinical, iwpc_pharmacogenetic
from hemosim_jax.tasks.warfarin.calibration import calibration_of, fit, typical_dose_mg_per_week
from hemosim_jax.tasks.warfarin.cohort import read_iwpc
from hemosim_jax.tasks.warfarin.disturbances import Risks
from hemosim_jax.tasks.warfarin.environment import MODELS
from hemosim_jax.tasks.warfarin.population import complete_cohort, of_ancestry

FOLDS = 10


def predicted(model, covariates, calibration):
    baseline = jnp.full_like(covariates.age_y, calibration.typical_baseline_inr)
    covariates = covariates.replace(baseline_inr=baseline)
    return np.asarray(typical_dose_mg_per_week(model, covariates, calibration))


def cross_validated_error(model, covariates, dose):
    fold = np.random.default_rng(0).integers(0, FOLDS, dose.size)
    errors = []
    for number in range(FOLDS):
        inside, outside = fold != number, fold == number
        rows = lambda kept: jax.tree.map(lambda x: x[kept], covariates)  # noqa: E731
        fitted = fit(model, rows(inside), dose[inside])
        errors.append(np.abs(predicted(model, rows(outside), fitted) - dose[outside]))
    return np.concatenate(errors).mean()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    records = read_iwpc(parser.parse_args().file)
    kept = np.isfinite(records.weekly_dose_mg)
    covariates = jax.tree.map(lambda x: x[kept], records.covariates)
    dose = records.weekly_dose_mg[kept]
    print(f"{len(kept)} subjects read, left out {records.left_out}")
    print(f"{dose.size} with a stable dose; mean absolute error, mg/week:")
    for name, weekly in (
        ("fixed 35 mg/week", np.full_like(dose, 35.0)),
        ("IWPC clinical algorithm", 7.0 * np.asarray(iwpc_clinical(covariates))),
        ("IWPC pharmacogenetic algorithm", 7.0 * np.asarray(iwpc_pharmacogenetic(covariates))),
    ):
        print(f"  {name}: {np.abs(weekly - dose).mean():.2f}")
    for name, model in MODELS.items():
        for calibration_name in ("published", "iwpc"):
            calibration = calibration_of(calibration_name, model)
            weekly = predicted(model, covariates, calibration)
            print(
                f"  {name}, {calibration_name}: {np.abs(weekly - dose).mean():.2f}"
                f" (bias {np.mean(weekly - dose):+.2f})"
            )
        print(f"  {name}, fitted in {FOLDS}-fold cross-validation: "
              f"{cross_validated_error(model, covariates, dose):.2f}")  # fmt: skip
        of, need = of_ancestry("European", calibration_of("iwpc", model)), []
        for seed in range(20):
            drawn = complete_cohort(jax.random.key(seed), covariates, of, Risks(), model)
            need.append(7.0 * model.steady_state_dose_mg_per_day(drawn.patients.parameters, 2.5))
        need = np.concatenate(need)
        print(
            f"  {name}: spread of the dose requirement over the cohort's, "
            f"SD of log {np.std(np.log(need)) / np.std(np.log(dose)):.3f}, "
            f"SD in mg {np.std(need) / np.std(dose):.3f}"
        )
        print(f"  {name} refitted: {fit(model, covariates, dose)}")


if __name__ == "__main__":
    main()
