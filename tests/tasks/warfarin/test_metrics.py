import jax.numpy as jnp
import numpy as np

from hemosim_jax.tasks.warfarin.metrics import inr_quality

RANGE = (2.0, 3.0)


def test_daily_outcomes():
    day = jnp.arange(1.0, 6.0)
    inr = jnp.array([1.2, 1.8, 2.4, 4.5, 9.0])
    alive = jnp.array([True, True, True, True, False])
    result = inr_quality(day, inr, alive, target_range=RANGE, high_inr=4.0, low_inr=1.5)
    assert result["above_percent"] == 25.0
    assert result["below_percent"] == 25.0
    assert result["first_in_range_day"] == 3.0
    never = inr_quality(day, inr * 0 + 1.0, alive, target_range=RANGE, high_inr=4.0, low_inr=1.5)
    assert np.isnan(never["first_in_range_day"])
