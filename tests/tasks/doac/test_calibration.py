import jax
import numpy as np
import pytest

from hemosim_jax.tasks.doac.calibration import fit
from hemosim_jax.tasks.doac.hazards import CALIBRATED
from hemosim_jax.tasks.doac.trials import TRIALS


def test_a_new_fit_gives_the_stored_coefficients():
    fitted = fit(jax.random.key(11), 20_000)
    stored = dict(vars(CALIBRATED))
    for name, value in vars(fitted.coefficients).items():
        np.testing.assert_allclose(value, stored[name], rtol=0.06, atol=0.02, err_msg=name)
    for trial in TRIALS:
        assert fitted.stroke_factors[trial.name] == pytest.approx(trial.stroke_factor, rel=0.03)
        assert fitted.bleeding_factors[trial.name] == pytest.approx(trial.bleeding_factor, rel=0.03)


def test_a_drug_left_out_has_the_mean_of_the_others():
    fitted = fit(jax.random.key(12), 5000, [one for one in TRIALS if one.name != "ARISTOTLE"])
    assert set(fitted.stroke_factors) == {"RE-LY", "ROCKET AF", "ENGAGE AF"}
    half = np.array(fitted.coefficients.stroke_half_exposure)
    assert half[2] == pytest.approx(np.exp(np.log(half[[0, 1, 3]]).mean()), rel=1e-6)
    ratios = np.array(fitted.coefficients.site_ratios)
    np.testing.assert_allclose(ratios[2], np.exp(np.log(ratios[[0, 1, 3]]).mean(axis=0)), rtol=1e-6)
