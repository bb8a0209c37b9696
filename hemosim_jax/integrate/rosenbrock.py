"""Rosenbrock methods for stiff reaction networks: linearly implicit, no iteration, sparse.

A step solves, with $W = I / (\\gamma h) - J$,

$$W k_i = f(y_0 + \\sum_j a_{ij} k_j) + \\sum_j c_{ij} k_j / h$$
$$y_1 = y_0 + \\sum_i m_i k_i$$

(Hairer & Wanner, Solving Ordinary Differential Equations II, IV.7), all stages with one
factorization.
"""

from collections.abc import Callable
from typing import ClassVar, NamedTuple

import diffrax
import jax
import jax.numpy as jnp

from hemosim_jax.integrate import sparse_lu


class Tableau(NamedTuple):
    """Coefficients in the form above; rows of `a` and `c` below the diagonal, `e` of the error."""

    gamma: float
    a: tuple[tuple[float, ...], ...]
    c: tuple[tuple[float, ...], ...]
    m: tuple[float, ...]
    e: tuple[float, ...]
    order: int


# Sandu et al., Atmos Environ 1997;31:3459: L-stable, stiffly accurate.
RODAS3 = Tableau(
    gamma=0.5,
    a=((), (0.0,), (2.0, 0.0), (2.0, 0.0, 1.0)),
    c=((), (4.0,), (1.0, -1.0), (1.0, -1.0, -8.0 / 3.0)),
    m=(2.0, 0.0, 1.0, 1.0),
    e=(0.0, 0.0, 0.0, 1.0),
    order=3,
)
_RODAS_A5 = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950)
# RODAS of Hairer & Wanner II, IV.10: L-stable, stiffly accurate.
RODAS4 = Tableau(
    gamma=0.25,
    a=(
        (),
        (1.544,),
        (0.9466785280815826, 0.2557011698983284),
        (3.314825187068521, 2.896124015972201, 0.9986419139977817),
        _RODAS_A5,
        (*_RODAS_A5, 1.0),
    ),
    c=(
        (),
        (-5.6688,),
        (-2.430093356833875, -0.2063599157091915),
        (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
        (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
        (
            8.083246795921522,
            -7.981132988064893,
            -31.52159432874371,
            16.31930543123136,
            -6.058818238834054,
        ),
    ),
    m=(*_RODAS_A5, 1.0, 1.0),
    e=(0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    order=4,
)


def _combine(weights, vectors):
    """The linear combination of dicts, leaving out zero weights; None if nothing is left."""
    pairs = [(w, v) for w, v in zip(weights, vectors, strict=True) if w != 0.0]
    if not pairs:
        return None
    return jax.tree.map(
        lambda *xs: sum(w * x for (w, _), x in zip(pairs, xs, strict=True)), *(v for _, v in pairs)
    )


def _materialize(tree, h):
    """`tree` unchanged, but computed once.

    XLA fuses by computing again what several kernels need; the unrolled factorization would grow
    thirtyfold (and CPU ignores `optimization_barrier`). A loop is a border no fusion crosses; this
    one never runs, as no step goes backwards, which the compiler cannot know.
    """
    return jax.lax.while_loop(
        lambda carry: carry[1],
        lambda carry: (jax.tree.map(lambda x: 2.0 * x, carry[0]), jnp.zeros_like(carry[1])),
        (tree, h < 0.0),
    )[0]


def _add(y, dy):
    return y if dy is None else jax.tree.map(lambda a, b: a + b, y, dy)


class SparseRosenbrock(diffrax.AbstractAdaptiveSolver):
    """A Rosenbrock method on a dict of scalars, for autonomous vector fields.

    `jacobian(t, y, args)` gives the non-zero entries of the Jacobian by (row, column). The
    factorization is unrolled at trace time (`integrate.sparse_lu`). Forward in time only, and with
    forward-mode derivatives only.
    """

    jacobian: Callable
    tableau: Tableau = RODAS3

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms):
        """The order of the tableau."""
        return self.tableau.order

    def error_order(self, terms):
        """The embedded method is one order lower; diffrax counts from the error of a step."""
        return self.tableau.order

    def init(self, terms, t0, t1, y0, args):
        """No hidden state."""
        return None

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step; a vector field that depends on time is not meant."""
        h = t1 - t0
        matrix = {at: -entry for at, entry in self.jacobian(t0, y0, args).items()}
        shift = 1.0 / (self.tableau.gamma * h)
        for name in y0:
            at = (name, name)
            matrix[at] = matrix[at] + shift if at in matrix else jnp.broadcast_to(shift, ())
        factors = _materialize(sparse_lu.factor(matrix), h)
        stages: list[dict] = []
        point, slope = None, y0
        for row_a, row_c in zip(self.tableau.a, self.tableau.c, strict=True):
            if point is None or row_a != (*point, 0.0):  # else the slope is known already
                slope = terms.vf(t0, _add(y0, _combine(row_a, stages)), args)
            point = row_a
            feedback = _combine(row_c, stages)
            if feedback is not None:
                feedback = jax.tree.map(lambda x: x / h, feedback)
            right_hand_side = _materialize(_add(slope, feedback), h)
            stages.append(_materialize(sparse_lu.solve(factors, right_hand_side), h))
        y1 = _add(y0, _combine(self.tableau.m, stages))
        error = _combine(self.tableau.e, stages)
        return y1, error, {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful

    def func(self, terms, t0, y0, args):
        """The vector field."""
        return terms.vf(t0, y0, args)
