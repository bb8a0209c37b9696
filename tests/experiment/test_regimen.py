"""Described patients under written regimens, against the environments they come from."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import hemosim_jax
from hemosim_jax.core.description import described_patient

DAILY = [{"time": 0.0, "dose_mg": 5.0, "ii": 24.0, "addl": 13}]


def described(env_id, words, **options):
    env, params = hemosim_jax.make(env_id, **options)
    task = hemosim_jax.task_of(env_id)
    return task.describe(described_patient(task, env, params, words, jax.random.key(0)))


@pytest.mark.parametrize(
    "patient",
    [
        "72 y, 60 kg, *1/*3, AA, female, amiodarone",
        {
            "age_y": 72, "weight_kg": 60, "cyp2c9": "*1/*3", "vkorc1": "AA", "sex": "female",
            "amiodarone": True,
        },
    ],
)  # fmt: skip
def test_words_and_names_say_the_same(patient):
    told = described("WarfarinDosing-v0", patient)
    assert (told["age_y"], told["weight_kg"], told["sex"]) == (72.0, 60.0, "female")
    assert (told["cyp2c9"], told["vkorc1"], told["amiodarone"]) == ("*1/*3", "AA", True)


@pytest.mark.parametrize(
    ("env_id", "patient", "expected"),
    [
        ("HeparinInfusion-v0", "65 y, 80 kg, male", {"weight_kg": 80.0}),
        ("EnoxaparinDosing-v0", "65 y, 170 cm", {"height_cm": 170.0}),
        ("DOACManagement-v0", "80 y, diabetes, 35 mL/min", {"age_y": 80.0}),
        ("DICManagement-v0", "sepsis, 60 y", {"cause": "sepsis"}),
    ],
)
def test_patients_of_every_task(env_id, patient, expected):
    env, params = hemosim_jax.make(env_id)
    while hasattr(env, "env"):
        env, params = env.env, env.inner(params)
    task = hemosim_jax.task_of(env_id)
    one = described_patient(task, env, params, patient, jax.random.key(0))
    told = task.describe(one)
    assert {name: told[name] for name in expected} == expected
    drawn = env.sample_patient(jax.random.key(1), params)
    shapes = jax.tree.map(lambda x: (x.shape, x.dtype), (one, drawn))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("patient", "error", "message"),
    [
        ("72 parsecs", ValueError, "'72 parsecs' is not understood"),
        ("*9/*9", ValueError, r"'\*9/\*9' is not understood"),
        ({"age_y": 720}, ValueError, r"age_y must be a number in 18..95, got 720"),
        ({"age_y": "old"}, ValueError, r"age_y must be a number in 18..95, got 'old'"),
        ({"vkorc1": "XX"}, ValueError, "vkorc1 must be one of GG, GA, AA; got 'XX'"),
        ({"sex": "?"}, ValueError, "sex must be male or female, got '?'"),
        ({"smoker": 3}, ValueError, "smoker must be true or false, got 3"),
        ({"shoe_size": 42}, KeyError, "'shoe_size' is none of"),
    ],
)
def test_what_is_not_understood_is_named(patient, error, message):
    with pytest.raises(error, match=message):
        described("WarfarinDosing-v0", patient)


def test_individual_parameters_can_be_set():
    told = described("WarfarinDosing-v0", {"clearance_s_l_per_h": 0.111})
    assert told["clearance_s_l_per_h"] == pytest.approx(0.111, abs=1e-4)


@pytest.fixture(scope="module")
def course():
    patient = "72 y, 60 kg, *1/*3, GA, male"
    return hemosim_jax.simulate_regimen("WarfarinDosing-v0", patient, DAILY, np.arange(0, 337, 24))


def test_daily_doses_are_those_of_the_environment(course, warfarin):
    env, params = warfarin.env, warfarin.params
    params = params.replace(
        patients=params.patients.replace(variability=jnp.float32(0.0)),
        within_patient=jnp.float32(0.0),
    )
    key = jax.random.split(jax.random.key(0), 1)[0]
    patient = described_patient(warfarin.task, env, params, "72 y, 60 kg, *1/*3, GA, male", key)
    state, rows = env.initial_state(patient, params), []
    step = jax.jit(env.step_env)
    for day in range(14):
        action = env.encode_action(5.0)
        _, state, _, _, info = step(jax.random.key(day), state, action, params)
        rows.append(float(info["inr"]))
    np.testing.assert_allclose(course["inr"][1:], rows, rtol=1e-4)
    assert list(course["time"]) == list(range(0, 337, 24))
    assert course["day"].iloc[-1] == pytest.approx(14.0)


def test_when_one_looks_does_not_matter(course):
    patient = "72 y, 60 kg, *1/*3, GA, male"
    hourly = hemosim_jax.simulate_regimen("WarfarinDosing-v0", patient, DAILY, np.arange(0, 337, 8))
    there = hourly[hourly["time"] % 24 == 0].reset_index()
    np.testing.assert_allclose(there["inr"], course["inr"], rtol=1e-6)


@pytest.mark.parametrize(
    ("env_id", "doses", "difficulty"),
    [
        ("WarfarinDosing-v0", [{"time": 0.0, "dose_mg": 5.0, "ii": 24.0, "addl": 4}], "hard"),
        (
            "HeparinInfusion-v0",
            [{"time": 0.0, "bolus": True, "infusion_u_per_h": 1400.0}],
            "easy",
        ),
    ],
)
def test_chance_and_ends_do_not_depend_on_when_one_looks(env_id, doses, difficulty):
    at = [
        hemosim_jax.simulate_regimen(
            env_id, None, doses, times, difficulty=difficulty, patients=40, typical=False
        )
        .query("time == 120")
        .reset_index()
        for times in ([120.0], [0.0, 7.5, 30.0, 119.0, 120.0])
    ]
    pd.testing.assert_frame_equal(*(one.drop(columns="index") for one in at), rtol=1e-5, atol=1e-5)
    if env_id == "HeparinInfusion-v0":
        assert at[0]["ended"].mean() < 0.1


def test_an_infusion_runs_on_and_a_bolus_does_not():
    doses = pd.DataFrame(
        {"time": [0.0, 10.0], "infusion_u_per_h": [1200.0, 0.0], "bolus": [True, None]}
    )
    table = hemosim_jax.simulate_regimen(
        "HeparinInfusion-POMDP-v0", "80 kg, male, 60 y", doses, [0, 0.5, 6, 10, 30]
    )
    assert list(table["infusion_u_per_h"]) == [0.0, 1200.0, 1200.0, 1200.0, 0.0]
    assert table["bolus_u"].iloc[1] == pytest.approx(80.0 * 80.0)
    level = table["anti_xa_u_per_ml"]
    assert level[0] == 0.0
    assert level[1] > level[3] > 0.1
    assert level[4] < 0.02


def test_several_patients_differ_and_a_typical_one_is_one():
    doses = [{"time": 0.0, "dose_mg_per_kg": 1.0, "once_daily": False}]
    several = hemosim_jax.simulate_regimen(
        "EnoxaparinDosing-v0", "60 y, 80 kg", doses, [4.0], patients=3, typical=False
    )
    assert several["anti_xa_iu_per_ml"].nunique() == 3
    assert list(several["patient"]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("doses", "times", "error", "message"),
    [
        ([{"time": 0.0, "dose_mg": 50.0}], [1.0], ValueError, r"dose_mg must lie in 0..15, got 50"),
        ([{"time": 0.0, "dose_g": 5.0}], [1.0], KeyError, "'dose_g' is none of time, ii"),
        ([{"time": -1.0, "dose_mg": 5.0}], [1.0], ValueError, "time must lie between 0 and"),
        ([{"time": 2.0, "dose_mg": 5.0}], [1.0], ValueError, "time must lie between 0 and"),
        ([{"time": "noon", "dose_mg": 5.0}], [1.0], ValueError, "time must be a number, got"),
        ([{"dose_mg": 5.0}], [1.0], ValueError, "an event needs a time"),
        ([{"time": 0.0, "dose_mg": None}], [1.0], ValueError, "dose_mg must be a number, got None"),
        ([{"time": 0.0, "dose_mg": 5.0, "addl": -1}], [1.0], ValueError, "addl must be a whole"),
        ([{"time": 0.0, "dose_mg": 5.0, "addl": 2.5}], [1.0], ValueError, "addl must be a whole"),
        ([{"time": 0.0, "dose_mg": 5.0, "ii": 24.0}], [1.0], ValueError, "say how many with addl"),
        ({"time": 0.0, "dose_mg": 5.0}, [1.0], ValueError, "doses must be a list of events"),
        ([5], [1.0], ValueError, "doses must be a list of events"),
        ([{"time": 0.0, "dose_mg": 5.0, "addl": 3}], [1.0], ValueError, "addl 3 needs an interval"),
        (
            [{"time": 24.0, "dose_mg": 2.0}, {"time": 0.0, "dose_mg": 5.0, "ii": 24.0, "addl": 3}],
            [48.0], ValueError, "two events at time 24 set dose_mg; make them one",
        ),
        ([], [np.nan], ValueError, "times must be finite and not negative"),
        ([], "soon", ValueError, "times must be finite and not negative"),
    ],
)  # fmt: skip
def test_what_cannot_be_given_is_named(doses, times, error, message):
    with pytest.raises(error, match=message):
        hemosim_jax.simulate_regimen("WarfarinDosing-v0", None, doses, times)


@pytest.mark.parametrize(
    ("patient", "message"),
    [(72, "patient must be a description"), ("60 kg, 50 kg", "weight_kg is said twice")],
)
def test_patients_that_are_none(patient, message):
    with pytest.raises(ValueError, match=message):
        hemosim_jax.simulate_regimen("WarfarinDosing-v0", patient, [], [1.0])


def test_yes_and_no_are_no_words():
    with pytest.raises(ValueError, match="bolus must be true or false, got 'no'"):
        hemosim_jax.simulate_regimen(
            "HeparinInfusion-v0", None, [{"time": 0.0, "bolus": "no"}], [1.0]
        )
    with pytest.raises(ValueError, match="typical must be true or false, got 'no'"):
        hemosim_jax.simulate_regimen("HeparinInfusion-v0", None, [], [1.0], typical="no")


def test_a_drug_must_be_said_from_the_start():
    with pytest.raises(ValueError, match="the first event must be at time 0 and say drug, level"):
        hemosim_jax.simulate_regimen("DOACManagement-v0", None, [], [24.0])
    table = hemosim_jax.simulate_regimen(
        "DOACManagement-v0",
        "75 y, 70 kg",
        [{"time": 0.0, "drug": "apixaban", "level": "standard"}],
        [0.0, 240.0],
    )
    assert table["concentration_ng_per_ml"].iloc[1] > 50.0
