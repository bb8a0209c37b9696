import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate.linear import bateman
from hemosim_jax.integrate.repeated_doses import Train, doses_left, doses_passed_on


def one_by_one(single_dose, count, interval_h, since_last_h):
    with jax.enable_x64():
        ages = since_last_h + interval_h * np.arange(count)
        return float(np.sum(np.asarray(single_dose(jnp.asarray(ages, jnp.float64)))))


@pytest.mark.parametrize("count", [0, 1, 2, 30])
@pytest.mark.parametrize("rate", [1e-4, 0.05, 3.0])
@pytest.mark.parametrize("since_last_h", [0.0, 5.0, 23.9])
def test_a_series_is_the_sum_of_its_doses(count, rate, since_last_h):
    train = Train(*map(jnp.float32, (count, 24.0, since_last_h)))
    expected = one_by_one(lambda t: jnp.exp(-rate * t), count, 24.0, since_last_h)
    np.testing.assert_allclose(
        doses_left(jnp.float32(rate), train), expected, rtol=1e-5, atol=1e-30
    )


@pytest.mark.parametrize("count", [0, 1, 2, 30])
@pytest.mark.parametrize("rate_in", [3.0, 0.5, 0.0501, 0.05, 0.03])
@pytest.mark.parametrize("since_last_h", [0.0, 1e-3, 5.0, 23.9])
def test_behind_a_depot_it_is_the_sum_of_its_doses_where_the_rates_meet_too(
    count, rate_in, since_last_h
):
    rate_out = 0.05
    train = Train(*map(jnp.float32, (count, 24.0, since_last_h)))
    expected = one_by_one(lambda t: bateman(rate_in, rate_out, t), count, 24.0, since_last_h)
    passed_on = doses_passed_on(jnp.float32(rate_in), jnp.float32(rate_out), train)
    np.testing.assert_allclose(passed_on, expected, rtol=3e-5, atol=1e-9)
    slopes = jax.grad(doses_passed_on, argnums=(0, 1))(
        jnp.float32(rate_in), jnp.float32(rate_out), train
    )
    assert np.isfinite(slopes).all()
