import ast
import re

import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.outcomes.aptt import aptt_outcomes
from hemosim_jax.outcomes.inr import inr_outcomes
from hemosim_jax.outcomes.rosendaal import time_in_range
from tests.conftest import shared_file

RANGE = (2.0, 3.0)


def in_range(day, inr, measured=None):
    day, inr = jnp.asarray(day, float), jnp.asarray(inr, float)
    measured = jnp.ones(day.shape, bool) if measured is None else jnp.asarray(measured)
    return float(time_in_range(day, inr, measured, RANGE))


def test_published_cases():
    lines = shared_file("reference/anticoagulants/ref_rosendaal.txt").read_text().splitlines()
    assert len(lines) == 5
    for line in lines:
        day, inr = ast.literal_eval(line.split(" continuous")[0])
        expected = float(re.search(r"\(([\d.]+),", line.split("above")[1]).group(1))
        assert in_range(day, inr) == pytest.approx(expected, abs=1e-5), line


@pytest.mark.parametrize(
    ("day", "inr", "expected"),
    [
        ([0, 10], [1.5, 2.5], 0.5),
        ([0, 30], [1.0, 4.0], 1 / 3),
        ([0, 10], [2.0, 2.0], 1.0),
        ([0, 10], [1.9, 1.9], 0.0),
        ([0, 10, 67], [2.5, 2.5, 5.0], 1.0),  # the 57 days do not count
    ],
)
def test_cases_by_hand(day, inr, expected):
    assert in_range(day, inr) == pytest.approx(expected, abs=1e-6)


def test_masked_measurements_do_not_count():
    assert in_range([0, 1, 2, 3], [2.5, 2.5, 9.0, 9.0], [True, True, False, False]) == 1.0
    assert np.isnan(in_range([0, 1], [2.5, 2.5], [True, False]))


def test_daily_outcomes():
    day = jnp.arange(1.0, 6.0)
    inr = jnp.array([1.2, 1.8, 2.4, 4.5, 9.0])
    alive = jnp.array([True, True, True, True, False])
    result = inr_outcomes(day, inr, alive, target_range=RANGE, high_inr=4.0, low_inr=1.5)
    assert result["above_percent"] == 25.0
    assert result["below_percent"] == 25.0
    assert result["first_in_range_day"] == 3.0
    never = inr_outcomes(day, inr * 0 + 1.0, alive, target_range=RANGE, high_inr=4.0, low_inr=1.5)
    assert np.isnan(never["first_in_range_day"])


def test_outcomes_of_a_course_of_heparin():
    aptt_s = jnp.array([30.0, 50.0, 70.0, 130.0, 90.0, 160.0])
    alive = jnp.array([True, True, True, True, True, False])
    info = {
        "hours": 6.0 * jnp.arange(1.0, 7.0),
        "aptt_s": aptt_s,
        "hit": jnp.zeros(6, bool),
        "major_bleed": jnp.array([False, False, False, True, False, False]),
        "thrombosis": jnp.array([False, False, False, False, False, True]),  # after the end
    }
    result = aptt_outcomes(
        info, alive, target_range=(60.0, 100.0), high_aptt_s=120.0, low_aptt_s=40.0
    )
    # Lines between the five points: 0, 1/2, 1/2, 1/4 of the intervals are in range.
    assert result["in_range_percent"] == pytest.approx(100.0 * (0.0 + 0.5 + 0.5 + 0.25) / 4.0)
    assert result["above_percent"] == pytest.approx(20.0)
    assert result["below_percent"] == pytest.approx(20.0)
    assert result["first_in_range_h"] == 18.0
    events = [float(result[f"{name}_percent"]) for name in ("hit", "bleed", "thrombosis")]
    assert events == [0.0, 100.0, 0.0]
    never = aptt_outcomes(
        info | {"aptt_s": jnp.full(6, 30.0)},
        alive,
        target_range=(60.0, 100.0),
        high_aptt_s=120.0,
        low_aptt_s=40.0,
    )
    assert np.isnan(never["first_in_range_h"])
