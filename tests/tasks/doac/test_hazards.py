import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.tasks.doac import hazards
from hemosim_jax.tasks.doac.drugs import DRUGS
from hemosim_jax.tasks.doac.hazards import CALIBRATED

STROKE = hazards.stroke_without_treatment(jnp.int32(4))
BLEEDING = hazards.bleeding_on_warfarin(jnp.int32(2), jnp.float32(70.0))


def on_drug(exposure, drug=0):
    return hazards.hazards_on_drug(
        jnp.float32(exposure), jnp.int32(drug), STROKE, BLEEDING, CALIBRATED
    )


def test_published_rates():
    assert float(STROKE) == pytest.approx(0.048)
    assert float(BLEEDING) == pytest.approx(0.0188)
    older = hazards.bleeding_on_warfarin(jnp.int32(2), jnp.float32(80.0))
    assert float(older / BLEEDING) == pytest.approx(1.35)
    beyond = hazards.bleeding_on_warfarin(jnp.int32(8), jnp.float32(70.0))
    assert float(beyond) == pytest.approx(0.125)


@pytest.mark.parametrize("drug", range(len(DRUGS)), ids=DRUGS)
def test_more_drug_fewer_strokes_more_bleeds(drug):
    rates = [on_drug(e, drug) for e in (0.0, 0.3, 1.0, 3.0)]
    assert np.all(np.diff([float(r.stroke) for r in rates]) < 0.0)
    for site in range(3):
        assert np.all(np.diff([float(r.bleeding[site]) for r in rates]) > 0.0)


def test_without_a_drug_there_is_the_untreated_stroke_and_the_background_bleed():
    none = on_drug(0.0)
    assert float(none.stroke) == pytest.approx(CALIBRATED.stroke_scale * float(STROKE), rel=1e-3)
    background = CALIBRATED.bleeding_scale * CALIBRATED.background_bleeding
    expected = background * float(BLEEDING)
    assert float(sum(none.bleeding)) == pytest.approx(expected, rel=1e-3)
    slopes = jax.grad(lambda e: on_drug(e).stroke)(0.0)
    assert np.isfinite(slopes)


def test_warfarin_is_better_the_better_it_is_controlled():
    at = [hazards.hazards_on_warfarin(t, STROKE, BLEEDING, 1.0, 1.0) for t in (50.0, 64.0, 75.0)]
    assert float(at[1].stroke) == pytest.approx(0.36 * float(STROKE))
    assert float(sum(at[1].bleeding)) == pytest.approx(float(BLEEDING))
    assert at[0].stroke > at[1].stroke > at[2].stroke
    assert at[0].bleeding[0] > at[1].bleeding[0] > at[2].bleeding[0]


def test_expected_events_add_up_over_an_interval():
    def expected(exposure, hours, held_h):
        return hazards.expected_events(
            jnp.float32(exposure),
            jnp.int32(2),
            STROKE,
            BLEEDING,
            jnp.float32(hours),
            jnp.float32(held_h),
            CALIBRATED,
        )

    year = expected(1.0, hazards.HOURS_PER_Y, 0.0)
    assert float(year.stroke) == pytest.approx(float(on_drug(1.0, 2).stroke), rel=1e-5)
    month = expected(1.0, 720.0, 0.0)
    assert float(month.stroke) == pytest.approx(float(year.stroke) * 720.0 / 8766.0, rel=1e-5)
    # Held for half of the time, at the same exposure while taking.
    half = expected(0.5, 720.0, 360.0)
    between = 0.5 * (float(on_drug(1.0, 2).stroke) + float(on_drug(0.0, 2).stroke))
    assert float(half.stroke) == pytest.approx(between * 720.0 / 8766.0, rel=1e-5)
    never = expected(0.0, 720.0, 720.0)
    untreated = float(on_drug(0.0, 2).stroke) * 720.0 / 8766.0
    assert float(never.stroke) == pytest.approx(untreated, rel=1e-5)
