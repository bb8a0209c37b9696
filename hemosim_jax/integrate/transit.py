r"""Transit-compartment chains behind a smooth input: exact in the chain, spectral in the input.

A chain $\dot x_1 = k(u - x_1)$, $\dot x_i = k(x_{i-1} - x_i)$ has the solution

$$x_i(t) = \sum_{j \le i} \frac{(kt)^{i-j}}{(i-j)!} e^{-kt} x_j(0)
         + \int_0^t g_i(t - s)\, u(s)\, ds, \qquad g_i(s) = k\frac{(ks)^{i-1}}{(i-1)!} e^{-ks}.$$

The first part is evaluated as it stands. In the second, `u` is replaced on each panel of the
interval by the polynomial through its values at Gauss points, and polynomial times kernel is
integrated by a much finer rule (product integration): the error depends on how smooth `u` is on a
panel and not on how fast the chain is. The weights depend on the chain's rate and on the duration
alone, so for rates that all patients share they are computed once for the whole batch.
"""

from math import factorial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Panels(NamedTuple):
    """A composite rule on [0, 1]: the input is evaluated at `nodes`, the rest makes the weights."""

    nodes: np.ndarray  # (panels * m,)
    fine: np.ndarray  # (panels, q)
    basis: np.ndarray  # (panels, m, q): Lagrange basis at the fine points times their weights


def panels(breaks: tuple[float, ...], points: int, fine_points: int = 16) -> Panels:
    """Gauss–Legendre panels between `breaks` (fractions 0..1), `points` nodes on each."""
    x, _ = np.polynomial.legendre.leggauss(points)
    z, z_weight = np.polynomial.legendre.leggauss(fine_points)
    basis = np.ones((points, fine_points))
    for j in range(points):
        for m in range(points):
            if m != j:
                basis[j] *= (z - x[m]) / (x[j] - x[m])
    left, right = np.array(breaks[:-1])[:, None], np.array(breaks[1:])[:, None]
    center, half = (left + right) / 2, (right - left) / 2
    return Panels(
        nodes=(center + half * x).ravel(),
        fine=center + half * z,
        basis=half[:, :, None] * (basis * z_weight)[None],
    )


# Graded towards the start of the interval, where a dose is absorbed (0.75, 2.4 and 8 h of 24 h).
AFTER_DOSE = panels((0.0, 1 / 32, 1 / 10, 1 / 3, 1.0), points=4)


def node_times(rule: Panels, duration: float | Float[Array, ""]) -> Float[Array, " nodes"]:
    """The times at which `advance_chains` wants the input."""
    return duration * jnp.asarray(rule.nodes, jnp.result_type(float))


def input_weights(
    rate: float | Float[Array, ""], stages: int, duration: float | Float[Array, ""], rule: Panels
) -> Float[Array, "stages nodes"]:
    """Product-integration weights of the input at the nodes for every compartment of the chain."""
    dtype = jnp.result_type(float)
    z = rate * duration * (1.0 - jnp.asarray(rule.fine, dtype))  # (panels, q)
    kernel = jnp.stack([z**i / factorial(i) * jnp.exp(-z) for i in range(stages)])
    weights = jnp.einsum("pjq,npq->npj", jnp.asarray(rule.basis, dtype), kernel)
    return rate * duration * weights.reshape(stages, -1)


def advance_chains(
    chains: tuple[tuple[Float[Array, ""], ...], ...],
    node_input: Float[Array, " nodes"],
    rates: tuple[float | Float[Array, ""], ...],
    duration: float | Float[Array, ""],
    rule: Panels,
) -> tuple[tuple[Float[Array, ""], ...], ...]:
    """Chains behind one input after `duration`, given the input at `node_times(rule, duration)`."""
    weights = [
        input_weights(rate, len(chain), duration, rule)
        for chain, rate in zip(chains, rates, strict=True)
    ]
    driven = iter(jnp.concatenate(weights) @ node_input)  # one product for all chains
    result = []
    for chain, rate in zip(chains, rates, strict=True):
        z = rate * duration
        decay = jnp.exp(-z)
        powers = [z**i / factorial(i) * decay for i in range(len(chain))]
        result.append(
            tuple(
                next(driven) + sum(powers[i - j] * chain[j] for j in range(i + 1))
                for i in range(len(chain))
            )
        )
    return tuple(result)
