"""The fast path against the full vector field in float64, and against published steady states.

python -m benchmarks.warfarin_accuracy [--patients 1000]
"""

import argparse

import numpy as np

import hemosim_jax
from tests.envs.reference_courses import inr_differences


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1000)
    options = parser.parse_args()
    for model in ("hamberg2010", "hamberg2007"):
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
