"""What is observed and decided, described once: spaces, scaling and tables follow from the list."""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from hemosim_jax.core.choose import choose
from hemosim_jax.core.spaces import Box, Discrete, MultiDiscrete, Space, from_unit, to_unit

# Entry by entry along the first axis; others are a batch.
Observation = Float[Array, "n ..."] | Float[np.ndarray, "n ..."]
KINDS = ("number", "count", "category", "flag")


@dataclass(frozen=True)
class Field:
    """One quantity.

    - `name`: with its unit, where it has one: `aptt_s`.
    - `unit`: as people write it: "s".
    - `bounds`: what 0 and 1 of the encoded number mean; beyond, values are clipped.
    - `kind`: one of `KINDS`. A category is an index (of `levels`, from the lower bound on), a flag
      is yes or no, a count a whole number.
    - `can_be_missing`: a second number, 1 where there is a value, stands beside it.
    - `open_above`: not clipped at the upper bound (clocks run on).
    - `one_hot`: a category as one number for each of its values.
    - `levels`: of a category: what its values mean; in an action, the values that are chosen.
    - `names`: of the levels, where they are not their own names.
    - `once`: of an action: given at the decision, not continued until the next one.
    """

    name: str
    unit: str = ""
    bounds: tuple[float, float] = (0.0, 1.0)
    kind: str = "number"
    can_be_missing: bool = False
    open_above: bool = False
    one_hot: bool = False
    levels: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    once: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(
                f"{self.name}: kind must be one of {', '.join(KINDS)}; got {self.kind!r}"
            )
        if not self.bounds[0] < self.bounds[1]:
            raise ValueError(f"{self.name}: bounds must rise, got {self.bounds}")

    @property
    def size(self) -> int:
        """How many numbers it is encoded as."""
        values = round(self.bounds[1] - self.bounds[0]) + 1 if self.one_hot else 1
        return values + int(self.can_be_missing)


def category(name: str, levels: Sequence[Any], **options: Any) -> Field:
    """An index into `levels`."""
    return Field(
        name, bounds=(0.0, float(len(levels) - 1)), kind="category", levels=tuple(levels), **options
    )


def flag(name: str, **options: Any) -> Field:
    """Yes or no."""
    return Field(name, kind="flag", **options)


class Reading(NamedTuple):
    """A value that may be missing: where it is not `known`, a number is NaN (others are 0)."""

    value: Array
    known: Bool[Array, ""]


class ObservationFields:
    """The fields of an observation, in their order; decoded observations have their names."""

    def __init__(self, fields: Sequence[Field]):
        self.fields = tuple(fields)
        self.size = sum(field.size for field in self.fields)
        names = [field.name for field in self.fields]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"an observation has two fields {name!r}: give one another name")
        self._record = namedtuple("Observation", [field.name for field in self.fields])

    def __reduce__(self):
        return type(self), (self.fields,)  # a copy makes its own record

    def space(self) -> Box:
        """Every number in 0..1, but those of fields that are open above."""
        dtype = jnp.result_type(float)
        if not any(field.open_above for field in self.fields):
            return Box(0.0, 1.0, (self.size,), dtype)
        high = [np.full(field.size, np.inf if field.open_above else 1.0) for field in self.fields]
        low = np.zeros(self.size)
        return Box(
            jnp.asarray(low, dtype), jnp.asarray(np.concatenate(high), dtype), (self.size,), dtype
        )

    def encode(self, values: Mapping[str, Any]) -> Float[Array, " n"]:
        """The observation with these values by name; one that can be missing is a `Reading`."""
        numbers = [number for field in self.fields for number in _encode(field, values[field.name])]
        return jnp.stack(numbers)

    def decode(self, observation: Observation) -> Any:
        """The values by attribute, in clinical units; what was clipped stays clipped.

        Numbers are floats, counts and categories int32, flags bool, fields that can be missing
        `Reading`s.
        """
        observation = jnp.asarray(observation)
        first, values = 0, []
        for field in self.fields:
            values.append(_decode(field, observation[first : first + field.size]))
            first += field.size
        return self._record(*values)

    def table(self) -> str:
        """A Markdown table, a row for each field."""
        return _table("observation", self.fields)


def _encode(field: Field, value: Any) -> list[Array]:
    dtype = jnp.result_type(float)
    known = None
    if field.can_be_missing:
        value, known = value
    if field.one_hot:
        low, high = map(round, field.bounds)
        numbers = [(value == code).astype(dtype) for code in range(low, high + 1)]
    elif field.open_above:
        low, high = field.bounds
        numbers = [jnp.maximum((value - low) / (high - low), 0.0)]
    else:
        value = value if jnp.issubdtype(value.dtype, jnp.floating) else value.astype(dtype)
        numbers = [to_unit(value, field.bounds)]
    if known is None:
        return numbers
    return [*(jnp.where(known, number, 0.0) for number in numbers), known.astype(dtype)]


