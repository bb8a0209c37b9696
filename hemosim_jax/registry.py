"""Ids to tasks: the environment, and the protocols that are published for it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gymnax
from gymnax.registration import registered_envs

from hemosim_jax.environment import EnvParams, TreatmentEnvironment
from hemosim_jax.envs.dic_management import DICManagement
from hemosim_jax.envs.dic_management_pomdp import DICManagementPOMDP
from hemosim_jax.envs.doac_management import DOACManagement
from hemosim_jax.envs.heparin_infusion import HeparinInfusion
from hemosim_jax.envs.heparin_infusion_discrete import HeparinInfusionDiscrete
from hemosim_jax.envs.heparin_infusion_pomdp import HeparinInfusionPOMDP
from hemosim_jax.envs.warfarin_dosing import WarfarinDosing
from hemosim_jax.envs.warfarin_dosing_pomdp import WarfarinDosingPOMDP
from hemosim_jax.policy import Policy, random_policy
from hemosim_jax.protocols import dic, doac, heparin, warfarin


class Task(NamedTuple):
    """What an id stands for."""

    environment: Callable[..., TreatmentEnvironment]
    protocols: Mapping[str, Callable[[Any], Policy | None]]  # None: the options lack what it needs


TASKS = {
    "WarfarinDosing-v0": Task(WarfarinDosing, warfarin.PROTOCOLS),
    "WarfarinDosing-POMDP-v0": Task(WarfarinDosingPOMDP, warfarin.POMDP_PROTOCOLS),
    "HeparinInfusion-v0": Task(HeparinInfusion, heparin.PROTOCOLS),
    "HeparinInfusion-POMDP-v0": Task(HeparinInfusionPOMDP, heparin.POMDP_PROTOCOLS),
    "HeparinInfusion-Discrete-v0": Task(HeparinInfusionDiscrete, {"random": random_policy}),
    "DOACManagement-v0": Task(DOACManagement, doac.PROTOCOLS),
    "DICManagement-v0": Task(DICManagement, dic.PROTOCOLS),
    "DICManagement-POMDP-v0": Task(DICManagementPOMDP, dic.POMDP_PROTOCOLS),
}


def make(env_id: str, **options: Any) -> tuple[TreatmentEnvironment, EnvParams]:
    """Builds an environment and its parameters, for example `make(id, difficulty="hard")`.

    **Raises:** `KeyError` for an unknown id; `ValueError` for an unknown option or value.
    """
    if env_id not in TASKS:
        raise KeyError(f"unknown environment {env_id!r}; registered: {', '.join(TASKS)}")
    try:
        env = TASKS[env_id].environment(**options)
    except TypeError as error:
        raise ValueError(f"{env_id}: {error}") from None
    return env, env.default_params


def protocols_of(env: TreatmentEnvironment) -> dict[str, Policy]:
    """Every protocol for this task, by name."""
    built = {name: factory(env) for name, factory in TASKS[env.name].protocols.items()}
    return {name: policy for name, policy in built.items() if policy is not None}


def register_with_gymnax() -> None:
    """Makes `gymnax.make` know our ids; does nothing for those it knows already."""
    for env_id, task in TASKS.items():
        if env_id not in registered_envs:
            gymnax.register(env_id, task.environment)
