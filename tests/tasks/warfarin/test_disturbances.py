import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.tasks.warfarin import disturbances

N = 4000


def traits(*uniforms, risks=disturbances.HARD):
    uniforms = tuple(map(jnp.float32, uniforms or (0.5, 0.5, 0.5)))
    return disturbances.draw_traits(uniforms, risks, jnp.asarray(False))


def many():
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (N,)), disturbances.well())


def step(patients, key, hours=24.0, risks=disturbances.HARD, own=None):
    keys = jax.random.split(key, N)
    own = traits(risks=risks) if own is None else own
    return jax.vmap(lambda k, now: disturbances.progress(k, now, own, jnp.float32(hours), risks))(
        keys, patients
    )


def test_nothing_happens_without_risks():
    none, patients = disturbances.Risks(), many()
    for day in range(20):
        patients = step(patients, jax.random.key(day), risks=none)
    own = traits(risks=none)
    acting = disturbances.inputs(patients, own, jnp.float32(480.0), jnp.float32(24.0))
    assert not patients.missed_dose.any()
    np.testing.assert_array_equal(acting.clearance_s_ratio, 1.0)
    np.testing.assert_array_equal(acting.ec50_ratio, 1.0)


def test_doses_are_missed_at_the_patients_own_rate():
    patients = step(many(), jax.random.key(0), own=traits(0.9, 0.5, 0.4))
    probability = 0.05 + 0.4 * 0.15
    bound = 5 * np.sqrt(probability * (1 - probability) / N)
    assert np.mean(patients.missed_dose) == pytest.approx(probability, abs=bound)


def test_illness_comes_at_its_rate_lasts_three_to_ten_days_and_sensitizes():
    patients = step(many(), jax.random.key(1))
    ill = np.asarray(patients.illness_left_h) > 0
    probability = -np.expm1(-1 / 45)
    assert ill.mean() == pytest.approx(probability, abs=5 * np.sqrt(probability / N))
    left = np.asarray(patients.illness_left_h)[ill] / 24.0
    assert left.min() >= 3.0
    assert left.max() <= 10.0
    acting = disturbances.inputs(patients, traits(), jnp.float32(0.0), jnp.float32(24.0))
    assert (np.asarray(acting.clearance_s_ratio)[ill] <= 0.85 + 1e-6).all()
    for day in range(10):
        patients = step(patients, jax.random.key(day), risks=disturbances.Risks())
    assert not (np.asarray(patients.illness_left_h) > 0).any()


def test_vitamin_k_is_stationary():
    patients, spread = many(), []
    for day in range(60):
        patients = step(patients, jax.random.key(day))
        spread.append(np.std(patients.log_vitamin_k))
    assert np.mean(spread[40:]) == pytest.approx(disturbances.HARD.vitamin_k_sd, rel=0.05)


def test_amiodarone_acts_slowly():
    one, well = traits(0.0, 1.0, 0.5), disturbances.well()
    assert one.amiodarone_start_h == 0.0
    ratio = [
        float(
            disturbances.inputs(
                well, one, jnp.float32(24.0 * day), jnp.float32(0.0)
            ).clearance_s_ratio
        )
        for day in (0, 1, 16, 90)
    ]
    expected = [1.0 - 0.40 * (1.0 - np.exp(-day / 16.0)) for day in (0, 1, 16, 90)]
    np.testing.assert_allclose(ratio, expected, rtol=1e-5)


def test_who_takes_amiodarone_does_not_start_it():
    uniforms = tuple(map(jnp.float32, (0.0, 0.5, 0.5)))
    assert np.isinf(
        disturbances.draw_traits(uniforms, disturbances.HARD, jnp.asarray(True)).amiodarone_start_h
    )
