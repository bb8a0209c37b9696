"""The Sequential Organ Failure Assessment: six organs, 0 to 4 points each.

Vincent et al., Intensive Care Med 1996;22:707.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

# The value from which there is a point, for 1 to 4 points.
PF_RATIO_MMHG = (400.0, 300.0, 200.0, 100.0)  # below; the last two with respiratory support only
PLATELETS_1E9_PER_L = (150.0, 100.0, 50.0, 20.0)  # below
BILIRUBIN_MG_PER_DL = (1.2, 2.0, 6.0, 12.0)  # from
GLASGOW = (15.0, 13.0, 10.0, 6.0)  # below
CREATININE_MG_PER_DL = (1.2, 2.0, 3.5, 5.0)  # from
URINE_ML_PER_D = (500.0, 200.0)  # below: 3 and 4 points
MAP_MMHG = 70.0  # below: 1 point
NOREPINEPHRINE_UG_PER_KG_MIN = 0.1  # above: 4 points, any: 3


class Sofa(NamedTuple):
    """Points by organ."""

    respiration: Int[Array, "*b"]
    coagulation: Int[Array, "*b"]
    liver: Int[Array, "*b"]
    circulation: Int[Array, "*b"]
    brain: Int[Array, "*b"]
    kidneys: Int[Array, "*b"]


def total(points: Sofa) -> Int[Array, "*b"]:
    """0 to 24."""
    return sum(points[1:], start=points[0])


def _below(value, thresholds) -> Array:
    return jnp.stack([value < limit for limit in thresholds]).sum(axis=0, dtype=jnp.int32)


def _from(value, thresholds) -> Array:
    return jnp.stack([value >= limit for limit in thresholds]).sum(axis=0, dtype=jnp.int32)


def sofa(
    pf_ratio_mmhg: Float[Array, "*b"],
    platelets_1e9_per_l: Float[Array, "*b"],
    bilirubin_mg_per_dl: Float[Array, "*b"],
    map_mmhg: Float[Array, "*b"],
    norepinephrine_ug_per_kg_min: Float[Array, "*b"],
    glasgow: Float[Array, "*b"],
    creatinine_mg_per_dl: Float[Array, "*b"],
    urine_ml_per_d: Float[Array, "*b"],
) -> Sofa:
    """Of these values; who has a ratio below 200 is taken to be ventilated.

    Vasopressin does not count, as in the original score.
    """
    dose = norepinephrine_ug_per_kg_min
    on_drug = jnp.where(dose > NOREPINEPHRINE_UG_PER_KG_MIN, 4, 3)
    oliguric = _below(urine_ml_per_d, URINE_ML_PER_D)
    return Sofa(
        _below(pf_ratio_mmhg, PF_RATIO_MMHG),
        _below(platelets_1e9_per_l, PLATELETS_1E9_PER_L),
        _from(bilirubin_mg_per_dl, BILIRUBIN_MG_PER_DL),
        jnp.where(dose > 0.0, on_drug, (map_mmhg < MAP_MMHG).astype(jnp.int32)).astype(jnp.int32),
        _below(jnp.round(glasgow), GLASGOW),
        jnp.maximum(
            _from(creatinine_mg_per_dl, CREATININE_MG_PER_DL),
            jnp.where(oliguric > 0, 2 + oliguric, 0),
        ).astype(jnp.int32),
    )
