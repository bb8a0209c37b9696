import copy
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.evaluation.evaluate import evaluate
from hemosim_jax.evaluation.streams import held_out
from hemosim_jax.registry import protocols_of, task_of
from hemosim_jax.tasks.dic.protocols import guideline


@pytest.fixture(scope="module")
def env():
    return hemosim_jax.make("DICManagement-v1")[0]


def decide(env, **seen):
    """Indices of platelets, plasma, cryoprecipitate and heparin for someone seen like this."""
    usual = {
        "score": 3.0,
        "platelets_1e9_per_l": 120.0,
        "fibrinogen_g_per_l": 2.5,
        "prolongation_s": 1.0,
        "d_dimer_mg_per_l": 3.0,
        "organ_function": 0.8,
        "hours": 0.0,
        "bleeding": 0.0,
    }
    observation = SimpleNamespace(**{k: jnp.float32(v) for k, v in {**usual, **seen}.items()})
    scripted = copy.copy(env)
    scripted.decode_observation = lambda _: observation
    action, _ = guideline(scripted).act(None, (), None)
    return tuple(int(i) for i in action)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, (0, 0, 0, 1)),  # no bleeding: prophylactic heparin
        ({"platelets_1e9_per_l": 25.0}, (0, 0, 0, 0)),  # too few for heparin, enough to wait
        ({"platelets_1e9_per_l": 15.0}, (3, 0, 0, 0)),
        ({"bleeding": 0.4}, (0, 0, 0, 0)),
        ({"bleeding": 0.4, "platelets_1e9_per_l": 45.0}, (3, 0, 0, 0)),
        ({"bleeding": 0.4, "prolongation_s": 8.0}, (0, 2, 0, 0)),
        ({"prolongation_s": 8.0}, (0, 0, 0, 1)),
        ({"platelets_1e9_per_l": 40.0}, (0, 0, 0, 1)),
        ({"bleeding": 0.4, "fibrinogen_g_per_l": 1.2}, (0, 0, 2, 0)),
    ],
)
def test_thresholds_of_the_guideline(env, seen, expected):
    assert decide(env, **seen) == expected


def judged(env_id, names):
    env, params = hemosim_jax.make(env_id, difficulty="hard")
    policies = protocols_of(env)
    assert set(policies) == {"guideline", "supportive_only", "transfuse_everything", "random"}
    results = {
        n: evaluate(task_of(env_id), env, params, policies[n], held_out(0), num_patients=300)
        for n in names
    }
    for result in results.values():
        assert np.isfinite(result.episode_return).all()
    return {
        name: {k: float(np.mean(v)) for k, v in result.metrics.items()}
        for name, result in results.items()
    }


def test_the_guideline_saves_lives():
    results = judged("DICManagement-v1", ("guideline", "supportive_only", "transfuse_everything"))
    mortality = {name: outcomes["mortality_28_d_percent"] for name, outcomes in results.items()}
    units = {name: outcomes["plasma_units"] for name, outcomes in results.items()}
    assert mortality["guideline"] < mortality["supportive_only"] - 5.0
    assert units["supportive_only"] == 0.0 < units["guideline"] < units["transfuse_everything"]


def test_the_guideline_of_the_ward_orders_what_it_needs():
    outcomes = judged("DICManagement-POMDP-v1", ("guideline",))["guideline"]
    assert outcomes["plasma_units"] > 1.0
    assert outcomes["laboratory_chf"] > 100.0
    assert outcomes["mortality_28_d_percent"] < 55.0
