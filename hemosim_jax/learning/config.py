"""Hyperparameters of PPO: numbers that may be vmapped, and sizes that shape the program."""

from typing import Any

from flax import struct

from hemosim_jax.core.node import Node
from hemosim_jax.core.scalar import Scalar


def number(default: float, meaning: str) -> Any:
    """A field that may be traced or stacked, with its help."""
    return struct.field(default=default, metadata={"help": meaning})


def size(default: Any, meaning: str) -> Any:
    """A static field, with its help."""
    return struct.field(pytree_node=False, default=default, metadata={"help": meaning})


class PPOConfig(Node):
    """Proximal policy optimization (Schulman et al. 2017). Defaults are the `wide` preset.

    The floats are leaves of the pytree and may be traced or stacked; the others are static.
    """

    learning_rate: Scalar = number(1e-3, "Adam's step size")
    discount: Scalar = number(0.99, "gamma, of a task's default interval between decisions")
    gae_lambda: Scalar = number(0.95, "lambda of generalized advantage estimation")
    clip_range: Scalar = number(0.2, "epsilon of the clipped objective")
    entropy_coefficient: Scalar = number(0.0, "weight of the entropy bonus")
    value_coefficient: Scalar = number(0.5, "weight of the critic's squared error")
    max_gradient_norm: Scalar = number(0.5, "gradients are clipped to this global norm")
    initial_log_std: Scalar = number(-0.5, "of continuous actions, where the box is -1..1")
    total_steps: int = size(10_000_000, "budget in environment steps; whole updates")
    num_envs: int = size(2048, "patients stepping at once")
    rollout_steps: int = size(32, "decisions per patient and update")
    num_minibatches: int = size(8, "per epoch; divides num_envs * rollout_steps")
    num_epochs: int = size(4, "passes over each rollout")
    hidden_sizes: tuple[int, ...] = size((64, 64), "of the actor's and the critic's MLP")
    memory_size: int = size(0, "units of the GRU that remembers the episode; 0: no memory")
    anneal_learning_rate: bool = size(True, "linearly to zero over the budget")
    anneal_entropy: bool = size(False, "the entropy bonus, linearly to zero over the budget")
    normalize_observation: bool = size(True, "by running mean and variance")
    normalize_reward: bool = size(True, "by the running scale of the discounted return")

    @property
    def batch_size(self) -> int:
        """Environment steps per update."""
        return self.num_envs * self.rollout_steps

    @property
    def num_updates(self) -> int:
        """Updates that make up the budget, the last one complete."""
        return -(-self.total_steps // self.batch_size)


WIDE = PPOConfig()

# Sections 6.1 and 6.2 of the hemosim paper: rollouts of 2,048 steps in minibatches of 64, ten
# epochs, 500,000 steps. Unlike there, the rollout is spread over 16 environments instead of one,
# observations and rewards are normalized, and exploration starts narrower (`initial_log_std`).
PAPER = PPOConfig(
    learning_rate=3e-4,
    total_steps=500_000,
    num_envs=16,
    rollout_steps=128,
    num_minibatches=32,
    num_epochs=10,
    anneal_learning_rate=False,
)

PRESETS = {"wide": WIDE, "paper": PAPER}


def check(config: PPOConfig) -> None:
    """Refuses what cannot train; only for concrete numbers (`check_sizes` for traced ones).

    **Raises:** `ValueError` naming the field, the value and what is allowed.
    """
    check_sizes(config)
    for name in ("learning_rate", "clip_range", "max_gradient_norm"):
        if not getattr(config, name) > 0.0:
            raise ValueError(f"{name} must be positive, got {getattr(config, name)}")
    for name in ("discount", "gae_lambda"):
        if not 0.0 <= getattr(config, name) <= 1.0:
            raise ValueError(f"{name} must lie in 0..1, got {getattr(config, name)}")
    for name in ("entropy_coefficient", "value_coefficient"):
        if not getattr(config, name) >= 0.0:
            raise ValueError(f"{name} must not be negative, got {getattr(config, name)}")


def check_sizes(config: PPOConfig) -> None:
    """The part of `check` that concerns the static fields. **Raises:** `ValueError`."""
    for name in ("total_steps", "num_envs", "rollout_steps", "num_minibatches", "num_epochs"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(config, name)}")
    if config.batch_size % config.num_minibatches:
        raise ValueError(
            f"num_minibatches must divide num_envs * rollout_steps = {config.batch_size}, "
            f"got {config.num_minibatches}"
        )
    if config.memory_size < 0:
        raise ValueError(f"memory_size must not be negative, got {config.memory_size}")
    if config.memory_size and config.num_envs % config.num_minibatches:
        raise ValueError(
            f"with memory, num_minibatches must divide num_envs = {config.num_envs}, "
            f"got {config.num_minibatches}"
        )
    if not config.hidden_sizes or min(config.hidden_sizes) < 1:
        raise ValueError(f"hidden_sizes must be positive, got {config.hidden_sizes}")
