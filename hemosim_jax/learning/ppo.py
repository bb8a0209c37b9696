"""Proximal policy optimization, jitted end to end, in the shape of PureJaxRL.

`make_train(env, env_params, config)(key)` trains; both it and `config`'s numbers can be vmapped.
`make_learner` gives the two functions it is made of, for a host loop that wants to look in between.

With `config.memory_size` the agent has a recurrent memory (`learning.memory`), and learns from
whole rollouts of an environment instead of single steps.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from gymnax.environments.environment import Environment
from jaxtyping import Array, Float

from hemosim_jax.core.node import Node
from hemosim_jax.core.policy import Policy
from hemosim_jax.learning import networks
from hemosim_jax.learning.advantage import generalized_advantage
from hemosim_jax.learning.config import PPOConfig, check_sizes
from hemosim_jax.learning.episodes import EpisodeSums, averages, no_episodes, note_step
from hemosim_jax.learning.learner import Learner, step_discount, trainer, with_discount
from hemosim_jax.learning.memory import RecurrentCarry, forget_where_done, make_memory
from hemosim_jax.learning.normalization import (
    RunningMoments,
    add_samples,
    no_samples,
    normalize,
    scale_reward,
)


class Weights(Node):
    """What is learned; `memory` is empty for an agent that has none."""

    actor: Any
    critic: Any
    memory: Any


class Agent(Node):
    """What acts: weights and the normalizer they were trained with."""

    weights: Weights
    observation_moments: RunningMoments


class LearnerState(Node):
    """Everything training goes on from: save it whole, and nothing is lost."""

    agent: Agent
    optimizer: Any
    reward_moments: RunningMoments
    env_state: Any
    observation: Array
    recurrent: RecurrentCarry  # of every environment, before it sees the observation
    discounted_return: Float[Array, " envs"]
    episodes: EpisodeSums
    update: Array
    key: jax.Array


class _Transition(NamedTuple):
    seen: Array  # the networks' input
    final_seen: Array  # the same of where the step led, before any reset
    hidden: Any  # the memory after `seen`
    sample: Array
    log_probability: Array
    reward: Array  # scaled
    discount: Array  # 0 at a termination
    ended: Array


class _Batch(NamedTuple):
    """Rows of consecutive steps: `row, step, ...`; one step to a row where there is no memory."""

    seen: Array
    starts: Array  # the step is the first of its episode
    sample: Array
    log_probability: Array
    advantage: Array
    target: Array


def make_train(env: Environment, env_params: Any, config: PPOConfig) -> Callable:
    """A function of a key that trains for `config.total_steps` environment steps.

    It returns the final `LearnerState` and the metrics of every update, stacked.

    **Raises:** `ValueError` for sizes that do not fit, or an action space of no known kind.
    """
    return trainer(make_learner(env, env_params, config), config.num_updates)


def agent_policy(env: Environment, env_params: Any, agent: Agent, config: PPOConfig) -> Policy:
    """The trained agent, acting by its mode, its normalizer frozen."""
    space = env.action_space(env_params)
    actor: Any = networks.Actor(space, config.hidden_sizes)
    memory = make_memory(space, config.memory_size)

    def act(key, carry, observation):
        seen = memory.encode_input(
            _normalized(config, agent.observation_moments, observation), carry
        )
        hidden = memory.update(agent.weights.memory, carry.hidden, seen)
        head = actor.apply(agent.weights.actor, memory.features(seen, hidden))
        sample = networks.mode(space, head)
        return networks.to_action(space, sample), memory.after(hidden, sample)

    return Policy("ppo", lambda params: memory.start(()), act)


def _normalized(config: PPOConfig, moments: RunningMoments, observation: Array) -> Array:
    return normalize(moments, observation) if config.normalize_observation else observation


def make_learner(env: Environment, env_params: Any, config: PPOConfig) -> Learner:
    """The pieces of `make_train`. **Raises:** `ValueError` for sizes that do not fit."""
    check_sizes(config)
    env_params = with_discount(env_params, config.discount)
    space = env.action_space(env_params)
    actor: Any = networks.Actor(space, config.hidden_sizes)
    critic: Any = networks.MLP(config.hidden_sizes, 1, 1.0)
    memory = make_memory(space, config.memory_size)
    optimizer: Any = optax.flatten(
        optax.chain(
            optax.clip_by_global_norm(config.max_gradient_norm), optax.scale_by_adam(eps=1e-5)
        )
    )
    reset = jax.vmap(env.reset, in_axes=(0, None))
    step = jax.vmap(env.step, in_axes=(0, 0, 0, None))

    def init(key: jax.Array) -> LearnerState:
        key, key_actor, key_critic, key_memory, key_reset = jax.random.split(key, 5)
        observation, env_state = reset(jax.random.split(key_reset, config.num_envs), env_params)
        recurrent = memory.start((config.num_envs,))
        seen = memory.encode_input(observation, recurrent)
        features = memory.features(seen, recurrent.hidden)
        weights = Weights(
            actor=actor.init(key_actor, features[:1]),
            critic=critic.init(key_critic, features[:1]),
            memory=memory.init(key_memory, seen[:1]),
        )
        return LearnerState(
            agent=Agent(weights, observation_moments=no_samples(observation.shape[1:])),
            optimizer=optimizer.init(weights),
            reward_moments=no_samples(()),
            env_state=env_state,
            observation=observation,
            recurrent=recurrent,
            discounted_return=jnp.zeros(config.num_envs, jnp.result_type(float)),
            episodes=no_episodes(config.num_envs),
            update=jnp.zeros((), jnp.int32),
            key=key,
        )

    def value_of(weights: Weights, seen, hidden):
        return critic.apply(weights.critic, memory.features(seen, hidden))[..., 0]

    def rollout(state: LearnerState):
        moments, weights = state.agent.observation_moments, state.agent.weights

        def one_step(state: LearnerState, _):
            key, key_act, key_step = jax.random.split(state.key, 3)
            seen = memory.encode_input(
                _normalized(config, moments, state.observation), state.recurrent
            )
            hidden = memory.update(weights.memory, state.recurrent.hidden, seen)
            head = actor.apply(weights.actor, memory.features(seen, hidden))
            policy = networks.distribution(space, head, config.initial_log_std)
            sample = policy.sample(key_act)
            observation, env_state, reward, terminated, truncated, info = step(
                jax.random.split(key_step, config.num_envs),
                state.env_state,
                networks.to_action(space, sample),
                env_params,
            )
            recurrent = memory.after(hidden, sample)
            final = _normalized(config, moments, info["final_observation"])
            done = terminated | truncated
            discount = step_discount(config.discount, terminated, reward, info)
            earlier = jnp.where(terminated, config.discount, discount) * state.discounted_return
            discounted = reward + earlier
            episodes, ended = note_step(state.episodes, reward, done, info)
            transition = _Transition(
                seen=seen,
                final_seen=memory.encode_input(final, recurrent),
                hidden=hidden,
                sample=sample,
                log_probability=policy.log_prob(sample),
                reward=reward,
                discount=discount,
                ended=done,
            )
            state = state.replace(
                env_state=env_state,
                observation=observation,
                recurrent=forget_where_done(done, recurrent),
                discounted_return=jnp.where(done, 0.0, discounted),
                episodes=episodes,
                key=key,
            )
            return state, (transition, state.observation, discounted, ended)

        return jax.lax.scan(one_step, state, None, length=config.rollout_steps)

    def loss(weights: Weights, rows: tuple[_Batch, Any], entropy_coefficient: Array):
        batch, hidden = rows
        hidden = memory.replay(weights.memory, hidden, batch.seen, batch.starts)
        head = actor.apply(weights.actor, memory.features(batch.seen, hidden))
        policy = networks.distribution(space, head, config.initial_log_std)
        value = value_of(weights, batch.seen, hidden)
        log_ratio = policy.log_prob(batch.sample) - batch.log_probability
        ratio = jnp.exp(log_ratio)
        advantage = batch.advantage - jnp.mean(batch.advantage)
        advantage = advantage / (jnp.std(advantage) + 1e-8)
        clipped = jnp.clip(ratio, 1.0 - config.clip_range, 1.0 + config.clip_range)
        policy_loss = -jnp.mean(jnp.minimum(ratio * advantage, clipped * advantage))
        value_loss = jnp.mean((value - batch.target) ** 2)
        entropy = jnp.mean(policy.entropy())
        total = policy_loss + config.value_coefficient * value_loss - entropy_coefficient * entropy
        diagnostics = {
            "policy_loss": policy_loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "approximate_kl": jnp.mean(ratio - 1.0 - log_ratio),
        }
        return total, diagnostics

    def as_rows(x):
        """From `time, env, ...` to rows of consecutive steps."""
        if config.memory_size:
            return jnp.swapaxes(x, 0, 1)
        return x.reshape(config.batch_size, 1, *x.shape[2:])

    def update(state: LearnerState) -> tuple[LearnerState, dict[str, Array]]:
        hidden_before = state.recurrent.hidden
        state, (steps, observations, discounted, ended) = rollout(state)
        weights = state.agent.weights
        reward_moments = add_samples(state.reward_moments, discounted)
        reward = steps.reward
        if config.normalize_reward:
            reward = scale_reward(reward_moments, reward)
        value = value_of(weights, steps.seen, steps.hidden)
        final_hidden = memory.update(weights.memory, steps.hidden, steps.final_seen)
        advantage = generalized_advantage(
            reward,
            value,
            value_of(weights, steps.final_seen, final_hidden),
            steps.discount,
            steps.ended,
            config.gae_lambda,
        )
        batch = _Batch(
            seen=steps.seen,
            # The memory of the first step has been cleared already, where that was due.
            starts=jnp.concatenate([jnp.zeros_like(steps.ended[:1]), steps.ended[:-1]]),
            sample=steps.sample,
            log_probability=steps.log_probability,
            advantage=advantage,
            target=advantage + value,
        )
        rows = (jax.tree.map(as_rows, batch), hidden_before)
        left = 1.0 - state.update / config.num_updates
        learning_rate = jnp.asarray(config.learning_rate, reward.dtype)
        if config.anneal_learning_rate:
            learning_rate = learning_rate * left
        entropy_coefficient = jnp.asarray(config.entropy_coefficient, reward.dtype)
        if config.anneal_entropy:
            entropy_coefficient = entropy_coefficient * left

        def minibatch(carry, chosen):
            weights, optimizer_state = carry
            (_, diagnostics), gradient = jax.value_and_grad(loss, has_aux=True)(
                weights, jax.tree.map(lambda x: x[chosen], rows), entropy_coefficient
            )
            direction, optimizer_state = optimizer.update(gradient, optimizer_state, weights)
            weights = jax.tree.map(lambda w, d: w - learning_rate * d, weights, direction)
            return (weights, optimizer_state), diagnostics

        def epoch(carry, key):
            order = jax.random.permutation(key, rows[0].seen.shape[0])
            return jax.lax.scan(minibatch, carry, order.reshape(config.num_minibatches, -1))

        key, key_epochs = jax.random.split(state.key)
        (weights, optimizer_state), diagnostics = jax.lax.scan(
            epoch, (weights, state.optimizer), jax.random.split(key_epochs, config.num_epochs)
        )
        metrics = {**averages(ended), **jax.tree.map(jnp.mean, diagnostics)}
        state = state.replace(
            agent=Agent(weights, add_samples(state.agent.observation_moments, observations)),
            optimizer=optimizer_state,
            reward_moments=reward_moments,
            update=state.update + 1,
            key=key,
        )
        return state, metrics

    return Learner(init, update)
