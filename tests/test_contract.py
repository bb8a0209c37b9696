"""What every registered environment must do; a new id is covered by being registered."""

import copy

import chex
import gymnax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.spaces import Box
from tests.conftest import Task

PATIENTS = 8


@pytest.fixture(scope="module", params=hemosim_jax.TASKS)
def task(request):
    return Task(*hemosim_jax.make(request.param))


def keys(seed, count=PATIENTS):
    return jax.random.split(jax.random.key(seed), count)


def random_actions(task, seed, count=PATIENTS):
    return jax.vmap(task.env.action_space(task.params).sample)(keys(seed, count))


def avals(tree):
    return jax.tree.map(lambda x: (x.shape, x.dtype, x.weak_type), jax.eval_shape(lambda: tree))


def equal(a, b):
    return all(
        np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


def close(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-5)


def test_known_to_gymnax(task):
    env, params = gymnax.make(task.env.name)
    assert type(env) is type(task.env)
    chex.assert_trees_all_equal(params, task.params)


def test_whole_random_episodes_stay_finite_and_in_the_space(task):
    space = task.env.observation_space(task.params)
    observation, state = task.reset(keys(0), task.params)
    names = None
    for step in range(int(task.params.max_steps_in_episode) + 5):
        observation, state, reward, *_, info = task.step(
            keys(step + 1), state, random_actions(task, step), task.params
        )
        assert jax.vmap(space.contains)(observation).all()
        assert jax.vmap(space.contains)(info["final_observation"]).all()
        assert np.isfinite(reward).all()
        assert info["solver_ok"].all()
        for name, value in info.items():
            assert np.isfinite(value).all(), name
        assert names in (None, set(info))
        names = set(info)
        assert {"therapeutic", "cost", "discount", "terminated", "truncated"} <= names
    assert (np.asarray(state.time) <= task.params.max_steps_in_episode).all()


@pytest.mark.parametrize("terminated", [False, True])
@pytest.mark.parametrize("truncated", [False, True])
def test_flags(task, terminated, truncated):
    env = copy.copy(task.env)
    env.is_terminated = lambda state, params: jnp.asarray(terminated)
    interval = task.params.decision_interval
    params = task.params.replace(horizon=interval * (1.0 if truncated else 99.0))
    key, action = jax.random.key(1), random_actions(task, 0)[0]
    _, state = env.reset(jax.random.key(0), params)
    observation, after, _, was_terminated, was_truncated, info = env.step(
        key, state, action, params
    )
    assert (bool(was_terminated), bool(was_truncated)) == (terminated, truncated)
    assert bool(info["terminated"]) == terminated
    assert bool(info["truncated"]) == truncated
    assert int(after.time) == (0 if terminated or truncated else 1)
    key_step, _ = jax.random.split(key)
    led_to = env.step_env(key_step, state, action, params)[0]
    np.testing.assert_allclose(info["final_observation"], led_to, atol=1e-6)
    continues = not (terminated or truncated)
    assert np.allclose(observation, led_to, atol=1e-6) == continues


def test_reset_and_step_states_have_equal_avals(task, strict):
    env, params = task.env, task.params
    observation, state = env.reset_env(jax.random.key(0), params)
    action = env.action_space(params).sample(jax.random.key(1))
    stepped = env.step_env(jax.random.key(2), state, action, params)
    assert avals(stepped[1]) == avals(state)
    assert avals(stepped[0]) == avals(observation)


def test_a_second_call_and_other_values_do_not_retrace(task):
    chex.clear_trace_counter()  # it counts by name: the tasks share `step_env`
    step = jax.jit(chex.assert_max_traces(task.env.step_env, n=1))
    _, state = task.env.reset(jax.random.key(0), task.params)
    for seed in range(3):
        params = task.params.replace(decision_interval=jnp.float32(24.0 + seed))
        action = random_actions(task, seed)[0]
        _, state, *_ = step(jax.random.key(seed), state, action, params)


def test_vmap_equals_loop_and_jit_equals_no_jit(task):
    _, state = task.reset(keys(0), task.params)
    actions, step_keys = random_actions(task, 1), keys(2)
    batched = task.step_env(step_keys, state, actions, task.params)
    single = jax.jit(task.env.step_env)
    for index in range(2):
        row = jax.tree.map(lambda x: x[index], (step_keys, state, actions))  # noqa: B023
        alone = single(*row, task.params)
        close(alone, jax.tree.map(lambda x: x[index], batched))  # noqa: B023
    with jax.disable_jit():
        close(task.env.step_env(*row, task.params), alone)


def test_params_can_be_vmapped(task):
    doubled = 2.0 * task.params.decision_interval
    other = task.params.replace(decision_interval=doubled)
    stacked = jax.tree.map(lambda *x: jnp.stack(x), task.params, other)
    run = jax.vmap(task.env.step_env, in_axes=(None, None, None, 0))
    _, state = task.env.reset(jax.random.key(0), task.params)
    results = run(jax.random.key(1), state, random_actions(task, 0)[0], stacked)
    for index, params in enumerate((task.params, other)):
        alone = task.env.step_env(jax.random.key(1), state, random_actions(task, 0)[0], params)
        close(jax.tree.map(lambda x: x[index], results), alone)  # noqa: B023
    assert not equal(results[0][0], results[0][1])


def test_typed_and_legacy_keys_agree(task):
    typed = task.env.reset(jax.random.key(3), task.params)
    legacy = task.env.reset(jax.random.PRNGKey(3), task.params)
    assert equal(typed, legacy)


def test_equal_keys_equal_patients_other_keys_others(task):
    first, second, third = (task.sample(keys(seed), task.params) for seed in (0, 0, 1))
    assert equal(first, second)
    assert not equal(first, third)


def test_reset_to_starts_with_the_patient_given(task):
    patient = jax.tree.map(lambda x: x[0], task.sample(keys(4), task.params))
    observation, state = task.env.reset_to(jax.random.key(0), patient, task.params)
    assert task.env.observation_space(task.params).contains(observation)
    assert equal(state.patient, patient)


def test_observation_decodes_and_describes(task):
    observation, state = task.env.reset(jax.random.key(0), task.params)
    decoded = task.env.decode_observation(observation)
    assert decoded._fields == tuple(field.name for field in task.env.observation_fields.fields)
    for field, value in zip(task.env.observation_fields.fields, decoded, strict=True):
        if field.can_be_missing:
            assert np.isfinite(value.value) == value.known
        else:
            assert np.isfinite(value)
        kinds = {"flag": "b", "count": "i", "category": "i", "number": "f"}
        number = value.value if field.can_be_missing else value
        assert number.dtype.kind == kinds[field.kind]
    assert all(isinstance(name, str) for name in task.task.describe(state.patient))


def is_continuous(task):
    return isinstance(task.env.action_space(task.params), Box)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_action_that_is_no_number_is_no_treatment_and_flagged(task, bad):
    if not is_continuous(task):
        pytest.skip("an integer is always a number")
    _, state = task.env.reset(jax.random.key(0), task.params)
    shape = task.env.action_space(task.params).shape
    step = jax.jit(task.env.step_env)
    nothing = step(jax.random.key(1), state, jnp.zeros(shape), task.params)
    broken = step(jax.random.key(1), state, jnp.full(shape, bad), task.params)
    assert not broken[4]["valid_action"]
    assert nothing[4]["valid_action"]
    assert equal(broken[1].drug, nothing[1].drug)


def test_an_action_of_the_wrong_shape_is_an_error(task):
    _, state = task.env.reset(jax.random.key(0), task.params)
    with pytest.raises(ValueError, match="action has shape"):
        task.env.step(jax.random.key(1), state, jnp.zeros((3, 2)), task.params)


def test_transition_gradients(task):
    if not is_continuous(task):
        pytest.skip("there is no gradient with respect to an integer")
    env = task.env.with_transition_gradients()
    _, state = env.reset(jax.random.key(0), task.params)
    action = jnp.full(env.action_space(task.params).shape, 0.3)

    def final_signal(action, env):
        current = state
        for _ in range(3):
            _, current, *_ = env.step_env(jax.random.key(1), current, action, task.params)
        return env.info(current, task.params)[task.task.display.signals[0].name]

    slope = jax.grad(final_signal)(action, env)
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() > 0.0
    assert np.abs(jax.grad(final_signal)(action, task.env)).max() == 0.0  # cut by default


def test_float64_works():
    with jax.enable_x64():
        for env_id in hemosim_jax.TASKS:
            env, params = hemosim_jax.make(env_id)
            observation, state = env.reset(jax.random.key(0), params)
            action = env.action_space(params).sample(jax.random.key(1))
            stepped = env.step(jax.random.key(2), state, action, params)
            floats = [
                x for x in jax.tree.leaves((observation, state, stepped)) if x.dtype.kind == "f"
            ]
            assert {x.dtype for x in floats} == {jnp.dtype(jnp.float64)}


def test_unknown_ids_and_options_are_named():
    with pytest.raises(KeyError, match="unknown environment 'Nothing-v0'; registered: Warfarin"):
        hemosim_jax.make("Nothing-v0")
    with pytest.raises(ValueError, match="difficulty must be one of easy, medium, hard; got 'x'"):
        hemosim_jax.make("WarfarinDosing-v0", difficulty="x")
    with pytest.raises(ValueError, match="difficulty must be one of easy, medium, hard; got 'x'"):
        hemosim_jax.make("HeparinInfusion-v0")[0].tier("x")
    with pytest.raises(
        ValueError, match="WarfarinDosing-v0 has no option 'tier'; it has difficulty"
    ):
        hemosim_jax.make("WarfarinDosing-v0", tier="easy")
