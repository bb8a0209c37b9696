"""Patients already drawn, stacked along a first axis; an environment draws from them by index."""

from typing import Any, NamedTuple

import jax

from hemosim_jax.core.node import Node


class Cohort(Node):
    """A fixed set of patients; every leaf of `patients` has the cohort's size as first axis."""

    patients: Any

    @property
    def size(self) -> int:
        """How many patients."""
        return jax.tree.leaves(self.patients)[0].shape[0]

    def draw(self, key: jax.Array) -> Any:
        """One of the patients, each with equal probability."""
        index = jax.random.randint(key, (), 0, self.size)
        return jax.tree.map(lambda leaf: leaf[index], self.patients)


class CohortFile(NamedTuple):
    """A cohort read from a file, and how many rows were left out for what reason."""

    cohort: Cohort
    left_out: dict[str, int]
