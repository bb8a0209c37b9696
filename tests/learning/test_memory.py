import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import struct
from gymnax.environments import environment

from hemosim_jax.core.spaces import Box, Discrete, MultiDiscrete
from hemosim_jax.learning.config import PPOConfig, check
from hemosim_jax.learning.memory import forget_where_done, make_memory
from hemosim_jax.learning.ppo import agent_policy, make_learner, make_train
from tests.learning.toy import Toy

SMALL = PPOConfig(
    learning_rate=3e-3,
    total_steps=128 * 8 * 60,
    num_envs=128,
    rollout_steps=8,
    num_minibatches=4,
    hidden_sizes=(32,),
    memory_size=16,
)


@struct.dataclass
class RecallState(environment.EnvState):
    time: jax.Array
    told: jax.Array


@struct.dataclass
class RecallParams(environment.EnvParams):
    max_steps_in_episode: int = 4


class Recall(environment.Environment):
    """A number is shown once, at the start; it is asked for three steps later."""

    @property
    def default_params(self):
        return RecallParams()

    def reset_env(self, key, params):
        state = RecallState(jnp.zeros((), jnp.int32), jax.random.bernoulli(key).astype(jnp.int32))
        return self.observe(key, state, None, params), state

    def step_env(self, key, state, action, params):
        asked = state.time == 3
        reward = jnp.where(asked, (action == state.told) * 2.0 - 1.0, 0.0)
        state = state.replace(time=state.time + 1)
        never = jnp.zeros((), bool)
        return self.observe(key, state, action, params), state, reward, never, {}

    def observe(self, key, state, action, params):
        shown = jnp.where(state.time == 0, state.told * 2.0 - 1.0, 0.0)
        return jnp.stack([shown, (state.time == 3).astype(shown.dtype)])

    def action_space(self, params=None):
        return Discrete(2)

    def observation_space(self, params=None):
        return Box(-1.0, 1.0, (2,))


def trained_return(memory_size):
    env = Recall()
    config = SMALL.replace(memory_size=memory_size)
    state, metrics = jax.jit(make_train(env, env.default_params, config))(jax.random.key(0))
    return env, config, state, float(metrics["episode_return"][-5:].mean())


def test_memory_solves_what_cannot_be_solved_without():
    assert abs(trained_return(0)[3]) < 0.2
    env, config, state, final = trained_return(16)
    assert final > 0.9
    # And as a policy, which carries its memory from decision to decision.
    policy = agent_policy(env, env.default_params, state.agent, config)
    for seed in range(6):
        observation, at = env.reset_env(jax.random.key(seed), env.default_params)
        carry = policy.init(env.default_params)
        for _ in range(4):
            action, carry = policy.act(jax.random.key(0), carry, observation)
            observation, at, reward, *_ = env.step_env(
                jax.random.key(1), at, action, env.default_params
            )
        assert reward == 1.0


def test_replaying_a_rollout_gives_the_memories_it_had():
    env = Toy("box")
    learner = make_learner(env, env.default_params, SMALL)
    state = jax.jit(learner.init)(jax.random.key(0))
    memory = make_memory(env.action_space(), SMALL.memory_size)
    weights = state.agent.weights.memory
    key = jax.random.key(1)
    seen = jax.random.normal(key, (5, 7, 2 + 2))  # row, step
    starts = jax.random.bernoulli(key, 0.3, (5, 7))
    hidden = jax.random.normal(key, (5, SMALL.memory_size))
    replayed = memory.replay(weights, hidden, seen, starts)
    for step in range(7):
        hidden = jnp.where(starts[:, step, None], 0.0, hidden)
        hidden = memory.update(weights, hidden, seen[:, step])
        np.testing.assert_allclose(replayed[:, step], hidden, atol=1e-6)


@pytest.mark.parametrize(
    ("space", "sample", "expected"),
    [
        (Box(0.0, 1.0, (2,)), [3.0, -0.5], [1.0, -0.5]),
        (Discrete(3), 1, [0.0, 1.0, 0.0]),
        (MultiDiscrete((2, 3)), [1, 0], [0.0, 1.0, 1.0, 0.0, 0.0]),
    ],
)
def test_the_last_action_is_remembered(space, sample, expected):
    memory = make_memory(space, 4)
    start = memory.start(())
    observation = jnp.array([0.5])
    np.testing.assert_array_equal(
        memory.encode_input(observation, start), [0.5] + [0.0] * len(expected)
    )
    after = memory.after(start.hidden, jnp.asarray(sample))
    np.testing.assert_array_equal(memory.encode_input(observation, after), [0.5, *expected])


def test_nothing_is_remembered_of_an_ended_episode():
    memory = make_memory(Discrete(2), 4)
    full = jax.tree.map(jnp.ones_like, memory.start((3,)))
    after = forget_where_done(jnp.array([False, True, False]), full)
    np.testing.assert_array_equal(after.hidden.sum(axis=1), [4.0, 0.0, 4.0])
    np.testing.assert_array_equal(after.action.sum(axis=1), [2.0, 0.0, 2.0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory_size": -1}, "memory_size must not be negative, got -1"),
        ({"num_minibatches": 256}, "with memory, num_minibatches must divide num_envs = 128"),
    ],
)
def test_configurations_that_cannot_train_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        check(SMALL.replace(**changes))
