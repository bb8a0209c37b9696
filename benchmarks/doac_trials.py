"""The ten arms of RE-LY, ROCKET AF, ARISTOTLE and ENGAGE AF, simulated tablet by tablet.

    python -m benchmarks.doac_trials [--patients 20000] [--months 24]

Rates are first events per 100 patient-years, with Poisson intervals. The coefficients are those of
`hazards`; the patients are others than those they were fitted to (`benchmarks.doac_posterior`).
"""

import argparse
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.core.random_draws import uniform_vector
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.physiology import oral_dosing
from hemosim_jax.tasks.doac import disturbances, drugs, hazards, population, trial_rates
from hemosim_jax.tasks.doac.trials import TRIALS

MONTH_H = 30.0 * 24.0


def simulate(trial, arm, months, patient, key):
    """First events of one patient: whether and after how many years, of stroke and of bleeding."""
    fixed = hazards.CALIBRATED.replace(
        stroke_scale=trial.stroke_factor * hazards.CALIBRATED.stroke_scale,
        bleeding_scale=trial.bleeding_factor * hazards.CALIBRATED.bleeding_scale,
    )
    month_h, zero = jnp.float32(MONTH_H), jnp.float32(0.0)
    years = month_h / hazards.HOURS_PER_Y
    risks = trial_rates.risks_of(patient)
    if arm.drug is not None:
        covariates = population.pharmacokinetic_covariates(
            patient, disturbances.well(patient.thresholds), zero
        )
        parameters = drugs.parameters(covariates, patient.effects, len(drugs.DRUGS))[arm.drug]
        full, less = (drugs.regimen(dose, arm.drug) for dose in (arm.dose_mg, arm.reduced_dose_mg))
        reduced = trial_rates.reduced(arm, patient)
        regimen = jax.tree.map(lambda f, r: jnp.where(reduced, r, f), full, less)

    def month(carry, month_key):
        state, course, alive = carry
        if arm.drug is None:
            time_in_range = trial.warfarin_time_in_range_percent
            scales = fixed.stroke_scale, fixed.bleeding_scale
            rates = hazards.hazards_on_warfarin(time_in_range, *risks, *scales)
        else:
            before = state.auc_ng_h_per_ml
            state, _ = oral_dosing.TABLETS.advance(state, month_h, parameters, regimen)
            mean = (state.auc_ng_h_per_ml - before) / month_h
            exposure = mean / hazards.TYPICAL_MEAN_NG_PER_ML[arm.drug]
            rates = hazards.hazards_on_drug(exposure, arm.drug, *risks, fixed)
        expected = jax.tree.map(lambda rate: rate * years, rates)
        draws = uniform_vector(month_key, disturbances.N_EVENT_DRAWS)
        course, _ = disturbances.events(draws, course, expected)
        names = ("stroke", "major_bleed", "intracranial", "gastrointestinal", "fatal")
        row = {name: alive & getattr(course, name) for name in names}
        return (state, course, alive & ~course.fatal), (row, alive)

    start = oral_dosing.TABLETS.initial_state(parameters) if arm.drug is not None else ()
    carry = (start, disturbances.well(patient.thresholds), jnp.ones((), bool))
    _, (rows, alive) = jax.lax.scan(month, carry, jax.random.split(key, months))

    def first(event):
        at_risk = alive & (jnp.cumsum(event) - event == 0)
        return jnp.any(event), years * jnp.sum(at_risk)

    return {name: first(event.astype(jnp.int32)) for name, event in rows.items()}


def rates_of(trial, arm, patients, months, key):
    """Rate per 100 patient-years and its Poisson interval's half width, by event."""
    size = patients.covariates.age_y.shape[0]
    run = jax.jit(jax.vmap(partial(simulate, trial, arm, months)))
    results = run(patients, jax.random.split(key, size))
    rates = {}
    for name, (happened, years) in results.items():
        count, years = int(np.sum(happened)), float(np.sum(years))
        rates[name] = 100.0 * count / years, 196.0 * np.sqrt(count) / years
    return rates


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=24)
    options = parser.parse_args()
    worst = 0.0
    for trial, key in zip(TRIALS, jax.random.split(held_out(0).key(), len(TRIALS)), strict=True):
        key_patients, key_events = jax.random.split(key)
        patients = trial_rates.sample_patients(trial, key_patients, options.patients)
        rates = {
            arm.name: rates_of(trial, arm, patients, options.months, key_events)
            for arm in trial.arms
        }
        for arm in trial.arms:
            stroke, bleed = rates[arm.name]["stroke"], rates[arm.name]["major_bleed"]
            misses = (
                stroke[0] / arm.stroke_percent_per_y - 1.0,
                bleed[0] / arm.major_bleeding_percent_per_y - 1.0,
            )
            worst = max(worst, *map(abs, misses))
            ratios = [
                f"{rates[arm.name][event][0] / rates['warfarin'][event][0]:.2f}"
                for event in ("stroke", "major_bleed")
            ]
            published = trial.arms[-1]
            print(
                f"{trial.name}, {arm.name}: stroke {stroke[0]:.2f} +-{stroke[1]:.2f} (published "
                f"{arm.stroke_percent_per_y}, {misses[0]:+.0%}), major bleeding {bleed[0]:.2f} "
                f"+-{bleed[1]:.2f} ({arm.major_bleeding_percent_per_y}, {misses[1]:+.0%}); "
                f"intracranial {rates[arm.name]['intracranial'][0]:.2f} "
                f"({arm.intracranial_percent_per_y}), gastrointestinal "
                f"{rates[arm.name]['gastrointestinal'][0]:.2f} "
                f"({arm.gastrointestinal_percent_per_y}), fatal {rates[arm.name]['fatal'][0]:.2f}; "
                f"against warfarin {' and '.join(ratios)} (published "
                f"{arm.stroke_percent_per_y / published.stroke_percent_per_y:.2f} and "
                f"{arm.major_bleeding_percent_per_y / published.major_bleeding_percent_per_y:.2f})"
            )
    print(f"largest miss: {worst:.0%}")


if __name__ == "__main__":
    main()
