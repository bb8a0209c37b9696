import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.doac_exposure import (
    KIDNEYS_ML_PER_MIN,
    LABEL_AUC_RATIOS,
    PUBLISHED,
    REFERENCE,
    against_reference,
    covariates,
    regimen_of,
    steady_day,
    typical,
)
from hemosim_jax.tasks.doac import apixaban, drugs, rivaroxaban
from hemosim_jax.tasks.doac.covariates import creatinine_clearance_ml_per_min
from hemosim_jax.tasks.doac.hazards import TYPICAL_MEAN_NG_PER_ML
from tests.conftest import shared_file


def test_the_reference_s_peaks_troughs_and_areas():
    shared_file(f"reference/anticoagulants/{REFERENCE.name}")
    worst = against_reference()
    assert set(worst) == set(drugs.DRUGS)
    assert max(worst.values()) < 0.02


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: f"{row[0]} {row[1]:g}")
def test_published_medians_at_steady_state(row):
    name, dose_mg, clearance, weight, age, peak, trough = row
    drug = drugs.DRUGS.index(name)
    hours, level, _ = steady_day(
        typical(drug, covariates(clearance, weight, age)), regimen_of(drug, dose_mg)
    )
    assert float(level.max()) == pytest.approx(peak, rel=0.15)
    # Edoxaban's model falls too low by the end of the day; samples were taken at about 20 h.
    low = jnp.interp(20.0, hours, level) if name == "edoxaban" else level[-1]
    assert float(low) == pytest.approx(trough, rel=0.15)


@pytest.mark.parametrize("name", LABEL_AUC_RATIOS)
def test_the_label_s_auc_ratios_by_renal_function(name):
    drug = drugs.DRUGS.index(name)
    areas = [
        float(steady_day(typical(drug, covariates(k, 80.0, 65.0)), regimen_of(drug, 20.0))[2])
        for k in KIDNEYS_ML_PER_MIN
    ]
    for area, published in zip(areas[1:], LABEL_AUC_RATIOS[name], strict=True):
        assert area / areas[0] == pytest.approx(published, rel=0.2)


@pytest.mark.parametrize("drug", range(len(drugs.DRUGS)), ids=drugs.DRUGS)
def test_typical_means_are_those_of_the_events_constants(drug):
    _, _, auc = steady_day(
        typical(drug, covariates(70.0, 82.0, 72.0)),
        regimen_of(drug, drugs.MODELS[drug].DOSES_MG[1]),
    )
    assert float(auc) / 24.0 == pytest.approx(TYPICAL_MEAN_NG_PER_ML[drug], rel=0.005)


@pytest.mark.parametrize("drug", range(len(drugs.DRUGS)), ids=drugs.DRUGS)
def test_interacting_drugs_move_the_exposure_the_right_way(drug):
    of = covariates(70.0, 82.0, 72.0)
    regimen = regimen_of(drug, drugs.MODELS[drug].DOSES_MG[1])
    areas = [
        float(steady_day(typical(drug, of.replace(interaction=jnp.int32(i))), regimen)[2])
        for i in range(3)
    ]
    assert areas[2] < areas[0] < areas[1]


@pytest.mark.parametrize("drug", range(len(drugs.DRUGS)), ids=drugs.DRUGS)
def test_exposure_rises_as_kidneys_fail_and_with_the_dose(drug):
    areas = [
        float(
            steady_day(
                typical(drug, covariates(k, 82.0, 72.0)),
                regimen_of(drug, drugs.MODELS[drug].DOSES_MG[1]),
            )[2]
        )
        for k in (20.0, 50.0, 80.0, 110.0)
    ]
    assert np.all(np.diff(areas) < 0.0)
    of = typical(drug, covariates(70.0, 82.0, 72.0))
    by_dose = [float(steady_day(of, regimen_of(drug, d))[2]) for d in drugs.MODELS[drug].DOSES_MG]
    assert np.all(np.diff(by_dose) > 0.0)


