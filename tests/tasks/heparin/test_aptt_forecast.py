import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.heparin_aptt import errors
from hemosim_jax.physiology.aptt_reagent import PAPER
from hemosim_jax.tasks.heparin import model
from hemosim_jax.tasks.heparin.aptt_forecast import forecast_courses
from hemosim_jax.tasks.heparin.mimic_heparin import (
    APTT,
    BOLUS,
    RATE,
    Course,
    Event,
    read_heparin_courses,
)
from hemosim_jax.tasks.heparin.model import HeparinModel
from hemosim_jax.tasks.heparin.population import N_EFFECTS, Population, individual_parameters
from tests.conftest import shared_file


def made_course(seed):
    """A virtual patient's course with exact aPTTs, in the form of a real one."""
    rng = np.random.default_rng(seed)
    weight_kg = float(rng.uniform(60.0, 100.0))
    effects = [jnp.float32(z) for z in rng.normal(size=N_EFFECTS)]
    parameters = individual_parameters(jnp.float32(weight_kg), effects, Population())
    state, rate, previous_h = HeparinModel().initial_state(parameters), 0.0, -2.0
    events, one = [Event(-1.0, APTT, float(parameters.baseline_aptt_s), False)], jnp.float32(1.0)
    plan = [(0.0, BOLUS, 70.0 * weight_kg)]
    for hours, per_kg in ((0.0, 14.0), (7.0, 18.0), (20.0, 10.0), (40.0, 0.0)):
        plan.append((hours, RATE, per_kg * weight_kg))
    plan += [(hours, APTT, None) for hours in (6.0, 12.0, 19.0, 26.0, 36.0, 47.0)]
    advance = jax.jit(HeparinModel().advance)
    for hours, kind, value in sorted(plan, key=lambda row: (row[0], row[1] != APTT)):
        inputs = model.Inputs(jnp.float32(rate), one, one, 0.0 * one)
        state, _ = advance(state, jnp.float32(hours - previous_h), parameters, inputs)
        previous_h = hours
        if kind == APTT:
            value = min(float(model.aptt_s(state, parameters, PAPER)), 150.0)
        elif kind == BOLUS:
            state = model.give_bolus(state, jnp.float32(value), parameters)
        else:
            rate = value
        events.append(Event(hours, kind, value, kind == APTT and value == 150.0))
    return Course(f"S{seed}", "A", weight_kg, tuple(events))


@pytest.fixture(scope="module")
def forecasts():
    courses = [made_course(seed) for seed in range(8)]
    return courses, forecast_courses(courses, PAPER, jax.random.key(0), particles=2000)


def test_rows_are_the_aptts_on_heparin_that_have_one_before(forecasts):
    courses, rows = forecasts
    assert len(rows) == 6 * len(courses)
    first = rows[0]
    aptts = [event for event in courses[0].events if event.kind == APTT]
    assert (first.stay, first.tier, first.hours) == ("S0", "A", 6.0)
    assert first.previous_s == pytest.approx(aptts[0].value)
    assert first.observed_s == pytest.approx(aptts[1].value)
    assert [row.after_first for row in rows[:6]] == [False] + [True] * 5
    assert [row.infusing for row in rows[:6]] == [True] * 5 + [False]


def test_learns_the_patient_as_the_course_goes_on(forecasts):
    _, rows = forecasts
    model, last = errors(rows)
    assert model.mean() < 0.35 * last.mean()
    number = np.tile(np.arange(6), 8)
    assert model[number >= 3].mean() < model[number == 0].mean()


def test_a_forecast_does_not_depend_on_what_it_forecasts_nor_on_what_follows(forecasts):
    courses, rows = forecasts
    at = [i for i, event in enumerate(courses[0].events) if event.kind == APTT]
    events = list(courses[0].events)
    events[at[3]] = events[at[3]]._replace(value=120.0)  # the third on heparin
    changed = courses[0]._replace(events=tuple(events))
    again = forecast_courses([changed, *courses[1:]], PAPER, jax.random.key(0), particles=2000)
    forecast_s = np.array([[row.forecast_s for row in r[:6]] for r in (rows, again)])
    np.testing.assert_array_equal(forecast_s[0, :3], forecast_s[1, :3])
    assert again[2].observed_s == 120.0
    assert forecast_s[1, 3] > forecast_s[0, 3] + 1.0  # what comes after has learned from it


def test_an_unknown_weight_is_drawn():
    course = made_course(1)._replace(weight_kg=None)
    rows = forecast_courses([course], PAPER, jax.random.key(0), particles=500)
    assert all(np.isfinite(row.forecast_s) for row in rows)


def test_real_courses_are_forecast_better_than_by_the_last_value():
    courses = read_heparin_courses(
        shared_file("data/mimic3_demo/heparin_aptt.csv.gz"),
        shared_file("data/mimic3_demo/heparin_aptt_covariates.csv"),
    )
    courses = [course for course in courses if course.tier in ("A", "B")]
    rows = forecast_courses(courses, PAPER, jax.random.key(0), particles=2000)
    for tiers in (("A", "B"), ("A",), ("B",)):
        model, last = errors([row for row in rows if row.tier in tiers])
        assert model.mean() < 0.85 * last.mean(), tiers


def test_wrong_calls_are_refused():
    with pytest.raises(ValueError, match="courses must not be empty"):
        forecast_courses([], PAPER, jax.random.key(0))
    with pytest.raises(ValueError, match="particles must be at least 100, got 5"):
        forecast_courses([made_course(0)], PAPER, jax.random.key(0), particles=5)
