"""Several choices at once as one, for learners that know Discrete actions only."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from hemosim_jax.core.environment import TreatmentEnvironment
from hemosim_jax.core.fields import ActionFields, category
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.wrapper import WrappedEnvironment

_MOST_ACTIONS = 100_000


class DiscreteActions(WrappedEnvironment):
    """A task with several categories to decide, as one Discrete choice of their combinations."""

    def __init__(self, env: TreatmentEnvironment):
        """**Raises:** `ValueError` if the actions of `env` are no categories, or too many."""
        if not env.action_fields.discrete:
            raise ValueError(f"{env.name}: its actions are numbers, not choices")
        self._sizes = tuple(len(field.levels) for field in env.action_fields.fields)
        count = int(np.prod(self._sizes))
        if count > _MOST_ACTIONS:
            raise ValueError(f"{env.name}: {count:,} combinations are more than {_MOST_ACTIONS:,}")
        super().__init__(env, name=env.name, version=env.version)
        self.action_fields = ActionFields((category("combination", tuple(range(count))),))

    def split(self, action: Int[Array, ""]) -> Array:
        """The action of the task itself."""
        clipped = jnp.clip(action, 0, int(np.prod(self._sizes)) - 1)
        indices = jnp.stack(jnp.unravel_index(clipped, self._sizes)).astype(jnp.int32)
        return indices.reshape(self.env.action_space().shape)

    def join(self, action: Array) -> Int[Array, ""]:
        """The combination that an action of the task itself is."""
        indices = tuple(jnp.atleast_1d(action))
        return jnp.ravel_multi_index(indices, self._sizes, mode="clip").astype(jnp.int32)

    def decode_action(self, action: Array) -> Any:
        """The treatment that a combination means."""
        return self.env.decode_action(self.split(action))

    def encode_action(self, *args: Any, **values: Any) -> Array:
        """The combination that means these values."""
        return self.join(self.env.encode_action(*args, **values))

    def policy_of_task(self, policy: Policy) -> Policy:
        """A policy that chooses combinations, as one of the task itself."""

        def act(key: jax.Array, carry: Any, observation: Any) -> tuple[Array, Any]:
            action, carry = policy.act(key, carry, observation)
            return self.split(action), carry

        return policy._replace(act=act)
