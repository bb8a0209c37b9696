import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.learning.dqn import DQNConfig, greedy_policy, make_learner, make_train
from tests.learning.toy import Toy

SMALL = DQNConfig(
    total_steps=16 * 32 * 40,
    num_envs=16,
    steps_per_update=32,
    buffer_steps=128,
    minibatch_size=64,
    hidden_sizes=(32,),
)


def test_learns():
    env = Toy("discrete")
    state, metrics = jax.jit(make_train(env, env.default_params, SMALL))(jax.random.key(0))
    returns = metrics["episode_return"]
    assert returns[-5:].mean() > returns[:5].mean() + 1.0
    policy = greedy_policy(state.weights, SMALL, 2)
    shown = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    actions = jax.vmap(lambda o: policy.act(jax.random.key(0), (), o)[0])(shown)
    np.testing.assert_array_equal(actions, shown[:, 0])
    assert actions.dtype == jnp.int32


def test_values_are_those_of_an_endless_task():
    # Toy never terminates before its clock: a truncation must be bootstrapped, so the value of
    # acting right (reward 0) is 0 and the loss settles; rewards are scaled, zero stays zero.
    env = Toy("discrete")
    state, metrics = jax.jit(make_train(env, env.default_params, SMALL))(jax.random.key(1))
    assert metrics["value_loss"][-1] < 0.1 * metrics["value_loss"][:5].max()
    assert np.allclose(state.buffer.discount, SMALL.discount)
    assert metrics["episode_length"][-1] == 4.0


def test_a_task_may_know_the_discount_of_a_step():
    class Uncertain(Toy):
        def step_env(self, key, state, action, params):
            *seen, _ = super().step_env(key, state, action, params)
            return *seen, {"discount": jnp.asarray(0.25)}

    env = Uncertain("discrete")
    learner = make_learner(env, env.default_params, SMALL)
    state, _ = jax.jit(learner.update)(jax.jit(learner.init)(jax.random.key(0)))
    assert (np.asarray(state.buffer.discount[:32]) == 0.25).all()


def test_the_buffer_holds_where_a_step_led_not_the_next_episode():
    env = Toy("discrete")
    learner = make_learner(env, env.default_params, SMALL)
    state, _ = jax.jit(learner.update)(jax.jit(learner.init)(jax.random.key(0)))
    buffer = jax.tree.map(np.asarray, state.buffer)
    same = (buffer.next_observation[:-1] == buffer.observation[1:]).all(axis=-1)[:31]
    inside = np.arange(31) % 4 != 3  # the fourth step ends every episode
    assert same[inside].all()
    assert not same[~inside].all()


def test_the_same_key_gives_the_same_weights_and_seeds_vmap():
    env = Toy("discrete")
    short = SMALL.replace(total_steps=2 * 16 * 32)
    train = jax.jit(jax.vmap(make_train(env, env.default_params, short)))
    keys = jax.random.split(jax.random.key(0), 2)
    first, second = train(keys)[0], train(keys)[0]
    for a, b in zip(jax.tree.leaves(first.weights), jax.tree.leaves(second.weights), strict=True):
        np.testing.assert_array_equal(a, b)
    leaf = jax.tree.leaves(first.weights)[-1]
    assert not np.array_equal(leaf[0], leaf[1])


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("box", {}, "needs a Discrete action space"),
        ("discrete", {"num_envs": 0}, "num_envs must be at least 1, got 0"),
        ("discrete", {"buffer_steps": 0}, "buffer_steps must be at least 1, got 0"),
    ],
)
def test_what_cannot_train_is_refused(kind, changes, message):
    env = Toy(kind)
    with pytest.raises(ValueError, match=message):
        make_learner(env, env.default_params, SMALL.replace(**changes))
