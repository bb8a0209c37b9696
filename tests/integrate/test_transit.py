import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate

from hemosim_jax.integrate import transit


@pytest.mark.parametrize("stages", [1, 3, 6])
@pytest.mark.parametrize(("rate", "duration"), [(0.1, 24.0), (0.0254, 24.0), (0.1, 168.0)])
def test_chain_follows_a_smooth_input(stages, rate, duration):
    def driving(t):
        return 1.0 / (1.0 + (3.0 / (np.exp(-t / 40.0) - 0.9 * np.exp(-2.0 * t) + 1e-9)) ** 1.15)

    def slope(t, x):
        return rate * (np.concatenate([[driving(t)], x[:-1]]) - x)

    start = np.linspace(0.1, 0.4, stages)
    expected = scipy.integrate.solve_ivp(
        slope, (0.0, duration), start, rtol=1e-10, atol=1e-12, method="DOP853"
    ).y[:, -1]
    nodes = np.asarray(transit.node_times(transit.AFTER_DOSE, jnp.float32(duration)))
    (result,) = transit.advance_chains(
        (tuple(map(jnp.float32, start)),),
        jnp.asarray(driving(nodes), jnp.float32),
        (jnp.float32(rate),),
        jnp.float32(duration),
        transit.AFTER_DOSE,
    )
    np.testing.assert_allclose(result, expected, atol=1e-4)  # 0.002 INR


def test_weights_are_exact_for_the_polynomials_a_panel_can_hold():
    rule = transit.panels((0.0, 0.3, 1.0), points=3)
    rate, duration = 0.4, 10.0
    nodes = np.asarray(transit.node_times(rule, duration))
    with jax.enable_x64():
        ((result,),) = transit.advance_chains(
            ((jnp.zeros(()),),), jnp.asarray(nodes**2), (rate,), duration, rule
        )
    k, d = rate, duration
    exact = d**2 - 2 * d / k + 2 / k**2 - 2 / k**2 * np.exp(-k * d)
    np.testing.assert_allclose(result, exact, rtol=1e-7)


def test_an_equilibrium_stays_one():
    ones = (jnp.float32(1.0),) * 3
    result = transit.advance_chains(
        (ones, ones), jnp.ones(16), (0.1, 0.03), 24.0, transit.AFTER_DOSE
    )
    np.testing.assert_allclose(result, 1.0, atol=2e-6)
