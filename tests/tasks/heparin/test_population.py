import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.hazards import thresholds
from hemosim_jax.core.random_draws import uniform_vector
from hemosim_jax.core.task import read_cohort
from hemosim_jax.tasks.heparin import disturbances, model
from hemosim_jax.tasks.heparin.cohort import read_heparin_cohort
from hemosim_jax.tasks.heparin.mimic_heparin import read_heparin_courses
from hemosim_jax.tasks.heparin.population import Population, sample
from tests.conftest import shared_file

N = 20_000


@pytest.fixture(scope="module")
def cohort():
    make = jax.jit(jax.vmap(lambda key: sample(key, Population(), disturbances.MEDIUM)))
    return jax.tree.map(np.asarray, make(jax.random.split(jax.random.key(0), N)))


def test_a_cohort_has_the_population_s_distributions(cohort):
    covariates, parameters = cohort.covariates, cohort.parameters
    assert covariates.male.mean() == pytest.approx(0.55, abs=0.018)
    assert covariates.age_y.mean() == pytest.approx(65.0, abs=1.0)
    assert np.median(covariates.weight_kg[covariates.male]) == pytest.approx(84.0, rel=0.02)
    size = covariates.weight_kg**model.CLEARANCE_WEIGHT_EXPONENT
    per_kg = np.log(parameters.max_elimination_u_per_h / size)
    assert per_kg.std() == pytest.approx(Population().omega_elimination, rel=0.03)
    assert parameters.baseline_aptt_s.mean() == pytest.approx(30.0, abs=0.2)
    assert parameters.baseline_aptt_s.std() == pytest.approx(3.0, rel=0.03)
    assert np.log(parameters.aptt_gain).std() == pytest.approx(0.36, rel=0.03)
    assert (parameters.baseline_platelets_1e9_per_l >= 120.0).all()


def test_renal_function_falls_with_age(cohort):
    age, renal = cohort.covariates.age_y, cohort.covariates.renal_function
    assert (renal >= 0.1).all()
    assert (renal <= 1.0).all()
    assert np.corrcoef(age, renal)[0, 1] < -0.3


def test_thrombocytopenia_comes_as_often_and_as_late_as_published(cohort):
    onset_day = cohort.hit_onset_h / 24.0
    comes = np.isfinite(onset_day)
    expected = disturbances.HIT_INCIDENCE["therapeutic"]
    assert comes.mean() == pytest.approx(expected, abs=4.0 * np.sqrt(expected / N))
    in_window = (onset_day[comes] > 5.0) & (onset_day[comes] < 10.0)
    assert in_window.mean() > 0.8
    assert onset_day[comes].min() > 3.0
    assert onset_day[comes].max() < 20.0


def test_after_recent_exposure_it_comes_within_a_day():
    risks = disturbances.HARD.replace(hit_incidence_reexposed=1.0)
    u = jnp.linspace(0.001, 0.999, 99)
    onset_h = jax.vmap(lambda x: disturbances.draw_hit_onset_h(x, jnp.asarray(True), risks))(u)
    assert (onset_h >= 2.0).all()
    assert (onset_h <= 24.0).all()
    assert onset_h.mean() == pytest.approx(13.0, abs=0.5)


def progressed(
    now,
    risks,
    key,
    *,
    hours=6.0,
    level=0.4,
    elapsed_h=0.0,
    onset_h=np.inf,
    bleeding_h=0.0,
    within_patient=1.0,
):
    """The condition of N patients, each with thresholds of their own."""
    onset_h, elapsed_h, hours, level, bleeding_h = map(
        jnp.float32, (onset_h, elapsed_h, hours, level, bleeding_h)
    )

    def run(key):
        draws = uniform_vector(key, 7)
        bleed, thrombosis = thresholds(draws[:2])
        own = now.replace(until_bleed=bleed, until_thrombosis=thrombosis)
        own = disturbances.progress(
            draws[2:5], own, onset_h, elapsed_h, hours, level, risks, within_patient
        )
        return disturbances.with_events(
            draws[5:], own, onset_h, elapsed_h, hours, bleeding_h, risks
        )

    return jax.vmap(run)(jax.random.split(key, N))


@pytest.fixture(scope="module")
def well():
    return disturbances.well((jnp.float32(1.0), jnp.float32(1.0)))


def test_nothing_happens_without_risks(well):
    course = progressed(well, disturbances.Risks(), jax.random.key(0), within_patient=0.0)
    names = ("immunized", "major_bleed", "thrombosis", "log_renal", "log_elimination")
    for name in (*names, "log_response"):
        assert not np.asarray(getattr(course, name)).any(), name


