import copy
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import pytest

import hemosim_jax
from hemosim_jax.registry import protocols_of
from hemosim_jax.tasks.doac import protocols
from hemosim_jax.tasks.doac.protocols import APIXABAN, DABIGATRAN, LOW, RIVAROXABAN, STANDARD


@pytest.fixture(scope="module")
def env():
    return hemosim_jax.make("DOACManagement-v0")[0]


def decide(env, name, **seen):
    """Drug and level that a protocol gives to someone who is seen like this."""
    usual = {
        "concentration_ng_per_ml": 0.0,
        "creatinine_clearance_ml_per_min": 80.0,
        "age_y": 68.0,
        "weight_kg": 82.0,
        "cha2ds2_vasc": 2.0,
        "has_bled": 1.0,
        "days": 0.0,
        "drug": -1.0,
    }
    observation = SimpleNamespace(
        **{k: jnp.float32(v) for k, v in {**usual, **seen}.items()},
    )
    for name_of_integer in ("cha2ds2_vasc", "has_bled", "drug"):
        number = getattr(observation, name_of_integer)
        setattr(observation, name_of_integer, number.astype(jnp.int32))
    scripted = copy.copy(env)
    scripted.decode_observation = lambda _: observation
    action, _ = getattr(protocols, name)(scripted).act(jax.random.key(0), (), None)
    return tuple(map(int, action))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, (RIVAROXABAN, STANDARD)),
        ({"cha2ds2_vasc": 4.0}, (DABIGATRAN, STANDARD)),
        ({"age_y": 76.0, "cha2ds2_vasc": 4.0}, (APIXABAN, STANDARD)),
        ({"has_bled": 3.0}, (APIXABAN, STANDARD)),
        ({"creatinine_clearance_ml_per_min": 45.0}, (APIXABAN, STANDARD)),
        ({"creatinine_clearance_ml_per_min": 25.0}, (APIXABAN, LOW)),
        ({"age_y": 82.0, "weight_kg": 55.0}, (APIXABAN, LOW)),
        # Under way: the drug is kept, the dose follows the kidneys, until the label forbids it.
        ({"days": 30.0, "drug": 0.0, "cha2ds2_vasc": 5.0}, (RIVAROXABAN, STANDARD)),
        (
            {"days": 30.0, "drug": 0.0, "creatinine_clearance_ml_per_min": 45.0},
            (RIVAROXABAN, LOW),
        ),
        ({"days": 30.0, "drug": 1.0, "age_y": 81.0}, (DABIGATRAN, LOW)),
        (
            {"days": 30.0, "drug": 1.0, "age_y": 77.0, "has_bled": 3.0},
            (DABIGATRAN, LOW),
        ),
        (
            {"days": 30.0, "drug": 1.0, "creatinine_clearance_ml_per_min": 28.0},
            (APIXABAN, LOW),
        ),
    ],
)
def test_guideline(env, seen, expected):
    assert decide(env, "guideline", **seen) == expected


def test_always_apixaban_doses_by_the_label(env):
    assert decide(env, "always_apixaban") == (APIXABAN, STANDARD)
    low = decide(env, "always_apixaban", creatinine_clearance_ml_per_min=20.0)
    assert low == (APIXABAN, LOW)


def test_the_trials_arms(env):
    policies = protocols_of(env)
    assert "edoxaban_60" not in policies
    observation = jnp.full(8, 0.5)
    for name, expected in (
        ("dabigatran_150", (DABIGATRAN, STANDARD)),
        ("dabigatran_110", (DABIGATRAN, LOW)),
        ("rivaroxaban_20", (RIVAROXABAN, STANDARD)),
    ):
        action, _ = policies[name].act(jax.random.key(0), (), observation)
        assert tuple(map(int, action)) == expected
    weak = decide(env, "rivaroxaban_20", creatinine_clearance_ml_per_min=49.0)
    assert weak == (RIVAROXABAN, LOW)
