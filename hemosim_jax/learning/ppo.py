"""Proximal policy optimization, jitted end to end, in the shape of PureJaxRL.

`make_train(env, env_params, config)(key)` trains; both it and `config`'s numbers can be vmapped.
`make_learner` gives the two functions it is made of, for a host loop that wants to look in between.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import struct
from gymnax.environments.environment import Environment
from jaxtyping import Array, Float

from hemosim_jax.learning import networks
from hemosim_jax.learning.advantage import generalized_advantage
from hemosim_jax.learning.config import PPOConfig, check_sizes
from hemosim_jax.learning.normalization import (
    RunningMoments,
    add_samples,
    no_samples,
    normalize,
    scale_reward,
)
from hemosim_jax.policy import Policy

_AVERAGED_INFO = ("therapeutic", "cost")  # read-outs of `info` worth a curve, where there are any


@struct.dataclass
class Agent:
    """What acts: weights and the normalizer they were trained with."""

    actor: Any
    critic: Any
    observation_moments: RunningMoments


@struct.dataclass
class LearnerState:
    """Everything training goes on from: save it whole, and nothing is lost."""

    agent: Agent
    optimizer: Any
    reward_moments: RunningMoments
    env_state: Any
    observation: Array
    discounted_return: Float[Array, " envs"]
    episode_return: Float[Array, " envs"]
    episode_length: Float[Array, " envs"]
    update: Array
    key: jax.Array


class _Transition(NamedTuple):
    observation: Array  # normalized
    final_observation: Array  # where the step led, before any reset; normalized
    sample: Array
    log_probability: Array
    reward: Array  # scaled
    terminated: Array
    truncated: Array


class _Batch(NamedTuple):
    observation: Array
    sample: Array
    log_probability: Array
    advantage: Array
    value: Array
    target: Array


class Learner(NamedTuple):
    """`init(key) -> LearnerState` and `update(state) -> (LearnerState, metrics)`."""

    init: Callable[[jax.Array], LearnerState]
    update: Callable[[LearnerState], tuple[LearnerState, dict[str, Array]]]


def make_train(env: Environment, env_params: Any, config: PPOConfig) -> Callable:
    """A function of a key that trains for `config.total_steps` environment steps.

    It returns the final `LearnerState` and the metrics of every update, stacked.

    **Raises:** `ValueError` for sizes that do not fit, or an action space of no known kind.
    """
    learner = make_learner(env, env_params, config)

    def train(key: jax.Array) -> tuple[LearnerState, dict[str, Array]]:
        return jax.lax.scan(
            lambda state, _: learner.update(state),
            learner.init(key),
            None,
            length=config.num_updates,
        )

    return train


def agent_policy(env: Environment, env_params: Any, agent: Agent, config: PPOConfig) -> Policy:
    """The trained agent, acting by its mode, its normalizer frozen."""
    space = env.action_space(env_params)
    actor = networks.Actor(space, config.hidden_sizes)

    def act(key, carry, observation):
        seen = _normalized(config, agent.observation_moments, observation)
        head = actor.apply(agent.actor, seen)
        return networks.to_action(space, networks.mode(space, head)), carry

    return Policy("ppo", lambda params: (), act)


def _normalized(config: PPOConfig, moments: RunningMoments, observation: Array) -> Array:
    return normalize(moments, observation) if config.normalize_observation else observation


def make_learner(env: Environment, env_params: Any, config: PPOConfig) -> Learner:
    """The pieces of `make_train`. **Raises:** `ValueError` for sizes that do not fit."""
    check_sizes(config)
    space = env.action_space(env_params)
    actor = networks.Actor(space, config.hidden_sizes)
    critic = networks.MLP(config.hidden_sizes, 1, 1.0)
    optimizer = optax.flatten(
        optax.chain(
            optax.clip_by_global_norm(config.max_gradient_norm), optax.scale_by_adam(eps=1e-5)
        )
    )
    reset = jax.vmap(env.reset, in_axes=(0, None))
    step = jax.vmap(env.step, in_axes=(0, 0, 0, None))

    def init(key: jax.Array) -> LearnerState:
        key, key_actor, key_critic, key_reset = jax.random.split(key, 4)
        observation, env_state = reset(jax.random.split(key_reset, config.num_envs), env_params)
        weights = (
            actor.init(key_actor, observation[:1]),
            critic.init(key_critic, observation[:1]),
        )
        zeros = jnp.zeros(config.num_envs, jnp.result_type(float))
        return LearnerState(
            agent=Agent(*weights, observation_moments=no_samples(observation.shape[1:])),
            optimizer=optimizer.init(weights),
            reward_moments=no_samples(()),
            env_state=env_state,
            observation=observation,
            discounted_return=zeros,
            episode_return=zeros,
            episode_length=zeros,
            update=jnp.zeros((), jnp.int32),
            key=key,
        )

    def rollout(state: LearnerState):
        moments = state.agent.observation_moments

        def one_step(state: LearnerState, _):
            key, key_act, key_step = jax.random.split(state.key, 3)
            seen = _normalized(config, moments, state.observation)
            policy = networks.distribution(
                space, actor.apply(state.agent.actor, seen), config.initial_log_std
            )
            sample = policy.sample(key_act)
            observation, env_state, reward, terminated, truncated, info = step(
                jax.random.split(key_step, config.num_envs),
                state.env_state,
                networks.to_action(space, sample),
                env_params,
            )
            continues = 1.0 - (terminated | truncated).astype(reward.dtype)
            discounted = reward + config.discount * state.discounted_return
            total, length = state.episode_return + reward, state.episode_length + 1.0
            episodes = {
                "ended": jnp.sum(1.0 - continues),
                "return": jnp.sum((1.0 - continues) * total),
                "length": jnp.sum((1.0 - continues) * length),
            }
            averaged = {
                name: jnp.mean(info[name].astype(reward.dtype))
                for name in _AVERAGED_INFO
                if name in info
            }
            transition = _Transition(
                observation=seen,
                final_observation=_normalized(config, moments, info["final_observation"]),
                sample=sample,
                log_probability=policy.log_prob(sample),
                reward=reward,
                terminated=terminated,
                truncated=truncated,
            )
            state = state.replace(
                env_state=env_state,
                observation=observation,
                discounted_return=discounted * continues,
                episode_return=total * continues,
                episode_length=length * continues,
                key=key,
            )
            return state, (transition, state.observation, discounted, episodes, averaged)

        return jax.lax.scan(one_step, state, None, length=config.rollout_steps)

    def loss(weights, batch: _Batch):
        policy = networks.distribution(
            space, actor.apply(weights[0], batch.observation), config.initial_log_std
        )
        value = critic.apply(weights[1], batch.observation)[..., 0]
        log_ratio = policy.log_prob(batch.sample) - batch.log_probability
        ratio = jnp.exp(log_ratio)
        advantage = batch.advantage - jnp.mean(batch.advantage)
        advantage = advantage / (jnp.std(advantage) + 1e-8)
        clipped = jnp.clip(ratio, 1.0 - config.clip_range, 1.0 + config.clip_range)
        policy_loss = -jnp.mean(jnp.minimum(ratio * advantage, clipped * advantage))
        value_loss = jnp.mean((value - batch.target) ** 2)
        entropy = jnp.mean(policy.entropy())
        total = (
            policy_loss
            + config.value_coefficient * value_loss
            - config.entropy_coefficient * entropy
        )
        diagnostics = {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "approximate_kl": jnp.mean(ratio - 1.0 - log_ratio),
        }
        return total, diagnostics

    def update(state: LearnerState) -> tuple[LearnerState, dict[str, Array]]:
        state, (steps, observations, discounted, episodes, averaged) = rollout(state)
        weights = (state.agent.actor, state.agent.critic)
        reward_moments = add_samples(state.reward_moments, discounted)
        reward = steps.reward
        if config.normalize_reward:
            reward = scale_reward(reward_moments, reward)
        value = critic.apply(weights[1], steps.observation)[..., 0]
        advantage = generalized_advantage(
            reward,
            value,
            critic.apply(weights[1], steps.final_observation)[..., 0],
            steps.terminated,
            steps.truncated,
            config.discount,
            config.gae_lambda,
        )
        batch = _Batch(
            observation=steps.observation,
            sample=steps.sample,
            log_probability=steps.log_probability,
            advantage=advantage,
            value=value,
            target=advantage + value,
        )
        batch = jax.tree.map(lambda x: x.reshape(config.batch_size, *x.shape[2:]), batch)
        learning_rate = jnp.asarray(config.learning_rate, reward.dtype)
        if config.anneal_learning_rate:
            learning_rate = learning_rate * (1.0 - state.update / config.num_updates)

        def minibatch(carry, rows):
            weights, optimizer_state = carry
            (_, diagnostics), gradient = jax.value_and_grad(loss, has_aux=True)(
                weights, jax.tree.map(lambda x: x[rows], batch)
            )
            direction, optimizer_state = optimizer.update(gradient, optimizer_state, weights)
            weights = jax.tree.map(lambda w, d: w - learning_rate * d, weights, direction)
            return (weights, optimizer_state), diagnostics

        def epoch(carry, key):
            order = jax.random.permutation(key, config.batch_size)
            return jax.lax.scan(minibatch, carry, order.reshape(config.num_minibatches, -1))

        key, key_epochs = jax.random.split(state.key)
        (weights, optimizer_state), diagnostics = jax.lax.scan(
            epoch, (weights, state.optimizer), jax.random.split(key_epochs, config.num_epochs)
        )
        ended = jnp.sum(episodes["ended"])
        metrics = {
            "episode_return": jnp.sum(episodes["return"]) / ended,  # NaN where none ended
            "episode_length": jnp.sum(episodes["length"]) / ended,
            "episodes": ended,
            **jax.tree.map(jnp.mean, averaged),
            **jax.tree.map(jnp.mean, diagnostics),
        }
        state = state.replace(
            agent=Agent(
                *weights,
                observation_moments=add_samples(state.agent.observation_moments, observations),
            ),
            optimizer=optimizer_state,
            reward_moments=reward_moments,
            update=state.update + 1,
            key=key,
        )
        return state, metrics

    return Learner(init, update)
