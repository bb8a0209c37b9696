"""The same treatment is worth the same, however often it is decided."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.tasks.heparin import model


@pytest.fixture(scope="module")
def easy():
    return exact("easy")


def exact(difficulty):
    """Nothing varies within a patient, so that a constant rate is a steady state."""
    return hemosim_jax.make(
        "HeparinInfusion-v0", difficulty=difficulty, within_patient=False, measurement_error=False
    )


def settled(env, params, patients=64):
    """Patients at the steady state of a constant rate, and the action that keeps it."""
    keys = jax.random.split(jax.random.key(0), patients)
    _, state = jax.vmap(env.reset_env, in_axes=(0, None))(keys, params)
    rate = 18.0 * state.patient.covariates.weight_kg
    level = jax.vmap(model.steady_state_anti_xa)(
        rate, state.patient.parameters, state.patient.covariates.renal_function
    )
    per_level = 1.0 + model.ANTITHROMBIN_CONSUMPTION_ML_PER_U * level
    drug = state.drug.replace(
        anti_xa_u_per_ml=level,
        antithrombin=state.patient.parameters.baseline_antithrombin / per_level,
    )
    actions = jax.vmap(env.encode_action)(rate, jnp.zeros(patients, bool))
    return state.replace(drug=drug), actions


def follow(env, params, state, actions, steps):
    def one_patient(state, action):
        def one_step(state, key):
            _, state, reward, terminated, info = env.step_env(key, state, action, params)
            return state, (reward, terminated, info)

        return jax.lax.scan(one_step, state, jax.random.split(jax.random.key(1), steps))

    return jax.jit(jax.vmap(one_patient))(state, actions)


def test_a_steady_state_is_worth_the_same_per_hour(easy):
    env, params = easy
    state, actions = settled(env, params)
    per_hour = []
    for interval_h in (1.0, 2.0, 4.0, 6.0):
        own = params.replace(decision_interval=jnp.float32(interval_h), horizon=jnp.float32(1e6))
        _, (reward, _, _) = follow(env, own, state, actions, round(24.0 / interval_h))
        per_hour.append(np.asarray(reward, np.float64).sum(1) / 24.0)
    for other in per_hour[1:]:
        np.testing.assert_allclose(other, per_hour[0], rtol=1e-4, atol=1e-5)


def test_the_clock_runs_on_with_the_horizon(easy):
    env, params = easy
    params = params.replace(horizon=jnp.float32(180.0))
    assert int(params.max_steps_in_episode) == 30
    state, actions = settled(env, params, 4)
    state, _ = follow(env, params, state, actions, 30)
    observation = jax.vmap(lambda s: env.observe(None, s, None, params))(state)
    assert jax.vmap(env.observation_space(params).contains)(observation).all()
    hours = jax.vmap(env.decode_observation)(observation).hours
    np.testing.assert_allclose(hours, 180.0, rtol=1e-6)
    assert jax.vmap(env.is_truncated, in_axes=(0, None))(state, params).all()


def test_the_last_interval_is_the_one_that_reaches_the_horizon(easy):
    env, params = easy
    params = params.replace(decision_interval=jnp.float32(50.0))
    assert int(params.max_steps_in_episode) == 3
    state, actions = settled(env, params, 4)
    state, (reward, _, info) = follow(env, params, state, actions, 3)
    np.testing.assert_allclose(info["hours"][0], [50.0, 100.0, 150.0])
    np.testing.assert_allclose(reward[:, 2], reward[:, 1], rtol=2e-3)
    assert jax.vmap(env.is_truncated, in_axes=(0, None))(state, params).all()


def test_the_discount_is_that_of_the_duration(easy):
    env, params = easy
    state, actions = settled(env, params, 2)
    for interval_h in (3.0, 6.0, 12.0):
        own = params.replace(decision_interval=jnp.float32(interval_h))
        _, (_, _, info) = follow(env, own, state, actions, 1)
        np.testing.assert_allclose(info["discount"], 0.99 ** (interval_h / 6.0), rtol=1e-6)


def test_an_overdose_ends_the_episode_when_it_reaches_the_threshold(easy):
    """Decided once in 12 h or every quarter of an hour: the end comes at the same time."""
    env, params = easy
    state, _ = settled(env, params)
    actions = jnp.tile(jnp.array([1.0, 0.0]), (64, 1))  # 2,500 U/h
    ends = {}
    for interval_h, steps in ((12.0, 1), (0.25, 48)):
        own = params.replace(decision_interval=jnp.float32(interval_h))
        _, (_, terminated, info) = follow(env, own, state, actions, steps)
        first = np.argmax(terminated, axis=1)
        at_h = np.asarray(info["hours"])[np.arange(64), first]
        ends[interval_h] = np.where(terminated.any(axis=1), at_h, np.nan)
    rarely, often = ends.values()
    np.testing.assert_array_equal(np.isnan(rarely), np.isnan(often))
    both = ~np.isnan(often)
    assert both.sum() > 20
    assert (often[both] < 6.0).any()
    assert np.abs(rarely - often)[both].mean() < 2.0
    assert (rarely[both] < 12.0).all()


def test_an_aptt_soon_after_a_bolus_does_not_end_the_episode(easy):
    env, params = easy
    params = params.replace(decision_interval=jnp.float32(0.5))
    state, _ = settled(env, params, 8)
    bolus = jnp.tile(jnp.array([0.3, 1.0]), (8, 1))
    _, (_, terminated, info) = follow(env, params, state, bolus, 1)
    assert (info["aptt_s"] > 150.0).all()
    assert not terminated.any()


def test_the_end_after_a_bolus_does_not_depend_on_the_interval():
    # The aPTT is first judged six hours after the bolus, and falls from then on. At intervals that
    # end later than that it is interpolated, which at eight hours ends a few too many.
    env, params = exact("medium")
    patients = 2000
    keys = jax.random.split(jax.random.key(3), patients)
    _, state = jax.vmap(env.reset_env, in_axes=(0, None))(keys, params)
    weight_kg = state.patient.covariates.weight_kg
    rate = 18.0 * weight_kg
    ended = {}
    for interval_h in (3.0, 4.0, 6.0, 8.0):
        own = params.replace(
            decision_interval=jnp.float32(interval_h),
            terminal_aptt_s=jnp.float32(120.0),
            horizon=jnp.float32(1e6),
        )

        def day(state, rate, own=own, interval_h=interval_h):
            def one_step(carry, n):
                state, over = carry
                action = env.encode_action(rate, n == 0)
                _, state, _, terminated, _ = env.step_env(jax.random.key(1), state, action, own)
                return (state, over | terminated), None

            steps = jnp.arange(round(24.0 / interval_h))
            return jax.lax.scan(one_step, (state, jnp.zeros((), bool)), steps)[0][1]

        ended[interval_h] = np.asarray(jax.jit(jax.vmap(day))(state, rate))
    assert 0.01 < ended[6.0].mean() < 0.3
    for interval_h, bound in ((3.0, 0.004), (4.0, 0.004), (8.0, 0.03)):
        assert (ended[interval_h] != ended[6.0]).mean() < bound
