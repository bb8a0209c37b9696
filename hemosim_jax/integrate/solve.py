"""The one way from a vector field to a later state: `diffrax.diffeqsolve`."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optimistix
from jaxtyping import Array, Bool, Float, PyTree


def solve(
    vector_field: Callable,
    solver: diffrax.AbstractSolver,
    state: PyTree,
    duration: float | Float[Array, "..."],
    args: Any,
    *,
    grid: Sequence[float] = (0.0, 1.0),
    differentiable: bool = False,
) -> tuple[PyTree, Bool[Array, ""]]:
    """Integrates `state` over `duration` on a fixed grid of steps.

    diffrax integrates over the fraction 0..1 of the interval, so that the grid is a literal (XLA
    then knows the trip count) while the duration may be traced.

    **Arguments:**

    - `vector_field`: `f(t, state, args) -> d state / dt`, `t` since the start, in the model's unit.
    - `solver`: any diffrax solver that needs no error control.
    - `state`: pytree of scalars.
    - `duration`: length of the interval in the model's unit of time, > 0.
    - `args`: passed on to `vector_field`.
    - `grid`: the step boundaries as fractions of the interval, from 0 to 1.
    - `differentiable`: for reverse-mode gradients (a bounded, slower loop, which has no forward
      mode); otherwise forward mode works and reverse mode does not.

    **Returns:** the state at the end, and whether the integrator reports success.

    **Raises:** `ValueError` for a grid that does not run from 0 to 1.
    """
    solution = _solve(vector_field, solver, state, duration, args, grid, differentiable, None)
    return _last(solution.ys), solution.result == diffrax.RESULTS.successful


class Stop(NamedTuple):
    """Where `solve_until` ended."""

    state: PyTree
    time: Float[Array, ""]  # since the start, in the model's unit
    happened: Bool[Array, ""]  # False: the interval ended first
    solver_ok: Bool[Array, ""]


def solve_until(
    vector_field: Callable,
    solver: diffrax.AbstractSolver,
    state: PyTree,
    duration: float | Float[Array, "..."],
    args: Any,
    condition: Callable,
    *,
    grid: Sequence[float] = (0.0, 1.0),
    tolerance: float = 1e-5,
) -> Stop:
    """As `solve`, until `condition` changes its sign (a `diffrax.Event`) or the interval ends.

    The condition is looked at after every step of the grid, and the moment within that step is
    found by Newton's method on the solver's interpolation: give a solver that has one (not
    `StepMap`), and a grid fine enough that the sign does not change twice in a step. No reverse-
    mode gradients.

    **Arguments:**

    - `condition`: `c(t, state, args) -> number`, `t` in the model's unit.
    - `tolerance`: of the moment, relative to the interval.
    - the others: as in `solve`.

    **Raises:** `ValueError` as `solve`.
    """

    def scaled_condition(t, y, args, **kwargs):  # diffrax gives them by name
        length, model_args = args
        return condition(t * length, y, model_args)

    event = diffrax.Event(scaled_condition, optimistix.Newton(rtol=tolerance, atol=tolerance))
    solution = _solve(vector_field, solver, state, duration, args, grid, False, event)
    happened = solution.result == diffrax.RESULTS.event_occurred
    ends = _last(solution.ts) * duration
    return Stop(
        state=_last(solution.ys),
        time=ends,
        happened=happened,
        solver_ok=happened | (solution.result == diffrax.RESULTS.successful),
    )


def _solve(vector_field, solver, state, duration, args, grid, differentiable, event):
    if grid[0] != 0.0 or grid[-1] != 1.0:
        raise ValueError(f"grid must run from 0 to 1, got {tuple(grid)}")

    def scaled_field(fraction, y, scaled_args):
        length, model_args = scaled_args
        slope = vector_field(fraction * length, y, model_args)
        return jax.tree.map(lambda dy: length * dy, slope)

    if differentiable:
        steps = len(grid) - 1
        adjoint, max_steps = diffrax.RecursiveCheckpointAdjoint(checkpoints=steps), steps
    else:
        adjoint, max_steps = diffrax.ForwardMode(), None
    return diffrax.diffeqsolve(
        diffrax.ODETerm(scaled_field),
        solver,
        t0=0.0,
        t1=1.0,
        dt0=None,
        y0=state,
        args=(duration, args),
        stepsize_controller=diffrax.StepTo(ts=np.asarray(grid, jnp.result_type(float))),
        saveat=diffrax.SaveAt(t1=True),
        adjoint=adjoint,
        max_steps=max_steps,
        throw=False,
        event=event,
    )


def _last(saved: PyTree) -> PyTree:
    return jax.tree.map(lambda y: y[0], saved)
