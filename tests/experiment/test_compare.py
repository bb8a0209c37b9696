"""Policies of every kind against each other, on the same patients."""

import json

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import hemosim_jax
from hemosim_jax.core.policy import Policy
from hemosim_jax.experiment.policies import as_policies, as_policy
from hemosim_jax.tasks.warfarin.population import sample_cohort


def by_inr(observation):
    """A plain function: more while the INR is low."""
    return jnp.where(observation[0] < 2.5 / 12.0, 0.5, 0.2)[None]


def in_numpy(observation):
    return [0.5] if float(observation[0]) < 2.5 / 12.0 else [0.2]


class Linear(nn.Module):
    @nn.compact
    def __call__(self, observation):
        return nn.sigmoid(nn.Dense(1)(observation))


class LikeSB3:
    """What is used of a model of Stable-Baselines3 (with itself: tests/clients)."""

    def predict(self, observation, deterministic):
        assert deterministic
        assert isinstance(observation, np.ndarray)
        return np.where(observation[..., :1] < 2.5 / 12.0, 0.5, 0.2).astype(np.float32), None


@pytest.fixture(scope="module")
def easy():
    return hemosim_jax.make("WarfarinDosing-v0", difficulty="easy", within_patient=False)


@pytest.fixture(scope="module")
def result(easy, tmp_path_factory):
    env, params = easy
    module = Linear()
    variables = module.init(jax.random.key(0), jnp.zeros(8))
    policies = {
        "titrated": "fixed_5mg",
        "function": by_inr,
        "numpy": in_numpy,
        "model": LikeSB3(),
        "flax": (module, variables),
        "bound": module.bind(variables),
    }
    out = tmp_path_factory.mktemp("comparison")
    compared = hemosim_jax.compare(env, params, policies, num_patients=64, out=out)
    return compared, out


def test_the_same_rule_in_three_ways_gives_the_same(result):
    results = {one.policy: one for one in result[0].evaluations}
    for other in ("numpy", "model"):
        np.testing.assert_allclose(
            results["function"].episode_return, results[other].episode_return, rtol=1e-5
        )
    np.testing.assert_array_equal(results["flax"].episode_return, results["bound"].episode_return)
    assert results["function"].episode_return.mean() > results["flax"].episode_return.mean()


def test_differences_are_paired(result):
    compared, _ = result
    returns = {one.policy: one.episode_return for one in compared.evaluations}
    assert compared.baseline == "titrated"
    rows = {row["policy"]: row for row in compared.differences}
    assert set(rows) == set(returns) - {"titrated"}
    paired = returns["function"] - returns["titrated"]
    found = rows["function"]["return"]
    assert found["mean"] == pytest.approx(paired.mean(), rel=1e-5)
    assert found["low"] < paired.mean() < found["high"]
    # Pairing takes out what differs between patients.
    alone = next(row for row in compared.summaries if row["policy"] == "flax")["return"]
    assert found["high"] - found["low"] < alone["high"] - alone["low"]
    assert rows["numpy"]["return"] == pytest.approx(rows["function"]["return"], rel=1e-4)


def test_what_is_written(result):
    compared, out = result
    names = {path.name.rpartition(".")[0] for path in out.iterdir()}
    assert {"comparison", "comparison_by_patient", "comparison_courses"} <= names
    assert {"comparison_by_cyp2c9", "comparison_by_vkorc1"} <= names
    content = json.loads((out / "comparison.json").read_text())
    assert content["tier"] == "easy tier"
    assert content["patients"] == 64
    assert content["versions"]["jax"] == jax.__version__
    assert next(row["policy"] for row in content["policies"]) == "titrated"
    rows = compared.by_patient()
    assert len(rows) == 6 * 64
    assert set(rows["vkorc1"]) == {"GG"}
    stored = next(out.glob("comparison_by_patient.*"))
    read = pd.read_parquet(stored) if stored.suffix == ".parquet" else pd.read_csv(stored)
    pd.testing.assert_frame_equal(read, rows, check_dtype=False, check_categorical=False)
    assert "| function |" in (out / "comparison.md").read_text()
    assert "minus titrated" in str(compared)


