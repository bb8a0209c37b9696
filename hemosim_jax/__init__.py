"""Patients as differential equations, thousands of them stepping at once."""

from hemosim_jax.interop.registration import register_with_gymnasium
from hemosim_jax.registry import TASKS as TASKS
from hemosim_jax.registry import make as make
from hemosim_jax.registry import protocols_of as protocols_of
from hemosim_jax.registry import register_with_gymnax
from hemosim_jax.registry import task_of as task_of

__version__ = "0.1.0"

register_with_gymnax()
register_with_gymnasium()
