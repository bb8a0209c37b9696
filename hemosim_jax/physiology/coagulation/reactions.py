"""Reaction networks as data, and the vector field and Jacobian that follow from them.

A state is a dict of scalars by species, parameters are a dict of numbers by name. An equation is
written as in the papers, `"TF + VII -> TF_VII"`; what stands on both sides is a catalyst.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Concentrations = Mapping[str, Float[Array, "*b"]]
Parameters = Mapping[str, float | Float[Array, ""]]


class Reaction(NamedTuple):
    """What one reaction changes, and how fast: `rate(parameters, *concentrations of inputs)`."""

    change: Mapping[str, int]  # species by net stoichiometry
    inputs: tuple[str, ...]
    rate: Callable[..., Array]


def mass_action(equation: str, constant: str) -> Reaction:
    """`parameters[constant]` times the concentrations of all reactants."""
    reactants, products = _sides(equation)

    def rate(parameters, *concentrations):
        result = parameters[constant]
        for concentration in concentrations:
            result = result * concentration
        return result

    return Reaction(_change(reactants, products), reactants, rate)


def enzymatic(equation: str, enzyme: str, v: str, k: str) -> Reaction:
    """$v S E / (k + E)$, hyperbolic in the enzyme (not in the substrate), as in Wajima 2009."""
    (substrate,), products = _sides(equation)

    def rate(parameters, s, e):
        # No trace of a negative enzyme, as an integrator may leave, comes near the pole.
        active = jnp.maximum(e, 0.0)
        return parameters[v] * s * active / (parameters[k] + active)

    return Reaction(_change((substrate,), products), (substrate, enzyme), rate)


def species(reactions: Sequence[Reaction]) -> tuple[str, ...]:
    """All that take part, in order of appearance."""
    names = (name for r in reactions for name in (*r.inputs, *r.change))
    return tuple(dict.fromkeys(names))


def vector_field(reactions: Sequence[Reaction]) -> Callable:
    """`f(t, state, parameters)`, the rates of change of every species of the state."""

    def field(t, state: Concentrations, parameters: Parameters) -> dict[str, Array]:
        slopes = {name: [] for name in state}
        for reaction in reactions:
            rate = reaction.rate(parameters, *(state[name] for name in reaction.inputs))
            for name, count in reaction.change.items():
                slopes[name].append(_times(count, rate))
        return {
            name: sum(terms[1:], start=terms[0]) if terms else jnp.zeros_like(state[name])
            for name, terms in slopes.items()
        }

    return field


def jacobian(reactions: Sequence[Reaction]) -> Callable:
    """`j(t, state, parameters)`: the non-zero entries, by (species changed, species acting)."""

    def entries(t, state: Concentrations, parameters: Parameters) -> dict[tuple[str, str], Array]:
        result: dict[tuple[str, str], Array] = {}
        for reaction in reactions:
            concentrations = [state[name] for name in reaction.inputs]
            if not concentrations:
                continue
            rate, pull_back = jax.vjp(
                lambda *c, of=reaction.rate: of(parameters, *c), *concentrations
            )
            for cause, partial in zip(reaction.inputs, pull_back(jnp.ones_like(rate)), strict=True):
                for effect, count in reaction.change.items():
                    term, at = _times(count, partial), (effect, cause)
                    result[at] = result[at] + term if at in result else term
        return result

    return entries


def check_names(what: str, given: Mapping[str, Array], known: Mapping[str, float]) -> None:
    """**Raises:** `KeyError` naming what is not known."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise KeyError(f"{what} has {', '.join(unknown)}; known are {', '.join(known)}")


def _sides(equation: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    left, right = equation.split("->")
    names = lambda side: tuple(name.strip() for name in side.split("+") if name.strip())  # noqa: E731
    return names(left), names(right)


def _change(reactants, products) -> dict[str, int]:
    change = Counter(products)
    change.subtract(reactants)
    return {name: count for name, count in change.items() if count}


def _times(count: int, x):
    if abs(count) == 1:
        return x if count > 0 else -x
    return count * x
