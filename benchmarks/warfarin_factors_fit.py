"""Fits the model of clotting factors to everything it is fitted to, jointly.

    python -m benchmarks.warfarin_factors_fit path/to/shared/data [--out posterior.json]

A maximum of the posterior density and the covariance there (Laplace). Fitted to: stable doses and
the INR recorded on them (IWPC, development half), washout (White 1995, Bayewitz 2015), two loading
schemes (Harrison 1997: INR and factor levels), factor levels on stable treatment, and the
prothrombin complex after one large dose (O'Reilly 1963, 1968). Priors carry what was published
elsewhere. The parameters are logarithms except where noted. `benchmarks.warfarin_evidence` shows
what comes out, and what was not fitted.
"""

import argparse
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm, t
from scipy.optimize import minimize

from hemosim_jax.tasks.warfarin import factors
from hemosim_jax.tasks.warfarin.calibration import FITTED, calibration_from
from hemosim_jax.tasks.warfarin.cohort import read_iwpc
from hemosim_jax.tasks.warfarin.covariates import RACES, RandomEffects
from tests.tasks.warfarin.studies import (
    HARRISON,
    STABLE_INR,
    STABLE_LEVELS,
    loading_shares,
    oreilly_courses,
    patients,
    read_oreilly,
    share_above,
    washout_courses,
)

# Start, prior mean and SD (None: flat) of everything fitted; `FITTED` names what the model keeps.
PRIORS = {
    "ec50": (-1.0, None),
    "vkorc1_ga": (-0.3, None),
    "vkorc1_aa": (-0.7, None),
    "hill": (0.7, (0.7, 0.5)),
    "r_potency": (-1.3, (np.log(0.27), 0.25)),  # Ferrari et al., Eur J Pharm Sci 2017
    "sensitivity_vii": (-0.9, (-0.9, 0.4)),
    "sensitivity_x": (0.4, (0.4, 0.4)),
    "sensitivity_pc": (-0.9, (-0.9, 0.4)),
    "weight_ii": (0.0, (0.0, 0.4)),  # 1 in the cascade
    "weight_vii": (0.0, (0.0, 0.4)),
    "weight_x": (0.0, (0.0, 0.4)),
    "weight_exponent": (0.5, None),  # as it is
    "clearance_per_decade": (-0.03, None),  # as it is
    "amiodarone": (-0.3, None),
    "enzyme_inducer": (0.6, None),
    "asian": (0.0, None),
    "black": (0.0, None),
    "mixed": (0.0, None),
    "residual": (-1.2, None),  # scale of the t distribution (5 df) of log dose
    # Of the studies, not of the model:
    "inpatient_ec50": (-0.3, (0.0, 0.15)),  # of Harrison's hospital patients
    "oreilly_vii": (0.0, (0.0, 0.25)),  # weight of factor VII in O'Reilly's test
}
MODEL = factors.FactorTurnover()
PATIENTS = 128  # of the simulated studies

# Of the log of INR in patients selected as stable (van den Besselaar et al., Thromb Res
# 2012;130:535): by so much a recorded value speaks of the day and not of the patient.
WITHIN_PATIENT_SD = 0.09


def iwpc(path):
    """Subjects with a stable dose and an INR recorded on it, and the INR that it holds in them.

    The value recorded is drawn towards the mean of its race group by its reliability there. Sites
    are not in the file.
    """
    records = read_iwpc(path, baseline_inr=factors.TYPICAL_BASELINE_INR)
    kept = np.isfinite(records.weekly_dose_mg) & np.isfinite(records.inr_on_dose)
    covariates = jax.tree.map(lambda x: np.asarray(x)[kept], records.covariates)
    recorded = np.log(records.inr_on_dose[kept])
    held = np.empty_like(recorded)
    for code, race in enumerate(RACES):
        group = covariates.race == code
        mean, variance = np.mean(recorded[group]), np.var(recorded[group])
        reliability = max(0.0, 1.0 - WITHIN_PATIENT_SD**2 / variance)
        held[group] = mean + reliability * (recorded[group] - mean)
        print(f"{race}: {group.sum()}, INR {np.exp(mean):.2f}, reliability {reliability:.2f}")
    # An INR near the baseline asks for no dose at all: nobody is on one for that.
    inr = np.maximum(np.exp(held), 1.25)
    return {
        "covariates": jax.tree.map(
            lambda x: jnp.asarray(x, float) if x.dtype.kind == "f" else jnp.asarray(x), covariates
        ),
        "weekly_dose_mg": jnp.asarray(records.weekly_dose_mg[kept]),
        "inr": jnp.asarray(inr),
    }


