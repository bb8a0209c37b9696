"""A number, wherever it comes from."""

from jaxtyping import Array

Scalar = float | int | Array  # of a parameter: plain as written, an array once it is traced
