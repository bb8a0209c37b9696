"""What the two tasks with an ordered laboratory share."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.envs.heparin_infusion_pomdp import HeparinInfusionPOMDP

IDS = {
    "HeparinInfusion-POMDP-v0": "HeparinInfusion-v0",
    "WarfarinDosing-POMDP-v0": "WarfarinDosing-v0",
}


@pytest.fixture(scope="module", params=IDS)
def pair(request):
    """The task, the observed task beside it, and steps of ordering everything every time."""
    env, params = hemosim_jax.make(request.param)
    observed, its_params = hemosim_jax.make(IDS[request.param])
    return env, params, observed, its_params


def roll(env, params, actions, key=0):
    def one_step(state, row):
        action, key = row
        observation, state, reward, _, info = env.step_env(key, state, action, params)
        return state, (observation, reward, info)

    observation, state = env.reset_env(jax.random.key(key), params)
    keys = jax.random.split(jax.random.key(key + 1), len(actions))
    state, rows = jax.jit(lambda s, a, k: jax.lax.scan(one_step, s, (a, k)))(state, actions, keys)
    return observation, state, jax.tree.map(np.asarray, rows)


@pytest.mark.parametrize("interval", [0.1, 1.0, 3.0])
def test_every_order_comes_back_once(pair, interval):
    env, params, _, _ = pair
    hours = interval * params.decision_interval_h
    params = params.replace(decision_interval_h=hours)
    own = env.num_actions - len(env.panel)
    ordering = jnp.concatenate([jnp.full((60, own), 0.1), jnp.ones((60, len(env.panel)))], axis=1)
    waiting = jnp.full((100, env.num_actions), 0.1)
    _, _, (_, _, info) = roll(env, params, jnp.concatenate([ordering, waiting]))
    for name in env.panel:
        assert info[f"{name}_ordered"].sum() == info[f"{name}_results"].sum() > 5
        assert info[f"{name}_under_way"][-1] == 0
        assert not info[f"{name}_ordered"][60:].any()
    if interval >= 1.0:
        assert not info["order_refused"].any()


def test_the_result_is_of_the_time_of_the_order_not_of_its_arrival(pair):
    env, params, _, _ = pair
    name = next(iter(env.panel))
    exact = dict(env.panel) | {name: env.panel[name]._replace(analytical_cv=0.0)}
    env.panel, kept = exact, env.panel
    try:
        own = env.num_actions - len(env.panel)
        actions = jnp.zeros((4, env.num_actions)).at[:, 0].set(0.6).at[1, own].set(1.0)
        _, state, (_, _, info) = roll(env, params, actions)
        signal = info[env.readout.signal]
        known = state.laboratory.known[name]
        assert known.drawn_h == params.decision_interval_h
        assert known.value == pytest.approx(signal[0], rel=1e-5)  # before the second treatment
        assert abs(signal[1] - signal[0]) > 1e-3
    finally:
        env.panel = kept


def test_orders_cost_and_nothing_else_differs_from_the_observed_task(pair):
    env, params, observed, its_params = pair
    own = observed.num_actions
    patient = observed.sample_patient(jax.random.key(3), its_params)
    key = jax.random.key(1)
    _, state = env.reset_to(jax.random.key(0), patient, params)
    _, plain = observed.reset_to(None, patient, its_params)
    treatment = jnp.full(own, 0.3)
    for flags in (0.0, 1.0):
        action = jnp.concatenate([treatment, jnp.full(len(env.panel), flags)])
        _, _, reward, _, info = env.step_env(key, state, action, params)
        key_task, _ = jax.random.split(key)
        _, _, expected, _, its_info = observed.step_env(key_task, plain, treatment, its_params)
        cost = flags * sum(assay.cost_chf for assay in env.panel.values())
        assert info["laboratory_cost_chf"] == pytest.approx(cost)
        assert reward == pytest.approx(float(expected) - 0.004 * cost, abs=1e-4)
        for name, value in its_info.items():
            np.testing.assert_allclose(info[name], value, rtol=1e-5)


def test_results_of_admission_are_known_and_the_others_are_not(pair):
    env, params, _, _ = pair
    _, state = env.reset_env(jax.random.key(0), params)
    for name in env.panel:
        known = np.isfinite(state.laboratory.known[name].drawn_h)
        assert known == (name in env.on_admission)
        value, age = env.observed_result(state, name, (0.0, 1.0))
        if not known:
            assert (value, age) == (-1.0, 1.0)


def test_a_sample_drawn_at_the_very_start_replaces_the_result_of_admission():
    env, params = hemosim_jax.make("HeparinInfusion-POMDP-v0")
    actions = jnp.zeros((1, 5)).at[0, 2].set(1.0)
    first, state, (observations, _, info) = roll(env, params, actions)
    assert info["aptt_results"][0] == 1
    assert observations[0, 0] != first[0]  # another error
    known = state.laboratory.known["aptt"]
    assert known.arrives_h > 0.0


def test_the_hidden_state_stays_hidden():
    # Two patients who differ in what no laboratory was asked: the same observation.
    env, params = hemosim_jax.make("HeparinInfusion-POMDP-v0")
    _, state = env.reset_env(jax.random.key(0), params)
    course = state.patient.course.replace(log_renal=jnp.float32(-0.5), immunized=jnp.asarray(True))
    other = state.replace(
        patient=state.patient.replace(course=course),
        drug=state.drug.replace(anti_xa_u_per_ml=state.drug.anti_xa_u_per_ml + 0.5),
    )
    np.testing.assert_array_equal(
        env.observe(None, state, None, params), env.observe(None, other, None, params)
    )


def test_ages_grow_and_the_heparin_observation_is_the_specified_one():
    env, params = hemosim_jax.make("HeparinInfusion-POMDP-v0")
    actions = jnp.zeros((3, 5)).at[:, 0].set(0.5).at[1, 2].set(1.0)
    first, _, (observations, _, info) = roll(env, params, actions)
    assert first.shape == (10,)
    seen = [env.decode_observation(o) for o in (first, *observations)]
    assert [float(s.aptt_age_h) for s in seen] == pytest.approx([0.0, 6.0, 6.0, 12.0])
    assert [float(s.anti_xa_age_h) for s in seen] == pytest.approx([48.0] * 4)
    assert [float(s.hours) for s in seen] == pytest.approx([0.0, 6.0, 12.0, 18.0])
    assert seen[0].aptt_s == pytest.approx(30.0, abs=15.0)
    assert seen[2].aptt_s == pytest.approx(info["aptt_s"][0], rel=5 * 0.04)
    assert not any(s.aptt_under_way for s in seen)
    soon = params.replace(decision_interval_h=jnp.float32(0.1))
    _, _, (observations, _, _) = roll(env, soon, actions)
    assert [bool(env.decode_observation(o).aptt_under_way) for o in observations] == [
        False,
        True,
        True,
    ]


def test_slots_must_be_positive():
    with pytest.raises(ValueError, match="slots must be at least 1, got 0"):
        HeparinInfusionPOMDP(slots=0)
    assert (
        len(HeparinInfusionPOMDP(slots=2).reset(jax.random.key(0))[1].laboratory.in_flight["aptt"])
        == 2
    )