def log_likelihoods(values, data):
    """By source of the evidence."""
    calibration = calibration_from(values)
    people = patients(MODEL, calibration, data["patients"])
    result = {}

    none = jnp.zeros_like(data["covariates"].age_y)
    typical = MODEL.individual_parameters(
        data["covariates"], RandomEffects(none, none, none, none), calibration
    )
    dose_mg = 7.0 * MODEL.steady_state_dose_mg_per_day(typical, data["inr"])
    scale = jnp.exp(values["residual"])
    residual = jnp.log(data["weekly_dose_mg"] / dose_mg) / scale
    result["IWPC"] = jnp.sum(t.logpdf(residual, 5.0) - values["residual"])

    inr = washout_courses(MODEL, people)
    result["White"] = (
        norm.logpdf(1.6, inr[:, 1].mean(), 0.06)  # range 1.11 to 2.16 in 22
        + norm.logpdf(1.1, inr[:, 2].mean(), 0.05)
        # 30 patients, the day before an operation: Bayewitz et al., Int J Hematol 2015;101:264.
        + norm.logpdf(1.28, inr[:, 2].mean(), 0.05)
        + _binomial(20, 22, share_above(inr[:, 1], 1.2))
        + _binomial(5, 22, share_above(inr[:, 2], 1.2))
    )

    inpatients = people.replace(
        ec50_mg_per_l=people.ec50_mg_per_l * jnp.exp(values["inpatient_ec50"])
    )
    shares, levels = loading_shares(MODEL, inpatients)
    result["Harrison"] = sum(
        _binomial(*count, share)
        for first, counts in HARRISON.items()
        for count, share in zip(counts, shares[first], strict=True)
    )
    result["Harrison, factors"] = sum(
        norm.logpdf(mean, levels[first][name], sd)
        for first, name, mean, sd in (
            (10.0, "VII", 0.27, 0.046),
            (5.0, "VII", 0.54, 0.056),
            (10.0, "II", 0.74, 0.036),
            (5.0, "II", 0.82, 0.050),
        )
    )

    stable = MODEL.levels_at_rest(people, STABLE_INR)
    result["stable levels"] = sum(
        norm.logpdf(mean, stable[name].mean(), sd) for name, (mean, sd) in STABLE_LEVELS.items()
    )

    activity, _ = oreilly_courses(
        MODEL, calibration, data["oreilly"], jnp.exp(values["oreilly_vii"])
    )
    # 0.12: what a model of one reagent may miss of another's, more than the standard errors.
    result["O'Reilly"] = jnp.sum(
        norm.logpdf(data["oreilly"]["log_activity"], activity.mean(axis=0), 0.12)
    )
    return result


def _binomial(count, total, share):
    share = jnp.clip(share, 0.003, 0.997)
    return count * jnp.log(share) + (total - count) * jnp.log(1.0 - share)


def minus_log_posterior(vector, data):
    """Of the values of `PRIORS`, in their order."""
    values = dict(zip(PRIORS, vector, strict=True))
    prior = sum(norm.logpdf(values[k], *p) for k, (_, p) in PRIORS.items() if p is not None)
    return -(sum(log_likelihoods(values, data).values()) + prior)


def covariance(gradient, vector, step=1e-4):
    """Inverse of the Hessian, by central differences of the gradient."""
    rows = [
        (gradient(vector + step * unit) - gradient(vector - step * unit)) / (2.0 * step)
        for unit in np.eye(len(vector))
    ]
    hessian = np.stack(rows)
    return np.linalg.inv(0.5 * (hessian + hessian.T))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="JSON file for the mean and the covariance")
    options = parser.parse_args()
    with jax.enable_x64():
        data = iwpc(options.data / "iwpc" / "iwpc_development.csv.gz") | {
            "oreilly": read_oreilly(options.data / "oreilly" / "oreilly_1968_warfarin.csv"),
            "patients": jax.random.split(jax.random.key(3), PATIENTS),
        }
        both = jax.jit(jax.value_and_grad(lambda vector: minus_log_posterior(vector, data)))
        value_and_gradient = lambda x: tuple(np.asarray(y, float) for y in both(x))  # noqa: E731
        start = np.array([value for value, _ in PRIORS.values()])
        found = minimize(value_and_gradient, start, jac=True, method="BFGS", options={"gtol": 1e-3})
        spread = covariance(lambda x: value_and_gradient(x)[1], found.x)
        likelihoods = log_likelihoods(dict(zip(PRIORS, found.x, strict=True)), data)
    print(f"{found.message} {found.nit} steps, -log posterior {found.fun:.2f}")
    print(", ".join(f"{name} {value:.2f}" for name, value in likelihoods.items()))
    for name, value, sd in zip(PRIORS, found.x, np.sqrt(np.diag(spread)), strict=True):
        print(f"  {name}: {value:.4f} (SD {sd:.4f}; exp {np.exp(value):.3f})")
    if options.out:
        kept = [list(PRIORS).index(name) for name in FITTED]
        options.out.write_text(
            json.dumps(
                {
                    "names": list(FITTED),
                    "mean": np.round(found.x[kept], 4).tolist(),
                    "covariance": np.round(spread[np.ix_(kept, kept)], 7).tolist(),
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
