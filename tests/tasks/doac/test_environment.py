import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.hazards import thresholds
from hemosim_jax.core.random_draws import uniform_vector
from hemosim_jax.tasks.doac import disturbances, drugs
from hemosim_jax.tasks.doac.expected_rewards import DOACExpectedRewards
from hemosim_jax.tasks.doac.fields import NO_DRUG
from tests.conftest import Task

RIVAROXABAN, DABIGATRAN, APIXABAN, EDOXABAN = range(4)
LOW, STANDARD, HIGH = range(3)


@pytest.fixture(scope="module")
def task():
    return Task(*hemosim_jax.make("DOACManagement-v0"))


@pytest.fixture(scope="module")
def courses(task):
    """2,000 patients for a year."""
    return task.follower(2000, 12)


@pytest.fixture(scope="module")
def on_apixaban(courses):
    return courses((APIXABAN, STANDARD))


def test_the_reward_is_equation_3(courses):
    info = courses((DABIGATRAN, HIGH))
    months = np.diff(info["days"], axis=1, prepend=0.0) / 30.0  # an end ends its month
    expected = months - 20.0 * info["stroke"] - 10.0 * info["major_bleed"]
    going_on = ~(info["stroke"] | info["fatal"])
    np.testing.assert_allclose(months[going_on], 1.0, rtol=1e-5)
    np.testing.assert_allclose(info["reward"], expected, atol=1e-4)
    assert info["stroke"].any()
    assert info["major_bleed"].any()
    assert not info["appropriate"].any()


def test_events_come_as_often_as_they_are_expected(on_apixaban):
    for event, expected in (
        ("stroke", "expected_ischemic_strokes"),
        ("major_bleed", "expected_bleeds"),
    ):
        number = float(on_apixaban[expected].sum())
        number += 0.0 if event == "major_bleed" else 0.5 * on_apixaban["intracranial"].sum()
        assert on_apixaban[event].sum() == pytest.approx(number, abs=4.0 * np.sqrt(number))


def test_the_dose_drives_exposure_and_events(courses, on_apixaban):
    low, high = (courses((APIXABAN, level)) for level in (LOW, HIGH))
    means = [info["exposure"][:, 1:].mean() for info in (low, on_apixaban, high)]
    assert means[1] / means[0] == pytest.approx(1.93, rel=0.02)  # twice the dose, a little less
    assert means[2] > 1.7 * means[1]
    # The same patients and chance events: only the exposure differs.
    assert low["expected_ischemic_strokes"].sum() > on_apixaban["expected_ischemic_strokes"].sum()
    assert low["major_bleed"].sum() < on_apixaban["major_bleed"].sum() < high["major_bleed"].sum()


def test_a_switch_costs_once_and_the_first_choice_nothing(task):
    _, state = task.env.reset(jax.random.key(0), task.params)
    assert int(state.drug) == NO_DRUG
    step = jax.jit(task.env.step_env)
    switched = []
    for drug in (APIXABAN, APIXABAN, RIVAROXABAN, RIVAROXABAN):
        action = task.env.encode_action(drug, STANDARD)
        _, state, *_, info = step(jax.random.key(1), state, action, task.params)
        switched.append(bool(info["switched"]))
    assert switched == [False, False, True, False]


def test_it_ends_with_a_stroke_or_a_fatal_bleed_only(task):
    often = task.params.coefficients.replace(stroke_scale=30.0, bleeding_scale=jnp.float32(30.0))
    params = task.params.replace(coefficients=often)
    keys = jax.random.split(jax.random.key(0), 2000)
    _, states = jax.vmap(task.env.reset, in_axes=(0, None))(keys, params)
    action = task.env.encode_action(APIXABAN, STANDARD)
    step = jax.jit(jax.vmap(task.env.step_env, in_axes=(0, 0, None, None)))
    _, after, _, terminated, info = step(keys, states, action, params)
    np.testing.assert_array_equal(terminated, info["stroke"] | info["fatal"])
    assert (info["major_bleed"] & ~terminated).any()
    assert info["stroke"].any()
    assert info["fatal"].any()
    # The last interval ends with the event, the others last a month.
    np.testing.assert_allclose(after.interval[~terminated], 720.0)
    assert after.interval[terminated].max() < 720.0
    np.testing.assert_array_equal(info["discount"] == 0.0, terminated)


