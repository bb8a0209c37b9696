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
    part_fine: np.ndarray  # (panels, m, q): fine points from a panel's left end to each node
    part_basis: np.ndarray  # (panels, m, m, q): the basis there, of each node, times the weights


def panels(breaks: tuple[float, ...], points: int, fine_points: int = 16) -> Panels:
    """Gauss–Legendre panels between `breaks` (fractions 0..1), `points` nodes on each."""
    x, _ = np.polynomial.legendre.leggauss(points)
    z, z_weight = np.polynomial.legendre.leggauss(fine_points)

    def basis(at):
        """Lagrange polynomials (first axis) of the nodes of [-1, 1]."""
        factors = [
            [(at - x[m]) / (x[j] - x[m]) for m in range(points) if m != j] for j in range(points)
        ]
        return np.stack([np.prod(of_node, axis=0) for of_node in factors])

    part = -1.0 + 0.5 * (x[:, None] + 1.0) * (z + 1.0)  # (m, q): from -1 to each node
    part_weight = 0.5 * (x[:, None] + 1.0) * z_weight
    left, right = np.array(breaks[:-1])[:, None], np.array(breaks[1:])[:, None]
    center, half = (left + right) / 2, (right - left) / 2
    return Panels(
        nodes=(center + half * x).ravel(),
        fine=center + half * z,
        basis=half[:, :, None] * (basis(z) * z_weight)[None],
        part_fine=center[:, :, None] + half[:, :, None] * part[None],
        part_basis=half[:, :, None, None] * np.moveaxis(basis(part) * part_weight, 0, 1)[None],
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


def turnover_at_nodes(
    level: Float[Array, ""],
    node_input: Float[Array, " nodes"],
    rate: float | Float[Array, ""],
    duration: float | Float[Array, ""],
    rule: Panels,
) -> Float[Array, " nodes"]:
    """A single compartment at the nodes themselves, so that it can be the input of what follows."""
    dtype = jnp.result_type(float)
    panels, points, _ = rule.basis.shape
    times = jnp.asarray(rule.nodes, dtype)
    # Whole panels before the node: (nodes, panels, points).
    age = times[:, None, None] - jnp.asarray(rule.fine, dtype)[None]
    kernel = jnp.exp(-rate * duration * jnp.maximum(age, 0.0))
    whole = jnp.einsum("pjq,npq->npj", jnp.asarray(rule.basis, dtype), kernel)
    own = np.repeat(np.arange(panels), points)
    before = np.arange(panels)[None, :] < own[:, None]
    # The node's own panel up to the node: (panels, node, points).
    age = times.reshape(panels, points, 1) - jnp.asarray(rule.part_fine, dtype)
    part = jnp.einsum(
        "pnjq,pnq->pnj", jnp.asarray(rule.part_basis, dtype), jnp.exp(-rate * duration * age)
    ).reshape(panels * points, 1, points)
    is_own = np.arange(panels)[None, :] == own[:, None]
    weights = jnp.where(before[..., None], whole, jnp.where(is_own[..., None], part, 0.0))
    matrix = rate * duration * weights.reshape(panels * points, panels * points)
    return jnp.exp(-rate * duration * times) * level + matrix @ node_input


def advance_turnovers(
    levels: tuple[Float[Array, ""], ...],
    node_inputs: tuple[Float[Array, " nodes"], ...],
    rates: tuple[float | Float[Array, ""], ...],
    duration: float | Float[Array, ""],
    rule: Panels,
) -> tuple[Float[Array, ""], ...]:
    """Single compartments (chains of one stage) after `duration`, each behind an input of its own.

    `node_inputs` are the inputs at `node_times(rule, duration)`.
    """
    return tuple(
        jnp.exp(-rate * duration) * level
        + jnp.sum(input_weights(rate, 1, duration, rule)[0] * node_input)
        for level, node_input, rate in zip(levels, node_inputs, rates, strict=True)
    )
