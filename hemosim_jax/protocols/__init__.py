"""Clinical guidelines as pure policies: they see what the agent sees."""

from collections.abc import Callable

from hemosim_jax.environment import TreatmentEnvironment
from hemosim_jax.policy import Policy
from hemosim_jax.protocols import warfarin

PROTOCOLS: dict[str, dict[str, Callable[..., Policy]]] = {
    "WarfarinDosing-v0": warfarin.PROTOCOLS,
}


def protocols_of(env: TreatmentEnvironment) -> dict[str, Policy]:
    """Every protocol for this task, by name."""
    return {name: factory(env) for name, factory in PROTOCOLS[env.name].items()}
