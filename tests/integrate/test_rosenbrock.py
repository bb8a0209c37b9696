import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate import sparse_lu
from hemosim_jax.integrate.rosenbrock import RODAS3, RODAS4, SparseRosenbrock


def test_factorization_solves_random_sparse_systems():
    rng = np.random.default_rng(0)
    for n in (1, 4, 12):
        dense = rng.normal(size=(n, n)) * (rng.random((n, n)) < 0.3) + 6.0 * np.eye(n)
        entries = {(i, j): dense[i, j] for i in range(n) for j in range(n) if dense[i, j]}
        b = rng.normal(size=n)
        x = sparse_lu.solve(sparse_lu.factor(entries), dict(enumerate(b)))
        np.testing.assert_allclose([x[i] for i in range(n)], np.linalg.solve(dense, b), rtol=1e-10)


def test_elimination_order_avoids_fill_in():
    """An arrow: eliminated from its point it fills up, from its shaft it does not."""
    n = 8
    pattern = {(0, j) for j in range(n)} | {(i, 0) for i in range(n)} | {(i, i) for i in range(n)}
    factors = sparse_lu.factor({(i, j): 10.0 if i == j else 1.0 for i, j in pattern})
    assert factors.order[-1] == 0 or factors.order[-2] == 0
    assert len(factors.lower) + len(factors.upper) == 2 * (n - 1)


def oscillator(t, y, args):
    """Van der Pol, with its Jacobian below."""
    return {"x": y["v"], "v": args * (1.0 - y["x"] ** 2) * y["v"] - y["x"]}


def oscillator_jacobian(t, y, args):
    return {
        ("x", "v"): jnp.ones_like(y["v"]),
        ("v", "x"): -2.0 * args * y["x"] * y["v"] - 1.0,
        ("v", "v"): args * (1.0 - y["x"] ** 2),
    }


def integrate(tableau, steps):
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(oscillator),
        SparseRosenbrock(oscillator_jacobian, tableau),
        0.0,
        1.0,
        1.0 / steps,
        {"x": jnp.asarray(2.0), "v": jnp.asarray(0.0)},
        args=jnp.asarray(1.0),
        max_steps=None,
    )
    return np.array([float(solution.ys[name][0]) for name in "xv"])


@pytest.mark.parametrize("tableau", [RODAS3, RODAS4])
def test_order_of_convergence(tableau):
    with jax.enable_x64():
        reference = integrate(RODAS4, 2048)
        errors = [np.linalg.norm(integrate(tableau, n) - reference) for n in (32, 64, 128)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(abs(orders - tableau.order) < 0.1), orders


def test_adaptive_steps_keep_the_tolerance_and_conserve():
    """A -> B -> C, one reaction a million times faster than the other."""

    def field(t, y, args):
        fast, slow = 1e6 * y["a"], y["b"]
        return {"a": -fast, "b": fast - slow, "c": slow}

    def jacobian(t, y, args):
        one = jnp.ones_like(y["a"])
        return {("a", "a"): -1e6 * one, ("b", "a"): 1e6 * one} | {
            ("b", "b"): -one,
            ("c", "b"): one,
        }

    zero = jnp.zeros(())
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        SparseRosenbrock(jacobian, RODAS4),
        0.0,
        1.0,
        1e-7,
        {"a": zero + 1.0, "b": zero, "c": zero},
        stepsize_controller=diffrax.PIDController(rtol=1e-4, atol=1e-7),
    )
    a, b, c = (float(solution.ys[name][0]) for name in "abc")
    assert b == pytest.approx(np.exp(-1.0), rel=1e-3)
    assert a + b + c == pytest.approx(1.0, abs=1e-5)
    assert solution.stats["num_steps"] < 100
