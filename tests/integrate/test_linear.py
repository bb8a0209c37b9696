import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from hemosim_jax.integrate.linear import (
    bateman,
    one_compartment_oral,
    phi1,
    two_compartment_oral,
)

RATES = (2.0, 0.02)
GAPS = (0.0, 1e-7, 1e-5, 1e-3, 0.1, 1.0)


@pytest.mark.parametrize("x", [0.0, 1e-6, 9e-4, 1.1e-3, 1.0, 50.0])
def test_phi1_has_float32_accuracy_and_a_finite_gradient(x):
    exact = -np.expm1(-x) / x if x > 0 else 1.0
    np.testing.assert_allclose(phi1(jnp.float32(x)), exact, rtol=3e-7)
    slope = jax.grad(phi1)(jnp.float32(x))
    expected = ((1 + x) * np.exp(-x) - 1) / x**2 if x > 1e-3 else -0.5 + x / 3
    np.testing.assert_allclose(slope, expected, rtol=2e-3)


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("rate", RATES)
def test_bateman_loses_no_digits_where_the_rates_meet(rate, gap):
    a, t = rate * (1.0 + gap), 3.0
    with jax.enable_x64():
        fine = np.linspace(0.0, t, 200_001)
        exact = np.trapezoid(np.exp(-a * fine - rate * (t - fine)), fine)
    result = bateman(jnp.float32(a), jnp.float32(rate), jnp.float32(t))
    np.testing.assert_allclose(result, exact, rtol=2e-6)
    gradients = jax.grad(bateman, argnums=(0, 1, 2))(*map(jnp.float32, (a, rate, t)))
    assert all(np.isfinite(g) for g in gradients)


def test_one_compartment_equals_the_matrix_exponential():
    absorption, elimination, t = 1.7, 0.03, 11.0
    matrix = np.array([[-absorption, 0.0], [absorption, -elimination]])
    expected = scipy.linalg.expm(matrix * t) @ np.array([5.0, 2.0])
    np.testing.assert_allclose(
        one_compartment_oral(5.0, 2.0, absorption, elimination, t), expected[1], rtol=1e-5
    )


@pytest.mark.parametrize("absorption", [2.0, 0.05, "alpha", "beta"])
def test_two_compartments_equal_the_matrix_exponential(absorption):
    k10, k12, k21, t = 0.0228, 0.0095, 0.0199, 17.0
    disposition = np.array([[-(k10 + k12), k21], [k12, -k21]])
    beta, alpha = np.sort(-np.linalg.eigvals(disposition).real)
    absorption = {"alpha": alpha, "beta": beta}.get(absorption, absorption)
    matrix = np.zeros((3, 3))
    matrix[0, 0], matrix[1, 0], matrix[1:, 1:] = -absorption, absorption, disposition
    expected = scipy.linalg.expm(matrix * t) @ np.array([5.0, 2.0, 1.0])
    amounts = two_compartment_oral(5.0, 2.0, 1.0, *map(jnp.float32, (absorption, k10, k12, k21, t)))
    np.testing.assert_allclose(amounts, expected[1:], rtol=1e-5)
