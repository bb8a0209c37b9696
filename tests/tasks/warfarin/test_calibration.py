import jax
import numpy as np
import pytest

from hemosim_jax.tasks.warfarin import hamberg2007, hamberg2010
from hemosim_jax.tasks.warfarin.calibration import calibration_of, fit, typical_dose_mg_per_week
from hemosim_jax.tasks.warfarin.cohort import read_iwpc
from hemosim_jax.tasks.warfarin.disturbances import Risks
from hemosim_jax.tasks.warfarin.hamberg2007 import Hamberg2007
from hemosim_jax.tasks.warfarin.hamberg2010 import Hamberg2010
from hemosim_jax.tasks.warfarin.population import complete_cohort, of_ancestry
from tests.conftest import shared_file

MODELS = {"hamberg2010": Hamberg2010(), "hamberg2007": Hamberg2007()}


@pytest.fixture(scope="module")
def stable():
    """Covariates and weekly doses of the subjects with a stable dose."""
    records = read_iwpc(shared_file("data/iwpc/iwpc_development.csv.gz"))
    kept = np.isfinite(records.weekly_dose_mg)
    covariates = jax.tree.map(lambda x: x[kept], records.covariates)
    return covariates, records.weekly_dose_mg[kept]


def with_baseline(covariates, calibration):
    ones = np.ones_like(covariates.age_y)
    return covariates.replace(baseline_inr=ones * calibration.typical_baseline_inr)


def error(model, covariates, dose, calibration):
    covariates = with_baseline(covariates, calibration)
    return np.abs(typical_dose_mg_per_week(model, covariates, calibration) - dose).mean()


def test_the_published_models_err_as_reported(stable):
    assert error(MODELS["hamberg2010"], *stable, hamberg2010.PUBLISHED) == pytest.approx(
        11.2, abs=0.1
    )
    assert error(MODELS["hamberg2007"], *stable, hamberg2007.PUBLISHED) == pytest.approx(
        11.5, abs=0.1
    )


@pytest.mark.parametrize("name", MODELS)
def test_dose_error_of_the_calibrated_models(stable, name):
    model = MODELS[name]
    assert error(model, *stable, calibration_of("iwpc", model)) < 8.6


@pytest.mark.parametrize("name", MODELS)
def test_spread_of_the_dose_requirement(stable, name):
    covariates, dose = stable
    model = MODELS[name]
    calibration = calibration_of("iwpc", model)
    of, spreads = of_ancestry("European", calibration), []
    for seed in range(5):
        cohort = complete_cohort(jax.random.key(seed), covariates, of, Risks(), model)
        need = 7.0 * model.steady_state_dose_mg_per_day(cohort.patients.parameters, 2.5)
        spreads.append(np.std(np.log(need)))
    assert np.mean(spreads) == pytest.approx(np.std(np.log(dose)), rel=0.1)


@pytest.mark.parametrize("name", MODELS)
def test_the_constants_are_what_the_fit_gives(stable, name):
    covariates, dose = stable
    model = MODELS[name]
    fitted, kept = fit(model, covariates, dose), calibration_of("iwpc", model)
    for field, value in vars(kept).items():
        assert value == pytest.approx(getattr(fitted, field), abs=6e-4), field


def test_the_fit_recovers_what_made_the_data(stable):
    covariates, _ = stable
    truth = calibration_of("iwpc", MODELS["hamberg2010"])
    covariates = with_baseline(covariates, truth)
    made = np.asarray(typical_dose_mg_per_week(MODELS["hamberg2010"], covariates, truth))
    noise = np.exp(0.4 * np.random.default_rng(0).standard_normal(made.size))
    fitted = fit(MODELS["hamberg2010"], covariates, made * noise)
    assert fitted.weight_exponent == pytest.approx(truth.weight_exponent, abs=0.15)
    assert fitted.amiodarone_clearance_ratio == pytest.approx(
        truth.amiodarone_clearance_ratio, abs=0.15
    )
    assert fitted.ec50_ratio == pytest.approx(truth.ec50_ratio, abs=0.1)
