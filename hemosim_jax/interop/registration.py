"""Our ids in the registries of gymnax and, under the namespace `hemosim_jax`, of Gymnasium.

Neither is imported here: who imports one finds the ids there, whichever import comes first.
"""

import sys
from typing import TYPE_CHECKING, Any

import wrapt

from hemosim_jax import registry

if TYPE_CHECKING:
    from hemosim_jax.core.task import Task
else:
    Task = Any  # as in `registry`

NAMESPACE = "hemosim_jax"


def register_when_imported() -> None:
    """Registers with gymnax and Gymnasium now, or as soon as they are imported."""
    wrapt.register_post_import_hook(register_with_gymnax, "gymnax")
    wrapt.register_post_import_hook(register_with_gymnasium, "gymnasium")


def register(task: Task) -> None:
    """As `registry.register`, and known to gymnax and Gymnasium from here on.

    **Raises:** `ValueError` for an id that stands for another task already.
    """
    registry.register(task)
    if "gymnax" in sys.modules:
        register_with_gymnax()
    if "gymnasium" in sys.modules:
        register_with_gymnasium()


def register_with_gymnax(_=None) -> None:
    """Makes `gymnax.make` know our ids; does nothing for those it knows already."""
    from gymnax.registration import register, registered_envs

    for env_id in registry.TASKS:
        if env_id not in registered_envs:
            register(env_id, _Factory(env_id))


class _Factory:
    """Builds one id; the task is imported when it is called."""

    def __init__(self, env_id: str):
        self.env_id = env_id

    def __call__(self, **options):
        return registry.make(self.env_id, **options)[0]


def register_with_gymnasium(_=None) -> None:
    """Makes `gymnasium.make` and `make_vec` know our ids; does nothing for known ones."""
    import gymnasium

    single = "hemosim_jax.interop.gymnasium_env:TreatmentGymEnv"
    vector = "hemosim_jax.interop.gymnasium_vector:TreatmentVectorEnv"
    for env_id in registry.TASKS:
        if f"{NAMESPACE}/{env_id}" in gymnasium.registry:
            continue
        gymnasium.register(
            f"{NAMESPACE}/{env_id}",
            entry_point=single,
            vector_entry_point=vector,
            kwargs={"env_id": env_id},
        )
        gymnasium.register(  # the terms of the reward as a vector, after MO-Gymnasium
            f"{NAMESPACE}/mo-{env_id}",
            entry_point=single,
            kwargs={"env_id": env_id, "vector_reward": True},
            disable_env_checker=True,  # Gymnasium's wants a number as reward
        )
