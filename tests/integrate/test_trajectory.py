import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate import trajectory
from hemosim_jax.integrate.trajectory import Trajectory


def cubic_at(times):
    """t^3 - 6 t^2 + 9 t: a maximum of 4 at 1, a minimum of 0 at 3."""
    times = jnp.asarray(times)
    finite = jnp.where(jnp.isfinite(times), times, 0.0)
    values, slopes = finite**3 - 6 * finite**2 + 9 * finite, 3 * finite**2 - 12 * finite + 9
    pad = lambda x: jnp.where(jnp.isfinite(times), x, jnp.inf)  # noqa: E731
    return Trajectory(times, pad(values), pad(slopes))


@pytest.fixture
def curve():
    return cubic_at([0.0, 0.4, 2.5, 3.5, jnp.inf, jnp.inf])


def test_a_cubic_is_exact(curve):
    times = jnp.array([0.0, 0.2, 1.0, 2.5, 3.0, 3.5])
    np.testing.assert_allclose(
        trajectory.at(curve, times), times**3 - 6 * times**2 + 9 * times, atol=1e-5
    )
    assert trajectory.area(curve) == pytest.approx(3.5**4 / 4 - 2 * 3.5**3 + 4.5 * 3.5**2, rel=1e-5)


def test_maximum_and_steepest(curve):
    time, value = trajectory.maximum(curve)
    assert time == pytest.approx(1.0, abs=1e-4)
    assert value == pytest.approx(4.0, rel=1e-5)
    time, slope = trajectory.steepest(curve)
    assert time == pytest.approx(0.0)
    assert slope == pytest.approx(9.0)


def test_first_reaching(curve):
    assert trajectory.first_reaching(curve, jnp.asarray(0.0)) == 0.0
    # Steps see the rise to 0.625 at 2.5, not the hump before it: 2 is passed in the first of them.
    assert trajectory.first_reaching(curve, jnp.asarray(2.0)) == pytest.approx(0.26795, abs=1e-4)
    assert jnp.isnan(trajectory.first_reaching(curve, jnp.asarray(5.0)))


def test_the_derivative_of_first_reaching():
    def when(rate):
        times = jnp.array([0.0, 1.0, 2.0, jnp.inf])
        line = Trajectory(times, rate * jnp.where(times < 3.0, times, 0.0), jnp.full(4, rate))
        return trajectory.first_reaching(line, jnp.ones(()))

    time, slope = jax.jvp(when, (jnp.asarray(0.8),), (jnp.ones(()),))
    assert time == pytest.approx(1.25, rel=1e-6)
    assert slope == pytest.approx(-1.0 / 0.8**2, rel=1e-4)


def test_a_rising_curve_has_its_maximum_at_the_end():
    curve = Trajectory(jnp.array([0.0, 1.0, jnp.inf]), jnp.array([0.0, 1.0, 0.0]), jnp.ones(3))
    time, value = trajectory.maximum(curve)
    assert time == 1.0
    assert value == 1.0
