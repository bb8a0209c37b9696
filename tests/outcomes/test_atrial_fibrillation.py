import jax.numpy as jnp
import pytest

from hemosim_jax.outcomes.atrial_fibrillation import RiskFactors, cha2ds2_vasc, chads2, has_bled

NAMES = tuple(RiskFactors.__dataclass_fields__)


def risk(*present):
    return RiskFactors(**{name: jnp.asarray(name in present) for name in NAMES})


@pytest.mark.parametrize(
    ("age", "male", "present", "vasc", "chads"),
    [
        (60.0, True, (), 0, 0),
        (60.0, False, (), 1, 0),
        (65.0, True, (), 1, 0),
        (74.9, True, ("hypertension",), 2, 1),
        (75.0, True, (), 2, 1),
        (70.0, False, ("prior_stroke",), 4, 2),
        (60.0, True, ("heart_failure", "diabetes", "vascular_disease"), 3, 2),
        (80.0, False, NAMES, 9, 6),
    ],
)
def test_stroke_scores(age, male, present, vasc, chads):
    assert int(cha2ds2_vasc(jnp.float32(age), jnp.asarray(male), risk(*present))) == vasc
    assert int(chads2(jnp.float32(age), risk(*present))) == chads


@pytest.mark.parametrize(
    ("age", "creatinine", "present", "points"),
    [
        (60.0, 1.0, (), 0),
        (66.0, 1.0, (), 1),
        (60.0, 2.3, (), 1),
        (60.0, 2.2, ("alcohol",), 1),
        (70.0, 1.0, ("antiplatelet", "bleeding_history", "diabetes"), 3),
        (80.0, 3.0, NAMES, 8),
    ],
)
def test_has_bled(age, creatinine, present, points):
    assert int(has_bled(jnp.float32(age), jnp.float32(creatinine), risk(*present))) == points
