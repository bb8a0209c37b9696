"""The one way from a vector field to a state some hours later: `diffrax.diffeqsolve`."""

from collections.abc import Callable, Sequence
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree


def solve(
    vector_field: Callable,
    solver: diffrax.AbstractSolver,
    state: PyTree,
    duration_h: Float[Array, ""],
    args: Any,
    *,
    grid: Sequence[float] = (0.0, 1.0),
    differentiable: bool = False,
) -> tuple[PyTree, Bool[Array, ""]]:
    """Integrates `state` over `duration_h` hours on a fixed grid of steps.

    diffrax integrates over the fraction 0..1 of the interval, so that the grid is a literal (XLA
    then knows the trip count) while the duration may be traced.

    **Arguments:**

    - `vector_field`: `f(t_h, state, args) -> d state / dt`, per hour, `t_h` since the start.
    - `solver`: any diffrax solver that needs no error control.
    - `state`: pytree of scalars.
    - `duration_h`: length of the interval (h), > 0.
    - `args`: passed on to `vector_field`.
    - `grid`: the step boundaries as fractions of the interval, from 0 to 1.
    - `differentiable`: for reverse-mode gradients (a bounded, slower loop, which has no forward
      mode); otherwise forward mode works and reverse mode does not.

    **Returns:** the state at the end, and whether the integrator reports success.
    """
    if grid[0] != 0.0 or grid[-1] != 1.0:
        raise ValueError(f"grid must run from 0 to 1, got {tuple(grid)}")

    def scaled_field(fraction, y, scaled_args):
        duration, model_args = scaled_args
        slope = vector_field(fraction * duration, y, model_args)
        return jax.tree.map(lambda dy: duration * dy, slope)

    if differentiable:
        steps = len(grid) - 1
        adjoint, max_steps = diffrax.RecursiveCheckpointAdjoint(checkpoints=steps), steps
    else:
        adjoint, max_steps = diffrax.ForwardMode(), None
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(scaled_field),
        solver,
        t0=0.0,
        t1=1.0,
        dt0=None,
        y0=state,
        args=(duration_h, args),
        stepsize_controller=diffrax.StepTo(ts=np.asarray(grid, jnp.result_type(float))),
        saveat=diffrax.SaveAt(t1=True),
        adjoint=adjoint,
        max_steps=max_steps,
        throw=False,
    )
    final_state = jax.tree.map(lambda y: y[0], solution.ys)
    return final_state, solution.result == diffrax.RESULTS.successful
