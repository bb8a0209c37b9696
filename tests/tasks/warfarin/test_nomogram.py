import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.tasks.warfarin import nomogram


def follow(inr_by_day, dose=5.0, first_test_day=0.0):
    """The doses given and the state of the clinic, day by day."""
    clinic, doses = nomogram.start(jnp.float32(dose), first_test_day), []
    for day, inr in enumerate(inr_by_day):
        clinic = nomogram.update(clinic, jnp.float32(day), jnp.float32(inr))
        doses.append(float(nomogram.dose_today_mg(clinic, jnp.float32(day))))
    return doses, clinic


@pytest.mark.parametrize(
    ("inr", "factor"),
    [
        (1.2, 1.15), (1.5, 1.10), (1.79, 1.10), (1.8, 1.075), (1.99, 1.075), (2.0, 1.0), (3.0, 1.0),
        (3.2, 0.925), (3.5, 0.90), (3.99, 0.90),
    ],
)  # fmt: skip
def test_dose_changes(inr, factor):
    doses, clinic = follow([inr])
    assert doses[0] == pytest.approx(5.0 * factor)
    assert clinic.next_test_day == (1.0 if factor == 1.0 else 7.0)


def test_nothing_changes_between_tests():
    doses, _ = follow([1.2] + [9.0] * 6)
    np.testing.assert_allclose(doses, 5.75)


def test_four_to_five_holds_two_days_then_reduces():
    doses, clinic = follow([4.5] + [3.5] * 8)
    np.testing.assert_allclose(doses[:4], [0.0, 0.0, 4.375, 4.375])
    assert clinic.next_test_day == 9.0


def test_above_five_holds_until_three():
    doses, clinic = follow([5.5, 5.0, 4.0, 3.5, 2.9, 2.5])
    np.testing.assert_allclose(doses, [0.0, 0.0, 0.0, 0.0, 4.25, 4.25])
    assert clinic.next_test_day == 11.0
    assert not clinic.holding


def test_tests_become_rarer_while_stable():
    clinic, tests = nomogram.start(jnp.float32(5.0), 0.0), []
    for day in range(70):
        if day >= clinic.next_test_day:
            tests.append(day)
        clinic = nomogram.update(clinic, jnp.float32(day), jnp.float32(2.5))
    assert tests == [0, 1, 6, 13, 27, 55]


def test_the_first_test_waits():
    doses, _ = follow([1.2] * 8, first_test_day=7.0)
    np.testing.assert_allclose(doses, [5.0] * 7 + [5.75])
