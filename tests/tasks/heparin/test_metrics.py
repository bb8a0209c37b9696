import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.tasks.heparin.environment import HeparinParams
from hemosim_jax.tasks.heparin.metrics import metrics


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
    result = metrics(info, alive, HeparinParams())
    # Lines between the five points: 0, 1/2, 1/2, 1/4 of the intervals are in range.
    assert result["in_range_percent"] == pytest.approx(100.0 * (0.0 + 0.5 + 0.5 + 0.25) / 4.0)
    assert result["above_percent"] == pytest.approx(20.0)
    assert result["below_percent"] == pytest.approx(20.0)
    assert result["first_in_range_h"] == 18.0
    events = [float(result[f"{name}_percent"]) for name in ("hit", "bleed", "thrombosis")]
    assert events == [0.0, 100.0, 0.0]
    never = metrics(info | {"aptt_s": jnp.full(6, 30.0)}, alive, HeparinParams())
    assert np.isnan(never["first_in_range_h"])
