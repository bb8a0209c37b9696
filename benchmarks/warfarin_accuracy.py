"""The fast path against the full vector field in float64, and against published steady states.

python -m benchmarks.warfarin_accuracy [--patients 1000]
"""

import argparse

import jax.numpy as jnp
import numpy as np

import hemosim_jax
from tests.conftest import SHARED
from tests.tasks.warfarin.reference_courses import inr_differences
from tests.tasks.warfarin.test_hamberg import MODELS, column, parameters_of, rows_of, run_daily


def relative(result, expected):
    return np.max(np.abs(np.asarray(result) / expected - 1.0))


def against_reference_files():
    rows, model = rows_of("ref_hamberg2007_table5.csv"), MODELS["H07"]
    dose = jnp.asarray(column(rows, "published_dose_mg_day"), jnp.float32)
    inr, _ = run_daily(model, parameters_of(model, rows, column(rows, "age")), dose, 180)
    print(f"Hamberg 2007, Table 5: {len(rows)} doses, INR within {relative(inr[:, -1], 2.5):.2%}")
    steady = rows_of("ref_warfarin_ss_5mg_age70.csv")
    induction = rows_of("ref_warfarin_induction_5mg_age70.csv")
    firsts = [row for row in induction if row["day"] == "0"]
    days = len(induction) // len(firsts) - 1
    for label, model in MODELS.items():
        parameters = parameters_of(model, steady, np.full(len(steady), 70.0))
        inr, concentration = run_daily(model, parameters, jnp.full(len(steady), 5.0), 180)
        dose = model.steady_state_dose_mg_per_day(parameters, 2.5)
        trough = column(steady, f"{label}_Cs_trough_mgL")
        print(
            f"{label}, steady state, relative: "
            f"INR {relative(inr[:, -1], column(steady, f'{label}_ss_inr_pre_dose')):.1e}, "
            f"concentration {relative(concentration[:, -1], trough):.1e}, "
            f"dose for INR 2.5 {relative(dose, column(steady, f'dose_inr2p5_{label}')):.1e}"
        )
        parameters = parameters_of(model, firsts, np.full(len(firsts), 70.0))
        inr, _ = run_daily(model, parameters, jnp.full(len(firsts), 5.0), days)
        expected = column(induction, f"{label}_inr").reshape(len(firsts), -1)[:, 1:]
        print(f"{label}, induction, relative: INR {relative(inr, expected):.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1000)
    options = parser.parse_args()
    if SHARED.is_dir():
        against_reference_files()
    for model in ("hamberg2010", "hamberg2007", "factors"):
        for difficulty in ("medium", "hard"):
            env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty=difficulty, model=model)
            difference = inr_differences(env, params, options.patients)
            print(
                f"{model}, {difficulty}: {options.patients} patients x {difference.shape[1]} days,"
                f" |INR - reference| at most {difference.max():.5f},"
                f" median {np.median(difference):.1e}"
            )


if __name__ == "__main__":
    main()
