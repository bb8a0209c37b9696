"""The public contract (`hemosim_jax.testing`) on every environment, and what holds for all."""

import jax
import jax.numpy as jnp
import pytest

import hemosim_jax
from hemosim_jax import testing
from hemosim_jax.core.spaces import Box
from hemosim_jax.registry import FOLDERS

# `-v0` of DIC are the environments of `-v1` with another reward, which the task's tests look at.
ENVIRONMENTS = [name for name in hemosim_jax.TASKS if not name.startswith("DIC") or "v1" in name]


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def checked(request):
    env, params = hemosim_jax.make(request.param)
    return testing.Checked(env, params, hemosim_jax.task_of(request.param))


@pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
def test_contract(checked, check):
    check(checked)


def test_nothing_is_promoted_implicitly(checked, strict):
    testing.check_avals(checked)


def test_the_registry_names_every_id():
    for folder, ids in FOLDERS.items():
        assert ids == tuple(hemosim_jax.task_of(ids[0]).variants), folder


def step_once(env, params):
    observation, state = env.reset(jax.random.key(0), params)
    action = env.action_space(params).sample(jax.random.key(1))
    return observation, state, env.step(jax.random.key(2), state, action, params)


def test_everything_is_float64_where_that_is_asked_for():
    with jax.enable_x64():
        for env_id in hemosim_jax.TASKS:
            env, params = hemosim_jax.make(env_id)
            shapes = jax.tree.leaves(jax.eval_shape(lambda p, e=env: step_once(e, p), params))
            assert {x.dtype for x in shapes if x.dtype.kind == "f"} == {jnp.dtype(jnp.float64)}
        for value in jax.tree.leaves(step_once(*hemosim_jax.make("WarfarinDosing-v0"))[2][:3]):
            assert not jnp.isnan(value).any()


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


@pytest.mark.parametrize("env_id", hemosim_jax.TASKS)
def test_variation_and_error_can_be_switched_off(env_id):
    """Then a patient to whom nothing happens takes one course, whatever the chance."""
    env, params = hemosim_jax.make(env_id, difficulty="easy")
    _, still = hemosim_jax.make(
        env_id, difficulty="easy", within_patient=False, measurement_error=False
    )
    assert float(still.within_patient) == float(still.measurement_error) == 0.0
    space = env.action_space(params)
    action = jnp.full(space.shape, 0.3 if isinstance(space, Box) else 0, space.dtype)

    @jax.jit
    def course(key, params):
        _, start = env.reset(jax.random.key(3), params)

        def step(state, key):
            observation, state, *_, info = env.step_env(key, state, action, params)
            return state, (observation, info)

        return jax.tree.leaves(jax.lax.scan(step, start, jax.random.split(key, 3))[1])

    keys = jax.random.key(0), jax.random.key(1)
    assert all(map(jnp.array_equal, *(course(key, still) for key in keys)))
    assert not all(map(jnp.array_equal, *(course(key, params) for key in keys)))