def test_the_observation_says_what_is_so(task, courses):
    exact = task.params.replace(measurement_error=jnp.float32(0.0))
    info = courses((APIXABAN, STANDARD), exact)
    seen = task.env.decode_observation(jnp.asarray(info["observation"].reshape(-1, 8).T))
    last = {name: value.reshape(-1) for name, value in info.items() if value.ndim == 2}
    np.testing.assert_allclose(seen.cha2ds2_vasc, last["cha2ds2_vasc"], atol=1e-4)
    np.testing.assert_allclose(seen.has_bled, last["has_bled"], atol=1e-4)
    np.testing.assert_allclose(seen.days, last["days"], rtol=1e-5)
    assert np.all(seen.drug == APIXABAN)
    kidneys = last["creatinine_clearance_ml_per_min"]
    np.testing.assert_allclose(seen.creatinine_clearance_ml_per_min, kidneys, rtol=1e-4)
    within = np.abs(last["concentration_ng_per_ml"] - 255.0) < 245.0
    assert within.mean() > 0.99
    level = last["concentration_ng_per_ml"]
    np.testing.assert_allclose(seen.concentration_ng_per_ml[within], level[within], atol=0.01)


def test_what_is_measured_has_the_assays_errors(task, on_apixaban):
    seen = task.env.decode_observation(jnp.asarray(on_apixaban["observation"].reshape(-1, 8).T))
    for name, cv in (
        ("concentration_ng_per_ml", 0.06),
        ("creatinine_clearance_ml_per_min", 0.054),
    ):
        true, found = on_apixaban[name].reshape(-1), np.asarray(getattr(seen, name))
        inside = (true > 30.0) & (true < 100.0)
        ratio = found[inside] / true[inside]
        assert np.mean(ratio) == pytest.approx(1.0, abs=0.002), name
        assert np.std(ratio) == pytest.approx(cv, rel=0.05), name


@pytest.mark.parametrize("drug", range(3), ids=drugs.DRUGS[:3])
def test_troughs_vary_as_measured(task, courses, drug):
    """At visits in one patient: 18 to 33 % (Toorop et al. 2022), 37 % (Testa et al. 2016)."""
    stable = task.env.tier("easy").replace(within_patient=task.params.within_patient)
    info = courses((drug, STANDARD), stable)
    visits = info["observation"][:, 2:, 0]
    cv = visits.std(axis=1, ddof=1) / visits.mean(axis=1)
    assert 0.18 < np.sqrt(np.mean(cv**2)) < 0.37
    still = courses((drug, STANDARD), stable.replace(within_patient=jnp.float32(0.0)))
    exact = still["concentration_ng_per_ml"][:, 2:]
    assert np.median(exact.std(axis=1) / exact.mean(axis=1)) < 0.01


def test_tiers(task, courses):
    easy, medium, hard = (
        courses((APIXABAN, STANDARD), task.env.tier(tier)) for tier in ("easy", "medium", "hard")
    )

    def kept(info):
        clearance = info["creatinine_clearance_ml_per_min"]
        return np.median(clearance[:, -1] / clearance[:, 0])

    assert kept(easy) == pytest.approx(1.0, abs=1e-6)
    assert kept(hard) < kept(medium) < 0.97
    for info in (easy, medium):
        assert not info["interaction"].any()
        assert not info["held_h"].any()
    assert (hard["interaction"] == 1).any()
    assert (hard["interaction"] == 2).any()
    held = hard["held_h"] > 0.0
    assert 0.02 < held.mean() < 0.06
    assert hard["exposure"][held].mean() < 0.95 * hard["exposure"][~held].mean()


def test_edoxaban_is_an_option():
    env, params = hemosim_jax.make("DOACManagement-v0", edoxaban=True)
    assert env.action_space(params).sizes == (4, 3)
    observation, state = env.reset(jax.random.key(0), params)
    action = env.encode_action(EDOXABAN, STANDARD)
    observation, state, *_, info = env.step_env(jax.random.key(1), state, action, params)
    assert float(info["daily_dose_mg"]) == 60.0
    assert 1.0 < float(info["mean_concentration_ng_per_ml"]) < 400.0
    assert float(env.decode_observation(observation).drug) == EDOXABAN
    assert set(hemosim_jax.protocols_of(env)) >= {"edoxaban_60", "edoxaban_30", "guideline"}


