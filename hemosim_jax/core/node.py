"""Dataclasses that are pytrees."""

from flax import struct


class Node(struct.PyTreeNode):
    """A frozen dataclass whose fields are a pytree's children, with `replace`.

    JAX rebuilds pytrees with leaves of any kind (masks, shapes, axes), so a checker of types leaves
    the constructor alone.
    """

    __no_type_check__ = True
