import jax
import numpy as np
import pytest

import hemosim_jax
from benchmarks.heparin_ward import STEP_H, simulate
from hemosim_jax.tasks.heparin import nomograms


@pytest.fixture(scope="module")
def course():
    env, params = hemosim_jax.make("HeparinInfusion-v0", reagent="raschke")
    patients, course = simulate(env, params, nomograms.RASCHKE, 64, jax.random.key(0), 30)
    return jax.tree.map(np.asarray, (patients, course))


def test_therapy_starts_as_the_trial_did(course):
    patients, course = course
    weight_kg = patients.covariates.weight_kg
    np.testing.assert_allclose(course["bolus_u"][:, 0], 80.0 * weight_kg, rtol=1e-5)
    np.testing.assert_allclose(course["infusion_u_per_h"][:, 0], 18.0 * weight_kg, rtol=1e-5)


def test_samples_are_drawn_every_six_hours_and_answered(course):
    _, course = course
    for patient in range(64):
        came = np.flatnonzero(~np.isnan(course["aptt_result_s"][patient]))
        drawn_h = course["aptt_drawn_h"][patient][came]
        assert drawn_h[0] == 6.0
        assert (np.diff(drawn_h) >= 5.5).all()
        assert (came * STEP_H > drawn_h).all()
        # What was drawn is the aPTT of that moment, give or take the assay's error.
        true_s = course["aptt_s"][patient][(drawn_h / STEP_H).astype(int) - 1]
        ratio = course["aptt_result_s"][patient][came] / np.minimum(true_s, 150.0)
        assert (np.abs(ratio - 1.0) < 5 * 0.04).all()


def test_a_low_result_gets_a_half_bolus_and_a_higher_rate(course):
    patients, course = course
    weight_kg = patients.covariates.weight_kg
    result_s = course["aptt_result_s"]
    seen = 0
    for patient, time in np.argwhere((result_s > 35.0) & (result_s < 45.5)):
        given = course["bolus_u"][patient, time] / weight_kg[patient]
        assert given == pytest.approx(40.0, rel=1e-4)
        before, now = course["infusion_u_per_h"][patient, time - 1 : time + 1]
        assert now == pytest.approx(min(before + 2.0 * weight_kg[patient], 2500.0), rel=1e-3)
        seen += 1
    assert seen > 5