def test_the_current_drug_one_hot():
    env, params = hemosim_jax.make("DOACManagement-v0", one_hot=True)
    observation, state = env.reset(jax.random.key(0), params)
    assert observation.shape == env.observation_space(params).shape == (11,)
    assert observation[7:].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert float(env.decode_observation(observation).drug) == NO_DRUG
    step = jax.jit(env.step_env)
    for drug in range(3):
        action = env.encode_action(drug, STANDARD)
        observation, *_ = step(jax.random.key(1), state, action, params)
        assert observation[7:].tolist() == [0.0, *(float(drug == i) for i in range(3))]
        assert float(env.decode_observation(observation).drug) == drug


def test_the_american_label_has_another_low_dose_of_dabigatran():
    env, params = hemosim_jax.make("DOACManagement-v0", label="US")
    _, state = env.reset(jax.random.key(0), params)
    action = env.encode_action(DABIGATRAN, LOW)
    _, _, *_, info = env.step_env(jax.random.key(1), state, action, params)
    assert float(info["daily_dose_mg"]) == 150.0
    with pytest.raises(ValueError, match="label must be one of EU, US; got 'UK'"):
        hemosim_jax.make("DOACManagement-v0", label="UK")


def test_every_level_is_another_dose():
    for doses in drugs.doses_mg("EU") + drugs.doses_mg("US"):
        assert sorted(set(doses)) == list(doses)


def test_actions_beyond_the_space_are_clipped(task):
    treatment = task.env.decode_action(jnp.array([-3, 7]))
    assert (int(treatment.drug), int(treatment.level)) == (RIVAROXABAN, HIGH)


def test_another_population_can_be_given(task):
    women = task.params.patients.replace(female=jnp.float32(1.0))
    params = task.params.replace(patients=women)
    patients = jax.vmap(task.env.sample_patient, in_axes=(0, None))(
        jax.random.split(jax.random.key(0), 50), params
    )
    assert not patients.covariates.male.any()


def test_expected_rewards_are_the_means_of_the_drawn_ones(task):
    """From one state: reward, and the chance of going on, against many draws."""
    env = DOACExpectedRewards()
    params = env.default_params
    risks = params.coefficients
    often = params.replace(
        prescribed=jnp.float32(0.0),
        discount=jnp.float32(1.0),
        coefficients=risks.replace(stroke_scale=30.0, bleeding_scale=jnp.float32(20.0)),
    )
    often = often.replace(within_patient=jnp.float32(0.0))
    _, state = task.env.reset(jax.random.key(0), often.task)
    keys = jax.random.split(jax.random.key(1), 40_000)
    action = jnp.array([RIVAROXABAN, STANDARD])

    def outcome(env, params):
        def step(key):
            fate, key = jax.random.split(key)
            until = thresholds(uniform_vector(fate, disturbances.N_THRESHOLDS))
            own = state.replace(disturbances=state.disturbances.replace(until=until))
            return env.step_env(key, own, action, params)

        _, _, reward, terminated, info = jax.jit(jax.vmap(step))(keys)
        return np.asarray(reward), np.asarray(terminated), info

    reward, terminated, _ = outcome(task.env, often.task)
    expected, never, info = outcome(env, often)
    assert not never.any()
    assert not info["stroke"].any()
    assert not info["fatal"].any()
    assert expected.std() < 1e-4
    assert terminated.mean() > 0.02
    error = 4.0 * float(reward.std()) / 200.0
    assert expected[0] == pytest.approx(float(reward.mean()), abs=error)
    continuation = float(info["discount"][0])
    error = 4.0 * float(np.sqrt(continuation * (1.0 - continuation))) / 200.0
    assert continuation == pytest.approx(1.0 - float(terminated.mean()), abs=error)


def test_patients_may_come_with_a_prescription():
    env = DOACExpectedRewards()
    params = env.default_params.replace(prescribed=jnp.float32(0.0))
    reset = jax.vmap(env.reset, in_axes=(0, None))
    keys = jax.random.split(jax.random.key(0), 4000)
    assert (reset(keys, params)[1].drug == NO_DRUG).all()
    _, state = reset(keys, params.replace(prescribed=jnp.float32(0.6)))
    shares = np.bincount(np.asarray(state.drug) + 1, minlength=4) / 4000
    np.testing.assert_allclose(shares, [0.4, 0.2, 0.2, 0.2], atol=0.03)
