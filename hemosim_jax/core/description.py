"""A patient described in words and numbers: "72 y, 60 kg, *1/*3, AA", or names and values."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.task import Task

_NUMBER_AND_UNIT = re.compile(r"([-+.\d]+)\s*([a-zA-Z%/]+)$")
_SEXES = {"male": True, "man": True, "m": True, "female": False, "woman": False, "f": False}


def described_patient(
    task: Task,
    env: TreatmentEnvironment,
    params: Any,
    description: str | Mapping[str, Any],
    key: jax.Array,
) -> Any:
    """A patient with the covariates described; what is not said is drawn as in `params.patients`.

    - `env`, `params`: of the task itself, without a laboratory.
    - `description`: covariates by name, levels by their names, `sex`, flags; also individual
      parameters, which then replace the drawn ones. Or the same in words, between commas: a
      number with its unit, a level, "male", a flag's name.

    **Raises:** `ValueError` for a word or a value that is not understood, `KeyError` for a name.
    """
    if task.complete_patient is None:
        raise ValueError(f"{env.name} takes no described patients")
    key_covariates, key_rest = jax.random.split(key)
    drawn = env.sample_patient(key_covariates, params).covariates
    if isinstance(description, str):
        description = _from_words(task, drawn, description)
    values = dict(description)
    if "sex" in values:
        values["male"] = _is_male(values.pop("sex"))
    known = _leaves(drawn)
    own = {name: values.pop(name) for name in list(values) if name in known}
    checked = {name: _checked(task, name, value, known[name]) for name, value in own.items()}
    patient = task.complete_patient(key_rest, _replaced(drawn, checked), env, params)
    others = _leaves(patient)
    for name, value in values.items():
        if name not in others:
            names = sorted({"sex", *others})
            raise KeyError(f"patient: {name!r} is none of {', '.join(names)}")
        checked[name] = _checked(task, name, value, others[name])
    return _replaced(patient, checked)


def _from_words(task: Task, covariates: Any, words: str) -> dict[str, Any]:
    known = _leaves(covariates)
    values: dict[str, Any] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        number, said = _NUMBER_AND_UNIT.fullmatch(word), set(values)
        levels = [n for n, allowed in task.covariates.items() if word in allowed]
        if number:
            ending = "_" + number[2].lower().replace("/", "_per_")
            named = [name for name in known if name.endswith(ending)]
            values |= dict.fromkeys(named[:1], number[1])
        elif word.lower() in _SEXES:
            named = ["sex"]
            values["sex"] = word
        elif word.replace(" ", "_") in known and known[word.replace(" ", "_")].dtype == bool:
            named = [word.replace(" ", "_")]
            values[named[0]] = True
        else:
            named = levels
            values |= dict.fromkeys(levels[:1], word)
        if len(named) != 1:
            raise ValueError(f"patient: {word!r} is not understood; give names and values instead")
        if named[0] in said:
            raise ValueError(f"patient: {named[0]} is said twice in {words!r}")
    return values


def _is_male(value: Any) -> bool:
    if str(value).lower() not in _SEXES:
        raise ValueError(f"patient: sex must be male or female, got {value!r}")
    return _SEXES[str(value).lower()]


def _checked(task: Task, name: str, value: Any, like: jax.Array) -> jax.Array:
    allowed = task.covariates.get(name, ())
    if allowed and isinstance(allowed[0], str):
        if value not in allowed:
            raise ValueError(f"patient: {name} must be one of {', '.join(allowed)}; got {value!r}")
        return jnp.asarray(allowed.index(value), like.dtype)
    if like.dtype == bool:
        if value not in (True, False, 0, 1):
            raise ValueError(f"patient: {name} must be true or false, got {value!r}")
        return jnp.asarray(bool(value))
    low, high = allowed or (-jnp.inf, jnp.inf)
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not low <= number <= high:
        raise ValueError(f"patient: {name} must be a number in {low:g}..{high:g}, got {value!r}")
    return jnp.asarray(number, like.dtype)


def _leaves(node: Any) -> dict[str, jax.Array]:
    """Arrays by name, those of dataclasses within included."""
    found = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if dataclasses.is_dataclass(value):
            found |= _leaves(value)
        elif hasattr(value, "dtype"):
            found[field.name] = value
    return found


def _replaced(node: Any, values: Mapping[str, jax.Array]) -> Any:
    changes = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        if dataclasses.is_dataclass(value):
            changes[field.name] = _replaced(value, values)
        elif field.name in values:
            changes[field.name] = values[field.name]
    return dataclasses.replace(node, **changes)


def plain_numbers(*parts: Any) -> dict[str, float]:
    """The floating-point fields of dataclasses by name, rounded to read."""
    return {
        name: round(float(value), 4)
        for part in parts
        for name, value in vars(part).items()
        if jnp.issubdtype(getattr(value, "dtype", bool), jnp.floating)
    }
