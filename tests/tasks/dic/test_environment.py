import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_PT_S
from hemosim_jax.tasks.dic.blood import pt_s
from hemosim_jax.tasks.dic.metrics import OVERT, isth_score, metrics
from tests.conftest import Task

NOTHING = (0, 0, 0, 0)


@pytest.fixture(scope="module")
def task():
    return Task(*hemosim_jax.make("DICManagement-v0"))


@pytest.fixture(scope="module")
def courses(task):
    """300 patients for a week."""
    return task.follower(300, 42)


@pytest.fixture(scope="module")
def untreated(task, courses):
    return {tier: courses(NOTHING, task.env.tier(tier)) for tier in ("easy", "medium", "hard")}


def test_the_reward_is_equation_4(courses):
    info = courses((2, 1, 1, 2))
    score = info["isth_score"]
    improved = np.diff(score, axis=1) < 0
    failed, critical = info["organ_function"] < 0.15, info["platelets_1e9_per_l"] < 10.0
    hours = np.diff(info["hours"], axis=1, prepend=0.0)  # a death ends an interval
    running = -score - 5.0 * (info["bleeding"] > 0.5) - 3.0 * (info["platelets_1e9_per_l"] < 50.0)
    expected = (
        running * hours / 4.0
        - (0.1 * 2.0 + 0.1 * 2.0 + 0.05 * 5.0)
        - 20.0 * failed
        - 15.0 * critical
    )
    expected[:, 1:] += 2.0 * improved
    # A few die within an interval, and would be better at its end.
    within = info["died"] & ~(failed | critical)
    assert 0 < within.sum() < 0.01 * within.size
    assert (info["died"] | ~(failed | critical)).all()
    compared = ~within
    compared[:, 0] = False
    np.testing.assert_allclose(info["reward"][compared], expected[compared], atol=1e-4)
    assert improved.any()
    assert failed.any()


def test_untreated_tiers_are_overt_and_deadly_in_their_order(untreated):
    ever_overt = {t: (i["isth_score"].max(axis=1) >= OVERT).mean() for t, i in untreated.items()}
    assert ever_overt["easy"] < 0.3
    assert ever_overt["medium"] > 0.9
    assert ever_overt["hard"] > 0.9
    mortality = {}
    for tier, info in untreated.items():
        dead = np.cumsum(info["died"], axis=1)
        alive = dead - info["died"] == 0
        results = jax.vmap(lambda i, a: metrics(i, a, None))(info, jnp.asarray(alive))
        mortality[tier] = float(results["mortality_28_d_percent"].mean())
    # Published for overt DIC: 40 to 50 %. The standard error of 300 patients is 3 %.
    assert 15.0 < mortality["easy"] < 33.0
    assert 40.0 - 6.0 < mortality["medium"] < 50.0
    assert 50.0 < mortality["hard"] < 65.0
    assert 40.0 < 0.5 * (mortality["medium"] + mortality["hard"]) < 50.0 + 6.0


def test_untreated_courses_look_like_the_disease(untreated):
    hard = untreated["hard"]
    day = 5  # 24 h
    assert np.median(hard["platelets_1e9_per_l"][:, day]) < 100.0
    assert np.median(hard["fibrinogen_g_per_l"][:, day]) < 1.5
    assert np.median(hard["pt_s"][:, day]) > 1.5 * NORMAL_PT_S
    assert 2.0 < np.median(hard["d_dimer_mg_per_l"][:, day]) < 40.0
    assert np.median(hard["antithrombin"][:, day]) < 0.8
    assert np.median(untreated["easy"]["platelets_1e9_per_l"][:, day]) > 100.0


def test_heparin_needs_platelets_and_spares_them(courses, untreated):
    heparin = courses((0, 0, 0, 2))
    last = 20
    assert (
        heparin["platelets_1e9_per_l"][:, last].mean()
        > untreated["medium"]["platelets_1e9_per_l"][:, last].mean()
    )
    np.testing.assert_allclose(heparin["heparin_u_per_h"], 1000.0)


def test_observation_round_trip(task):
    _, state = task.reset(jax.random.split(jax.random.key(0), 4), task.params)
    state = jax.tree.map(lambda x: x[0], state)
    exact = task.params.replace(measurement_error=jnp.float32(0.0))
    seen = task.env.decode_observation(task.env.observe(None, state, None, exact))
    assert seen.score == pytest.approx(float(state.score), abs=1e-5)
    assert seen.platelets_1e9_per_l == pytest.approx(
        float(state.blood.platelets_1e9_per_l), rel=1e-5
    )
    assert seen.prolongation_s == pytest.approx(float(pt_s(state.blood)) - NORMAL_PT_S, abs=1e-4)


