import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.physiology.aptt_reagent import (
    PAPER,
    RASCHKE,
    REAGENTS,
    prolongation,
    reagent,
    translate,
    typical_anti_xa,
)


@pytest.mark.parametrize(("of", "bounds"), [(PAPER, (60.0, 100.0)), (RASCHKE, (46.0, 70.0))])
def test_therapeutic_anti_xa_reads_as_stated(of, bounds):
    level = jnp.array([0.0, 0.3, 0.7])
    seconds = of.control_s * jnp.exp(prolongation(level, of))
    np.testing.assert_allclose(seconds, (of.control_s, *bounds), rtol=1e-5)


def test_raschke_is_log_linear_from_a_tenth_on():
    level = jnp.linspace(0.1, 1.6, 31)
    seconds = RASCHKE.control_s * jnp.exp(prolongation(level, RASCHKE))
    np.testing.assert_allclose(seconds, 33.6 * np.exp(1.05 * level), rtol=5e-3)


@pytest.mark.parametrize("name", REAGENTS)
def test_the_inverse_and_its_gradient(name):
    of = REAGENTS[name]
    level = jnp.linspace(0.0, 2.0, 41)
    seconds = of.control_s * jnp.exp(prolongation(level, of))
    assert np.all(np.diff(seconds) > 0.0)
    np.testing.assert_allclose(typical_anti_xa(seconds, of), level, atol=2e-5)
    assert typical_anti_xa(jnp.float32(of.control_s - 5.0), of) == 0.0
    slope = jax.grad(lambda s: typical_anti_xa(s, of))(jnp.float32(80.0))
    assert np.isfinite(slope)


def test_thresholds_translate_between_reagents():
    there = translate(jnp.array([46.0, 70.0]), RASCHKE, PAPER)
    np.testing.assert_allclose(there, [60.0, 100.0], rtol=1e-5)
    np.testing.assert_allclose(translate(there, PAPER, RASCHKE), [46.0, 70.0], rtol=1e-5)


@pytest.mark.parametrize("bounds", [(25.0, 70.0), (70.0, 46.0), (60.0, 250.0)])
def test_impossible_ranges_are_refused(bounds):
    with pytest.raises(ValueError, match="therapeutic_aptt_s must rise"):
        reagent(bounds)


@pytest.mark.parametrize("bounds", [(40.0, 80.0), (40.0, 70.0)])
def test_a_curve_that_would_fall_at_first_is_refused(bounds):
    with pytest.raises(ValueError, match=r"therapeutic_aptt_s must start at 4\d\.\d s or more"):
        reagent(bounds)
