"""Deep Q-learning for discrete actions, jitted end to end.

Mnih et al., Nature 2015;518:529, with the double estimator of van Hasselt et al. 2016. Many
environments step at once into one replay buffer; between two steps a few minibatches are learned.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from gymnax.environments.environment import Environment
from gymnax.environments.spaces import Discrete
from jaxtyping import Array, Float, Int

from hemosim_jax.core.node import Node
from hemosim_jax.core.policy import Policy
from hemosim_jax.core.scalar import Scalar
from hemosim_jax.learning.config import number, size
from hemosim_jax.learning.episodes import EpisodeSums, averages, no_episodes, note_step
from hemosim_jax.learning.learner import Learner, step_discount, trainer, with_discount
from hemosim_jax.learning.networks import MLP
from hemosim_jax.learning.normalization import (
    RunningMoments,
    add_samples,
    no_samples,
    scale_reward,
)


class DQNConfig(Node):
    """Hyperparameters; the floats may be traced or stacked, the others are static."""

    learning_rate: Scalar = number(1e-3, "Adam's step size")
    discount: Scalar = number(0.99, "gamma, of a task's default interval between decisions")
    first_epsilon: Scalar = number(1.0, "share of random actions at the start, falling linearly")
    last_epsilon: Scalar = number(0.02, "share of random actions at the end")
    exploration: Scalar = number(0.5, "share of the budget until the last epsilon")
    target_rate: Scalar = number(0.01, "of the target network to the learned one, per minibatch")
    total_steps: int = size(2_000_000, "budget in environment steps; whole updates")
    num_envs: int = size(128, "patients stepping at once")
    steps_per_update: int = size(64, "decisions per patient between two rows of metrics")
    buffer_steps: int = size(1024, "decisions kept of each patient")
    minibatch_size: int = size(512, "transitions of a gradient step")
    minibatches_per_step: int = size(2, "gradient steps per decision of all patients")
    hidden_sizes: tuple[int, ...] = size((64, 64), "of the MLP")

    @property
    def batch_size(self) -> int:
        """Environment steps per update."""
        return self.num_envs * self.steps_per_update

    @property
    def num_updates(self) -> int:
        """Updates that make up the budget, the last one complete."""
        return -(-self.total_steps // self.batch_size)


_SIZES = (
    "total_steps",
    "num_envs",
    "steps_per_update",
    "buffer_steps",
    "minibatch_size",
    "minibatches_per_step",
)


def check(config: DQNConfig) -> None:
    """Refuses what cannot train; only for concrete numbers (`check_sizes` for traced ones).

    **Raises:** `ValueError` naming the field, the value and what is allowed.
    """
    check_sizes(config)
    for name in ("learning_rate", "exploration"):
        if not getattr(config, name) > 0.0:
            raise ValueError(f"{name} must be positive, got {getattr(config, name)}")
    for name in ("discount", "first_epsilon", "last_epsilon", "exploration", "target_rate"):
        if not 0.0 <= getattr(config, name) <= 1.0:
            raise ValueError(f"{name} must lie in 0..1, got {getattr(config, name)}")


def check_sizes(config: DQNConfig) -> None:
    """The part of `check` that concerns the static fields. **Raises:** `ValueError`."""
    for name in _SIZES:
        if getattr(config, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(config, name)}")
    if not config.hidden_sizes or min(config.hidden_sizes) < 1:
        raise ValueError(f"hidden_sizes must be positive, got {config.hidden_sizes}")


class Transitions(Node):
    """The replay buffer: `slot, env, ...`."""

    observation: Array
    action: Int[Array, "slots envs"]
    reward: Float[Array, "slots envs"]
    next_observation: Array  # where the step led, before any reset
    discount: Float[Array, "slots envs"]  # of the next value; 0 at a termination


class DQNState(Node):
    """Everything training goes on from."""

    weights: Any
    target: Any
    optimizer: Any
    reward_moments: RunningMoments
    buffer: Transitions
    env_state: Any
    observation: Array
    discounted_return: Float[Array, " envs"]
    episodes: EpisodeSums
    steps: Int[Array, ""]  # of each environment
    key: jax.Array


def make_train(env: Environment, env_params: Any, config: DQNConfig) -> Callable:
    """A function of a key that trains for `config.total_steps` environment steps.

    It returns the final `DQNState` and the metrics of every update, stacked.

    **Raises:** as `make_learner`.
    """
    return trainer(make_learner(env, env_params, config), config.num_updates)


def greedy_policy(weights: Any, config: DQNConfig, num_actions: int) -> Policy:
    """The action of highest value."""
    network: Any = MLP(config.hidden_sizes, num_actions, 1.0)

    def act(key, carry, observation):
        return jnp.argmax(network.apply(weights, observation)).astype(jnp.int32), carry

    return Policy("dqn", lambda params: (), act)


def make_learner(env: Environment, env_params: Any, config: DQNConfig) -> Learner:
    """The pieces of `make_train`.

    **Raises:** `ValueError` for an action space that is not Discrete, or a size below 1.
    """
    space = env.action_space(env_params)
    if not isinstance(space, Discrete):
        raise ValueError(f"DQN needs a Discrete action space, got {space}")
    check_sizes(config)
    env_params = with_discount(env_params, config.discount)
    network: Any = MLP(config.hidden_sizes, space.n, 1.0)
    optimizer = optax.chain(optax.clip_by_global_norm(10.0), optax.scale_by_adam())
    reset = jax.vmap(env.reset, in_axes=(0, None))
    step = jax.vmap(env.step, in_axes=(0, 0, 0, None))

    def init(key: jax.Array) -> DQNState:
        key, key_network, key_reset = jax.random.split(key, 3)
        observation, env_state = reset(jax.random.split(key_reset, config.num_envs), env_params)
        weights = network.init(key_network, observation[:1])
        slots, zeros = config.buffer_steps, jnp.zeros(config.num_envs, jnp.result_type(float))
        empty = jnp.zeros((slots, *observation.shape), observation.dtype)
        return DQNState(
            weights=weights,
            target=weights,
            optimizer=optimizer.init(weights),
            reward_moments=no_samples(()),
            buffer=Transitions(
                observation=empty,
                action=jnp.zeros((slots, config.num_envs), jnp.int32),
                reward=jnp.zeros((slots, config.num_envs), zeros.dtype),
                next_observation=empty,
                discount=jnp.zeros((slots, config.num_envs), zeros.dtype),
            ),
            env_state=env_state,
            observation=observation,
            discounted_return=zeros,
            episodes=no_episodes(config.num_envs),
            steps=jnp.zeros((), jnp.int32),
            key=key,
        )

    def explore(state: DQNState, key: jax.Array) -> Int[Array, " envs"]:
        key_which, key_action = jax.random.split(key)
        done = state.steps * config.num_envs / (config.exploration * config.total_steps)
        epsilon = config.first_epsilon + jnp.minimum(done, 1.0) * (
            config.last_epsilon - config.first_epsilon
        )
        greedy = jnp.argmax(network.apply(state.weights, state.observation), axis=-1)
        chance = jax.random.randint(key_action, greedy.shape, 0, space.n)
        random = jax.random.uniform(key_which, greedy.shape) < epsilon
        return jnp.where(random, chance, greedy).astype(jnp.int32)

    def loss(weights, target, batch: Transitions):
        value = jnp.take_along_axis(
            network.apply(weights, batch.observation), batch.action[:, None], axis=-1
        )[:, 0]
        best = jnp.argmax(network.apply(weights, batch.next_observation), axis=-1)
        next_value = jnp.take_along_axis(
            network.apply(target, batch.next_observation), best[:, None], axis=-1
        )[:, 0]
        # A truncation cuts the clock, not the future: only a termination is worth nothing.
        aim = batch.reward + batch.discount * next_value
        aim = jax.lax.stop_gradient(aim)
        return jnp.mean(optax.losses.huber_loss(value, aim))

    def learn(state: DQNState, key: jax.Array) -> tuple[DQNState, Float[Array, ""]]:
        key_slot, key_env = jax.random.split(key)
        filled = jnp.minimum(state.steps, config.buffer_steps)
        shape = (config.minibatch_size,)
        slot = jax.random.randint(key_slot, shape, 0, filled)
        which = jax.random.randint(key_env, shape, 0, config.num_envs)
        batch = jax.tree.map(lambda x: x[slot, which], state.buffer)
        batch = batch.replace(reward=scale_reward(state.reward_moments, batch.reward))
        value, gradient = jax.value_and_grad(loss)(state.weights, state.target, batch)
        direction, optimizer_state = optimizer.update(gradient, state.optimizer)
        weights = jax.tree.map(lambda w, d: w - config.learning_rate * d, state.weights, direction)
        target = jax.tree.map(lambda t, w: t + config.target_rate * (w - t), state.target, weights)
        return state.replace(weights=weights, target=target, optimizer=optimizer_state), value

    def one_step(state: DQNState, _):
        key, key_act, key_step, key_learn = jax.random.split(state.key, 4)
        action = explore(state, key_act)
        observation, env_state, reward, terminated, truncated, info = step(
            jax.random.split(key_step, config.num_envs), state.env_state, action, env_params
        )
        done = terminated | truncated
        discount = step_discount(config.discount, terminated, reward, info)
        earlier = jnp.where(terminated, config.discount, discount) * state.discounted_return
        discounted = reward + earlier
        episodes, ended = note_step(state.episodes, reward, done, info)
        row = Transitions(
            observation=state.observation,
            action=action,
            reward=reward,
            next_observation=info["final_observation"],
            discount=discount,
        )
        slot = state.steps % config.buffer_steps
        state = state.replace(
            buffer=jax.tree.map(lambda all_, new: all_.at[slot].set(new), state.buffer, row),
            reward_moments=add_samples(state.reward_moments, discounted),
            env_state=env_state,
            observation=observation,
            discounted_return=jnp.where(done, 0.0, discounted),
            episodes=episodes,
            steps=state.steps + 1,
            key=key,
        )
        state, losses = jax.lax.scan(
            learn, state, jax.random.split(key_learn, config.minibatches_per_step)
        )
        return state, (ended, jnp.mean(losses))

    def update(state: DQNState) -> tuple[DQNState, dict[str, Array]]:
        state, (ended, losses) = jax.lax.scan(one_step, state, None, length=config.steps_per_update)
        return state, {**averages(ended), "value_loss": jnp.mean(losses)}

    return Learner(init, update)
