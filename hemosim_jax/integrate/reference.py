"""The slow, sure path: float64, adaptive, on the full vector field. Fast paths are held to it."""

from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


def solve_reference(
    vector_field: Callable,
    state: PyTree,
    times: Float[Array, " times"],
    args: Any,
    *,
    solver: diffrax.AbstractAdaptiveSolver | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-12,
) -> PyTree:
    """Integrates `state` from 0 and returns it at `times`, every leaf with a leading time axis.

    **Arguments:**

    - `vector_field`: `f(t, state, args)`, per unit of the model's time.
    - `state`: pytree of float64 scalars.
    - `times`: increasing times, the last one the end.
    - `solver`: `diffrax.Dopri8` by default; give `diffrax.Kvaerno5()` for a stiff system.

    **Raises:** `ValueError` if `state` is not float64 (run inside `jax.enable_x64()`).
    """
    for leaf in jax.tree.leaves(state):
        if jnp.result_type(leaf) != jnp.float64:
            raise ValueError(
                f"the reference solver needs a float64 state, got {jnp.result_type(leaf)}; "
                "run it inside `with jax.enable_x64():`"
            )
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(vector_field),
        diffrax.Dopri8() if solver is None else solver,
        t0=0.0,
        t1=times[-1],
        dt0=None,
        y0=state,
        args=args,
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
        saveat=diffrax.SaveAt(ts=times),
        max_steps=100_000,
    )
    return solution.ys
