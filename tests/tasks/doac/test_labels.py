import jax.numpy as jnp
import pytest

from hemosim_jax.tasks.doac.labels import Criteria, labelled

DRUGS = ("rivaroxaban", "dabigatran", "apixaban", "edoxaban")
NEITHER, LOW, STANDARD, BOTH = (False, False), (True, False), (False, True), (True, True)


def criteria(age=70.0, weight=80.0, creatinine=1.0, clearance=75.0, inhibitor=False, inducer=False):
    numbers = map(jnp.float32, (age, weight, creatinine, clearance))
    return Criteria(*numbers, inhibitor=jnp.asarray(inhibitor), inducer=jnp.asarray(inducer))


@pytest.mark.parametrize(
    ("label", "drug", "of", "expected"),
    [
        ("EU", "rivaroxaban", {}, STANDARD),
        ("EU", "rivaroxaban", {"clearance": 50.0}, STANDARD),
        ("EU", "rivaroxaban", {"clearance": 49.0}, LOW),
        ("EU", "rivaroxaban", {"clearance": 14.0}, NEITHER),
        ("US", "rivaroxaban", {"clearance": 50.0}, LOW),
        ("EU", "dabigatran", {}, STANDARD),
        ("EU", "dabigatran", {"age": 77.0}, BOTH),
        ("EU", "dabigatran", {"age": 80.0}, LOW),
        ("EU", "dabigatran", {"clearance": 40.0}, BOTH),
        ("EU", "dabigatran", {"inhibitor": True}, LOW),
        ("EU", "dabigatran", {"clearance": 29.0}, NEITHER),
        ("US", "dabigatran", {"age": 85.0}, STANDARD),
        ("US", "dabigatran", {"clearance": 25.0}, LOW),
        ("US", "dabigatran", {"clearance": 25.0, "inhibitor": True}, NEITHER),
        ("US", "dabigatran", {"clearance": 45.0, "inhibitor": True}, LOW),
        ("EU", "apixaban", {"age": 80.0}, STANDARD),
        ("EU", "apixaban", {"age": 80.0, "weight": 60.0}, LOW),
        ("EU", "apixaban", {"age": 80.0, "creatinine": 1.5}, LOW),
        ("EU", "apixaban", {"weight": 60.0, "creatinine": 1.5}, LOW),
        ("EU", "apixaban", {"clearance": 25.0}, LOW),
        ("US", "apixaban", {"clearance": 25.0}, STANDARD),
        ("EU", "apixaban", {"inducer": True}, NEITHER),
        ("US", "apixaban", {"inducer": True}, NEITHER),
        ("EU", "edoxaban", {}, STANDARD),
        ("EU", "edoxaban", {"weight": 60.0}, LOW),
        ("EU", "edoxaban", {"clearance": 50.0}, LOW),
        ("EU", "edoxaban", {"inhibitor": True}, LOW),
        ("EU", "edoxaban", {"clearance": 110.0}, STANDARD),
        ("US", "edoxaban", {"clearance": 110.0}, NEITHER),
    ],
)
def test_labels(label, drug, of, expected):
    allowed = labelled(criteria(**of), label)[DRUGS.index(drug)]
    assert tuple(map(bool, allowed)) == expected


def test_unknown_label():
    with pytest.raises(ValueError, match="label must be one of EU, US; got 'UK'"):
        labelled(criteria(), "UK")
