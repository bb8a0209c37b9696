import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.physiology import aptt_reagent
from hemosim_jax.physiology.coagulation import wajima
from hemosim_jax.physiology.coagulation.assays import clotting_times
from hemosim_jax.physiology.coagulation.plasma import Plasma
from tests.conftest import shared_file
from tests.physiology.coagulation.beside_reference import (
    APTT_ON_HEPARIN,
    CLOTTING_TIMES,
    all_clotting_times,
    inr_on_warfarin,
    rows,
)


@pytest.fixture(scope="module", params=["float64", "float32"])
def times(request):
    """PT and aPTT of the table, then of the heparin rows."""
    return all_clotting_times(request.param)


def test_normal_times(times):
    assert times.solver_ok.all()
    assert times.pt_s[0] == pytest.approx(11.048, abs=0.05)
    assert times.aptt_s[0] == pytest.approx(34.367, abs=0.05)


def test_deficiencies(times):
    for i, (levels, pt_s, aptt_s) in enumerate(CLOTTING_TIMES):
        if pt_s is not None:
            assert times.pt_s[i] == pytest.approx(pt_s, rel=0.01), levels
        if aptt_s is not None:
            assert times.aptt_s[i] == pytest.approx(aptt_s, rel=0.01), levels


def test_heparin(times):
    for i, (_, aptt_s) in enumerate(APTT_ON_HEPARIN, start=len(CLOTTING_TIMES)):
        assert times.aptt_s[i] == pytest.approx(aptt_s, rel=0.01)


def test_heparin_is_that_of_the_heparin_task():
    """Seconds over normal by constants of single enzymes, beside the curve of Raschke's reagent."""
    anti_xa = jnp.array([0.0, 0.1, 0.3, 0.5, 0.7, 1.0])
    times = jax.jit(jax.vmap(lambda u: clotting_times(Plasma(anti_xa_u_per_ml=u))))(anti_xa)
    ratio = np.asarray(times.aptt_s / times.aptt_s[0])
    curve = np.exp(aptt_reagent.prolongation(anti_xa, aptt_reagent.RASCHKE))
    np.testing.assert_allclose(ratio[2:], curve[2:], rtol=0.05)
    np.testing.assert_allclose(ratio[1], curve[1], rtol=0.1)
    assert 1.4 < ratio[2] < ratio[4] < 2.4  # 1.5 to 2.3 times control (Raschke 1993)
    np.testing.assert_allclose(times.pt_s, times.pt_s[0], rtol=1e-5)


def test_a_healthy_person_stays_so():
    with jax.enable_x64():
        state = wajima.initial_state()
        slopes = wajima.vector_field(0.0, state, dict(wajima.PARAMETERS))
    for name, slope in slopes.items():
        assert abs(float(slope)) < 1e-9, name


@pytest.mark.long
def test_inr_on_warfarin():
    """Trough INR on a daily dose against the reference, in its first month and at steady state."""
    reference = rows(shared_file("reference/coagulation/wajima_warfarin_ref.csv"))
    doses, days = sorted({float(row["dose_mg"]) for row in reference}), (1, 3, 7, 14, 40)
    ratio, states = inr_on_warfarin(doses, days)
    for i, dose in enumerate(doses):
        for j, day in enumerate(days):
            row = next(r for r in reference if float(r["dose_mg"]) == dose and int(r["day"]) == day)
            assert ratio[i, j] == pytest.approx(float(row["INR"]), abs=0.01), (dose, day)
            level = float(states["VII"][i, day - 1]) / wajima.NORMAL_NM["VII"]
            assert level == pytest.approx(0.01 * float(row["VII%"]), rel=2e-3), (dose, day)


def test_no_constant_is_given_twice():
    with pytest.raises(ValueError, match="k1"):
        wajima._united({"k1": 1.0}, {"k1": 2.0})
