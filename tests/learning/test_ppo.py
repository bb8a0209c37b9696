import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.learning.config import PAPER, PRESETS, PPOConfig, check
from hemosim_jax.learning.ppo import agent_policy, make_learner, make_train
from tests.learning.toy import Toy

SMALL = PPOConfig(
    learning_rate=3e-3,
    total_steps=64 * 8 * 30,
    num_envs=64,
    rollout_steps=8,
    num_minibatches=4,
    hidden_sizes=(32,),
)


@pytest.mark.parametrize("kind", ["box", "discrete", "multi"])
def test_learns_in_every_action_space(kind):
    env = Toy(kind)
    state, metrics = jax.jit(make_train(env, env.default_params, SMALL))(jax.random.key(0))
    returns = metrics["episode_return"]
    assert returns[0] < -2.0
    # Acting by its mode: guesses right. (Sampling keeps some noise in the training return.)
    policy = agent_policy(env, env.default_params, state.agent, SMALL)
    shown = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    start = policy.init(env.default_params)
    act = jax.vmap(lambda o: policy.act(jax.random.key(0), start, o)[0])
    expected = {
        "box": 2.0 + shown,
        "discrete": shown[:, 0],
        "multi": shown * jnp.array([2, 1]),
    }[kind]
    np.testing.assert_allclose(act(shown), expected, atol=0.15 if kind == "box" else 0)
    assert returns[-5:].mean() > returns[:5].mean() + 1.0


def test_episode_metrics_are_those_of_the_episodes():
    env = Toy("box")
    params = env.default_params.replace(fatal=-1.0)  # every step is the last
    learner = make_learner(env, params, SMALL)
    _, metrics = jax.jit(learner.update)(jax.jit(learner.init)(jax.random.key(0)))
    assert metrics["episodes"] == SMALL.batch_size
    assert metrics["episode_length"] == 1.0
    learner = make_learner(env, env.default_params.replace(fatal=1e9), SMALL)
    _, metrics = jax.jit(learner.update)(jax.jit(learner.init)(jax.random.key(0)))
    assert metrics["episode_length"] == 4.0
    assert metrics["episodes"] == SMALL.batch_size / 4


def test_seeds_and_numeric_hyperparameters_can_be_vmapped():
    env = Toy("discrete")
    short = SMALL.replace(total_steps=2 * SMALL.batch_size)
    keys = jax.random.split(jax.random.key(0), 3)
    _, by_seed = jax.jit(jax.vmap(make_train(env, env.default_params, short)))(keys)
    assert by_seed["policy_loss"].shape == (3, 2)
    assert np.unique(by_seed["value_loss"][:, 0]).size == 3

    rates = jnp.array([0.0, 1e-2])
    configs = jax.tree.map(lambda x: jnp.full(2, x), short).replace(learning_rate=rates)
    train = lambda config: make_train(env, env.default_params, config)(keys[0])  # noqa: E731
    states, _ = jax.jit(jax.vmap(train))(configs)
    first = jax.tree.leaves(
        make_learner(env, env.default_params, short).init(keys[0]).agent.weights.actor
    )
    last = jax.tree.leaves(states.agent.weights.actor)
    assert all(np.array_equal(a, b[0]) for a, b in zip(first, last, strict=True))
    assert not all(np.array_equal(a, b[1]) for a, b in zip(first, last, strict=True))


def test_float64_works():
    env, short = Toy("box"), SMALL.replace(total_steps=2 * SMALL.batch_size)
    with jax.enable_x64():
        state, _ = jax.jit(make_train(env, env.default_params, short))(jax.random.key(0))
        weights = jax.tree.leaves(state.agent.weights.actor)
        assert {x.dtype for x in weights} == {jnp.dtype(jnp.float64)}


def test_the_same_key_gives_the_same_weights():
    env = Toy("box")
    short = SMALL.replace(total_steps=2 * SMALL.batch_size)
    train = jax.jit(make_train(env, env.default_params, short))
    first, second = train(jax.random.key(7))[0], train(jax.random.key(7))[0]
    for a, b in zip(jax.tree.leaves(first.agent), jax.tree.leaves(second.agent), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_entropy_bonus_may_fade():
    env = Toy("discrete")
    noisy = SMALL.replace(entropy_coefficient=3.0)

    def last_entropy(config):
        _, metrics = jax.jit(make_train(env, env.default_params, config))(jax.random.key(0))
        return metrics["entropy"][-1]

    assert last_entropy(noisy) > 0.5
    assert last_entropy(noisy.replace(anneal_entropy=True)) < 0.25


def test_presets():
    assert (PAPER.batch_size, PAPER.batch_size // PAPER.num_minibatches) == (2048, 64)
    assert (PAPER.total_steps, PAPER.num_epochs, PAPER.hidden_sizes) == (500_000, 10, (64, 64))
    for preset in PRESETS.values():
        check(preset)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("num_minibatches", 7, "must divide num_envs"),
        ("num_envs", 0, "at least 1"),
        ("learning_rate", -1.0, "must be positive"),
        ("learning_rate", float("nan"), "must be positive"),
        ("discount", 1.5, "must lie in 0..1"),
        ("entropy_coefficient", -0.1, "must not be negative"),
        ("hidden_sizes", (), "must be positive"),
    ],
)
def test_configurations_that_cannot_train_are_refused(field, value, message):
    with pytest.raises(ValueError, match=f"{field} .*{message}|{message}.*got"):
        check(SMALL.replace(**{field: value}))
