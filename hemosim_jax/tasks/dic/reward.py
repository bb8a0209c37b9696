"""What a course of DIC is paid for: equation 4 of the paper, or what becomes of the patient."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.tasks.dic.treatment import Treatment

REWARDS = ("outcome", "equation4")


class Equation4(Node):
    """Weights of the task's specification (hemosim paper, section 4.4).

    The paper gives no price of a transfusion: those of the hemosim package.
    """

    score: Scalar = -1.0  # per point
    improved: Scalar = 2.0  # the score fell
    severe_bleeding: Scalar = -5.0
    platelet_unit: Scalar = -0.1
    plasma_unit: Scalar = -0.1
    cryoprecipitate_unit: Scalar = -0.05
    heparin_without_platelets: Scalar = -3.0
    organ_failure: Scalar = -20.0
    critical_platelets: Scalar = -15.0


class OutcomeWeights(Node):
    """Prices, in percent of a life (assumptions): a unit 300 francs, a life 3 million."""

    death: Scalar = -100.0  # by day 28, as its probability changes
    severe_bleeding: Scalar = -0.5  # per interval of four hours
    platelet_unit: Scalar = -0.01
    plasma_unit: Scalar = -0.01
    cryoprecipitate_unit: Scalar = -0.01
    heparin: Scalar = -0.002  # per interval of four hours
    fibrinogen_g: Scalar = -0.02
    prothrombin_complex_vial: Scalar = -0.02
    antithrombin_vial: Scalar = -0.02
    tranexamic_acid_g: Scalar = -0.001
    thrombomodulin_dose: Scalar = -0.05


def outcome(
    weights: OutcomeWeights,
    risk_rise: Float[Array, ""],
    severe: Bool[Array, ""],
    treatment: Treatment,
    intervals: Float[Array, ""],
) -> dict[str, Float[Array, ""]]:
    """The risk is 1 once dead: over an episode the first term sums to its change."""
    given = (treatment.heparin_u_per_h > 0.0).astype(intervals.dtype)
    products = treatment.products
    return {
        "death": weights.death * risk_rise,
        "severe_bleeding": weights.severe_bleeding * severe.astype(intervals.dtype) * intervals,
        "platelet_units": weights.platelet_unit * products.platelets,
        "plasma_units": weights.plasma_unit * products.plasma,
        "cryoprecipitate_units": weights.cryoprecipitate_unit * products.cryoprecipitate,
        "heparin": weights.heparin * given * intervals,
        "concentrates": weights.fibrinogen_g * products.fibrinogen
        + weights.prothrombin_complex_vial * products.prothrombin_complex
        + weights.antithrombin_vial * products.antithrombin,
        "drugs": weights.tranexamic_acid_g * treatment.tranexamic_acid_g
        + weights.thrombomodulin_dose * treatment.thrombomodulin_doses,
    }


def equation4(
    weights: Equation4,
    score: Int[Array, ""],
    improved: Bool[Array, ""],
    severe: Bool[Array, ""],
    unsafe_heparin: Bool[Array, ""],
    treatment: Treatment,
    ended: dict[str, Bool[Array, ""]],
    intervals: Float[Array, ""],
) -> dict[str, Float[Array, ""]]:
    """Score, bleeding and heparin run with time, the others are paid once; any death is organs'."""

    def where(condition, weight):
        return jnp.where(condition, weight, 0.0)

    products, failed = treatment.products, ended["organs"] | ended["death"]
    return {
        "score": weights.score * score.astype(intervals.dtype) * intervals,
        "severe_bleeding": where(severe, weights.severe_bleeding) * intervals,
        "heparin_without_platelets": where(unsafe_heparin, weights.heparin_without_platelets)
        * intervals,
        "improved": where(improved, weights.improved),
        "platelet_units": weights.platelet_unit * products.platelets,
        "plasma_units": weights.plasma_unit * products.plasma,
        "cryoprecipitate_units": weights.cryoprecipitate_unit * products.cryoprecipitate,
        "organ_failure": where(failed, weights.organ_failure),
        "critical_platelets": where(ended["platelets"], weights.critical_platelets),
    }
