"""Exponential Rosenbrock steps: stable at any step length, exact where the equation is linear."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from hemosim_jax.integrate.linear import phi1

_SERIES_BELOW = 1.0
_FACTORIALS = (24.0, 120.0, 720.0, 5040.0, 40320.0, 362880.0, 3628800.0, 39916800.0, 479001600.0)


def phi_functions(z: Float[Array, "*b"]) -> tuple[Float[Array, "*b"], ...]:
    r"""$\varphi_1$ of $z / 2$, and $\varphi_1$ to $\varphi_4$ of $z \le 0$.

    $\varphi_0(z) = e^z$, $\varphi_{k+1}(z) = (\varphi_k(z) - 1/k!) / z$. The second follows from
    the first. Near zero the series of $\varphi_4$ and the recurrence downwards, which loses no
    digits; elsewhere the recurrence up.
    """
    phi_1_half = phi1(-0.5 * z)
    phi_1 = phi_1_half * (1.0 + 0.25 * z * phi_1_half)
    small = z > -_SERIES_BELOW
    near = jnp.where(small, z, -_SERIES_BELOW)
    inverse = 1.0 / jnp.where(small, -_SERIES_BELOW, z)
    series_4 = jnp.zeros_like(z)
    for factorial in reversed(_FACTORIALS):
        series_4 = series_4 * near + 1.0 / factorial
    series_3 = near * series_4 + 1.0 / 6.0
    up_2 = (phi_1 - 1.0) * inverse
    up_3 = (up_2 - 0.5) * inverse
    series = (near * series_3 + 0.5, series_3, series_4)
    up = (up_2, up_3, (up_3 - 1.0 / 6.0) * inverse)
    rest = (jnp.where(small, s, u) for s, u in zip(series, up, strict=True))
    return phi_1_half, phi_1, *rest


# phi_1(-x) for x >= 0 as a ratio of polynomials, 1 at 0 and 1 / x far out: within 2e-5 of itself,
# where an exponential function would cost more.
_PHI1_ABOVE = (
    0.24777012258848466,
    0.06399418988448455,
    0.008685868649640762,
    0.001826489709736136,
)
_PHI1_BELOW = (
    0.7479821828024084,
    0.2700995005593238,
    0.06321718434079975,
    0.008694002754951349,
    _PHI1_ABOVE[-1],
)


def _phi1_ratio(x):
    above, below = (
        functools.reduce(lambda value, c: c + x * value, reversed((1.0, *coefficients)))
        for coefficients in (_PHI1_ABOVE, _PHI1_BELOW)
    )
    return above / below


@jax.jit  # traced once, though a step calls it a hundred times
def relax(
    y: Float[Array, "*b"],
    production: Float[Array, "*b"],
    rate: Float[Array, "*b"],
    duration: Float[Array, "*b"],
) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    """`y' = production - rate * y` with both constant: the end, and the mean over the step.

    The end is within 2e-5 of its distance from the equilibrium. The mean follows from it, or from
    the cubic through both ends with their slopes, where that loses fewer digits.
    """
    slope = (production - rate * y) * duration
    end = y + slope * _phi1_ratio(rate * duration)
    end_slope = (production - rate * end) * duration
    decays = rate * duration
    fast = decays > 0.5
    mean = (production * duration + y - end) / jnp.where(fast, decays, 1.0)
    return end, jnp.where(fast, mean, 0.5 * (y + end) + (slope - end_slope) / 12.0)


def rosenbrock_step(
    slope: Callable[[Array], Array],
    slope_derivative: Callable[[Array], Array],
    y: Float[Array, "*b"],
    duration: Float[Array, "*b"],
    tilt: Float[Array, "*b"] | float = 0.0,
) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    """One step of a scalar equation `y' = slope(y) + tilt * (t - duration / 2)`, t from its start.

    `slope_derivative(y) <= 0`. The fourth-order method exprb43 of Hochbruck & Ostermann (Acta
    Numerica 2010;19:209): the equation is linearized at `y`, the linear part solved exactly, that
    of `tilt` with it. Returns the end, and the mean over the step as if the way there were that of
    the linearization.
    """
    rate = slope_derivative(y)
    slope_0 = slope(y)
    phi_1_half, phi_1, phi_2, phi_3, phi_4 = phi_functions(duration * rate)

    def remainder(stage):  # what the linearization at y leaves out
        return slope(stage) - slope_0 - rate * (stage - y)

    left_2 = remainder(y + 0.5 * duration * phi_1_half * slope_0)
    left_3 = remainder(y + duration * phi_1 * (slope_0 + left_2))
    beyond = (16.0 * phi_3 - 48.0 * phi_4) * left_2 + (12.0 * phi_4 - 2.0 * phi_3) * left_3
    tilted = duration * (phi_2 - 0.5 * phi_1) * tilt
    end = y + duration * (phi_1 * slope_0 + beyond + tilted)
    return end, y + phi_2 / phi_1 * (end - y)
