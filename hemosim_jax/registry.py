"""Ids to environments: ours, and the same ids in gymnax."""

from collections.abc import Callable
from typing import Any

import gymnax
from gymnax.registration import registered_envs

from hemosim_jax.environment import EnvParams, TreatmentEnvironment
from hemosim_jax.envs.warfarin_dosing import WarfarinDosing

ENVIRONMENTS: dict[str, Callable[..., TreatmentEnvironment]] = {
    "WarfarinDosing-v0": WarfarinDosing,
}


def make(env_id: str, **options: Any) -> tuple[TreatmentEnvironment, EnvParams]:
    """Builds an environment and its parameters, for example `make(id, difficulty="hard")`.

    **Raises:** `KeyError` for an unknown id; `ValueError` for an unknown option or value.
    """
    if env_id not in ENVIRONMENTS:
        raise KeyError(f"unknown environment {env_id!r}; registered: {', '.join(ENVIRONMENTS)}")
    try:
        env = ENVIRONMENTS[env_id](**options)
    except TypeError as error:
        raise ValueError(f"{env_id}: {error}") from None
    return env, env.default_params


def register_with_gymnax() -> None:
    """Makes `gymnax.make` know our ids; does nothing for those it knows already."""
    for env_id, factory in ENVIRONMENTS.items():
        if env_id not in registered_envs:
            gymnax.register(env_id, factory)
