"""Peaks, troughs and areas of the direct oral anticoagulants against what is published.

    python -m benchmarks.doac_exposure [--patients 200]

Typical patients (no random effects) at steady state. Published medians: nysora and Mayo Clinic
Laboratories' test catalogue (rivaroxaban in ROCKET AF, apixaban in ARISTOTLE, dabigatran in RE-LY,
edoxaban in Hokusai-VTE). ENGAGE AF drew its troughs at some 20 h, so that level is shown, too. AUC
ratios: labels. The last rows: a month tablet by tablet in float64 against the fast path.
"""

import argparse
import csv
import re

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.physiology import oral_dosing
from hemosim_jax.tasks.doac import drugs
from hemosim_jax.tasks.doac.covariates import PharmacokineticCovariates
from tests.conftest import SHARED
from tests.physiology.dose_by_dose import POINTS, differences

REFERENCE = SHARED / "reference" / "anticoagulants" / "ref_doac_steady_state.csv"
# Drug, dose, clearance, weight, age, published peak and trough.
PUBLISHED = (
    ("rivaroxaban", 20.0, 80.0, 81.0, 65.0, 247.5, 44.0),
    ("apixaban", 5.0, 80.0, 82.0, 70.0, 171.0, 103.0),
    ("edoxaban", 60.0, 99.0, 80.5, 57.0, 234.0, 19.0),
    ("dabigatran", 150.0, 68.0, 82.0, 72.0, 175.0, 91.0),
    ("dabigatran", 110.0, 68.0, 82.0, 72.0, 126.0, 65.0),  # recalled; Mayo's catalogue agrees
)
# Mid-points of the label's groups: normal, mild, moderate, severe impairment.
KIDNEYS_ML_PER_MIN = (105.0, 65.0, 40.0, 22.0)
LABEL_AUC_RATIOS = {"rivaroxaban": (1.44, 1.52, 1.64), "dabigatran": (1.5, 3.2, 6.3)}
# Of the working model of the reference, L/h: intercept, slope per mL/min, largest clearance.
REFERENCE_DABIGATRAN = (12.4, 1.244, 120.0)


def covariates(clearance_ml_per_min, weight_kg, age_y) -> PharmacokineticCovariates:
    """A man who is not Asian and takes nothing else."""
    return PharmacokineticCovariates(
        age_y=jnp.float32(age_y),
        weight_kg=jnp.float32(weight_kg),
        male=jnp.ones((), bool),
        asian=jnp.zeros((), bool),
        creatinine_clearance_ml_per_min=jnp.float32(clearance_ml_per_min),
        interaction=jnp.int32(0),
    )


def typical(drug: int, of: PharmacokineticCovariates) -> oral_dosing.Parameters:
    """The parameters without random effects."""
    normals = [jnp.float32(0.0)] * drugs.N_EFFECTS
    return drugs.parameters(of, normals, len(drugs.DRUGS))[drug]


@jax.jit
def steady_day(parameters, regimen):
    """Hours, concentrations and the AUC of a day after two months."""
    start = oral_dosing.TABLETS.initial_state(parameters)
    state, _ = oral_dosing.TABLETS.advance(start, jnp.float32(60.0 * 24.0), parameters, regimen)
    state = state.replace(auc_ng_h_per_ml=jnp.float32(0.0))
    hours = jnp.linspace(24.0 / POINTS, 24.0, POINTS)
    later, _ = jax.vmap(lambda h: oral_dosing.TABLETS.advance(state, h, parameters, regimen))(hours)
    level = jax.vmap(lambda s: oral_dosing.concentration_ng_per_ml(s, parameters))(later)
    return hours, level, later.auc_ng_h_per_ml[-1]


def regimen_of(drug: int, dose_mg: float):
    return jax.tree.map(jnp.float32, drugs.regimen(dose_mg, drug))


def against_reference():
    """Largest relative difference of peak, trough and AUC from each drug's rows of the reference.

    The reference has one absorption rate for morning and evening, and a linear renal clearance of
    dabigatran.
    """
    worst = {}
    for row in csv.DictReader(REFERENCE.read_text().splitlines()):
        text, drug = row["covariates"], drugs.DRUGS.index(row["drug"])
        if "Yang" in row["model"]:
            continue  # another model

        def stated(pattern, usual, text=text):
            found = re.search(pattern + r"(\d+)", text)
            return float(found.group(1)) if found else usual

        clearance = stated("CrCl", None)
        of = covariates(clearance, stated("wt", 70.0), stated("age", 65.0))
        parameters = typical(drug, of).replace(evening_absorption_ratio=jnp.float32(1.0))
        if row["drug"] == "dabigatran":
            intercept, slope, largest = REFERENCE_DABIGATRAN
            linear = intercept + slope * min(clearance, largest)
            parameters = parameters.replace(clearance_l_per_h=jnp.float32(linear))
        _, level, auc = steady_day(parameters, regimen_of(drug, float(row["dose_mg"])))
        pairs = (
            (float(level.max()), row["Cmax_ng_mL"]),
            (float(level[-1]), row["Ctrough_ng_mL"]),
            (float(auc), row["AUC24_ng_h_mL"]),
        )
        miss = max(abs(ours / float(theirs) - 1.0) for ours, theirs in pairs)
        worst[row["drug"]] = max(miss, worst.get(row["drug"], 0.0))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=200)
    options = parser.parse_args()
    for name, dose_mg, clearance, weight, age, peak, trough in PUBLISHED:
        drug = drugs.DRUGS.index(name)
        parameters = typical(drug, covariates(clearance, weight, age))
        hours, level, _ = map(np.asarray, steady_day(parameters, regimen_of(drug, dose_mg)))
        at_20 = np.interp(20.0, hours, level)
        window = level[(hours >= 1.0) & (hours <= 3.0)].mean()
        print(
            f"{name} {dose_mg:g} mg, {clearance:g} mL/min: peak {level.max():.0f} (published "
            f"{peak:g}, {level.max() / peak - 1.0:+.0%}; mean from 1 to 3 h {window:.0f}), trough "
            f"{level[-1]:.1f} ({trough:g}, {level[-1] / trough - 1.0:+.0%}), at 20 h {at_20:.1f}"
        )
    if REFERENCE.is_file():
        worst = against_reference()
        print("reference: " + ", ".join(f"{drug} {miss:.2%}" for drug, miss in worst.items()))
    for name, published in LABEL_AUC_RATIOS.items():
        drug = drugs.DRUGS.index(name)
        areas = [
            float(steady_day(typical(drug, covariates(k, 80.0, 65.0)), regimen_of(drug, 20.0))[2])
            for k in KIDNEYS_ML_PER_MIN
        ]
        ratios = [area / areas[0] for area in areas[1:]]
        text = ", ".join(
            f"{ours:.2f} (label {theirs}, {ours / theirs - 1.0:+.0%})"
            for ours, theirs in zip(ratios, published, strict=True)
        )
        print(f"{name}, AUC ratios in mild, moderate, severe impairment: {text}")
    for drug, model in enumerate(drugs.MODELS):
        for dose_mg in model.DOSES_MG:
            worst = differences(drug, dose_mg, options.patients)
            text = ", ".join(f"{name} {miss:.1e}" for name, miss in worst.items())
            print(
                f"month of {drugs.DRUGS[drug]} {dose_mg:g} mg, {options.patients} patients: {text}"
            )


if __name__ == "__main__":
    main()
