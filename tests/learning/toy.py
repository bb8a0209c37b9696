"""A task that costs nothing: guess the number shown. Four steps, ended early by a bad guess."""

import jax
import jax.numpy as jnp
from flax import struct
from gymnax.environments import environment

from hemosim_jax.core.spaces import Box, Discrete, MultiDiscrete


@struct.dataclass
class ToyState(environment.EnvState):
    time: jax.Array
    shown: jax.Array


@struct.dataclass
class ToyParams(environment.EnvParams):
    max_steps_in_episode: int = 4
    fatal: float = 10.0


def _shown(key):
    return jax.random.bernoulli(key, 0.5, (2,)).astype(jnp.result_type(float))


class Toy(environment.Environment):
    """`kind` is "box" (a vector of two), "discrete" or "multi" (of three and of two choices)."""

    def __init__(self, kind):
        self.kind = kind

    @property
    def default_params(self):
        return ToyParams()

    def reset_env(self, key, params):
        state = ToyState(jnp.zeros((), jnp.int32), _shown(key))
        return self.observe(key, state, None, params), state

    def step_env(self, key, state, action, params):
        if self.kind == "box":
            loss = jnp.sum((action - (2.0 + state.shown)) ** 2)
        elif self.kind == "multi":
            loss = jnp.sum(action != jnp.array([2, 1]) * state.shown.astype(jnp.int32)) * 1.0
        else:
            loss = (action != state.shown[0].astype(jnp.int32)) * 1.0
        state = ToyState(state.time + 1, _shown(key))
        return self.observe(key, state, action, params), state, -loss, loss > params.fatal, {}

    def observe(self, key, state, action, params):
        return state.shown

    def action_space(self, params=None):
        spaces = {
            "box": Box(1.0, 4.0, (2,)),
            "multi": MultiDiscrete((3, 2)),
            "discrete": Discrete(2),
        }
        return spaces[self.kind]

    def observation_space(self, params=None):
        return Box(0.0, 1.0, (2,))
