"""Recorded courses: the probabilities are those of what was done."""

import numpy as np
import pytest
from scipy.stats import norm

import hemosim_jax
from hemosim_jax.core.policy import Policy
from hemosim_jax.evaluation.behavior import record
from hemosim_jax.evaluation.streams import held_out, recorded, training
from hemosim_jax.registry import protocols_of


def constant(action):
    return Policy("constant", lambda params: (), lambda key, carry, seen: (action, carry))


def test_numbers_vary_about_the_policys(warfarin):
    env, params = warfarin.env, warfarin.params
    aim = 0.05
    courses = record(env, params, constant(env.encode_action(15 * aim)), recorded(0), 40, 0.1)
    given = courses.episodes.action[..., 0]
    inside = norm.logpdf(given, aim, 0.1)
    expected = np.where(given <= 0.0, norm.logcdf(0.0, aim, 0.1), inside)
    np.testing.assert_allclose(courses.log_probability, expected, rtol=1e-4, atol=1e-4)
    assert np.mean(given <= 0.0) == pytest.approx(norm.cdf(-0.5), abs=0.03)
    assert given.max() < 1.0


def test_choices_are_those_of_the_policy_or_of_chance():
    env, params = hemosim_jax.make("DICManagement-v0", difficulty="easy")
    guideline = protocols_of(env)["guideline"]
    courses = record(env, params, guideline, recorded(0), 20, 0.4)
    share = np.array([0.4 / size for size in (4, 4, 3, 3)])
    possible = {
        round(float(np.log(np.where(np.array(same), 0.6 + share, share)).sum()), 3)
        for same in np.ndindex(2, 2, 2, 2)
    }
    found = {round(float(x), 3) for x in courses.log_probability[courses.episodes.alive]}
    assert found <= possible
    most = courses.log_probability > np.log(0.6 + share).sum() - 1e-4
    alive = courses.episodes.alive
    assert np.mean(most[alive]) == pytest.approx(np.prod(0.6 + share), abs=0.06)


def test_uniform_choices(warfarin):
    env, params = warfarin.env, warfarin.params
    courses = record(env, params, protocols_of(env)["random"], recorded(0), 20, 1.0)
    np.testing.assert_allclose(courses.log_probability, 0.0, atol=1e-6)
    assert np.mean(courses.episodes.action) == pytest.approx(0.5, abs=0.03)


def test_policies_have_patients_of_their_own_and_none_is_held_out(warfarin):
    env, params = warfarin.env, warfarin.params
    policy = constant(env.encode_action(5.0))
    first, second = (
        record(env, params, policy, recorded(0), 4, 0.1, number).episodes.observation[:, 0, 3]
        for number in (0, 1)
    )
    assert not set(first.tolist()) & set(second.tolist())
    with pytest.raises(ValueError, match="must not be of the held-out stream"):
        record(env, params, policy, held_out(0), 4, 0.1)
    with pytest.raises(ValueError, match="exploration must be above 0 and at most 1, got 0"):
        record(env, params, policy, training(0), 4, 0.0)
