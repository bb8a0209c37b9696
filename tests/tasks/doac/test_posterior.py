import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks import doac_posterior
from hemosim_jax.tasks.doac import posterior, trial_rates
from hemosim_jax.tasks.doac.environment import DOACManagement
from hemosim_jax.tasks.doac.hazards import CALIBRATED
from hemosim_jax.tasks.doac.trials import RE_LY, TRIALS

DRAWS = posterior.load()


def test_the_point_is_the_median_of_the_draws():
    for known, drawn in zip(jax.tree.leaves(CALIBRATED), jax.tree.leaves(DRAWS), strict=True):
        assert drawn.shape == (doac_posterior.DRAWS,)
        assert float(jnp.median(drawn)) == pytest.approx(known, rel=0.02)


def rates_of(data, coefficients, factors):
    """By arm: strokes and all bleeds, % per year."""
    found = []
    arms = zip(data.trial.arms, data.exposures, data.risks, strict=True)
    for arm, exposure, risks in arms:
        rates = trial_rates.hazards_in(data.trial, arm, exposure, risks, coefficients)
        percent = doac_posterior.total(trial_rates.percent_per_y(rates))
        found.append([float(p) * f for p, f in zip(percent, factors, strict=True)])
    return np.array(found)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_the_point_gives_the_arms_as_published(trial):
    data = doac_posterior.data_of(trial, jax.random.key(3))
    found = rates_of(data, CALIBRATED, (trial.stroke_factor, trial.bleeding_factor))
    known = [(a.stroke_percent_per_y, a.major_bleeding_percent_per_y) for a in trial.arms]
    np.testing.assert_allclose(found, known, rtol=0.15)


def test_strokes_fall_with_the_trough_about_as_in_patients():
    data = doac_posterior.data_of(RE_LY, jax.random.key(4))
    rates = [
        trial_rates.hazards_in(RE_LY, arm, exposure, risks, CALIBRATED)
        for arm, exposure, risks in zip(RE_LY.arms[:2], data.exposures, data.risks, strict=False)
    ]
    for found, (mean, sd) in zip(
        doac_posterior.slopes(data, rates),
        (doac_posterior.STROKE_SLOPE, doac_posterior.BLEEDING_SLOPE),
        strict=True,
    ):
        assert float(found) == pytest.approx(mean, abs=2.0 * sd)


@pytest.mark.long
def test_a_new_fit_gives_the_stored_draws():
    found = doac_posterior.fit(key=jax.random.key(5), warmup=300, draws=150)
    anew = doac_posterior.as_coefficients(found)
    for stored, new in zip(jax.tree.leaves(DRAWS), jax.tree.leaves(anew), strict=True):
        spread = np.std(np.log(stored))
        assert np.median(np.log(new)) == pytest.approx(np.median(np.log(stored)), abs=spread / 3.0)
        assert np.std(np.log(new)) == pytest.approx(spread, rel=0.35)


def test_every_patient_lives_in_one_of_the_worlds():
    env = DOACManagement("medium", evidence="posterior")
    params = env.default_params
    keys = jax.random.split(jax.random.key(0), 20_000)
    patients = jax.jit(jax.vmap(lambda key: env.draw_patient(key, params)))(keys)
    scales = jax.vmap(posterior.of_patient, (None, 0))(DRAWS, patients).stroke_scale
    counts = np.array([np.sum(scales == one) for one in DRAWS.stroke_scale])
    assert counts.min() >= 3
    assert counts.max() <= 50
    # The worlds say nothing of the patient.
    assert np.corrcoef(scales, patients.covariates.age_y)[0, 1] == pytest.approx(0.0, abs=0.03)
    assert np.corrcoef(scales, patients.covariates.male)[0, 1] == pytest.approx(0.0, abs=0.03)


def test_events_are_those_of_the_draw():
    env = DOACManagement("easy", evidence="posterior")
    params = env.default_params
    apixaban = env.decode_action(env.encode_action(2, 1))

    @jax.jit
    @jax.vmap
    def month(key):
        of_patient, of_month = jax.random.split(key)
        patient = env.draw_patient(of_patient, params)
        state = env.initial_state(patient, params)
        own = params.replace(coefficients=posterior.of_patient(DRAWS, patient))
        point = DOACManagement("easy")
        return [
            one.advance(of_month, state, apixaban, params.decision_interval, of).expected
            for one, of in ((env, params), (point, own))
        ]

    drawn, same = month(jax.random.split(jax.random.key(1), 200))
    np.testing.assert_allclose(drawn.stroke, same.stroke, rtol=1e-5)
    np.testing.assert_allclose(drawn.bleeding, same.bleeding, rtol=1e-5)


def test_evidence_is_one_of_two():
    with pytest.raises(ValueError, match="evidence must be one of point, posterior; got 'none'"):
        DOACManagement("easy", evidence="none")
