import ast
import re

import jax.numpy as jnp
import numpy as np
import pytest

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
