"""Sparse LU factorization written out as scalar operations while tracing, for many small systems.

The pattern is static, so only the operations on non-zeros are left; vmapped, each of them works on
all systems at once. No pivoting for size: meant for $I/(\\gamma h) - J$, dominated by its diagonal.
"""

from collections.abc import Hashable, Mapping
from functools import lru_cache
from typing import Any

from flax import struct

Entry = tuple[Hashable, Hashable]  # row and column


class Factors(struct.PyTreeNode):
    """`lower[i, k]` multiplies row `k` where it is taken from row `i`."""

    __no_type_check__ = True  # JAX rebuilds it with leaves of any kind

    order: tuple[Hashable, ...] = struct.field(pytree_node=False)
    lower: dict[Entry, Any]
    upper: dict[Entry, Any]  # off the diagonal
    inverse_pivots: dict[Hashable, Any]


@lru_cache
def elimination_order(pattern: frozenset[Entry]) -> tuple[Hashable, ...]:
    """An order of elimination with little fill-in (Markowitz 1957, on the diagonal)."""
    rows = {i: set() for i, _ in pattern}
    columns = {i: set() for i in rows}
    for i, j in pattern:
        if i != j:
            rows[i].add(j)
            columns[j].add(i)
    order = []
    while rows:
        k = min(rows, key=lambda n: (len(rows[n]) * len(columns[n]), str(n)))
        order.append(k)
        right, below = rows.pop(k), columns.pop(k)
        for j in right:
            columns[j].discard(k)
        for i in below:
            rows[i].discard(k)
        for i in below:
            for j in right - {i}:
                rows[i].add(j)
                columns[j].add(i)
    return tuple(order)


def factor(entries: Mapping[Entry, Any]) -> Factors:
    """The factors of a square matrix of which every diagonal entry is given."""
    order = elimination_order(frozenset(entries))
    left = dict(entries)
    lower, upper, inverse_pivots = {}, {}, {}
    for position, k in enumerate(order):
        inverse_pivots[k] = 1.0 / left[k, k]
        rest = order[position + 1 :]
        right = [j for j in rest if (k, j) in left]
        upper.update({(k, j): left[k, j] for j in right})
        for i in rest:
            if (i, k) not in left:
                continue
            multiplier = left[i, k] * inverse_pivots[k]
            lower[i, k] = multiplier
            for j in right:
                product = multiplier * left[k, j]
                left[i, j] = left[i, j] - product if (i, j) in left else -product
    return Factors(order, lower, upper, inverse_pivots)


def solve(factors: Factors, right_hand_side: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
    """The solution, by row."""
    x = dict(right_hand_side)
    below, right = _by(factors.lower, 1), _by(factors.upper, 0)
    for k in factors.order:
        for i, _ in below.get(k, ()):
            x[i] = x[i] - factors.lower[i, k] * x[k]
    for k in reversed(factors.order):
        for _, j in right.get(k, ()):
            x[k] = x[k] - factors.upper[k, j] * x[j]
        x[k] = x[k] * factors.inverse_pivots[k]
    return x


def _by(entries: Mapping[Entry, Any], axis: int) -> dict[Hashable, list[Entry]]:
    groups: dict[Hashable, list[Entry]] = {}
    for at in entries:
        groups.setdefault(at[axis], []).append(at)
    return groups
