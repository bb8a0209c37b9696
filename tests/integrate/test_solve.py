import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate import StepMap, solve, solve_until

SOLVER = diffrax.Tsit5()  # its interpolation is of the fourth order
GRID = tuple(i / 8 for i in range(9))


def decay(t, y, rate):
    return -rate * y


def test_any_unit_of_time():
    """A membrane in milliseconds: the same numbers as in seconds."""
    ms, ok = solve(decay, SOLVER, jnp.float32(1.0), jnp.float32(5.0), 0.2, grid=GRID)
    s, _ = solve(decay, SOLVER, jnp.float32(1.0), jnp.float32(0.005), 200.0, grid=GRID)
    assert ok
    assert ms == pytest.approx(float(s), rel=1e-6)
    assert ms == pytest.approx(np.exp(-1.0), rel=1e-5)


def below(level):
    return lambda t, y, rate: y - level


@pytest.mark.parametrize("level", [0.9, 0.5, 0.2])
def test_an_event_is_found_within_a_step(level):
    run = jax.jit(
        lambda y0: solve_until(
            decay, SOLVER, y0, jnp.float32(10.0), jnp.float32(0.2), below(level), grid=GRID
        )
    )
    stop = run(jnp.float32(1.0))
    assert stop.happened
    assert stop.solver_ok
    assert stop.time == pytest.approx(-np.log(level) / 0.2, abs=5e-3)
    assert stop.state == pytest.approx(level, abs=1e-3)


def test_without_an_event_the_interval_ends():
    stop = solve_until(
        decay, SOLVER, jnp.float32(1.0), jnp.float32(2.0), jnp.float32(0.2), below(0.1), grid=GRID
    )
    assert not stop.happened
    assert stop.solver_ok
    assert stop.time == pytest.approx(2.0)
    assert stop.state == pytest.approx(np.exp(-0.4), rel=1e-5)


def test_the_condition_knows_the_time():
    stop = solve_until(
        decay,
        SOLVER,
        jnp.float32(1.0),
        jnp.float32(10.0),
        jnp.float32(0.2),
        lambda t, y, rate: t - 3.3,
        grid=GRID,
    )
    assert stop.time == pytest.approx(3.3, abs=1e-3)


def test_events_in_a_batch():
    rates = jnp.array([0.1, 0.2, 0.4])
    stop = jax.jit(
        jax.vmap(
            lambda rate: solve_until(
                decay, SOLVER, jnp.float32(1.0), jnp.float32(10.0), rate, below(0.3), grid=GRID
            )
        )
    )(rates)
    np.testing.assert_array_equal(stop.happened, [False, True, True])
    np.testing.assert_allclose(stop.time[1:], -np.log(0.3) / rates[1:], atol=0.02)
    assert stop.time[0] == 10.0


def test_a_grid_that_does_not_fill_the_interval_is_named():
    solver = StepMap(lambda h, y, rate: y)
    with pytest.raises(ValueError, match=r"grid must run from 0 to 1, got \(0.0, 0.5\)"):
        solve(decay, solver, jnp.float32(1.0), jnp.float32(1.0), 0.2, grid=(0.0, 0.5))
