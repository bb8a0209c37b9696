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
    return Task(*hemosim_jax.make("DICManagement-v1"))


@pytest.fixture(scope="module")
def courses(task):
    """300 patients for a week."""
    return task.follower(300, 42)


@pytest.fixture(scope="module")
def untreated(task, courses):
    return {tier: courses(NOTHING, task.env.tier(tier)) for tier in ("easy", "medium", "hard")}


def alive_in(info):
    died = info["died"]
    return np.cumsum(died, axis=1) - died == 0


def test_the_reward_is_the_outcome(courses):
    """Over an episode the death term is what has become of the risk, whatever was between."""
    info = courses((2, 1, 1, 2))
    alive = alive_in(info)
    assert info["died"].any()
    risk = info["risk_28_d"]
    paid = np.where(alive, info["reward_death"], 0.0)
    last = alive.sum(axis=1) - 1
    end = risk[np.arange(len(risk)), last]
    start = risk[:, 0] + paid[:, 0] / 100.0
    np.testing.assert_allclose(paid.sum(axis=1), -100.0 * (end - start), atol=1e-2)
    assert np.all(end[np.where(alive, info["died"], False).any(axis=1)] == 1.0)
    hours = np.diff(info["hours"], axis=1, prepend=0.0)
    severe = np.where(alive, -0.5 * info["severe_bleeding"] * hours / 4.0, 0.0)
    np.testing.assert_allclose(
        np.where(alive, info["reward_severe_bleeding"], 0.0), severe, atol=1e-5
    )
    np.testing.assert_allclose(info["reward_platelet_units"][:, 0], -0.02)
    assert np.all(info["reward_heparin"][:, 0] < 0.0)


def test_by_equation_4_the_reward_is_that_of_the_paper():
    by_score = Task(*hemosim_jax.make("DICManagement-v1", reward="equation4"))
    assert by_score.env.name == "DICManagement-v0"
    info = by_score.follower(300, 42)((2, 1, 1, 2))
    score = info["isth_score"]
    improved = np.diff(score, axis=1) < 0
    organs, platelets = info["organ_function"] < 0.15, info["platelets_1e9_per_l"] < 10.0
    failed = organs | info["died"]
    hours = np.diff(info["hours"], axis=1, prepend=0.0)  # an end shortens an interval
    running = -score - 5.0 * (info["bleeding"] > 0.5) - 3.0 * (info["platelets_1e9_per_l"] < 50.0)
    expected = (
        running * hours / 4.0
        - (0.1 * 2.0 + 0.1 * 2.0 + 0.05 * 5.0)
        - 20.0 * failed
        - 15.0 * platelets
    )
    expected[:, 1:] += 2.0 * improved
    # After an end the follower goes on, and risks are of who is dead: compared until then.
    compared = np.cumsum(failed | platelets, axis=1) - (failed | platelets) == 0
    compared[:, 0] = False
    np.testing.assert_allclose(info["reward"][compared], expected[compared], atol=1e-3)
    assert improved.any()
    assert failed.any()


def test_untreated_tiers_are_overt_and_deadly_in_their_order(untreated):
    overt, mortality = {}, {}
    for tier, info in untreated.items():
        alive = alive_in(info)
        results = jax.vmap(lambda i, a: metrics(i, a, None))(info, jnp.asarray(alive))
        mortality[tier] = float(results["mortality_28_d_percent"].mean())
        overt[tier] = (np.where(alive, info["isth_score"], 0).max(axis=1) >= OVERT).mean()
    assert overt["easy"] < 0.5 < 0.7 < overt["medium"] < overt["hard"]
    # Treated patients' published: 9 to 22 % without overt DIC, 40 to 48 with. Nobody is here.
    assert 14.0 < mortality["easy"] < 32.0
    assert 30.0 < mortality["medium"] < 50.0
    assert 45.0 < mortality["hard"] < 65.0


def test_death_is_likelier_the_higher_the_score(untreated):
    """In the weeks after: published 9 to 12 % without DIC, above 40 in overt sepsis."""
    info = {k: np.concatenate([untreated[t][k] for t in untreated]) for k in untreated["easy"]}
    score, risk = info["isth_score"][:, 0], info["risk_28_d"][:, 0]
    by_score = [risk[score == s].mean() for s in (3, 5, 6)]
    assert by_score[0] < by_score[1] < by_score[2]
    assert np.corrcoef(score, risk)[0, 1] > 0.3


