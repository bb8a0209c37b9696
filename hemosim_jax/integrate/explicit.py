"""Explicit Runge–Kutta with its stages unrolled, so that XLA fuses a whole step into one kernel."""

from typing import ClassVar, NamedTuple

import diffrax
import jax


class Tableau(NamedTuple):
    """A Butcher tableau in Python floats: `a` strictly lower triangular, row by row."""

    c: tuple[float, ...]
    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]
    b_error: tuple[float, ...] | None
    order: int


RK4 = Tableau(  # Kutta 1901
    c=(0.0, 1 / 2, 1 / 2, 1.0),
    a=((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0)),
    b=(1 / 6, 1 / 3, 1 / 3, 1 / 6),
    b_error=None,
    order=4,
)


def _tsitouras() -> Tableau:
    # The coefficients of Tsitouras 2011 (Comput Math Appl 62:770) as diffrax carries them.
    tableau = diffrax.Tsit5.tableau
    as_floats = lambda row: tuple(float(x) for x in row)  # noqa: E731
    return Tableau(
        c=(0.0, *as_floats(tableau.c)),
        a=((), *(as_floats(row) for row in tableau.a_lower)),
        b=as_floats(tableau.b_sol),
        b_error=as_floats(tableau.b_error),
        order=5,
    )


TSIT5 = _tsitouras()


def _combine(weights, slopes):
    """The linear combination of the stages' slopes, leaving out the zero weights."""
    pairs = [(w, k) for w, k in zip(weights, slopes, strict=True) if w != 0.0]
    return jax.tree.map(
        lambda *ks: sum(w * k for (w, _), k in zip(pairs, ks, strict=True)), *(k for _, k in pairs)
    )


def _add(y, dy):
    return jax.tree.map(lambda a, b: a + b, y, dy)


class UnrolledRungeKutta(diffrax.AbstractAdaptiveSolver):
    """Explicit Runge–Kutta of the given tableau, its stages unrolled at trace time.

    diffrax's own classes run the stages in an inner loop that XLA cannot fuse. Gives an error
    estimate, for adaptive use, where the tableau has one.
    """

    tableau: Tableau = TSIT5

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar = diffrax.LocalLinearInterpolation

    def order(self, terms):
        """The order of the tableau."""
        return self.tableau.order

    def init(self, terms, t0, t1, y0, args):
        """No hidden state."""
        return None

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        """One step; `k_i` is the increment that stage `i` would make over the whole step."""
        control = terms.contr(t0, t1)
        slopes = []
        for c, row in zip(self.tableau.c, self.tableau.a, strict=True):
            y = _add(y0, _combine(row, slopes)) if any(row) else y0
            slopes.append(terms.vf_prod(t0 + c * (t1 - t0), y, args, control))
        y1 = _add(y0, _combine(self.tableau.b, slopes))
        error = _combine(self.tableau.b_error, slopes) if self.tableau.b_error else None
        return y1, error, {"y0": y0, "y1": y1}, None, diffrax.RESULTS.successful

    def func(self, terms, t0, y0, args):
        """The vector field."""
        return terms.vf(t0, y0, args)
