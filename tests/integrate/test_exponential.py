import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from hemosim_jax.integrate.exponential import phi_functions, relax, rosenbrock_step


def exact_phi(order, z):
    """Quadrature of the definition: the integral of exp((1 - s) z) s^(k - 1) / (k - 1)!."""
    s, weight = np.polynomial.legendre.leggauss(60)
    s = 0.5 * (s + 1.0)
    return np.sum(0.5 * weight * np.exp((1 - s) * z) * s ** (order - 1)) / math.factorial(order - 1)


@pytest.mark.parametrize("z", [0.0, -1e-6, -0.01, -0.3, -0.999, -1.0, -1.001, -5.0, -20.0])
def test_phi_functions(z):
    half, *whole = phi_functions(jnp.float32(z))
    np.testing.assert_allclose(half, exact_phi(1, 0.5 * z), rtol=3e-6)
    for order, value in enumerate(whole, start=1):
        np.testing.assert_allclose(value, exact_phi(order, z), rtol=3e-6)


def test_phi_functions_have_finite_gradients():
    for z in (0.0, -0.5, -1.0, -30.0):
        for order in range(5):
            assert np.isfinite(jax.grad(lambda x: phi_functions(x)[order])(jnp.float32(z)))  # noqa: B023


@pytest.mark.parametrize("hours", [0.01, 0.5, 2.0, 20.0, 2000.0])
def test_relax_and_its_mean_are_nearly_exact(hours):
    production, rate, start = 0.7, 0.3, 5.0
    end, mean = relax(*map(jnp.float32, (start, production, rate, hours)))
    level = production / rate
    decay = math.exp(-rate * hours)
    distance = start - level
    assert float(end) == pytest.approx(level + distance * decay, abs=2.5e-5 * distance)
    exact_mean = level + distance * (1.0 - decay) / (rate * hours)
    assert float(mean) == pytest.approx(exact_mean, rel=1e-4)


def test_relax_without_a_rate_is_a_line():
    assert relax(*map(jnp.float32, (2.0, 3.0, 0.0, 4.0)))[0] == pytest.approx(14.0)


def test_a_linear_equation_is_exact_at_any_step():
    slope, derivative = lambda y: 2.0 - 3.0 * y, lambda y: -3.0
    for duration in (1e-3, 1.0, 100.0):
        end, mean = rosenbrock_step(slope, derivative, jnp.float32(5.0), jnp.float32(duration))
        decay = math.exp(-3.0 * duration)
        assert end == pytest.approx(2 / 3 + (5 - 2 / 3) * decay, rel=1e-5)
        exact_mean = 2 / 3 + (5 - 2 / 3) * (1 - decay) / (3 * duration)
        assert mean == pytest.approx(exact_mean, rel=1e-5)


def test_fourth_order_on_saturable_elimination():
    def slope(y):
        return 0.4 - 1.5 * y / (1.4 + y)

    def derivative(y):
        return -1.5 * 1.4 / (1.4 + y) ** 2

    exact = solve_ivp(lambda t, y: slope(y), (0.0, 4.0), [3.0], rtol=1e-12, atol=1e-13).y[0, -1]

    def error(steps):
        with jax.enable_x64():
            y = jnp.asarray(3.0)
            for _ in range(steps):
                y, _ = rosenbrock_step(slope, derivative, y, jnp.asarray(4.0 / steps))
            return abs(float(y) - exact)

    assert error(8) < 1e-5
    assert error(8) / error(16) > 2**3.5


def test_a_linear_equation_with_a_tilt_is_exact():
    def exact(duration, tilt):
        at = lambda t, y: 2.0 - 3.0 * y + tilt * (t - 0.5 * duration)  # noqa: E731
        return solve_ivp(at, (0.0, duration), [5.0], rtol=1e-11, atol=1e-12).y[0, -1]

    for duration, tilt in ((0.1, 1.0), (2.0, -3.0), (20.0, 0.5)):
        end, _ = rosenbrock_step(
            lambda y: 2.0 - 3.0 * y,
            lambda y: -3.0,
            jnp.float32(5.0),
            jnp.float32(duration),
            tilt=jnp.float32(tilt),
        )
        assert end == pytest.approx(exact(duration, tilt), rel=1e-5, abs=5e-6)
