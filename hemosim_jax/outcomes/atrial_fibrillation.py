"""Scores of stroke and bleeding risk in atrial fibrillation, from their components."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.node import Node

SEVERE_CREATININE_MG_PER_DL = 2.26  # 200 umol/L


class RiskFactors(Node):
    """The components that are not age, sex or kidneys; each yes or no."""

    heart_failure: Bool[Array, "*b"]
    hypertension: Bool[Array, "*b"]
    diabetes: Bool[Array, "*b"]
    prior_stroke: Bool[Array, "*b"]  # stroke, transient ischemic attack or systemic embolism
    vascular_disease: Bool[Array, "*b"]
    uncontrolled_pressure: Bool[Array, "*b"]  # systolic above 160 mmHg
    liver_disease: Bool[Array, "*b"]
    bleeding_history: Bool[Array, "*b"]
    antiplatelet: Bool[Array, "*b"]  # or a non-steroidal anti-inflammatory drug
    alcohol: Bool[Array, "*b"]


def cha2ds2_vasc(
    age_y: Float[Array, "*b"], male: Bool[Array, "*b"], risk: RiskFactors
) -> Int[Array, "*b"]:
    """0 to 9 (Lip et al., Chest 2010;137:263)."""
    return _count(
        risk.heart_failure,
        risk.hypertension,
        age_y >= 65.0,
        age_y >= 75.0,
        risk.diabetes,
        risk.prior_stroke,
        risk.prior_stroke,
        risk.vascular_disease,
        ~male,
    )


def chads2(age_y: Float[Array, "*b"], risk: RiskFactors) -> Int[Array, "*b"]:
    """0 to 6 (Gage et al., JAMA 2001;285:2864)."""
    return _count(
        risk.heart_failure,
        risk.hypertension,
        age_y >= 75.0,
        risk.diabetes,
        risk.prior_stroke,
        risk.prior_stroke,
    )


def has_bled(
    age_y: Float[Array, "*b"], creatinine_mg_per_dl: Float[Array, "*b"], risk: RiskFactors
) -> Int[Array, "*b"]:
    """0 to 8: without the point for a labile INR (Pisters et al., Chest 2010;138:1093)."""
    return _count(
        risk.uncontrolled_pressure,
        creatinine_mg_per_dl > SEVERE_CREATININE_MG_PER_DL,
        risk.liver_disease,
        risk.prior_stroke,
        risk.bleeding_history,
        age_y > 65.0,
        risk.antiplatelet,
        risk.alcohol,
    )


def _count(*points: Bool[Array, "*b"]) -> Int[Array, "*b"]:
    total = points[0].astype(jnp.int32)
    for point in points[1:]:
        total = total + point.astype(jnp.int32)
    return total
