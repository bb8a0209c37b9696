import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.discrete_actions import DiscreteActions
from hemosim_jax.core.policy import Policy
from hemosim_jax.learning import dqn


@pytest.fixture(scope="module")
def pair():
    env, params = hemosim_jax.make("DICManagement-v0", difficulty="easy")
    return env, DiscreteActions(env), params


def test_every_combination_is_one_choice(pair):
    env, discrete, params = pair
    assert discrete.action_space(params).n == 4 * 4 * 3 * 3
    choices = jnp.arange(144)
    split = jax.vmap(discrete.split)(choices)
    assert len({tuple(row.tolist()) for row in split}) == 144
    np.testing.assert_array_equal(jax.vmap(discrete.join)(split), choices)
    assert jax.vmap(env.action_space(params).contains)(split).all()


def test_a_choice_does_what_its_combination_does(pair):
    env, discrete, _ = pair
    treatments = (
        env.decode_action(discrete.split(jnp.int32(77))),
        discrete.decode_action(jnp.int32(77)),
    )
    for one, other in zip(*map(jax.tree.leaves, treatments), strict=True):
        np.testing.assert_array_equal(one, other)
    beyond = discrete.decode_action(jnp.int32(10_000))
    last = discrete.decode_action(jnp.int32(143))
    assert jax.tree.leaves(beyond) == jax.tree.leaves(last)


def test_a_q_network_can_choose(pair):
    env, discrete, params = pair
    with pytest.raises(ValueError, match="DQN needs a Discrete action space"):
        dqn.make_learner(env, params, dqn.DQNConfig())
    learner = dqn.make_learner(discrete, params, dqn.DQNConfig(num_envs=4, buffer_steps=8))
    assert jax.eval_shape(learner.init, jax.random.key(0)).observation.shape == (4, 8)
    chooses = Policy("q", lambda params: (), lambda key, carry, seen: (jnp.int32(5), carry))
    action, _ = discrete.policy_of_task(chooses).act(jax.random.key(0), (), jnp.zeros(8))
    assert env.action_space(params).contains(action)


def test_numbers_are_refused():
    with pytest.raises(ValueError, match="WarfarinDosing-v0: its actions are numbers, not choices"):
        DiscreteActions(hemosim_jax.make("WarfarinDosing-v0")[0])
