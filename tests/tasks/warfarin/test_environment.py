import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.policy import Policy
from hemosim_jax.evaluation.evaluate import rollouts
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.registry import protocols_of
from hemosim_jax.tasks.warfarin.environment import WarfarinDosing
from tests.tasks.warfarin.reference_courses import inr_differences


@pytest.mark.slow
@pytest.mark.parametrize("difficulty", ["medium", "hard"])
def test_fast_path_equals_the_full_vector_field(difficulty):
    env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty=difficulty)
    assert inr_differences(env, params, 1000).max() < 0.005


@pytest.mark.slow
def test_fast_path_of_hamberg_2007():
    env, params = hemosim_jax.make("WarfarinDosing-v0", model="hamberg2007")
    assert inr_differences(env, params, 100).max() < 0.01


@pytest.mark.parametrize(("hours", "bound"), [(6.0, 0.001), (72.0, 0.02), (168.0, 0.02)])
def test_fast_path_for_other_intervals(hours, bound):
    env, params = hemosim_jax.make("WarfarinDosing-v0", difficulty="hard")
    params = params.replace(decision_interval=jnp.float32(hours), horizon=jnp.float32(1e6))
    assert inr_differences(env, params, 16).max() < bound


def test_reward_is_equation_1():
    env, params = hemosim_jax.make(
        "WarfarinDosing-v0", model="hamberg2010", calibration="published"
    )
    _, state = env.reset(jax.random.key(0), params)
    baseline = float(state.patient.parameters.baseline_inr)

    def reward_at(inr, hours=24.0):
        depression = (inr - baseline) / 20.0
        drug = state.drug.replace(
            fast=(*state.drug.fast[:2], jnp.float32(depression)),
            slow=(*state.drug.slow[:2], jnp.float32(depression)),
        )
        there = state.replace(drug=drug, interval=jnp.float32(hours))
        return float(env.reward(there, params))

    for inr, expected in (
        (2.5, 0.5),
        (2.2, -0.3 + 0.5),
        (3.5, -1.0),
        (1.7, -0.8),
        (1.4, -1.1 - 5.0),
        (4.5, -2.0 - 10.0),
        (6.5, -4.0 - 10.0),
        (30.0, -9.5 - 10.0),  # what the assay does not report does not count
    ):
        assert reward_at(inr) == pytest.approx(expected, abs=1e-4), inr
    assert reward_at(4.5, hours=12.0) == pytest.approx(-6.0, abs=1e-4)


def test_the_reward_ranks_policies_as_a_clinician_would():
    """No constant dose, and nothing that ends quickly, earns more than a clinic."""
    env, params = hemosim_jax.make("WarfarinDosing-v0")
    named = protocols_of(env)
    constants = {
        f"{dose_mg:g} mg": Policy(
            f"{dose_mg:g} mg",
            lambda params: (),
            lambda key, carry, seen, dose_mg=dose_mg: (env.encode_action(dose_mg), carry),
        )
        for dose_mg in (2.0, 5.0, 15.0)
    }
    results = {
        name: rollouts(env, params, policy, held_out(3), 60)
        for name, policy in (
            {name: named[name] for name in ("eu_pact_control", "fixed_5mg", "random")} | constants
        ).items()
    }
    earned = {name: course.reward.sum(1).mean() for name, course in results.items()}
    in_range = {name: course.info["therapeutic"].mean() for name, course in results.items()}
    for clinic in ("eu_pact_control", "fixed_5mg"):
        for other in ("random", *constants):
            assert earned[clinic] > earned[other] + 100.0, (clinic, other)
            assert in_range[clinic] > in_range[other] + 0.1, (clinic, other)
    assert min(earned, key=earned.get) == "15 mg"


def test_observation_is_the_specified_one():
    env, params = hemosim_jax.make("WarfarinDosing-v0", measurement_error=False)
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


def test_what_is_observed_has_the_errors_of_the_assays(warfarin):
    env, params = warfarin.env, warfarin.params
    _, state = env.reset(jax.random.key(5), params)
    for day in range(10):
        _, state, *_, info = env.step(jax.random.key(day), state, jnp.array([0.15]), params)
    normals = jax.random.normal(jax.random.key(1), (3, 4000))

    def observed(errors):
        observation = env.observe(None, state.replace(errors=errors), None, params)
        return env.decode_observation(observation)

    seen = jax.vmap(observed)(tuple(normals))
    for name, cv in (("inr", 0.024), ("s_warfarin_mg_per_l", 0.06), ("r_warfarin_mg_per_l", 0.06)):
        ratio = np.asarray(getattr(seen, name)) / float(info[name])
        assert ratio.mean() == pytest.approx(1.0, abs=4 * cv / np.sqrt(4000)), name
        assert ratio.std() == pytest.approx(cv, rel=0.05), name


def test_ablations_leave_a_patient_as_he_is():
    env, params = hemosim_jax.make(
        "WarfarinDosing-v0", within_patient=False, measurement_error=False
    )
    _, state = env.reset(jax.random.key(0), params)
    courses = []
    for seed in (1, 2):
        now, seen = state, []
        for day in range(5):
            key = jax.random.fold_in(jax.random.key(seed), day)
            observation, now, *_ = env.step_env(key, now, jnp.array([0.4]), params)
            seen.append(observation)
        courses.append(np.stack(seen))
    np.testing.assert_array_equal(*courses)


def test_antidotes_lower_the_inr_and_cost():
    env, params = hemosim_jax.make("WarfarinDosing-v0", antidotes=True, within_patient=False)
    assert env.action_space(params).shape == (3,)
    _, state = env.reset(jax.random.key(3), params)
    for day in range(12):
        _, state, *_ = env.step(jax.random.key(day), state, env.encode_action(12.0), params)
    before = float(env.inr(state))
    assert before > 4.5
    after, reward = {}, {}
    for name, antidotes in (
        ("held", {}),
        ("vitamin K", {"vitamin_k_mg": 2.5}),
        ("concentrate", {"prothrombin_complex_u_per_kg": 35.0}),
    ):
        action = env.encode_action(0.0, **antidotes)
        _, later, *_, info = env.step(jax.random.key(99), state, action, params)
        after[name] = float(env.inr(later))
        reward[name] = float(info["reward_vitamin_k"] + info["reward_prothrombin_complex"])
    assert before > after["held"] > after["vitamin K"] > 1.0
    assert after["concentrate"] < after["held"]
    assert reward == {"held": 0.0, "vitamin K": -0.5, "concentrate": -20.0}
    with pytest.raises(ValueError, match="antidotes need the model factors, got 'hamberg2010'"):
        hemosim_jax.make("WarfarinDosing-v0", antidotes=True, model="hamberg2010")


def test_a_clinic_gives_vitamin_k_where_it_can():
    env, params = hemosim_jax.make("WarfarinDosing-v0", antidotes=True)
    course = rollouts(env, params, protocols_of(env)["iwpc_clinical"], held_out(3), 60)
    given = course.info["vitamin_k_mg"]
    assert set(np.unique(np.round(given, 3))) >= {0.0, 1.0}
    # It was ordered by what was seen then: the true INR a day before was about that.
    days = np.argwhere(given[:, 1:] > 0.0)
    before = course.info["inr"][:, :-1][tuple(days.T)]
    assert before.min() > 4.5 / 1.1
    assert not course.info["prothrombin_complex_u_per_kg"].any()


def test_genotype_matters():
    env, params = hemosim_jax.make("WarfarinDosing-v0", within_patient=False)
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
