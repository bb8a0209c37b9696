import jax.numpy as jnp
import pytest

from hemosim_jax.physiology.coagulation import clotting_formulas
from hemosim_jax.physiology.coagulation.clotting_times import fit


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


def test_levels_beyond_the_fit_count_as_its_ends():
    for level, end in ((0.01, 0.1), (3.0, 1.5)):
        beyond, at_end = (clotting_formulas.pt_s({"Fg": jnp.asarray(x)}) for x in (level, end))
        assert beyond == at_end
