"""Stiff systems from rest to their end, by adaptive steps."""

from collections.abc import Callable
from typing import Any, cast

import diffrax
import jax
from jaxtyping import Array, Bool, Float

from hemosim_jax.integrate.trajectory import Trajectory


def solve_stiff(
    vector_field: Callable,
    solver: diffrax.AbstractAdaptiveSolver,
    state: dict[str, Array],
    duration: float | Float[Array, ""],
    parameters: Any,
    read: Callable[[dict[str, Array]], Array],
    *,
    rtol: float,
    atol: float,
    max_steps: int,
    first_step: float,
) -> tuple[Trajectory, dict[str, Array], Bool[Array, ""]]:
    """The signal `read(state)` from 0 to `duration`, the last state, and success.

    Forward-mode derivatives only. Vmapped, every lane has its own steps, and all wait for the one
    that needs most.
    """

    def signal(t, y, args):
        # The slope of the signal, by the chain rule, makes the trajectory cubic.
        return jax.jvp(read, (y,), (vector_field(t, y, args),))

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(vector_field),
        solver,
        t0=0.0,
        t1=duration,
        dt0=first_step,
        y0=state,
        args=parameters,
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=atol),
        saveat=diffrax.SaveAt(
            subs=[
                diffrax.SubSaveAt(t0=True, steps=True, fn=signal),
                diffrax.SubSaveAt(t1=True),
            ]
        ),
        adjoint=diffrax.ForwardMode(),
        max_steps=max_steps,
        throw=False,
    )
    (values, slopes), last = cast(Any, solution.ys)
    times = cast(Any, solution.ts)[0]
    ok = solution.result == diffrax.RESULTS.successful
    return (
        Trajectory(times, values, slopes),
        {k: y[0] for k, y in last.items()},
        ok,
    )
