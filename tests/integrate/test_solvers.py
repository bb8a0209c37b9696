import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate import (
    RK4,
    TSIT5,
    StepMap,
    UnrolledRungeKutta,
    solve,
    solve_reference,
)


def oscillator(t_h, state, stiffness):
    position, velocity = state
    return velocity, -stiffness * position + 0.1 * jnp.sin(t_h)


def decay(t_h, amount, rate):
    return -rate * amount


START = (1.0, 0.0)


def error_with(tableau, steps):
    with jax.enable_x64():
        state = tuple(jnp.asarray(x) for x in START)
        grid = tuple(np.linspace(0.0, 1.0, steps + 1))
        end, ok = solve(oscillator, UnrolledRungeKutta(tableau), state, 5.0, 2.0, grid=grid)
        exact = solve_reference(oscillator, state, jnp.array([5.0]), 2.0, rtol=1e-12, atol=1e-13)
        assert ok
        return abs(float(end[0] - exact[0][0]))


@pytest.mark.parametrize("tableau", [RK4, TSIT5], ids=["rk4", "tsit5"])
def test_error_falls_with_the_order_of_the_tableau(tableau):
    coarse, fine = error_with(tableau, 40), error_with(tableau, 80)
    assert np.log2(coarse / fine) == pytest.approx(tableau.order, abs=0.4)


def test_unrolled_steps_equal_diffrax_tsit5():
    with jax.enable_x64():
        state = tuple(jnp.asarray(x) for x in START)
        grid = (0.0, 0.1, 0.4, 1.0)
        ours, _ = solve(oscillator, UnrolledRungeKutta(), state, 3.0, 2.0, grid=grid)
        theirs, _ = solve(oscillator, diffrax.Tsit5(), state, 3.0, 2.0, grid=grid)
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)


def test_unrolled_tsit5_steps_adaptively():
    with jax.enable_x64():
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(oscillator),
            UnrolledRungeKutta(),
            0.0,
            5.0,
            0.1,
            tuple(jnp.asarray(x) for x in START),
            args=2.0,
            stepsize_controller=diffrax.PIDController(rtol=1e-9, atol=1e-9),
        )
        exact = solve_reference(
            oscillator, tuple(jnp.asarray(x) for x in START), jnp.array([5.0]), 2.0
        )
        np.testing.assert_allclose(solution.ys[0][0], exact[0][0], atol=1e-7)


def test_exact_flow_does_not_depend_on_the_grid():
    def flow(duration_h, amount, rate):
        return amount * jnp.exp(-rate * duration_h)

    for grid in ((0.0, 1.0), (0.0, 0.25, 1.0)):
        end, ok = solve(decay, StepMap(flow), jnp.float32(3.0), 7.0, 0.3, grid=grid)
        assert ok
        np.testing.assert_allclose(end, 3.0 * np.exp(-2.1), rtol=1e-6)


@pytest.mark.parametrize("solver", [UnrolledRungeKutta(RK4), UnrolledRungeKutta(TSIT5)])
def test_reverse_gradient_is_the_derivative(solver):
    # RK4's own truncation in the longer step, z = 0.2 * 1.4: z**4 / 24 = 2.6e-4.
    def end(rate):
        state, _ = solve(
            decay, solver, jnp.float32(1.0), 2.0, rate, grid=(0.0, 0.3, 1.0), differentiable=True
        )
        return state

    np.testing.assert_allclose(jax.grad(end)(jnp.float32(0.2)), -2.0 * np.exp(-0.4), rtol=1e-3)


def test_forward_gradient_works_on_the_fast_path():
    def end(rate):
        return solve(decay, UnrolledRungeKutta(), jnp.float32(1.0), 2.0, rate)[0]

    _, slope = jax.jvp(end, (jnp.float32(0.2),), (jnp.float32(1.0),))
    np.testing.assert_allclose(slope, -2.0 * np.exp(-0.4), rtol=1e-3)


def test_grid_must_span_the_interval():
    with pytest.raises(ValueError, match="grid must run from 0 to 1"):
        solve(decay, UnrolledRungeKutta(), 1.0, 1.0, 0.1, grid=(0.0, 0.9))


def test_reference_solver_refuses_float32():
    with pytest.raises(ValueError, match="float64"):
        solve_reference(decay, jnp.float32(1.0), jnp.array([1.0]), 0.1)
