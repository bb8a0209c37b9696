import jax.numpy as jnp
import pytest

from hemosim_jax.physiology.coagulation import assays, clotting_formulas
from hemosim_jax.physiology.coagulation.clotting_times import fit
from hemosim_jax.physiology.coagulation.plasma import Plasma


def test_the_exponents_are_those_of_a_refit():
    pt, aptt = fit(plasmas=128)
    for refit, given in (
        (pt, clotting_formulas.PT_EXPONENTS),
        (aptt, clotting_formulas.APTT_EXPONENTS),
    ):
        assert refit.exponents.keys() == given.keys()
        for name, exponent in given.items():
            assert refit.exponents[name] == pytest.approx(exponent, abs=0.01), name
        assert refit.rms_error < 0.02


def test_normal_plasma_and_deficiency():
    assert clotting_formulas.pt_s({"V": jnp.ones(())}) == pytest.approx(
        clotting_formulas.NORMAL_PT_S
    )
    low = {"VII": jnp.asarray(0.3), "V": jnp.asarray(0.3)}
    assert (
        clotting_formulas.pt_s(low)
        > clotting_formulas.pt_s({"VII": jnp.asarray(0.3)})
        > clotting_formulas.NORMAL_PT_S
    )
    assert (
        clotting_formulas.aptt_s({"VIII": jnp.asarray(0.1)}) > 1.4 * clotting_formulas.NORMAL_APTT_S
    )


@pytest.mark.parametrize(
    ("name", "level", "tolerance"),
    [("II", 0.01, 0.06), ("VII", 0.01, 0.06), ("X", 0.05, 0.06), ("Fg", 0.05, 0.25)],
)
def test_severe_deficiencies_are_those_of_the_cascade(name, level, tolerance):
    plasma = {name: jnp.asarray(level)}
    run = assays.clotting_times(Plasma(plasma))
    assert float(clotting_formulas.pt_s(plasma)) == pytest.approx(float(run.pt_s), rel=tolerance)


@pytest.mark.parametrize("name", ["II", "VII", "X", "Fg"])
def test_without_a_factor_there_is_no_clot(name):
    nothing = {name: jnp.asarray(0.0)}
    assert jnp.isnan(assays.clotting_times(Plasma(nothing)).pt_s)
    assert clotting_formulas.pt_s(nothing) == clotting_formulas.NO_CLOT_S


def test_without_factor_viii_the_aptt_is_long():
    nothing = {"VIII": jnp.asarray(0.0)}
    run = assays.clotting_times(Plasma(nothing))
    assert float(clotting_formulas.aptt_s(nothing)) == pytest.approx(float(run.aptt_s), rel=0.1)


def test_levels_above_the_fit_count_as_its_end():
    high, end = (clotting_formulas.pt_s({"Fg": jnp.asarray(x)}) for x in (3.0, 1.5))
    assert high == end
