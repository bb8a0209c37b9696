import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.core import durations


def test_the_last_interval_is_the_one_that_reaches_the_horizon():
    ends = [bool(durations.is_over(jnp.float32(7.0 * i), 7.0, 24.0)) for i in range(1, 5)]
    assert ends == [False, False, False, True]
    assert durations.number_of_intervals(24.0, 7.0) == 4


@pytest.mark.parametrize("interval", [0.1, 0.3, 1.0, 24.0])
def test_clocks_that_add_up_rounding_errors_end_in_time(interval):
    elapsed, steps = jnp.float32(0.0), 0
    while not durations.is_over(elapsed, interval, 100 * interval):
        elapsed, steps = elapsed + jnp.float32(interval), steps + 1
    assert steps == durations.number_of_intervals(100 * interval, interval) == 100


def cubic(y0, y1, a, d1, x):
    b, c = 3.0 * (y1 - y0) - 2.0 * a - d1, 2.0 * (y0 - y1) + a + d1
    return y0 + x * (a + x * (b + x * c))


@pytest.mark.parametrize("rising", [True, False])
def test_a_smooth_signal_is_seen_to_pass_the_threshold_between_the_ends(rising):
    rng = np.random.default_rng(0)
    numbers = rng.uniform(-1.0, 1.0, (4, 4000)) * np.array([[1.0], [1.0], [6.0], [6.0]])
    y0, y1, a, d1 = numbers
    y0 = -np.abs(y0)  # an episode goes on as long as the signal is on the right side
    sign = 1.0 if rising else -1.0
    y0, y1, a, d1 = sign * y0, sign * y1, sign * a, sign * d1
    found = durations.cubic_crossing(
        (jnp.asarray(y0), jnp.asarray(y1)), (jnp.asarray(a), jnp.asarray(d1)), 0.0, rising=rising
    )
    x = np.linspace(0.0, 1.0, 2001)
    path = sign * cubic(*(v[:, None] for v in (y0, y1, a, d1)), x)
    clear = np.abs(path.max(axis=1)) > 1e-3
    happened = path.max(axis=1) > 0.0
    np.testing.assert_array_equal(np.asarray(found.happened)[clear], happened[clear])
    inside = happened & (sign * y1 <= 0.0) & clear
    assert inside.sum() > 100  # seen, though both ends are on the right side
    first = x[np.argmax(path > 0.0, axis=1)]
    fraction = np.asarray(found.fraction)
    assert (fraction[~happened & clear] == 1.0).all()
    peak = x[np.argmax(path, axis=1)]
    assert (fraction[inside] <= peak[inside] + 1e-3).all()
    error = np.abs(fraction - first)[happened & clear]
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.95) < 0.15


def test_a_straight_line_passes_where_it_does():
    found = durations.monotone_crossing(jnp.float32(2.0), jnp.float32(4.0), 3.5, rising=True)
    assert found.happened
    assert found.fraction == pytest.approx(0.75)
    found = durations.monotone_crossing(jnp.float32(4.0), jnp.float32(2.0), 3.5, rising=False)
    assert found.fraction == pytest.approx(0.25)
    found = durations.monotone_crossing(jnp.float32(2.0), jnp.float32(3.0), 3.5, rising=True)
    assert (bool(found.happened), float(found.fraction)) == (False, 1.0)
    beyond = durations.monotone_crossing(jnp.float32(4.0), jnp.float32(5.0), 3.5, rising=True)
    assert (bool(beyond.happened), float(beyond.fraction)) == (True, 1.0)
