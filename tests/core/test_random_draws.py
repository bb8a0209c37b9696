import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtri

from hemosim_jax.core.random_draws import as_normal, divide, uniform_vector


def test_normal_numbers_are_the_quantiles():
    every = (np.arange(2**16) + 0.5) * 2.0**-15 - 1.0
    for dtype, bound in ((jnp.float32, 4e-5), (jnp.float64, 3e-5)):
        with jax.enable_x64(dtype == jnp.float64):
            found = np.asarray(jax.vmap(as_normal)(jnp.asarray(every, dtype)))
        assert found.dtype == dtype
        np.testing.assert_allclose(found, ndtri((1.0 + every) / 2.0), rtol=bound)
    assert found.std() == pytest.approx(1.0, abs=1e-3)
    edges = np.asarray(jax.vmap(as_normal)(jnp.asarray([-1.0, 0.0, 1.0])))
    np.testing.assert_allclose(edges, [-4.4, 0.0, 4.4], atol=0.2)


def test_what_is_left_of_a_number_is_uniform_and_independent():
    draws = jax.vmap(lambda key: uniform_vector(key, 1)[0])(
        jax.random.split(jax.random.key(0), 40_000)
    )
    for probability in (0.03, 0.4, 0.0, 1.0):
        of = lambda u, p=probability: divide(0.5 * (u + 1.0), jnp.float32(p))  # noqa: E731
        happens, rest = jax.vmap(of)(draws)
        assert np.mean(happens) == pytest.approx(probability, abs=0.01)
        for group in (rest[happens], rest[~happens]):
            if len(group):
                assert 0.0 <= np.min(group) <= np.max(group) <= 1.0
                error = 4.0 / np.sqrt(12 * len(group))
                assert np.mean(group) == pytest.approx(0.5, abs=error)
                assert np.std(group) == pytest.approx(12.0**-0.5, rel=5.0 / np.sqrt(len(group)))
