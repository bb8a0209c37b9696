"""Simulated patients against people, all tasks: what is fitted, what chosen by, what predicted.

    python -m benchmarks.external_validation path/to/shared/data [--quick]

Clinics and trials of warfarin, its onset and washout, factor levels, doses and INRs of the IWPC;
variation, discordance and weight on heparin, the trial of Raschke, forecasts of real courses;
troughs and trials of direct oral anticoagulants, each left out of the fit in turn, and two that
were never in it. Each part is a command of its own, whose help says where the people are from.
"""

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import hemosim_jax
from benchmarks import (
    doac_external,
    heparin_aptt,
    heparin_patients,
    heparin_trial,
    warfarin_clinics,
    warfarin_evidence,
)
from benchmarks.comparison import Row, show
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.tasks.doac.drugs import DRUGS


def forecast_rows(folder):
    """Errors of the forecast of real aPTT, and what its bands cover."""
    found = heparin_aptt.results(folder, "paper")
    every, others = found["tiers A and B"], found["others"]
    yield Row("next aPTT: error of the last value (log)", "", every["last_value"], None, "")
    yield Row("the last value shrunk to a constant", "", others["shrunk"], None, "")
    yield Row("forecast", "", every["model"], None, "predicted")
    interval = every["low"], every["high"]
    yield Row("less than the last value by, %", "", every["reduction_percent"], interval, "")
    yield Row("bands of 80 % cover, %", "80", others["covered_percent"], None, "cross-validated")


def trough_rows(patients):
    """CV within a patient of monthly troughs on the standard dose."""
    env, params = hemosim_jax.make("DOACManagement-v0", difficulty="easy")
    params = params.replace(within_patient=jnp.float32(1.0))

    def course(key, action):
        key_patient, key_steps = jax.random.split(key)
        _, state = env.reset_env(key_patient, params)

        def month(state, key):
            observation, state, *_ = env.step_env(key, state, action, params)
            return state, env.decode_observation(observation).concentration_ng_per_ml

        return jax.lax.scan(month, state, jax.random.split(key_steps, 12))[1]

    run = jax.jit(jax.vmap(course, in_axes=(0, None)))
    keys = jax.random.split(held_out(31).key(), patients)
    people = {"rivaroxaban": "18-33; 37", "dabigatran": "18-33; 37", "apixaban": "18-33; 37"}
    for drug, published in people.items():
        action = env.encode_action(DRUGS.index(drug), 1)
        troughs = np.asarray(run(keys, action))[:, 2:]
        cv = 100.0 * troughs.std(axis=1, ddof=1) / troughs.mean(axis=1)
        found, interval = heparin_patients.by_bootstrap(cv, np.mean)
        yield Row(f"{drug}: trough, CV within a patient, %", published, found, interval, "chosen")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--quick", action="store_true", help="few patients: does it run?")
    options = parser.parse_args()
    few = options.quick
    clinics = warfarin_clinics.rows(*((200, 2) if few else (4000, 8)))
    show("clinics of warfarin", clinics, "90 %")
    evidence = warfarin_evidence.compared(options.data, *((50, 2) if few else (400, 8)))
    show("warfarin: onset, washout, doses", [row for row, _ in evidence], "90 %")
    patients = 300 if few else 4000
    show("patients on heparin", heparin_patients.rows(patients), "95 %")
    show("the trial of Raschke", heparin_trial.rows(patients), "95 %")
    show("forecasts of aPTT", forecast_rows(options.data / "mimic3_demo"), "95 %")
    show("direct oral anticoagulants: troughs", trough_rows(patients), "95 %")
    trials = doac_external.rows(**(doac_external.FEW if few else {}))
    show("direct oral anticoagulants: trials", trials, "90 %")


if __name__ == "__main__":
    main()
