import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.tasks.dic.expected_rewards import DICExpectedRewards

COPIES = 4000


@pytest.fixture(scope="module")
def fates():
    """One patient's untreated week: total reward and death of each copy; the week in expectation.

    Nothing differs between the copies but when they die.
    """
    env, params = hemosim_jax.make("DICManagement-v1", difficulty="hard")
    patient = env.sample_patient(jax.random.key(8), params)
    until = jax.random.exponential(jax.random.key(1), (COPIES,))
    keys = jax.random.split(jax.random.key(2), int(params.max_steps_in_episode))
    expecting = DICExpectedRewards("hard")
    params = params.replace(discount=jnp.float32(1.0))

    def week(env, patient):
        state = env.initial_state(patient, params)

        def step(state, key):
            _, state, reward, terminated, info = env.step_env(key, state, jnp.zeros(4, int), params)
            return state, (reward, terminated, info["discount"], info["risk_28_d"])

        return jax.lax.scan(step, state, keys)[1]

    @jax.jit
    @jax.vmap
    def lived(until_death):
        reward, terminated, *_ = week(env, patient.replace(until_death=until_death))
        alive = jnp.cumsum(terminated) - terminated == 0
        return jnp.sum(jnp.where(alive, reward, 0.0)), jnp.any(terminated)

    return lived(until), jax.jit(week, static_argnums=0)(expecting, patient)


def test_the_sum_is_that_of_the_task_in_expectation(fates):
    (total, died), (reward, terminated, discount, _) = fates
    assert not terminated.any()
    assert 0.05 < float(died.mean()) < 0.95
    goes_on = np.cumprod(np.append(1.0, discount[:-1]))
    error = 4.0 * float(total.std()) / np.sqrt(COPIES)
    assert float(np.sum(goes_on * reward)) == pytest.approx(float(total.mean()), abs=error)


def test_discounts_are_the_chances_of_going_on(fates):
    (_, died), (_, _, discount, risk) = fates
    assert discount[-1] == 0.0
    assert np.all((discount[:-1] > 0.0) & (discount[:-1] <= 1.0))
    # The last interval's hazard is not in a discount: its share is small.
    survived = float(np.prod(discount[:-1]))
    assert survived == pytest.approx(1.0 - float(died.mean()), abs=0.05)
    assert np.all(risk < 1.0)


def test_what_is_seen_is_what_the_task_shows():
    env, params = hemosim_jax.make("DICManagement-v1", difficulty="medium")
    expecting = DICExpectedRewards("medium")
    key, action = jax.random.key(3), jnp.array([1, 0, 0, 1])

    def seen(env):
        observation, state = env.reset(key, params)
        return observation, env.step_env(key, state, action, params)[0]

    for plain, expected in zip(
        jax.jit(seen, static_argnums=0)(env),
        jax.jit(seen, static_argnums=0)(expecting),
        strict=True,
    ):
        np.testing.assert_array_equal(plain, expected)
