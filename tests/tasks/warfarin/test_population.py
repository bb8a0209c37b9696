import jax
import numpy as np
import pytest

import hemosim_jax
from hemosim_jax.core.cohort import Cohort
from hemosim_jax.tasks.warfarin import genotypes
from hemosim_jax.tasks.warfarin.environment import WarfarinDosing
from hemosim_jax.tasks.warfarin.genotypes import ANCESTRIES
from hemosim_jax.tasks.warfarin.population import complete_cohort, sample_cohort

N = 20_000


@pytest.fixture(scope="module", params=ANCESTRIES)
def population(request):
    env, params = hemosim_jax.make("WarfarinDosing-v0", ancestry=request.param)
    keys = jax.random.split(jax.random.key(0), N)
    return params.patients, jax.jit(jax.vmap(env.sample_patient, in_axes=(0, None)))(keys, params)


def five_sigma(probability):
    return 5.0 * np.sqrt(probability * (1.0 - probability) / N) + 1e-4


def test_genotypes_come_at_their_frequencies(population):
    of, patients = population
    for name, frequencies in (("cyp2c9", of.cyp2c9), ("vkorc1", of.vkorc1)):
        drawn = np.asarray(getattr(patients.covariates, name))
        for code, frequency in enumerate(frequencies):
            assert abs(np.mean(drawn == code) - frequency) < five_sigma(float(frequency))


def test_prevalences(population):
    of, patients = population
    for name in ("amiodarone", "enzyme_inducer", "smoker"):
        expected = float(getattr(of, name))
        assert abs(np.mean(getattr(patients.covariates, name)) - expected) < five_sigma(expected)
    assert abs(np.mean(patients.covariates.male) - (1.0 - of.female)) < five_sigma(float(of.female))


def test_bodies_are_plausible(population):
    of, patients = population
    covariates = patients.covariates
    male = np.asarray(covariates.male)
    for sex, center in ((~male, of.weight_kg[0][0]), (male, of.weight_kg[1][0])):
        assert np.median(covariates.weight_kg[sex]) == pytest.approx(float(center), rel=0.02)
    assert np.mean(covariates.age_y) == pytest.approx(float(of.age_y[0]), abs=1.0)
    height, weight = covariates.height_cm[male], covariates.weight_kg[male]
    correlation = np.corrcoef(height, np.log(weight))[0, 1]
    assert correlation == pytest.approx(float(of.height_weight_correlation), abs=0.05)
    assert covariates.baseline_inr.min() >= 1.0


def test_individual_parameters_spread_as_calibrated(population):
    of, patients = population
    ec50 = np.log(patients.parameters.ec50_mg_per_l)
    code = np.asarray(patients.covariates.vkorc1)
    within = np.sqrt(np.mean([np.var(ec50[code == c]) for c in (0, 2) if np.sum(code == c) > 500]))
    assert within == pytest.approx(float(of.calibration.omega_ec50), rel=0.05)


def test_no_two_parameters_share_their_noise(population):
    _, patients = population
    parameters = patients.parameters
    logs = [np.log(parameters.clearance_r_l_per_h), np.log(parameters.volume_s_l)]
    logs.append(np.asarray(patients.covariates.baseline_inr))
    correlation = np.corrcoef(logs)
    assert np.abs(correlation[np.triu_indices(3, 1)]).max() < 5 / np.sqrt(N)


def test_patients_can_come_from_a_cohort():
    env, params = hemosim_jax.make("WarfarinDosing-v0")
    cohort = sample_cohort(jax.random.key(1), params.patients, params.risks, env.model, 5)
    assert cohort.size == 5
    drawing = params.replace(patients=cohort)
    keys = jax.random.split(jax.random.key(2), 200)
    drawn = jax.jit(jax.vmap(env.sample_patient, in_axes=(0, None)))(keys, drawing)
    ages = np.asarray(cohort.patients.covariates.age_y)
    assert set(np.asarray(drawn.covariates.age_y)) == set(ages)
    _, state = env.reset(jax.random.key(3), drawing)
    assert float(state.patient.covariates.age_y) in ages


def test_what_no_file_records_is_drawn_as_in_the_population():
    env, params = hemosim_jax.make("WarfarinDosing-v0")
    sampled = sample_cohort(jax.random.key(1), params.patients, params.risks, env.model, 500)
    built = [
        complete_cohort(
            jax.random.key(4),
            sampled.patients.covariates,
            params.patients.replace(variability=variability),
            params.risks,
            env.model,
        )
        for variability in (0.0, 1.0)
    ]
    assert isinstance(built[0], Cohort)
    typical, varied = (b.patients.parameters.ec50_mg_per_l for b in built)
    omega = float(params.patients.calibration.omega_ec50)
    assert np.std(np.log(varied / typical)) == pytest.approx(omega, rel=0.15)
    assert np.unique(built[0].patients.parameters.baseline_inr).size > 100
    np.testing.assert_array_equal(
        built[0].patients.covariates.age_y, sampled.patients.covariates.age_y
    )


def test_model_of_2007_has_its_own_parameters():
    env = WarfarinDosing(model="hamberg2007")
    patient = env.sample_patient(jax.random.key(0), env.default_params)
    assert patient.parameters.volume_s_peripheral_l > 0


def test_alleles_that_no_panel_sees():
    """As frequent as they are in African ancestry, with CPIC's effects around the mean."""
    env, params = hemosim_jax.make("WarfarinDosing-v0", ancestry="African")
    draw = jax.jit(jax.vmap(lambda key: env.sample_patient(key, params)))
    patients = draw(jax.random.split(jax.random.key(5), 20_000))
    counts = np.array([getattr(patients.alleles, name) for name in genotypes.UNSEEN])
    frequencies = genotypes.UNSEEN_FREQUENCIES["African"]
    np.testing.assert_allclose(counts.mean(axis=1) / 2.0, frequencies, atol=0.01)
    both = np.mean(counts[1] == 2)
    assert both == pytest.approx(frequencies[1] ** 2, abs=0.006)
    carries = (counts[0] > 0) | (counts[1] > 0)
    assert 0.45 < carries.mean() < 0.65  # 45 to 50 % by self-report (CPIC 2017)
    dose = env.model.steady_state_dose_mg_per_day(patients.parameters, 2.5)
    logs = np.log(np.asarray(dose))

    def change_percent(one, other):
        return 100.0 * np.expm1(logs[one].mean() - logs[other].mean())

    assert -30.0 < change_percent(counts[0] == 1, counts[0] == 0) < -15.0
    assert -25.0 < change_percent(counts[1] == 2, counts[1] == 0) < -15.0
    assert -15.0 < change_percent(counts[1] == 1, counts[1] == 0) < -7.0
    assert 4.0 < change_percent(counts[2] == 1, counts[2] == 0) < 12.0
    clearance, ec50 = genotypes.unseen_effects(patients.alleles, frequencies)
    assert np.mean(clearance) == pytest.approx(0.0, abs=0.01)
    assert np.mean(ec50) == pytest.approx(0.0, abs=0.01)