def _decode(field: Field, numbers: Float[Array, "m ..."]) -> Any:
    if field.one_hot:
        values = field.size - int(field.can_be_missing)
        code = round(field.bounds[0]) + jnp.argmax(numbers[:values], axis=0)
        value = code.astype(jnp.int32)
    elif field.kind == "flag":
        value = numbers[0] > 0.5
    else:
        value = from_unit(numbers[0], field.bounds)
        if field.kind in ("count", "category"):
            value = jnp.round(value).astype(jnp.int32)
    if not field.can_be_missing:
        return value
    known = numbers[-1] > 0.5
    if jnp.issubdtype(value.dtype, jnp.floating):
        value = jnp.where(known, value, jnp.nan)
    return Reading(value, known)


class ActionFields:
    """The fields of an action.

    Numbers and flags make a Box of 0..1 (a flag is yes above 0.5), one category a Discrete space,
    several a MultiDiscrete one.

    **Raises:** `ValueError` for a mixture of numbers and categories.
    """

    def __init__(self, fields: Sequence[Field]):
        self.fields = tuple(fields)
        kinds = {field.kind for field in self.fields}
        self.discrete = kinds == {"category"}
        if not self.discrete and not kinds <= {"number", "flag"}:
            raise ValueError(f"an action is numbers and flags, or categories; got {sorted(kinds)}")
        self._record = namedtuple("Action", [field.name for field in self.fields])

    def __reduce__(self):
        return type(self), (self.fields,)

    def space(self) -> Space:
        """See the class."""
        if not self.discrete:
            return Box(0.0, 1.0, (len(self.fields),), jnp.result_type(float))
        sizes = tuple(len(field.levels) for field in self.fields)
        return Discrete(sizes[0]) if len(sizes) == 1 else MultiDiscrete(sizes)

    def decode(self, action: Array) -> Any:
        """The values by attribute, in clinical units.

        Of a Box: numbers are NaN and flags no where any entry is not finite. Of choices: the level
        chosen, integers beyond clipped.
        """
        if self.discrete:
            indices = jnp.atleast_1d(action).astype(jnp.int32)
            rows = zip(indices, self.fields, strict=True)
            return self._record(*(_level(choose(index, field.levels)) for index, field in rows))
        action = action.astype(jnp.result_type(float))
        valid = jnp.all(jnp.isfinite(action))
        values = []
        for number, field in zip(action, self.fields, strict=True):
            if field.kind == "flag":
                values.append(valid & (number > 0.5))
            else:
                scaled = from_unit(jnp.clip(number, 0.0, 1.0), field.bounds)
                values.append(jnp.where(valid, scaled, jnp.nan))
        return self._record(*values)

    def encode(self, **values: Any) -> Array:
        """The action that means these values (clipped to what there is); categories by index.

        **Raises:** `ValueError` if the names are not those of the fields.
        """
        names = [field.name for field in self.fields]
        if sorted(values) != sorted(names):
            raise ValueError(f"the action's fields are {', '.join(names)}; got {', '.join(values)}")
        if self.discrete:
            indices = [jnp.asarray(values[name], jnp.int32) for name in names]
            return indices[0] if len(indices) == 1 else jnp.stack(indices)
        dtype = jnp.result_type(float)
        return jnp.stack(
            [to_unit(jnp.asarray(values[field.name], dtype), field.bounds) for field in self.fields]
        )

    def table(self) -> str:
        """A Markdown table, a row for each field."""
        return _table("action", self.fields)


def _level(chosen: Array) -> Array:
    return chosen.astype(jnp.int32) if jnp.issubdtype(chosen.dtype, jnp.integer) else chosen


def _table(title: str, fields: Sequence[Field]) -> str:
    rows = [f"| {title} | kind | unit | range |", "|---|---|---|---|"]
    for field in fields:
        rows.append(f"| `{field.name}` | {_kind(field)} | {field.unit or '-'} | {_range(field)} |")
    return "\n".join(rows)


def _kind(field: Field) -> str:
    notes = [field.kind]
    if field.one_hot:
        notes.append("one-hot")
    if field.can_be_missing:
        notes.append("may be missing: followed by 1 where there is a value")
    return ", ".join(notes)


def _range(field: Field) -> str:
    if field.names:
        return ", ".join(field.names)
    if field.levels:
        return ", ".join(
            f"{level:g}" if isinstance(level, float) else str(level) for level in field.levels
        )
    if field.kind == "flag":
        return "no, yes"
    low, high = field.bounds
    return f"{low:g} to {high:g}" + (" and beyond" if field.open_above else "")
