import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.tasks.warfarin.environment import WarfarinDosing
from tests.tasks.warfarin.reference_courses import inr_differences


@pytest.mark.slow
@pytest.mark.parametrize("difficulty", ["medium", "hard"])
def test_fast_path_equals_the_full_vector_field(difficulty):
    env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty=difficulty)
    assert inr_differences(env, params, 1000).max() < 0.01


@pytest.mark.slow
def test_fast_path_of_hamberg_2007():
    env, params = hemosim_jax.make("WarfarinDosing-v0", model="hamberg2007")
    assert inr_differences(env, params, 100).max() < 0.01


@pytest.mark.parametrize("hours", [6.0, 72.0, 168.0])
def test_fast_path_for_other_intervals(hours):
    env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty="hard")
    params = params.replace(decision_interval=jnp.float32(hours), horizon=jnp.float32(1e6))
    assert inr_differences(env, params, 16).max() < 0.01


def test_reward_is_equation_1(warfarin):
    env, params = warfarin.env, warfarin.params
    _, state = env.reset(jax.random.key(0), params)
    baseline = float(state.patient.parameters.baseline_inr)

    def reward_at(inr, hours=24.0):
        depression = (inr - baseline) / 20.0
        drug = state.drug.replace(
            fast=(*state.drug.fast[:2], jnp.float32(depression)),
            slow=(*state.drug.slow[:2], jnp.float32(depression)),
        )
        reached = {"high": jnp.asarray(inr > 6.0), "low": jnp.asarray(inr < 1.0)}
        there = state.replace(drug=drug, interval=jnp.float32(hours), terminated=reached)
        return float(env.reward(there, params))

    for inr, expected in (
        (2.5, 0.5),
        (2.2, -0.3 + 0.5),
        (3.5, -1.0),
        (1.7, -0.8),
        (1.4, -1.1 - 5.0),
        (4.5, -2.0 - 10.0),
        (6.5, -4.0 - 10.0 - 20.0),
        (0.9, -1.6 - 5.0 - 10.0),
    ):
        assert reward_at(inr) == pytest.approx(expected, abs=1e-4), inr
    assert reward_at(4.5, hours=12.0) == pytest.approx(-6.0, abs=1e-4)
    assert reward_at(6.5, hours=12.0) == pytest.approx(-7.0 - 20.0, abs=1e-4)


def test_observation_is_the_specified_one(warfarin):
    env, params = warfarin.env, warfarin.params
    _, state = env.reset(jax.random.key(5), params)
    for day in range(4):
        observation, state, *_, info = env.step_env(
            jax.random.key(day), state, jnp.array([0.5]), params
        )
    seen = env.decode_observation(observation)
    covariates = state.patient.covariates
    assert observation.shape == (8,)
    np.testing.assert_allclose(seen.inr, info["inr"], rtol=1e-5)
    np.testing.assert_allclose(seen.s_warfarin_mg_per_l, info["s_warfarin_mg_per_l"], rtol=1e-5)
    np.testing.assert_allclose(seen.r_warfarin_mg_per_l, info["r_warfarin_mg_per_l"], rtol=1e-5)
    np.testing.assert_allclose(seen.age_y, covariates.age_y, rtol=1e-5)
    np.testing.assert_allclose(seen.weight_kg, covariates.weight_kg, rtol=1e-5)
    assert (seen.cyp2c9, seen.vkorc1) == (covariates.cyp2c9, covariates.vkorc1)
    np.testing.assert_allclose(seen.day, 4.0, rtol=1e-5)
    np.testing.assert_allclose(info["dose_taken_mg"], 7.5)


def test_overdose_ends_just_those_it_must(warfarin):
    # 15 mg a day: whose closed-form dose for INR 6 is well below that ends, well above does not.
    _, state = warfarin.reset(jax.random.split(jax.random.key(0), 64), warfarin.params)
    fatal_mg = warfarin.env.model.steady_state_dose_mg_per_day(state.patient.parameters, 6.0)
    for action, dose_mg in ((1.0, 15.0), (0.0, 0.0)):
        current, ended = state, np.zeros(64, bool)
        for day in range(60):
            keys = jax.random.split(jax.random.key(day), 64)
            actions = jnp.full((64, 1), action)
            _, current, _, terminated, _ = warfarin.step_env(
                keys, current, actions, warfarin.params
            )
            ended |= np.asarray(terminated)
        assert ended[fatal_mg < 0.8 * dose_mg].all()
        assert not ended[fatal_mg > 1.2 * dose_mg].any()
    assert 5 < np.sum(fatal_mg < 0.8 * 15.0) < 59


def test_genotype_matters(warfarin):
    env, params = warfarin.env, warfarin.params
    one = lambda cyp2c9, vkorc1: params.replace(  # noqa: E731
        patients=params.patients.replace(
            cyp2c9=tuple(jnp.float32(i == cyp2c9) for i in range(6)),
            vkorc1=tuple(jnp.float32(i == vkorc1) for i in range(3)),
            variability=jnp.float32(0.0),
        )
    )

    def inr_on_5mg(population):
        _, state = env.reset(jax.random.key(0), population)
        step = jax.jit(env.step_env)
        for _ in range(30):
            _, state, *_, info = step(jax.random.key(1), state, jnp.array([1 / 3]), population)
        return float(info["inr"])

    inr = [inr_on_5mg(one(*genotype)) for genotype in ((0, 0), (0, 1), (0, 2), (2, 2), (5, 2))]
    assert np.all(np.diff(inr) > 0.2)


def test_tiers():
    sampled = {}
    for difficulty in ("easy", "medium", "hard"):
        env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty=difficulty)
        keys = jax.random.split(jax.random.key(0), 4000)
        sampled[difficulty] = jax.jit(jax.vmap(env.sample_patient, in_axes=(0, None)))(keys, params)
    easy, medium, hard = sampled.values()
    assert not easy.covariates.cyp2c9.any()
    assert not easy.covariates.vkorc1.any()
    assert not easy.covariates.amiodarone.any()
    assert np.unique(medium.covariates.cyp2c9).size == 6
    assert np.isinf(medium.traits.amiodarone_start_h).all()
    assert not medium.traits.missed_dose_probability.any()
    starts = np.isfinite(hard.traits.amiodarone_start_h)
    assert starts.mean() == pytest.approx(0.3 * (1 - 0.062), abs=0.03)
    assert not (starts & np.asarray(hard.covariates.amiodarone)).any()
    missed = np.asarray(hard.traits.missed_dose_probability)
    assert (missed >= 0.05).all()
    assert (missed <= 0.20).all()
    spread = lambda patients: np.std(np.log(patients.parameters.ec50_mg_per_l))  # noqa: E731
    assert spread(easy) < spread(medium)


def test_tiers_can_be_stacked():
    env = WarfarinDosing()
    tiers = [env.tier(name) for name in ("easy", "medium", "hard")]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *tiers)
    key = jax.random.key(3)
    batched, _ = jax.vmap(env.reset, in_axes=(None, 0))(key, stacked)
    for row, params in zip(batched, tiers, strict=True):
        np.testing.assert_allclose(row, env.reset(key, params)[0], rtol=1e-5)


@pytest.mark.parametrize(
    ("option", "value"),
    [("ancestry", "Martian"), ("calibration", "mine"), ("model", "hamberg1999")],
)
def test_wrong_options_are_named(option, value):
    with pytest.raises(ValueError, match=f"{option} must be one of .*got '{value}'"):
        WarfarinDosing(**{option: value})