def test_untreated_courses_look_like_the_disease(untreated):
    """Sepsis at 24 h: published medians lie within these (`benchmarks.dic_causes`)."""
    day = 5
    medium, easy = untreated["medium"], untreated["easy"]
    septic = (medium["cause"][:, day] == 0) & alive_in(medium)[:, day]

    def median(info, name, chosen=slice(None)):
        return np.median(info[name][:, day][chosen])

    assert 36.0 < median(medium, "platelets_1e9_per_l", septic) < 100.0
    assert 2.8 < median(medium, "fibrinogen_g_per_l", septic) < 6.3
    assert 0.35 < median(medium, "antithrombin", septic) < 0.65
    assert 1.3 < median(medium, "pt_s", septic) / NORMAL_PT_S < 1.8
    assert 4.0 < median(medium, "d_dimer_mg_per_l", septic) < 20.0
    assert 118.0 - 10.0 < median(easy, "platelets_1e9_per_l") < 251.0
    assert 0.44 < median(easy, "antithrombin") < 0.75
    assert 3.5 < median(easy, "fibrinogen_g_per_l") < 6.3


def test_patients_are_no_straight_lines(courses):
    """Under constant treatment: what a line through a week of each patient's logs leaves."""
    info = courses((0, 0, 0, 1))
    hours = np.arange(42)
    for name in ("platelets_1e9_per_l", "fibrinogen_g_per_l"):
        logs = np.log(info[name]).T
        fitted = np.polynomial.polynomial.polyfit(hours, logs, 1)
        left = logs - np.polynomial.polynomial.polyval(hours, fitted).T
        assert np.median(left.std(axis=0)) > 0.04, name


def test_heparin_spares_platelets(courses, untreated):
    heparin = courses((0, 0, 0, 2))
    last = 20
    assert (
        heparin["platelets_1e9_per_l"][:, last].mean()
        > untreated["medium"]["platelets_1e9_per_l"][:, last].mean()
    )
    np.testing.assert_allclose(heparin["heparin_u_per_h"], 1000.0)


def test_other_treatments_are_an_option():
    env, params = hemosim_jax.make("DICManagement-v1", treatments="all")
    assert env.action_space(params).sizes == (4, 4, 3, 3, 3, 3, 3, 2, 2)
    action = env.encode_action(1, 0, 0, 0, fibrinogen_g=2, antithrombin_u=1, tranexamic_acid_g=1)
    decoded = env.decode_action(action)
    assert decoded.products.platelets == 1.0
    assert decoded.products.fibrinogen == 4.0
    assert decoded.products.antithrombin == 3.0  # vials of 500 U
    assert decoded.tranexamic_acid_g == 1.0
    _, state = env.reset(jax.random.key(0), params)
    step = jax.jit(env.step_env)
    _, after, reward, *_ = step(jax.random.key(1), state, action, params)
    assert after.blood.tranexamic_mg_per_l > 1.0
    assert after.blood.fibrinogen_g_per_l > state.blood.fibrinogen_g_per_l + 0.5
    assert jnp.isfinite(reward)


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


@pytest.mark.long
def test_the_full_cascade_consumes_alike(task):
    """The same patients for half a day: the network stands for it."""
    env, params = hemosim_jax.make("DICManagement-v1", cascade="hockin_mann")
    keys = jax.random.split(jax.random.key(0), 4)

    def half_day(env):
        def one(key):
            _, state = env.reset_env(key, params)

            def step(state, key):
                _, state, _, _, info = env.step_env(key, state, jnp.array(NOTHING), params)
                return state, info

            return jax.lax.scan(step, state, jax.random.split(key, 3))[1]

        return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(keys))

    network, full = half_day(task.env), half_day(env)
    assert full["solver_ok"].all()
    for name in ("platelets_1e9_per_l", "fibrinogen_g_per_l", "antithrombin", "pt_s"):
        np.testing.assert_allclose(network[name], full[name], rtol=0.04, err_msg=name)
    with pytest.raises(ValueError, match="does not support transition gradients"):
        env.with_transition_gradients()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"cascade": "wajima"}, "cascade must be one of network, hockin_mann; got 'wajima'"),
        ({"reward": "score"}, "reward must be one of outcome, equation4; got 'score'"),
        ({"treatments": "none"}, "treatments must be one of usual, all; got 'none'"),
        ({"difficulty": "mild"}, "difficulty must be one of"),
    ],
)
def test_wrong_options_are_named(option, message):
    with pytest.raises(ValueError, match=message):
        hemosim_jax.make("DICManagement-v1", **option)


@pytest.fixture(scope="module")
def ward():
    return Task(*hemosim_jax.make("DICManagement-POMDP-v1"))


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

    slope = jax.jit(jax.grad(fibrinogen))(jnp.asarray(0.04))
    assert jnp.isfinite(slope)
    assert slope < 0.0