def test_bioavailability_as_published():
    assert rivaroxaban.relative_bioavailability(20.0) == pytest.approx(0.842, abs=1e-3)
    assert apixaban.relative_bioavailability(2.5) == 1.0
    assert apixaban.relative_bioavailability(5.0) == pytest.approx(0.966, abs=1e-3)


def test_variability_is_the_published_one():
    keys = jax.random.split(jax.random.key(0), drugs.N_EFFECTS)
    normals = [jax.random.normal(key, (20_000,)) for key in keys]
    of = jax.tree.map(lambda x: jnp.broadcast_to(x, (20_000,)), covariates(70.0, 82.0, 72.0))
    rivaroxaban_of, dabigatran_of, apixaban_of, edoxaban_of = drugs.parameters(of, normals, 4)

    def log_sd(x):
        return float(jnp.std(jnp.log(x)))

    assert log_sd(rivaroxaban_of.clearance_l_per_h) == pytest.approx(0.167**0.5, rel=0.03)
    logs = jnp.log(jnp.stack([rivaroxaban_of.clearance_l_per_h, rivaroxaban_of.central_l]))
    assert float(jnp.cov(logs)[0, 1]) == pytest.approx(0.0674, rel=0.05)
    assert log_sd(dabigatran_of.clearance_l_per_h) == pytest.approx(0.47, rel=0.03)
    elimination = apixaban_of.clearance_l_per_h / apixaban_of.central_l
    assert log_sd(elimination) == pytest.approx(0.0954**0.5, rel=0.03)
    assert log_sd(apixaban_of.k12_per_h) == pytest.approx(1.55**0.5, rel=0.03)
    assert log_sd(edoxaban_of.central_l) == pytest.approx(1.56 * 0.149, rel=0.03)
    exchange = edoxaban_of.k12_per_h * edoxaban_of.central_l
    logs = jnp.log(jnp.stack([edoxaban_of.clearance_l_per_h, exchange]))
    assert float(jnp.corrcoef(logs)[0, 1]) == pytest.approx(0.43, abs=0.03)


def test_switching_eliminates_what_is_left_of_the_old_drug():
    of = covariates(70.0, 82.0, 72.0)
    parameters = drugs.parameters(of, [jnp.float32(0.0)] * drugs.N_EFFECTS, 3)
    model = drugs.DirectAnticoagulants()
    start, month = model.initial_state(parameters), jnp.float32(720.0)
    dabigatran = drugs.Taken(jnp.int32(1), regimen_of(1, 150.0))
    on_dabigatran, _ = model.advance(start, month, parameters, dabigatran)
    assert on_dabigatran[1].central_mg > 1.0
    assert on_dabigatran[0].central_mg == on_dabigatran[2].central_mg == 0.0
    day = jnp.float32(24.0)
    apixaban = drugs.Taken(jnp.int32(2), regimen_of(2, 5.0))
    switched, _ = model.advance(on_dabigatran, day, parameters, apixaban)
    assert 0.0 < switched[1].central_mg < on_dabigatran[1].central_mg
    assert switched[2].central_mg > 0.5
    assert switched[1].auc_ng_h_per_ml > 0.0


def test_read_outs():
    assert float(drugs.anti_xa_iu_per_ml(jnp.float32(171.0), jnp.int32(2))) == pytest.approx(
        2.55, rel=0.01
    )
    assert float(drugs.anti_xa_iu_per_ml(jnp.float32(171.0), jnp.int32(1))) == 0.0
    assert float(drugs.thrombin_time_s(jnp.float32(200.0))) == 65.0


def test_cockcroft_and_gault_is_its_own_inverse():
    male = jnp.array([True, False])
    clearance = creatinine_clearance_ml_per_min(70.0, 72.0, male, 1.0)
    np.testing.assert_allclose(clearance, [70.0, 59.5])
    back = creatinine_clearance_ml_per_min(70.0, 72.0, male, clearance)
    np.testing.assert_allclose(back, 1.0)
