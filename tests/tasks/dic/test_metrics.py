import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.tasks.dic.metrics import OVERT, isth_score, metrics
from hemosim_jax.tasks.dic.mortality import risk_by_day_28

NORMAL = (200.0, 0.3, 0.0, 3.0)


@pytest.mark.parametrize(
    ("values", "points"),
    [
        (NORMAL, 0),
        ((99.0, 0.3, 0.0, 3.0), 1),
        ((100.0, 0.3, 0.0, 3.0), 0),
        ((49.0, 0.3, 0.0, 3.0), 2),
        ((200.0, 1.0, 0.0, 3.0), 2),
        ((200.0, 2.0, 0.0, 3.0), 3),
        ((200.0, 0.3, 2.9, 3.0), 0),
        ((200.0, 0.3, 3.0, 3.0), 1),
        ((200.0, 0.3, 6.0, 3.0), 2),
        ((200.0, 0.3, 0.0, 1.0), 1),
        ((20.0, 20.0, 20.0, 0.5), 8),
        ((75.0, 5.0, 4.0, 2.0), OVERT),
    ],
)
def test_points_of_the_isth(values, points):
    assert int(isth_score(*map(jnp.asarray, values))) == points


def test_deaths_to_come_rise_as_organs_fail_and_fall_with_time():
    organs = jnp.array([1.0, 0.5, 0.15])
    risk = np.asarray(risk_by_day_28(organs, jnp.asarray(0.0)))
    assert 0.0 < risk[0] < 0.03
    assert 0.15 < risk[1] < 0.5 < 0.9 < risk[2]
    assert np.all(np.asarray(risk_by_day_28(organs, jnp.asarray(168.0))) < risk)
    assert np.all(np.asarray(risk_by_day_28(organs, jnp.asarray(28.0 * 24.0))) == 0.0)


def test_outcomes_of_one_course():
    no, zero = jnp.zeros(4, bool), jnp.zeros(4)
    info = {
        "organ_function": jnp.array([0.5, 0.3, 0.1, 0.9]),
        "risk_28_d": jnp.array([0.3, 0.4, 1.0, 0.05]),
        "died": jnp.array([False, False, True, False]),
        "died_in_severe_bleed": no.at[2].set(True),
        "died_bleeding": no.at[2].set(True),
        "thrombosis": jnp.array([True, False, False, True]),
        "overt": jnp.array([True, False, True, True]),
        "isth_score": jnp.array([5, 4, 6, 8]),
        "severe_bleeding": no.at[1].set(True),
        "platelet_units": jnp.array([4.0, 0.0, 2.0, 100.0]),
        "plasma_units": zero,
        "cryoprecipitate_units": zero,
        "red_cell_units": zero,
    }
    result = metrics(info, jnp.array([True, True, True, False]), None)
    assert result["died_percent"] == result["died_in_severe_bleed_percent"] == 100.0
    assert result["died_bleeding_percent"] == 100.0
    assert result["mortality_28_d_percent"] == 100.0
    assert result["overt_percent"] == pytest.approx(200.0 / 3.0)
    assert result["thrombosis_percent"] == pytest.approx(100.0 / 3.0)
    assert result["mean_score"] == 5.0
    assert result["platelet_units"] == 6.0
    survived = metrics({**info, "died": no, "died_in_severe_bleed": no}, jnp.ones(4, bool), None)
    assert survived["mortality_28_d_percent"] == pytest.approx(5.0)
