"""What is known of the coefficients of `hazards`: draws of their posterior.

The fit is `benchmarks.doac_posterior`; each draw is a world that the evidence allows.
"""

from importlib import resources
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from hemosim_jax.tasks.doac.hazards import CALIBRATED, Coefficients
from hemosim_jax.tasks.doac.population import Patient

EVIDENCE = ("point", "posterior")
FILE = "posterior.npz"


def load() -> Coefficients:
    """Every leaf of shape (draws,)."""
    path = resources.files("hemosim_jax.tasks.doac") / FILE
    with path.open("rb") as file:
        draws = np.load(file)["draws"]
    leaves = [jnp.asarray(column, jnp.result_type(float)) for column in draws.T]
    return jax.tree.unflatten(jax.tree.structure(CALIBRATED), leaves)


def save(coefficients: Coefficients, path: Path) -> None:
    """Writes draws that `load` reads."""
    draws = np.stack([np.asarray(leaf, np.float32) for leaf in jax.tree.leaves(coefficients)], 1)
    np.savez_compressed(path, draws=draws)


def draw(coefficients: Coefficients, index: int | Array) -> Coefficients:
    """One of the draws."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[index], coefficients)


def of_patient(coefficients: Coefficients, patient: Patient) -> Coefficients:
    """The draw of the posterior that this patient lives in."""
    number = jnp.shape(coefficients.stroke_scale)[0]
    index = jnp.floor(number * patient.evidence).astype(jnp.int32)
    return draw(coefficients, jnp.minimum(index, number - 1))
