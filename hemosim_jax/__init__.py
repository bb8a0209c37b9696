"""Patients as differential equations, thousands of them stepping at once."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hemosim_jax.interop.registration import register as register
from hemosim_jax.interop.registration import register_when_imported
from hemosim_jax.registry import TASKS as TASKS
from hemosim_jax.registry import make as make
from hemosim_jax.registry import protocols_of as protocols_of
from hemosim_jax.registry import task_of as task_of

if TYPE_CHECKING:
    from hemosim_jax.experiment.compare import compare as compare
    from hemosim_jax.experiment.policies import load_policy as load_policy
    from hemosim_jax.experiment.regimen import simulate_regimen as simulate_regimen

__version__ = "0.1.0"

# What is heavy to import, by the module it is in.
_LATER = {
    "compare": "hemosim_jax.experiment.compare",
    "load_policy": "hemosim_jax.experiment.policies",
    "simulate_regimen": "hemosim_jax.experiment.regimen",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'hemosim_jax' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_LATER]


register_when_imported()
