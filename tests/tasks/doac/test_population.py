import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.core.hazards import thresholds
from hemosim_jax.core.random_draws import uniform_vector
from hemosim_jax.outcomes.atrial_fibrillation import chads2
from hemosim_jax.tasks.doac import disturbances, population
from hemosim_jax.tasks.doac.cohort import read_fibrillation_cohort
from hemosim_jax.tasks.doac.disturbances import Risks
from hemosim_jax.tasks.doac.hazards import Hazards
from hemosim_jax.tasks.doac.trial_rates import sample_patients
from hemosim_jax.tasks.doac.trials import TRIALS

N = 20_000
# Share of patients with a creatinine clearance below 50 mL/min, published.
BELOW_50 = {"RE-LY": 0.194, "ROCKET AF": 0.208, "ARISTOTLE": 0.166, "ENGAGE AF": 0.19}


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_the_trials_baseline(trial):
    covariates = sample_patients(trial, jax.random.key(1), N).covariates
    margin = 4.0 * np.sqrt(0.25 / N)
    assert np.mean(~covariates.male) == pytest.approx(trial.population.female, abs=margin)
    for name in population.RISK_NAMES:
        share = getattr(trial.population.prevalences, name)
        # Stated at the mean age: a little less or more over all ages.
        assert np.mean(getattr(covariates.risk, name)) == pytest.approx(share, abs=margin + 0.01)
    points = chads2(covariates.age_y, covariates.risk)
    assert float(points.mean()) == pytest.approx(trial.mean_chads2, abs=0.15)
    clearance = np.asarray(covariates.creatinine_clearance_ml_per_min)
    assert clearance.min() >= trial.population.lowest_clearance_ml_per_min
    assert np.mean(clearance < 50.0) == pytest.approx(BELOW_50[trial.name], abs=0.04)
    assert np.median(clearance) == pytest.approx(69.0, abs=4.0)


def test_the_scores_follow_age_and_sex():
    keys = jax.random.split(jax.random.key(2), N)
    draw = jax.jit(jax.vmap(lambda k: population.sample(k, population.Population(), Risks())))
    covariates = draw(keys).covariates
    old, women = covariates.age_y >= 73.0, ~covariates.male

    def share(name, of):
        return np.mean(getattr(covariates.risk, name)[of])

    for name in ("heart_failure", "prior_stroke", "bleeding_history"):
        assert share(name, old) > share(name, ~old) + 0.01
    assert share("vascular_disease", women) < share("vascular_disease", ~women) - 0.05
    assert share("alcohol", women) < 0.5 * share("alcohol", ~women)


def test_a_component_that_nobody_or_everybody_has():
    prevalences = population.Population().prevalences.replace(diabetes=0.0, hypertension=1.0)
    people = population.Population(prevalences=prevalences)
    draw = jax.jit(jax.vmap(lambda k: population.sample(k, people, Risks())))
    risk = draw(jax.random.split(jax.random.key(3), 1000)).covariates.risk
    assert not np.any(risk.diabetes)
    assert np.all(risk.hypertension)


def patient(**changes):
    one = population.sample(jax.random.key(0), population.Population(), disturbances.Risks())
    return one.replace(**changes)


def condition(**changes):
    return disturbances.well((jnp.ones(()),) * disturbances.N_THRESHOLDS).replace(**changes)


def test_time_passes():
    one = patient(renal_decline_per_y=jnp.float32(0.2))
    year = jnp.float32(8766.0)
    assert population.age_y(one, year) == one.covariates.age_y + 1.0
    before, after = (population.clearance_now(one, t) for t in (jnp.float32(0.0), year))
    assert float(after / before) == pytest.approx(np.exp(-0.2))
    assert population.creatinine_now(one, year) > population.creatinine_now(one, 0.0 * year)


def test_a_bleed_under_treatment_is_history():
    assert not patient().covariates.risk.bleeding_history
    assert population.risk_now(patient(), condition(has_bled=jnp.asarray(True))).bleeding_history


def progress(now, risks, seed=0, hours=720.0):
    def one(key):
        draws = uniform_vector(key, disturbances.N_DRAWS)
        return disturbances.progress(draws, now, jnp.float32(hours), risks, 1.0)

    return jax.vmap(one)(jax.random.split(jax.random.key(seed), N))


