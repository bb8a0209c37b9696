"""Our ids in Gymnasium's registry, under the namespace `hemosim_jax`."""

import gymnasium

from hemosim_jax.registry import TASKS

NAMESPACE = "hemosim_jax"


def register_with_gymnasium() -> None:
    """Makes `gymnasium.make` and `make_vec` know our ids; does nothing for known ones."""
    for env_id in TASKS:
        name = f"{NAMESPACE}/{env_id}"
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point="hemosim_jax.interop.gymnasium_env:TreatmentGymEnv",
                vector_entry_point="hemosim_jax.interop.gymnasium_env:TreatmentVectorEnv",
                kwargs={"env_id": env_id},
            )
