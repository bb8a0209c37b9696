"""Draws the picture of the README: docs/picture.png.

    python -m benchmarks.readme_picture

Four held-out patients of the hard tier under two protocols, the INR by an ordered laboratory.
"""

from pathlib import Path

import hemosim_jax
from hemosim_jax.plotting import timeline

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "picture.png"
PROTOCOLS = ("iwpc_pharmacogenetic", "iwpc_clinical")


def main():
    env, params = hemosim_jax.make("WarfarinDosing-POMDP-v0", difficulty="hard")
    result = hemosim_jax.compare(env, params, PROTOCOLS, num_patients=100)
    display = hemosim_jax.task_of(env.name).display
    courses = {one.policy: one.courses for one in result.evaluations}
    measured = {name: timeline.measured(env, one, display) for name, one in courses.items()}
    title = "Four virtual patients on warfarin, dosed with and without their genotype"
    timeline.courses(courses, display, params, title, measured).savefig(PICTURE)


if __name__ == "__main__":
    main()