def test_bleeding_follows_the_aptt(well):
    assert float(model.relative_bleeding_hazard(jnp.float32(60.0))) == 1.0
    assert float(model.relative_bleeding_hazard(jnp.float32(160.0))) == pytest.approx(
        1.07**10, rel=1e-3
    )
    course = progressed(well, disturbances.HARD, jax.random.key(1), bleeding_h=24.0)
    assert course.major_bleed.mean() == pytest.approx(0.00995, abs=5.0 * np.sqrt(0.01 / N))


def test_immunization_needs_its_time_and_heparin(well):
    prone = {"now": well, "risks": disturbances.HARD, "key": jax.random.key(2), "onset_h": 100.0}
    early = progressed(**prone, elapsed_h=90.0)
    without = progressed(**prone, elapsed_h=98.0, level=0.0)
    on_time = progressed(**prone, elapsed_h=98.0)
    assert not early.immunized.any()
    assert not without.immunized.any()
    assert on_time.immunized.all()


def test_thrombosis_follows_thrombocytopenia_for_some_days(well):
    prone = well.replace(immunized=jnp.asarray(True))
    run = lambda hours: float(  # noqa: E731
        progressed(
            prone, disturbances.HARD, jax.random.key(3), hours=24.0, elapsed_h=hours, onset_h=24.0
        ).thrombosis.mean()
    )
    expected = -np.expm1(-disturbances.HIT_THROMBOSIS_PER_DAY)
    assert run(48.0) == pytest.approx(expected, abs=5.0 * np.sqrt(expected / N))
    assert run(24.0 * (disturbances.HIT_THROMBOSIS_DAYS + 2.0)) == 0.0


def test_drifts_are_stationary(well):
    risks, course = disturbances.HARD, well
    course = progressed(course, risks, jax.random.key(4), hours=500.0)
    assert np.std(course.log_renal) == pytest.approx(risks.renal_sd, rel=0.03)
    assert np.std(course.log_elimination) == pytest.approx(risks.elimination_sd, rel=0.03)
    later = jax.vmap(
        lambda k, c: disturbances.progress(
            uniform_vector(k, 3), c, *map(jnp.float32, (np.inf, 0.0, 6.0, 0.4)), risks, 1.0
        )
    )(jax.random.split(jax.random.key(5), N), course)
    assert np.std(later.log_renal) == pytest.approx(risks.renal_sd, rel=0.03)
    correlation = np.corrcoef(course.log_renal, later.log_renal)[0, 1]
    assert correlation == pytest.approx(np.exp(-6.0 / disturbances.RENAL_MEMORY_H), abs=0.02)


def written(path, rows, columns):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def test_reads_a_cohort_and_completes_it(tmp_path):
    path = written(
        tmp_path / "cohort.csv",
        [(70, "F", 60, 0.4), (55, "M", 90, "NA"), (60, "M", "", 0.9), (60, "", 80, 0.9)],
        ("age", "sex", "weight_kg", "renal_function"),
    )
    records = read_heparin_cohort(path)
    assert records.left_out == {"weight missing": 1, "sex missing": 1}
    assert list(records.renal_known) == [True, False]
    env, params = hemosim_jax.make("HeparinInfusion-v0")
    task = hemosim_jax.task_of(env.name)
    cohort = read_cohort(task, path, env, params, jax.random.key(0)).cohort
    assert cohort.size == 2
    covariates = cohort.patients.covariates
    np.testing.assert_allclose(covariates.weight_kg, [60.0, 90.0])
    assert covariates.renal_function[0] == pytest.approx(0.4)
    assert 0.1 <= covariates.renal_function[1] < 1.0
    params = params.replace(patients=cohort)
    _, state = env.reset(jax.random.key(1), params)
    assert float(state.patient.covariates.weight_kg) in (60.0, 90.0)
    with pytest.raises(ValueError, match="must be a population"):
        read_cohort(task, path, env, params, jax.random.key(0))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("x", "F", 60), "line 2: age is 'x'; allowed: a number from 16 to 120"),
        ((70, "f", 60), "line 2: sex is 'f'; allowed: F, M, NA"),
        ((70, "F", 5), "line 2: weight_kg is '5'; allowed: a number from 40 to 180"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(tmp_path, row, message):
    path = written(tmp_path / "cohort.csv", [row], ("age", "sex", "weight_kg"))
    with pytest.raises(ValueError, match=message):
        read_heparin_cohort(path)


def test_real_courses():
    courses = read_heparin_courses(
        shared_file("data/mimic3_demo/heparin_aptt.csv.gz"),
        shared_file("data/mimic3_demo/heparin_aptt_covariates.csv"),
    )
    assert len(courses) == 21
    assert {course.tier for course in courses} <= {"A", "B", "C"}
    for course in courses:
        times = [event.hours for event in course.events]
        assert times == sorted(times)
        assert any(event.kind == "heparin_rate" for event in course.events)
    assert any(event.censored for course in courses for event in course.events)