def test_a_cohort_meets_each_patient_once(warfarin):
    env, params = warfarin.env, warfarin.params
    cohort = sample_cohort(jax.random.key(0), params.patients, params.risks, env.model, 20)
    result = hemosim_jax.compare(env, params, ["fixed_5mg"], cohort=cohort)
    assert result.about["patients"] == 20
    assert "patients of the cohort" in result.title
    assert result.differences == []


def test_what_cannot_decide_is_named(easy, tmp_path):
    env, params = easy
    with pytest.raises(KeyError, match="'magic' is no directory of a training run and none of"):
        as_policy(env, "magic")
    with pytest.raises(TypeError, match="a policy is a protocol, a run, a function or a model"):
        as_policy(env, 3.0)
    with pytest.raises(ValueError, match=r"<lambda>: an action of WarfarinDosing-v0 has shape \(1"):
        as_policy(env, lambda observation: observation)
    with pytest.raises(ValueError, match="two policies are called 'by_inr': give them names"):
        as_policies(env, [by_inr, by_inr])
    with pytest.raises(KeyError, match="baseline must be one of fixed_5mg; got 'best'"):
        hemosim_jax.compare(env, params, ["fixed_5mg"], baseline="best", num_patients=4)
    model = LikeSB3()
    model.observation_space = type("Space", (), {"shape": (3,)})
    with pytest.raises(ValueError, match=r"was trained on observations of shape \(3,\)"):
        as_policy(env, model)


def test_one_policy_needs_no_list(easy):
    env, _ = easy
    assert [policy.name for policy in as_policies(env, by_inr)] == ["by_inr"]
    policy = Policy("mine", lambda params: (), lambda key, carry, seen: (seen[:1], carry))
    assert as_policies(env, policy) == [policy]
    assert [policy.name for policy in as_policies(env, "fixed_5mg")] == ["fixed_5mg"]


def test_discrete_actions_of_a_function():
    env, _ = hemosim_jax.make("HeparinInfusion-Discrete-v0")
    always = as_policy(env, lambda observation: 2)
    action, _ = always.act(jax.random.key(0), (), jnp.zeros(6))
    assert action.dtype == jnp.int32
    assert action.shape == ()


def test_a_function_that_draws_numbers_draws_them_every_time(warfarin):
    rng = np.random.default_rng(0)
    draws = lambda observation: rng.uniform(size=1).astype(np.float32)  # noqa: E731
    result = hemosim_jax.compare(warfarin.env, warfarin.params, {"chance": draws}, num_patients=6)
    doses = result.evaluations[0].courses.info["dose_ordered_mg"]
    assert np.unique(doses).size > 100


def test_what_cannot_be_compared_is_named(warfarin):
    compare = hemosim_jax.compare
    with pytest.raises(ValueError, match="policies: at least one is needed"):
        compare(warfarin.env, warfarin.params, [])
    with pytest.raises(ValueError, match="num_patients must be at least 2, got 1"):
        compare(warfarin.env, warfarin.params, num_patients=1)


def test_a_function_may_close_over_traced_values(easy):
    env, params = easy

    def first_dose(share):
        policy = as_policy(env, lambda observation: jnp.full(1, share))
        action, _ = policy.act(jax.random.key(0), policy.init(params), jnp.zeros(8))
        return action[0]

    shares = jnp.asarray([0.1, 0.3])
    np.testing.assert_allclose(jax.jit(jax.vmap(first_dose))(shares), shares)


def test_a_policy_may_have_an_attribute_of_flaxs_name(easy):
    class Scoped:
        scope = "ward"

        def __call__(self, observation):
            return jnp.full(1, 0.25)

    env, params = easy
    policy = as_policy(env, Scoped())
    action, _ = policy.act(jax.random.key(0), policy.init(params), jnp.zeros(8))
    np.testing.assert_array_equal(action, 0.25)
