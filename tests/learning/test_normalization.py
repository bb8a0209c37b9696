import jax.numpy as jnp
import numpy as np

from hemosim_jax.learning.normalization import add_samples, no_samples, normalize, scale_reward


def test_batches_add_up_to_the_moments_of_all_samples():
    rng = np.random.default_rng(0)
    samples = rng.normal(3.0, [1.0, 5.0, 0.1], size=(40, 7, 3)).astype(np.float32)
    moments = no_samples((3,))
    for rows in np.split(samples, [1, 5, 20]):
        moments = add_samples(moments, jnp.asarray(rows))
    flat = samples.reshape(-1, 3)
    assert moments.count == len(flat)
    np.testing.assert_allclose(moments.mean, flat.mean(0), rtol=1e-4)
    np.testing.assert_allclose(moments.variance, flat.var(0), rtol=1e-3)
    normalized = normalize(moments, jnp.asarray(flat))
    np.testing.assert_allclose(normalized.mean(0), 0.0, atol=1e-3)
    np.testing.assert_allclose(normalized.std(0), 1.0, rtol=1e-3)


def test_scalars_and_clipping():
    moments = add_samples(no_samples(()), jnp.array([[1.0, 3.0], [5.0, 7.0]]))
    assert moments.mean == 4.0
    np.testing.assert_allclose(scale_reward(moments, 2.0), 2.0 / np.sqrt(5.0), rtol=1e-5)
    assert scale_reward(moments, 1e6) == 10.0


def test_a_constant_observation_does_not_explode():
    moments = add_samples(no_samples((1,)), jnp.full((10, 1), 2.0))
    assert normalize(moments, jnp.array([2.0])) == 0.0
