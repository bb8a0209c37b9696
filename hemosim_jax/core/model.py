"""What a model of a patient's physics is."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Bool, Float


class Model(eqx.Module):
    """Pure physics: no randomness, no decisions, no laboratory error.

    A module states its source (paper, equations), the parameters with unit and source, the state,
    and then one subclass with these methods and its read-outs. Time is in the model's own unit.
    """

    @abc.abstractmethod
    def initial_state(self, parameters: Any) -> Any:
        """The state of this patient without treatment: an equilibrium, written down."""

    @abc.abstractmethod
    def vector_field(self, t: Any, state: Any, args: tuple[Any, Any]) -> Any:
        """The full system, d state / dt; `args` is `(parameters, inputs)`. References use it."""

    @abc.abstractmethod
    def advance(
        self,
        state: Any,
        duration: Float[Array, ""],
        parameters: Any,
        inputs: Any,
        *,
        differentiable: bool = False,
    ) -> tuple[Any, Bool[Array, ""]]:
        """The state `duration` (> 0) later under constant `inputs`, and whether the solver agrees.

        Doses that act at once are given to the state before. `differentiable`: for reverse mode.
        """
