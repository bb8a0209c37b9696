import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.core.random_draws import uniform_vector
from hemosim_jax.tasks.warfarin import disturbances

N = 4000


def traits(*uniforms, risks=disturbances.HARD):
    uniforms = tuple(map(jnp.asarray, uniforms or (0.5,) * 6))
    return disturbances.draw_traits(uniforms, risks, jnp.asarray(False))


def many():
    start = disturbances.at_start(traits(), disturbances.HARD, 1.0)
    return jax.tree.map(lambda x: jnp.broadcast_to(x, (N,)), start)


def step(patients, key, hours=24.0, risks=disturbances.HARD, own=None, within_patient=1.0):
    keys = jax.random.split(key, N)
    own = traits(risks=risks) if own is None else own
    return jax.vmap(
        lambda k, now: disturbances.progress(
            uniform_vector(k, 5), now, own, jnp.float32(hours), risks, within_patient
        )
    )(keys, patients)


def test_nothing_happens_without_risks_and_variation():
    none, own = disturbances.Risks(), traits(risks=disturbances.Risks())
    start = disturbances.at_start(own.replace(vitamin_k_at_start=jnp.float32(2.0)), none, 0.0)
    patients = jax.tree.map(lambda x: jnp.broadcast_to(x, (N,)), start)
    for day in range(20):
        patients = step(patients, jax.random.key(day), risks=none, within_patient=0.0)
    np.testing.assert_array_equal(patients.log_day_to_day, 0.0)
    acting = disturbances.inputs(patients, own, jnp.float32(480.0), jnp.float32(24.0))
    assert not patients.missed_dose.any()
    np.testing.assert_array_equal(acting.clearance_s_ratio, 1.0)
    np.testing.assert_array_equal(acting.ec50_ratio, 1.0)


def test_doses_are_missed_at_the_patients_own_rate():
    patients = step(many(), jax.random.key(0), own=traits(0.9, 0.5, 0.4, 0.5, 0.5, 0.5))
    probability = 0.05 + 0.4 * 0.15
    bound = 5 * np.sqrt(probability * (1 - probability) / N)
    assert np.mean(patients.missed_dose) == pytest.approx(probability, abs=bound)


def test_illness_comes_at_its_rate_lasts_three_to_ten_days_and_sensitizes():
    patients = step(many(), jax.random.key(1))
    ill = np.asarray(patients.illness_left_h) > 0
    probability = -np.expm1(-1 / 90)
    assert ill.mean() == pytest.approx(probability, abs=5 * np.sqrt(probability / N))
    left = np.asarray(patients.illness_left_h)[ill] / 24.0
    assert left.min() >= 3.0
    assert left.max() <= 10.0
    acting = disturbances.inputs(patients, traits(), jnp.float32(0.0), jnp.float32(24.0))
    ratio = np.asarray(acting.clearance_s_ratio)[ill]
    assert 0.85 - 1e-6 < ratio.min() < 0.87
    assert ratio.max() < 0.95 + 1e-6
    for day in range(10):
        patients = step(patients, jax.random.key(day), risks=disturbances.Risks())
    assert not (np.asarray(patients.illness_left_h) > 0).any()


@pytest.mark.parametrize("hours", [6.0, 24.0, 168.0])
def test_vitamin_k_and_days_vary_alike_from_the_first_day_at_every_step(hours):
    """Stationary from the start, and of the same memory, whatever the length of a step."""
    risks = disturbances.Risks()
    normals = np.random.default_rng(0).standard_normal(N).astype(np.float32)
    own = jax.tree.map(lambda x: jnp.broadcast_to(x, (N,)), traits(risks=risks))
    own = own.replace(vitamin_k_at_start=normals, lability=jnp.full(N, 1.5, jnp.float32))
    start = jax.vmap(lambda o: disturbances.at_start(o, risks, 1.0))(own)
    now = start
    for number in range(int(168.0 / hours)):
        keys = jax.random.split(jax.random.key(number), N)
        now = jax.vmap(
            lambda k, c, o: disturbances.progress(
                uniform_vector(k, 5), c, o, jnp.float32(hours), risks, 1.0
            )
        )(keys, now, own)
    sd = 1.5 * risks.vitamin_k_sd
    for condition in (start, now):
        assert np.std(condition.log_vitamin_k) == pytest.approx(sd, rel=0.05)
    alike = np.corrcoef(start.log_vitamin_k, now.log_vitamin_k)[0, 1]
    assert alike == pytest.approx(np.exp(-1.0), abs=4 / np.sqrt(N))
    assert np.std(now.log_day_to_day) == pytest.approx(
        risks.day_to_day_sd * np.sqrt(-np.expm1(-14.0)), rel=0.05
    )


def test_lability_differs_between_patients():
    uniforms = (np.arange(N, dtype=np.float32) + 0.5) / N
    own = jax.vmap(lambda u: traits(0.5, 0.5, 0.5, u, 0.5, 0.5, risks=disturbances.Risks()))(
        uniforms
    )
    assert np.median(own.lability) == pytest.approx(1.0, rel=0.01)
    assert np.std(np.log(own.lability)) == pytest.approx(0.4, rel=0.02)


def test_amiodarone_acts_slowly():
    one = traits(0.0, 1.0, 0.5, 0.5, 0.5, 0.5)
    well = disturbances.at_start(one, disturbances.HARD, 0.0)
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
    uniforms = tuple(map(jnp.float32, (0.0, 0.5, 0.5, 0.5, 0.5, 0.5)))
    assert np.isinf(
        disturbances.draw_traits(uniforms, disturbances.HARD, jnp.asarray(True)).amiodarone_start_h
    )