def test_interacting_drugs_come_and_go_as_often_as_asked():
    risks = disturbances.HARD
    month = 720.0 / disturbances.MONTH_H
    after = progress(condition(), risks)
    starts = -np.expm1(-risks.interaction_starts_per_month * month)
    assert np.mean(after.interaction > 0) == pytest.approx(starts, abs=4 * np.sqrt(starts / N))
    inhibitors = np.mean(after.interaction[after.interaction > 0] == 1)
    assert inhibitors == pytest.approx(disturbances.INHIBITOR_SHARE, abs=0.06)
    taking = condition(interaction=jnp.int32(2))
    stops = -np.expm1(-risks.interaction_stops_per_month * month)
    still = progress(taking, risks).interaction
    assert set(np.unique(still)) == {0, 2}
    assert np.mean(still == 0) == pytest.approx(stops, abs=4 * np.sqrt(stops / N))


def test_procedures_hold_the_drug_for_some_days_of_the_interval():
    risks = disturbances.HARD
    held = np.asarray(progress(condition(), risks).held_h)
    share = -np.expm1(-risks.procedures_per_month * 720.0 / disturbances.MONTH_H)
    assert np.mean(held > 0.0) == pytest.approx(share, abs=4 * np.sqrt(share / N))
    assert held[held > 0.0].min() >= disturbances.HELD_H[0]
    assert held.max() <= disturbances.HELD_H[1]
    assert np.asarray(progress(condition(), risks, hours=24.0).held_h).max() <= 24.0
    nothing = progress(condition(), disturbances.Risks())
    assert not np.any(nothing.held_h)
    assert not np.any(nothing.interaction)


def test_events_are_as_frequent_and_as_fatal_as_expected():
    expected = Hazards(jnp.float32(0.02), (jnp.float32(0.05), jnp.float32(0.03), jnp.float32(0.1)))

    def one(key):
        first, later = jax.random.split(key)
        until = thresholds(uniform_vector(first, disturbances.N_THRESHOLDS))
        draws = uniform_vector(later, disturbances.N_EVENT_DRAWS)
        return disturbances.events(draws, condition(until=until), expected)

    course, ends = jax.vmap(one)(jax.random.split(jax.random.key(3), N))
    intracranial, gastrointestinal, other = -np.expm1([-0.05, -0.03, -0.1])
    stroke = 1.0 - np.exp(-0.02) * (1.0 - 0.5 * intracranial)
    bleed = 1.0 - np.exp(-0.18)
    fatal = 1.0 - (1.0 - 0.425 * intracranial) * (1.0 - 0.074 * gastrointestinal) * (
        1.0 - 0.074 * other
    )
    for name, probability in (
        ("stroke", stroke),
        ("major_bleed", bleed),
        ("intracranial", intracranial),
        ("gastrointestinal", gastrointestinal),
        ("fatal", fatal),
    ):
        margin = 4.0 * np.sqrt(probability / N)
        assert np.mean(getattr(course, name)) == pytest.approx(probability, abs=margin), name
    assert np.all(course.has_bled == course.major_bleed)
    assert np.all(course.major_bleed | ~course.fatal)
    # What ends an episode comes at any time of the interval alike.
    np.testing.assert_array_equal(ends.happened, course.stroke | course.fatal)
    when = np.asarray(ends.fraction)[np.asarray(ends.happened)]
    assert when.mean() == pytest.approx(0.5, abs=4.0 * 0.29 / np.sqrt(when.size))
    assert np.all(np.asarray(ends.fraction)[~np.asarray(ends.happened)] == 1.0)


HEADER = ("age", "sex", "weight_kg", "creatinine_clearance_ml_per_min", *population.RISK_NAMES)
ROW = ("71", "F", "70", "55", *("0", "1") * 5)


def write(tmp_path, *rows, header=HEADER):
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join(",".join(row) for row in (header, *rows)))
    return path


def test_a_file_of_patients(tmp_path):
    records = read_fibrillation_cohort(write(tmp_path, ROW, ("NA", *ROW[1:])))
    assert records.left_out == {"age missing": 1}
    covariates = records.covariates
    assert covariates.age_y.tolist() == [71.0]
    assert covariates.male.tolist() == [False]
    assert covariates.risk.hypertension.tolist() == [True]
    cohort = population.complete_cohort(
        jax.random.key(0), covariates, population.Population(), disturbances.MEDIUM
    )
    assert cohort.size == 1
    assert float(cohort.patients.renal_decline_per_y[0]) > 0.0


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("sex", "X", "sex is 'X'; allowed: F, M, NA"),
        ("weight_kg", "700", "weight_kg is '700'; allowed: a number from 40 to 150, or NA"),
        ("diabetes", "2", "diabetes is '2'; allowed: 0, 1, NA"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, column, cell, message):
    row = [cell if name == column else value for name, value in zip(HEADER, ROW, strict=True)]
    with pytest.raises(ValueError, match=message):
        read_fibrillation_cohort(write(tmp_path, row))
