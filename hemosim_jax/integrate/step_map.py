"""A diffrax solver for systems whose step is known in closed form (linear compartments)."""

from collections.abc import Callable
from typing import ClassVar

import diffrax
import equinox as eqx


class StepMap(diffrax.AbstractSolver):
    r"""Advances by the model's own flow $y(t_1) = \Phi_{t_1 - t_0}(y(t_0))$ instead of by stages.

    For linear compartments $\Phi$ is a sum of exponentials and the step has no truncation error;
    for a linear chain behind a smooth forcing it is the product-integration rule of
    `integrate.transit`. Used inside `integrate.solve`, whose time is the fraction of the interval:
    `flow(duration, y, args)` receives the step's length, in the model's unit of time.
    """

    flow: Callable = eqx.field(static=True)

    term_structure: ClassVar = diffrax.ODETerm
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms):
        """No order: the step is exact in the length of the step."""
        return None

    def init(self, terms, t0, t1, y0, args):
        """No hidden state."""
        return None

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One call of the flow."""
        duration, model_args = args
        y1 = self.flow((t1 - t0) * duration, y0, model_args)
        return y1, None, {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful

    def func(self, terms, t0, y0, args):
        """The vector field itself, which the flow solves."""
        return terms.vf(t0, y0, args)
