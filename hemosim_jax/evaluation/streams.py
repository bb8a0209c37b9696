"""Where random patients come from: what is trained on is never evaluated on."""

from typing import NamedTuple

import jax

_NAMES = ("training", "held-out", "recorded")


class Stream(NamedTuple):
    """A named source of keys; two names share no patient, whatever their seeds."""

    name: str
    seed: int

    def key(self) -> jax.Array:
        """The stream's root key."""
        return jax.random.fold_in(jax.random.key(self.seed), _NAMES.index(self.name))


def training(seed: int) -> Stream:
    """Patients to learn from."""
    return Stream("training", seed)


def recorded(seed: int) -> Stream:
    """Patients of recorded courses, to learn from offline."""
    return Stream("recorded", seed)


def held_out(seed: int) -> Stream:
    """Patients to be judged on."""
    return Stream("held-out", seed)
