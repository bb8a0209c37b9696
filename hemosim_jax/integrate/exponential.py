"""Exponential Rosenbrock steps: stable at any step length, exact where the equation is linear."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

_SERIES_BELOW = 1.0
_FACTORIALS = (24.0, 120.0, 720.0, 5040.0, 40320.0, 362880.0, 3628800.0, 39916800.0, 479001600.0)


def phi_1_3_4(z: Float[Array, "*b"]) -> tuple[Float[Array, "*b"], ...]:
    r"""$\varphi_1, \varphi_3, \varphi_4$ of $z \le 0$.

    $\varphi_0(z) = e^z$, $\varphi_{k+1}(z) = (\varphi_k(z) - 1/k!) / z$. Near zero the series of
    $\varphi_4$ and the recurrence downwards, which loses no digits; elsewhere the recurrence up.
    """
    small = z > -_SERIES_BELOW
    near = jnp.where(small, z, -_SERIES_BELOW)
    far = jnp.where(small, -_SERIES_BELOW, z)
    series_4 = jnp.zeros_like(z)
    for factorial in reversed(_FACTORIALS):
        series_4 = series_4 * near + 1.0 / factorial
    series_3 = near * series_4 + 1.0 / 6.0
    series_1 = near * (near * series_3 + 0.5) + 1.0
    far_1 = jnp.expm1(far) / far
    far_3 = ((far_1 - 1.0) / far - 0.5) / far
    far_4 = (far_3 - 1.0 / 6.0) / far
    pairs = ((series_1, far_1), (series_3, far_3), (series_4, far_4))
    return tuple(jnp.where(small, series, up) for series, up in pairs)


def rosenbrock_step(
    slope: Callable[[Array], Array],
    slope_derivative: Callable[[Array], Array],
    y: Float[Array, "*b"],
    duration: Float[Array, "*b"],
) -> Float[Array, "*b"]:
    """One step of a scalar autonomous equation `y' = slope(y)` with `slope_derivative(y) <= 0`.

    The fourth-order method exprb43 of Hochbruck & Ostermann (Acta Numerica 2010;19:209, eq. 2.67):
    the equation is linearized at `y`, the linear part solved exactly.
    """
    rate = slope_derivative(y)
    slope_0 = slope(y)
    phi_1_half, _, _ = phi_1_3_4(0.5 * duration * rate)
    phi_1, phi_3, phi_4 = phi_1_3_4(duration * rate)

    def remainder(stage):  # what the linearization at y leaves out
        return slope(stage) - slope_0 - rate * (stage - y)

    left_2 = remainder(y + 0.5 * duration * phi_1_half * slope_0)
    left_3 = remainder(y + duration * phi_1 * (slope_0 + left_2))
    return y + duration * (
        phi_1 * slope_0
        + (16.0 * phi_3 - 48.0 * phi_4) * left_2
        + (12.0 * phi_4 - 2.0 * phi_3) * left_3
    )
