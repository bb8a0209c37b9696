"""What the models of all direct oral anticoagulants know of a patient."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.node import Node

# Index of `interaction`: a moderate inhibitor of CYP3A4 and P-glycoprotein, such as verapamil, or
# an inducer of both, such as rifampicin.
INTERACTIONS = ("none", "inhibitor", "inducer")

_HEIGHT_CM = (162.0, 175.0)  # of women, of men; assumption


class PharmacokineticCovariates(Node):
    """What the pharmacokinetics depend on."""

    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]
    male: Bool[Array, "*b"]
    asian: Bool[Array, "*b"]
    creatinine_clearance_ml_per_min: Float[Array, "*b"]
    interaction: Int[Array, "*b"]  # index into INTERACTIONS


def creatinine_clearance_ml_per_min(
    age_y: float | Float[Array, "*b"],
    weight_kg: float | Float[Array, "*b"],
    male: Bool[Array, "*b"],
    creatinine_mg_per_dl: float | Float[Array, "*b"],
) -> Float[Array, "*b"]:
    """Cockcroft & Gault, Nephron 1976;16:31. The same formula gives creatinine from clearance."""
    sex = jnp.where(male, 1.0, 0.85)
    return (140.0 - age_y) * weight_kg * sex / (72.0 * creatinine_mg_per_dl)


def body_surface_m2(weight_kg: Float[Array, "*b"], male: Bool[Array, "*b"]) -> Float[Array, "*b"]:
    """Mosteller's formula, with a typical height of the sex (assumption)."""
    height_cm = jnp.where(male, _HEIGHT_CM[1], _HEIGHT_CM[0])
    return jnp.sqrt(weight_kg * height_cm / 3600.0)


def interaction_ratio(
    covariates: PharmacokineticCovariates, inhibitor: float, inducer: float
) -> Float[Array, "*b"]:
    """1 without an interacting drug."""
    ratio = jnp.where(covariates.interaction == 1, inhibitor, 1.0)
    return jnp.where(covariates.interaction == 2, inducer, ratio).astype(covariates.age_y.dtype)
