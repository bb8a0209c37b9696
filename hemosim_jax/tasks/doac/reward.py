"""Equation 3 of the task's specification (hemosim paper, section 4.3)."""

from jaxtyping import Array, Bool, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar


class RewardWeights(Node):
    """What a month and its events are worth."""

    month: Scalar = 1.0
    stroke: Scalar = -20.0
    major_bleed: Scalar = -10.0
    switch: Scalar = -5.0
    appropriate: Scalar = 0.5  # the dose is a labelled one


def interval_reward_terms(
    intervals: Float[Array, ""],
    stroke: Bool[Array, ""] | Float[Array, ""],
    major_bleed: Bool[Array, ""] | Float[Array, ""],
    switched: Bool[Array, ""],
    appropriate: Bool[Array, ""],
    weights: RewardWeights,
) -> dict[str, Float[Array, ""]]:
    """What a step of so many months is paid for, with these events, or these chances of them.

    Life and a labelled dose run with time; events and switches are paid once.
    """
    dtype = intervals.dtype
    return {
        "month": weights.month * intervals,
        "stroke": weights.stroke * stroke.astype(dtype),
        "major_bleed": weights.major_bleed * major_bleed.astype(dtype),
        "switch": weights.switch * switched.astype(dtype),
        "appropriate": weights.appropriate * intervals * appropriate.astype(dtype),
    }
