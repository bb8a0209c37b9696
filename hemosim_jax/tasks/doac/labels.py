"""What the labels allow in atrial fibrillation: which dose of which drug, in whom.

European and US labels as of 2020 (PMC6012907, PMC6671778). "Low" is the label's reduced dose:
rivaroxaban 15 mg, dabigatran 110 mg (US: 75 mg), apixaban 2.5 mg, edoxaban 30 mg. "High" is never
labelled.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.options import check_choice

LABELS = ("EU", "US")


class Criteria(Node):
    """What the labels ask for."""

    age_y: Float[Array, "*b"]
    weight_kg: Float[Array, "*b"]
    creatinine_mg_per_dl: Float[Array, "*b"]
    creatinine_clearance_ml_per_min: Float[Array, "*b"]
    inhibitor: Bool[Array, "*b"]  # of P-gp, such as verapamil, taken with it
    inducer: Bool[Array, "*b"]  # such as rifampicin: no label allows it (recalled)


def labelled(
    criteria: Criteria, label: str
) -> tuple[tuple[Bool[Array, "*b"], Bool[Array, "*b"]], ...]:
    """Whether low and standard dose are labelled: rivaroxaban, dabigatran, apixaban, edoxaban.

    Both are False where the drug is contraindicated, or should be avoided.

    **Raises:** `ValueError` for another label than `LABELS`.
    """
    check_label(label)
    rules = _eu(criteria) if label == "EU" else _us(criteria)
    return tuple((low & ~criteria.inducer, full & ~criteria.inducer) for low, full in rules)


def check_label(label: str) -> None:
    """**Raises:** `ValueError` for another label than `LABELS`."""
    check_choice("label", label, LABELS)


def two_of_three(criteria: Criteria) -> Bool[Array, "*b"]:
    """Apixaban's rule: at least two of 80 years, 60 kg, 1.5 mg/dL."""
    points = (
        criteria.age_y >= 80.0,
        criteria.weight_kg <= 60.0,
        criteria.creatinine_mg_per_dl >= 1.5,
    )
    first, second, third = (point.astype(jnp.int32) for point in points)
    return first + second + third >= 2


def _eu(c: Criteria):
    kidneys = c.creatinine_clearance_ml_per_min
    possible = kidneys >= 15.0
    rivaroxaban = (possible & (kidneys < 50.0), kidneys >= 50.0)
    must_reduce = (c.age_y >= 80.0) | c.inhibitor
    may_reduce = must_reduce | (c.age_y >= 75.0) | (kidneys < 50.0)
    dabigatran = ((kidneys >= 30.0) & may_reduce, (kidneys >= 30.0) & ~must_reduce)
    reduce = two_of_three(c) | (kidneys < 30.0)
    apixaban = (possible & reduce, possible & ~reduce)
    reduce = (kidneys <= 50.0) | (c.weight_kg <= 60.0) | c.inhibitor
    edoxaban = (possible & reduce, possible & ~reduce)
    return rivaroxaban, dabigatran, apixaban, edoxaban


def _us(c: Criteria):
    kidneys = c.creatinine_clearance_ml_per_min
    possible = kidneys >= 15.0
    rivaroxaban = (possible & (kidneys <= 50.0), kidneys > 50.0)
    impaired = (kidneys <= 30.0) & ~c.inhibitor
    reduce = impaired | ((kidneys > 30.0) & (kidneys <= 50.0) & c.inhibitor)
    dabigatran = (possible & reduce, (kidneys > 30.0) & ~reduce)
    reduce = two_of_three(c)
    apixaban = (reduce, ~reduce)
    edoxaban = (possible & (kidneys <= 50.0), (kidneys > 50.0) & (kidneys <= 95.0))
    return rivaroxaban, dabigatran, apixaban, edoxaban
