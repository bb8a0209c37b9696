"""The bridge for code that wants gymnax's five values of before 1.0."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.interop.five_values import FiveValueEnv


@pytest.mark.parametrize(
    "env_id", ["WarfarinDosing-v0", "HeparinInfusion-Discrete-v0", "WarfarinDosing-POMDP-v0"]
)
def test_five_values_and_a_deep_copy(env_id):
    env = FiveValueEnv(hemosim_jax.make(env_id)[0])
    twin = copy.deepcopy(env)
    params = env.default_params
    observation, state = env.reset(jax.random.key(0), params)
    action = env.action_space(params).sample(jax.random.key(1))
    values = [one.step(jax.random.key(2), state, action, params) for one in (env, twin)]
    assert len(values[0]) == 5
    for a, b in zip(*map(jax.tree.leaves, values), strict=True):
        np.testing.assert_array_equal(a, b)
    assert env.observation_space(params).contains(observation)


def test_done_is_either_end_and_info_tells_them_apart():
    env = FiveValueEnv(hemosim_jax.make("HeparinInfusion-v0")[0])
    params = env.default_params.replace(horizon=jnp.float32(6.0))
    _, state = env.reset(jax.random.key(0), params)
    *_, done, info = env.step(jax.random.key(1), state, jnp.array([0.3, 0.0]), params)
    assert done
    assert info["truncated"]
    assert not info["terminated"]
    assert info["discount"] == pytest.approx(0.99)


@pytest.mark.slow
def test_rejax_learns_with_it():
    rejax = pytest.importorskip("rejax")
    env = FiveValueEnv(hemosim_jax.make("WarfarinDosing-v0", difficulty="easy")[0])
    ppo = rejax.PPO.create(
        env=env,
        env_params=env.default_params,
        num_envs=256,
        num_steps=45,
        num_epochs=4,
        num_minibatches=8,
        learning_rate=1e-3,
        total_timesteps=256 * 45 * 40,
        eval_freq=256 * 45 * 20,
        normalize_observations=True,
    )
    _, (_, returns) = jax.jit(ppo.train)(jax.random.key(0))
    mean = np.asarray(returns).mean(axis=1)
    assert mean[-1] > mean[0] + 100.0
