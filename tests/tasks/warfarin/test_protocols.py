import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.evaluation.evaluate import rollouts
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.registry import protocols_of
from hemosim_jax.tasks.warfarin import algorithms, protocols
from hemosim_jax.tasks.warfarin.population import sample_cohort


@pytest.fixture(scope="module")
def followed(warfarin):
    """Courses of a few patients under every protocol."""
    env, params = warfarin.env, warfarin.params
    return {
        name: rollouts(env, params, policy, held_out(1), 6)
        for name, policy in protocols_of(env).items()
    }


def test_every_id_has_protocols():
    for env_id in hemosim_jax.TASKS:
        env, _ = hemosim_jax.make(env_id)
        assert "random" in protocols_of(env)


def test_every_protocol_does_better_than_chance(followed):
    chance = followed["random"].reward.sum(1).mean()
    for name, course in followed.items():
        if name != "random":
            assert course.reward.sum(1).mean() > chance + 20.0, name


def test_titrated_5mg_reads_its_table(followed):
    course = followed["fixed_5mg"]
    dose, inr = course.info["dose_ordered_mg"], 12.0 * course.next_observation[..., 0]  # as seen
    np.testing.assert_allclose(dose[:, :3], 5.0, rtol=1e-5)
    table = [(0.0, 1.5, 10.0), (1.5, 2.0, 7.5), (2.0, 3.0, 5.0), (3.0, 4.0, 2.5), (4.0, 5.0, 1.0)]
    for low, high, expected in table:
        seen = (inr[:, 2:-1] > low + 1e-3) & (inr[:, 2:-1] < high - 1e-3)
        np.testing.assert_allclose(dose[:, 3:][seen], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("iwpc_pharmacogenetic", algorithms.iwpc_pharmacogenetic),
        ("iwpc_clinical", algorithms.iwpc_clinical),
        ("gage_pharmacogenetic", algorithms.gage_pharmacogenetic),
        ("label_table", algorithms.label_table),
    ],
)
def test_an_algorithm_doses_for_a_week(warfarin, followed, name, algorithm):
    env, params = warfarin.env, warfarin.params
    dose = followed[name].info["dose_ordered_mg"]
    assert (dose[:, :7] == dose[:, :1]).all()
    observation, _ = env.reset(jax.random.key(0), params)
    policy = protocols_of(env)[name]
    action, _ = policy.act(jax.random.key(0), policy.init(params), observation)
    seen = env.decode_observation(observation)
    who = protocols._covariates(protocols.population_defaults(params), seen)
    np.testing.assert_allclose(env.decode_action(action).dose_mg, algorithm(who), rtol=1e-5)


def test_trial_arms_start_then_refine(followed):
    dose = {name: followed[name].info["dose_ordered_mg"] for name in protocols.STARTS}
    assert (np.diff(dose["eu_pact_pharmacogenetic"][:, :3]) < 0).all()
    np.testing.assert_allclose(dose["eu_pact_control"][:, 1:3], 5.0, rtol=1e-6)
    assert set(np.round(dose["eu_pact_control"][:, 0], 3)) <= {5.0, 10.0}
    assert (dose["coag_clinical"][:, :3] == dose["coag_clinical"][:, :1]).all()
    for name in ("eu_pact_pharmacogenetic", "eu_pact_control", "coag_clinical"):
        assert (dose[name][:, 3] != dose[name][:, 2]).all(), name
        assert (dose[name][:, 3:7] == dose[name][:, 3:4]).all(), name


def test_protocols_refuse_decisions_that_are_not_daily(warfarin):
    weekly = warfarin.params.replace(decision_interval=jnp.float32(168.0))
    for name, policy in protocols_of(warfarin.env).items():
        if name != "random":
            with pytest.raises(ValueError, match=r"decision_interval of 24 h, got 168"):
                policy.init(weekly)


def test_titrated_5mg_is_hemosims_clinical_baseline(warfarin):
    baselines = pytest.importorskip("hemosim.agents.baselines")
    theirs = baselines.WarfarinClinicalBaseline()
    act = jax.jit(protocols_of(warfarin.env)["fixed_5mg"].act)
    for inr in (1.0, 1.49, 1.51, 1.99, 2.01, 2.99, 3.01, 3.99, 4.01, 4.99, 5.01, 5.9):
        for day in (0, 2, 3, 50):
            observation = jnp.array([inr / 12.0, 0, 0, 0.5, 0.5, 0, 0, day / 90.0])
            ours, _ = act(jax.random.key(0), (), observation)
            np.testing.assert_allclose(ours, theirs.predict(np.asarray(observation)), rtol=1e-5)


def test_what_is_known_of_a_cohort(warfarin):
    env, params = warfarin.env, warfarin.params
    cohort = sample_cohort(jax.random.key(0), params.patients, params.risks, env.model, 9)
    known = protocols.population_defaults(params.replace(patients=cohort))
    assert known.race == 0
    np.testing.assert_allclose(
        known.height_cm, jnp.mean(cohort.patients.covariates.height_cm), rtol=1e-6
    )


def test_pharmacogenetic_dosing_serves_sensitive_patients_better(warfarin):
    # The whole point of the genotype: fewer days above 4 in VKORC1 AA.
    env, params = warfarin.env, warfarin.params
    sensitive = params.replace(
        patients=params.patients.replace(vkorc1=tuple(jnp.float32(x) for x in (0.0, 0.0, 1.0)))
    )
    named = protocols_of(env)
    high = {
        name: rollouts(env, sensitive, named[name], held_out(2), 300).info["cost"].mean()
        for name in ("iwpc_pharmacogenetic", "iwpc_clinical")
    }
    assert high["iwpc_pharmacogenetic"] < high["iwpc_clinical"]


def test_the_ordered_clinic_never_stops_testing():
    # A result too old to tell its age must not pass for a new one.
    env, params = hemosim_jax.make("WarfarinDosing-POMDP-v0", difficulty="easy")
    policy = protocols_of(env)["iwpc_pharmacogenetic"]
    course = rollouts(env, params, policy, held_out(1), 64)
    for patient in range(64):
        days = course.info["day"][patient][course.info["inr_ordered"][patient]]
        assert days[0] == 8.0  # drawn at the start of day 7
        assert np.diff([*days, 91.0]).max() <= 30.0
        assert len(days) < 30


def test_the_ordered_clinic_does_about_as_well_as_the_one_that_sees_everything():
    means = []
    for env_id in ("WarfarinDosing-v0", "WarfarinDosing-POMDP-v0"):
        env, params = hemosim_jax.make(env_id)
        course = rollouts(env, params, protocols_of(env)["iwpc_pharmacogenetic"], held_out(1), 400)
        means.append(course.info["therapeutic"].mean())
    assert means[1] == pytest.approx(means[0], abs=0.05)
