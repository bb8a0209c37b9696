"""Trials of direct oral anticoagulants as others predict them, and trials never fitted to.

    python -m benchmarks.doac_external [--patients 100000]

Each of the four trials is predicted by a fit to the other three: warfarin by their scales, the drug
by the mean of their drugs. AVERROES and ELDERCARE-AF are predicted by all four. Populations of the
two: as published, and recalled where that was not at hand. People: rate per 100 patient-years with
its Poisson interval, 95 %. Simulated: at steady state, and the middle 90 % for a further trial
(Student's t, of the factors by which the fitted trials differ from each other). RE-LY's slope of
the log rate of stroke on the log of dabigatran's trough: Reilly et al., J Am Coll Cardiol
2014;63:321, by this project's notes.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from benchmarks.comparison import Row, show
from hemosim_jax.evaluation.streams import held_out, training
from hemosim_jax.physiology import oral_dosing
from hemosim_jax.tasks.doac import calibration, disturbances, drugs, hazards, population
from hemosim_jax.tasks.doac.population import Population, Prevalences
from hemosim_jax.tasks.doac.trials import RE_LY, TRIALS, Arm, Trial

APIXABAN, EDOXABAN = drugs.DRUGS.index("apixaban"), drugs.DRUGS.index("edoxaban")
ASPIRIN_STROKE_RATIO = 0.78  # against nothing (recalled: 22 % fewer, Hart et al. 2007)

# Connolly et al., N Engl J Med 2011;364:806; shares recalled but prior stroke and CHADS2.
AVERROES = Trial(
    "AVERROES",
    Population(
        age_y=(70.0, 9.5),
        female=0.41,
        lowest_clearance_ml_per_min=25.0,
        asian=0.20,
        prevalences=Prevalences(
            heart_failure=0.39,
            hypertension=0.86,
            diabetes=0.195,
            prior_stroke=0.14,
            vascular_disease=0.15,
            antiplatelet=0.10,
            bleeding_history=0.03,
        ),
    ),
    (Arm("apixaban 5", APIXABAN, 5.0, 2.5, 1.6, 1.4, 0.4, 0.4),),
    warfarin_time_in_range_percent=64.0,
    mean_chads2=2.0,
    stroke_factor=1.0,
    bleeding_factor=1.0,
)
# Okumura et al., N Engl J Med 2020;383:1735; mean age 86.6, 50.6 kg, 36 mL/min (recalled).
ELDERCARE = Trial(
    "ELDERCARE-AF",
    Population(
        age_y=(86.6, 4.2),
        female=0.57,
        weight_kg=((46.0, 0.19), (55.0, 0.19)),
        creatinine_mg_per_dl=((0.85, 0.30), (1.15, 0.30)),
        lowest_clearance_ml_per_min=15.0,
        asian=1.0,
        prevalences=Prevalences(
            heart_failure=0.54,
            hypertension=0.82,
            diabetes=0.23,
            prior_stroke=0.24,
            vascular_disease=0.14,
            antiplatelet=0.37,
            bleeding_history=0.25,
        ),
    ),
    (Arm("edoxaban 15", EDOXABAN, 15.0, 15.0, 2.3, 3.3, 0.3, 2.0),),
    warfarin_time_in_range_percent=64.0,
    mean_chads2=3.1,
    stroke_factor=1.0,
    bleeding_factor=1.0,
)
# Patient-years behind the rates: patients times the mean time each was followed.
PATIENT_YEARS = {
    ("RE-LY", "dabigatran 150"): 6076 * 2.0,
    ("RE-LY", "dabigatran 110"): 6015 * 2.0,
    ("RE-LY", "warfarin"): 6022 * 2.0,
    ("ROCKET AF", "rivaroxaban 20"): 7081 * 1.6,
    ("ROCKET AF", "warfarin"): 7090 * 1.6,
    ("ARISTOTLE", "apixaban 5"): 9120 * 1.8,
    ("ARISTOTLE", "warfarin"): 9081 * 1.8,
    ("ENGAGE AF", "edoxaban 60"): 7035 * 2.8,
    ("ENGAGE AF", "edoxaban 30"): 7034 * 2.8,
    ("ENGAGE AF", "warfarin"): 7036 * 2.8,
    ("AVERROES", "apixaban 5"): 2808 * 1.1,
    ("AVERROES", "aspirin"): 2791 * 1.1,
    ("ELDERCARE-AF", "edoxaban 15"): 492 * 1.28,
    ("ELDERCARE-AF", "placebo"): 492 * 1.28,
}


def poisson_interval(rate, years):
    """Exact, 95 %; per 100 years, as `rate`."""
    count = rate * years / 100.0
    low, high = stats.chi2.ppf([0.025, 0.975], [2.0 * count, 2.0 * count + 2.0]) / 2.0
    return 100.0 * low / years, 100.0 * high / years


def rates(trial, arm, patients, coefficients, stroke_ratio=1.0):
    """Strokes and major bleeds per 100 years; `arm` None: untreated, strokes times a ratio."""
    untreated, on_warfarin = calibration.risks_of(patients)
    if arm is not None and arm.drug is None:
        of = hazards.hazards_on_warfarin(
            trial.warfarin_time_in_range_percent,
            untreated,
            on_warfarin,
            coefficients.stroke_scale,
            coefficients.bleeding_scale,
        )
    else:
        none = jnp.zeros_like(untreated)
        exposure = none if arm is None else calibration.exposure(arm, patients)
        drug = jnp.asarray(0 if arm is None else arm.drug)
        of = hazards.hazards_on_drug(exposure, drug, untreated, on_warfarin, coefficients)
    hemorrhagic = hazards.HEMORRHAGIC_STROKE_SHARE * of.bleeding[0]
    strokes = 100.0 * float(jnp.mean(stroke_ratio * of.stroke + hemorrhagic))
    return strokes, 100.0 * float(jnp.mean(hazards.all_bleeds(of)))


def for_a_further_trial(value, factors):
    """The middle 90 %, by the spread of the factors of those that were fitted."""
    logs = np.log(list(factors.values()))
    wide = stats.t.ppf(0.95, len(logs) - 1) * np.std(logs, ddof=1) * np.sqrt(1.0 + 1.0 / len(logs))
    return value * np.exp(-wide), value * np.exp(wide)


def compared(trial, name, found, published, fitted):
    """The two rows of an arm."""
    years = PATIENT_YEARS[(trial.name, name)]
    factors = fitted.stroke_factors, fitted.bleeding_factors
    for event, value, rate, own in zip(("stroke", "bleed"), found, published, factors, strict=True):
        interval = poisson_interval(rate, years)
        predicted = for_a_further_trial(value, own)
        yield Row(
            f"{trial.name}, {name}: {event}s per 100 years",
            f"{rate:.2f} ({interval[0]:.2f}-{interval[1]:.2f})",
            value,
            predicted,
            "predicted",
        )


def rows(size):
    """All comparisons, everything predicted."""
    key_fit, key_people = training(20).key(), held_out(21).key()
    for index, trial in enumerate(TRIALS):
        others = [one for one in TRIALS if one is not trial]
        fitted = calibration.fit(jax.random.fold_in(key_fit, index), size, others)
        key = jax.random.fold_in(key_people, index)
        patients = calibration.sample_patients(trial, key, size)
        for arm in trial.arms:
            found = rates(trial, arm, patients, fitted.coefficients)
            published = arm.stroke_percent_per_y, arm.major_bleeding_percent_per_y
            yield from compared(trial, arm.name, found, published, fitted)
    fitted = calibration.fit(key_fit, size)
    controls = {
        "AVERROES": ("aspirin", ASPIRIN_STROKE_RATIO, (3.7, 1.2)),
        "ELDERCARE-AF": ("placebo", 1.0, (6.7, 1.8)),
    }
    for index, trial in enumerate((AVERROES, ELDERCARE)):
        key = jax.random.fold_in(key_people, 10 + index)
        patients = calibration.sample_patients(trial, key, size)
        (arm,) = trial.arms
        found = rates(trial, arm, patients, fitted.coefficients)
        published = arm.stroke_percent_per_y, arm.major_bleeding_percent_per_y
        yield from compared(trial, arm.name, found, published, fitted)
        name, ratio, published = controls[trial.name]
        found = rates(trial, None, patients, fitted.coefficients, ratio)
        yield from compared(trial, name, found, published, fitted)
    yield Row(
        "RE-LY: log rate of stroke on log trough",
        "-0.24 (-0.48-0.00)",
        slope_on_trough(min(size, 20_000)),
        None,
        "fitted",  # the two arms are
    )


def slope_on_trough(size):
    """Of the log rate of ischemic stroke on the log of dabigatran's trough, risk held constant."""
    patients = calibration.sample_patients(RE_LY, held_out(22).key(), size)
    drug = drugs.DRUGS.index("dabigatran")
    untreated, on_warfarin = calibration.risks_of(patients)
    logs, rates_log, weights = [], [], []
    for arm in RE_LY.arms[:2]:

        def trough(patient, arm=arm):
            zero = jnp.zeros_like(patient.covariates.age_y)
            well = disturbances.well(patient.thresholds)
            covariates = population.pharmacokinetic_covariates(patient, well, zero)
            own = drugs.parameters(covariates, patient.effects, len(drugs.DRUGS))[drug]
            start = oral_dosing.TABLETS.initial_state(own)
            regimen = drugs.regimen(arm.dose_mg, drug)
            end, _ = oral_dosing.TABLETS.advance(start, jnp.float32(720.0), own, regimen)
            return oral_dosing.concentration_ng_per_ml(end, own)

        exposure = calibration.exposure(arm, patients)
        of = hazards.hazards_on_drug(
            exposure, jnp.asarray(drug), untreated, on_warfarin, hazards.CALIBRATED
        )
        logs.append(np.log(np.asarray(jax.jit(jax.vmap(trough))(patients))))
        rates_log.append(np.log(np.asarray(of.stroke / untreated)))
        weights.append(np.asarray(of.stroke))
    x, y, w = (np.concatenate(parts).astype(float) for parts in (logs, rates_log, weights))
    x = x - np.average(x, weights=w)
    return float(np.sum(w * x * y) / np.sum(w * x * x))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=100_000)
    options = parser.parse_args()
    show("direct oral anticoagulants", rows(options.patients), "90 %")


if __name__ == "__main__":
    main()