def test_the_score_seen_is_that_of_what_was_measured(task):
    _, states = task.reset(jax.random.split(jax.random.key(0), 2000), task.params)
    observe = jax.vmap(task.env.observe, in_axes=(None, 0, None, None))
    seen = task.env.decode_observation(observe(None, states, None, task.params).T)
    again = isth_score(
        seen.platelets_1e9_per_l,
        seen.d_dimer_mg_per_l,
        seen.prolongation_s,
        seen.fibrinogen_g_per_l,
    )
    assert np.mean(np.round(seen.score) == again) > 0.999  # but for rounding at a bound
    wrong = np.mean(np.round(seen.score) != states.score)
    assert 0.02 < wrong < 0.3
    ratio = np.asarray(seen.fibrinogen_g_per_l / states.blood.fibrinogen_g_per_l)
    assert np.std(ratio[np.asarray(states.blood.fibrinogen_g_per_l) > 0.4]) == pytest.approx(
        0.06, rel=0.1
    )


def test_actions_beyond_the_space_are_clipped(task):
    treatment = task.env.decode_action(jnp.array([99, -1, 5, 7]))
    assert treatment.products.platelets == 4.0
    assert treatment.products.plasma == 0.0
    assert treatment.products.cryoprecipitate == 10.0
    assert treatment.heparin_u_per_h == 1000.0


def test_the_full_cascade_consumes_alike(task):
    """The same patients for a day: near the reduced cascade, and ordered as by it."""
    env, params = hemosim_jax.make("DICManagement-v0", cascade="hockin_mann")
    keys = jax.random.split(jax.random.key(0), 8)

    def day(env):
        def one(key):
            _, state = env.reset_env(key, params)

            def step(state, key):
                _, state, _, _, info = env.step_env(key, state, jnp.array(NOTHING), params)
                return state, info

            return jax.lax.scan(step, state, jax.random.split(key, 6))[1]

        return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(keys))

    reduced, full = day(task.env), day(env)
    assert full["solver_ok"].all()
    for name in ("platelets_1e9_per_l", "fibrinogen_g_per_l", "pt_s"):
        ours, theirs = reduced[name][:, -1], full[name][:, -1]
        assert np.corrcoef(ours, theirs)[0, 1] > 0.9, name
        np.testing.assert_allclose(ours, theirs, rtol=0.4)
    with pytest.raises(ValueError, match="does not support transition gradients"):
        env.with_transition_gradients()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"cascade": "wajima"}, "cascade must be one of reduced, hockin_mann; got 'wajima'"),
        ({"difficulty": "mild"}, "difficulty must be one of"),
    ],
)
def test_wrong_options_are_named(option, message):
    with pytest.raises(ValueError, match=message):
        hemosim_jax.make("DICManagement-v0", **option)


@pytest.fixture(scope="module")
def ward():
    return Task(*hemosim_jax.make("DICManagement-POMDP-v0"))


def test_what_is_ordered_comes_back_as_it_was(ward):
    env, params = ward.env, ward.params
    _, state = env.reset(jax.random.key(3), params)
    true = env.true_values(state.task, params.task)
    order = env.encode_orders(env.encode_action(*NOTHING), antithrombin=True, aptt=True)
    assert order.shape == env.action_space(params).shape
    spent = 0.0
    for i in range(3):
        action = order if i == 0 else env.encode_orders(env.encode_action(*NOTHING))
        observation, state, _, *_, info = env.step(jax.random.key(i), state, action, params)
        spent += float(info["laboratory_cost_chf"])
    seen = env.decode_observation(observation)
    for name, age_h in (("antithrombin", seen.antithrombin_age_h), ("aptt_s", seen.aptt_age_h)):
        result = getattr(seen, name)
        assert result.known
        assert float(result.value) == pytest.approx(float(true[name]), rel=0.25)
        assert float(age_h) == pytest.approx(12.0, abs=1e-3)
    assert spent == pytest.approx(env.panel["antithrombin"].cost_chf + env.panel["aptt"].cost_chf)


def test_what_is_not_ordered_is_not_known(ward):
    observation, _ = ward.env.reset(jax.random.key(0), ward.params)
    seen = ward.env.decode_observation(observation)
    for result in (seen.antithrombin, seen.aptt_s):
        assert not result.known
        assert np.isnan(result.value)
    assert seen.platelets_1e9_per_l.known
    assert seen.platelets_1e9_per_l.value > 0.0


def test_gradients_flow_from_the_patient_to_the_reward(task):
    """Reverse mode, reset included: more of the plasma exposed, less fibrinogen after a step."""
    env = task.env.with_transition_gradients()
    patient = env.sample_patient(jax.random.key(0), task.params)

    def fibrinogen(exposed_per_h):
        parameters = patient.parameters.replace(exposed_per_h=exposed_per_h)
        _, state = env.reset_to(None, patient.replace(parameters=parameters), task.params)
        state = env.step_env(jax.random.key(1), state, jnp.array(NOTHING), task.params)[1]
        return state.blood.fibrinogen_g_per_l

    slope = jax.jit(jax.grad(fibrinogen))(jnp.asarray(0.035))
    assert jnp.isfinite(slope)
    assert slope < 0.0
