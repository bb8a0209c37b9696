import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.models.coagulation import wajima
from hemosim_jax.models.coagulation.assays import clotting_times, inr
from tests.conftest import shared_file

NORMAL = {}
# Levels, PT and aPTT in s, of section 3.7 of the science file; None where it gives no number.
TABLE = [
    (NORMAL, 11.048, 34.367),
    ({"VII": 0.5}, 12.54, None),
    ({"VII": 0.3}, 13.79, None),
    ({"VII": 0.05}, 19.34, None),
    ({"VII": 0.01}, 26.35, None),
    ({"VIII": 0.5}, None, 38.4),
    ({"VIII": 0.3}, None, 41.7),
    ({"VIII": 0.05}, None, 55.9),
    ({"VIII": 0.01}, None, 72.7),
    ({"IX": 0.5}, None, 38.8),
    ({"IX": 0.3}, None, 42.4),
    ({"IX": 0.05}, None, 58.6),
    ({"IX": 0.01}, None, 78.9),
    ({"XI": 0.5}, None, 38.3),
    ({"XI": 0.3}, None, 41.7),
    ({"XI": 0.05}, None, 57.2),
    ({"XI": 0.01}, None, 77.0),
    ({"Fg": 0.3}, 14.20, 42.13),
    ({"V": 0.01}, 11.07, 34.43),
]
HEPARIN = [(100.0, 36.9), (300.0, 42.4), (500.0, 48.2)]


@pytest.fixture(scope="module", params=["float64", "float32"])
def times(request):
    """PT and aPTT of the table, then of the heparin rows."""
    tight = request.param == "float64"
    tolerances = {"rtol": 1e-6, "atol": 1e-10, "max_steps": 4096} if tight else {}
    with jax.enable_x64(tight):
        names = sorted({name for levels, *_ in TABLE for name in levels})
        plain = [1.0] * len(HEPARIN)
        levels = {
            n: jnp.asarray([case.get(n, 1.0) for case, *_ in TABLE] + plain, float) for n in names
        }
        heparin = jnp.asarray([0.0] * len(TABLE) + [nm for nm, _ in HEPARIN])
        run = jax.jit(
            jax.vmap(lambda lv, hep: clotting_times(wajima.plasma(lv, hep), **tolerances))
        )
        return jax.tree.map(np.asarray, run(levels, heparin))


def test_normal_times(times):
    assert times.solver_ok.all()
    assert times.pt_s[0] == pytest.approx(11.048, abs=0.05)
    assert times.aptt_s[0] == pytest.approx(34.367, abs=0.05)


def test_deficiencies(times):
    for i, (levels, pt_s, aptt_s) in enumerate(TABLE):
        if pt_s is not None:
            assert times.pt_s[i] == pytest.approx(pt_s, rel=0.01), levels
        if aptt_s is not None:
            assert times.aptt_s[i] == pytest.approx(aptt_s, rel=0.01), levels


def test_heparin(times):
    for i, (_, aptt_s) in enumerate(HEPARIN, start=len(TABLE)):
        assert times.aptt_s[i] == pytest.approx(aptt_s, rel=0.01)


def test_a_healthy_person_stays_so():
    with jax.enable_x64():
        state = wajima.initial_state()
        slopes = wajima.vector_field(0.0, state, dict(wajima.PARAMETERS))
    for name, slope in slopes.items():
        assert abs(float(slope)) < 1e-9, name


def test_inr_on_warfarin():
    """Trough INR on a daily dose against the reference, in its first month and at steady state."""
    with shared_file("reference/coagulation/wajima_warfarin_ref.csv").open() as file:
        reference = list(csv.DictReader(file))
    doses = sorted({float(row["dose_mg"]) for row in reference})
    days = 40  # steady state

    def course(dose_mg):
        def part_of_day(state, part):
            duration_h, doses = part
            state, ok = wajima.advance(wajima.give_warfarin(state, doses * dose_mg), duration_h)
            return state, (state, ok)

        # The dose is taken one hour into the day.
        parts = (jnp.tile(jnp.array([1.0, 23.0]), days), jnp.tile(jnp.array([0.0, 1.0]), days))
        states, ok = jax.lax.scan(part_of_day, wajima.initial_state(), parts)[1]
        return jax.tree.map(lambda x: x[1::2], states), jnp.all(ok)

    chosen = [1, 3, 7, 14, days]
    with jax.enable_x64():
        states, ok = jax.jit(jax.vmap(course))(jnp.asarray(doses))
        assert bool(ok.all())
        samples = jax.tree.map(
            lambda x, healthy: jnp.append(x[:, jnp.asarray(chosen) - 1], healthy),
            states,
            wajima.initial_state(),
        )
        pt_s = jax.jit(jax.vmap(clotting_times))(samples).pt_s
        ratio = np.asarray(inr(pt_s[:-1], pt_s[-1])).reshape(len(doses), len(chosen))
    for i, dose in enumerate(doses):
        for j, day in enumerate(chosen):
            row = next(r for r in reference if float(r["dose_mg"]) == dose and int(r["day"]) == day)
            assert ratio[i, j] == pytest.approx(float(row["INR"]), abs=0.01), (dose, day)
            level = float(states["VII"][i, day - 1]) / wajima.NORMAL_NM["VII"]
            assert level == pytest.approx(0.01 * float(row["VII%"]), rel=2e-3), (dose, day)


def test_no_constant_is_given_twice():
    with pytest.raises(ValueError, match="k1"):
        wajima._united({"k1": 1.0}, {"k1": 2.0})
