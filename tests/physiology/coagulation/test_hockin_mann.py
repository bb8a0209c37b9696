import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate import trajectory
from hemosim_jax.physiology.coagulation import hockin_mann, wajima
from hemosim_jax.physiology.coagulation.assays import clotting_times, thrombin_generation
from hemosim_jax.physiology.coagulation.plasma import Plasma
from tests.conftest import shared_file
from tests.physiology.coagulation import beside_reference

REFERENCE = "reference/coagulation"


def rows(name):
    return beside_reference.rows(shared_file(f"{REFERENCE}/{name}"))


@pytest.fixture(scope="module", params=["float64", "float32"])
def table(request):
    """Every row of the reference, ours, and the state at the end."""
    reference = rows("ref_metrics.csv")
    return reference, beside_reference.all_metrics(reference, request.param), request.param


def test_every_reference_row(table):
    reference, (ours, _, ok), dtype = table
    assert ok.all()
    relative, seconds = (1e-3, 0.5) if dtype == "float64" else (1e-2, 1.0)
    for i, row in enumerate(reference):
        for name, column in ours.items():
            expected, case = float(row[name]), (row["model"], row["TF_pM"], row["signal"], name)
            if name.startswith("t"):
                close = np.isnan(column[i]) if np.isnan(expected) else None
                assert close or abs(column[i] - expected) <= seconds, case
            else:
                assert column[i] == pytest.approx(expected, rel=relative), case


def test_ten_totals_are_conserved(table):
    reference, (_, last, _), dtype = table
    factor = np.array([float(row["TF_pM"]) * 1e-3 for row in reference])
    normal = {
        name: np.full_like(factor, hockin_mann.NORMAL_NM.get(name, 0.0))
        for name in hockin_mann.SPECIES
    }
    normal["TF"] = factor
    assert len(hockin_mann.CONSERVED) == 10
    for members in hockin_mann.CONSERVED.values():
        before, after = (sum(s[name] for name in members) for s in (normal, last))
        np.testing.assert_allclose(after, before, rtol=1e-6 if dtype == "float64" else 1e-4)


def test_a_conserved_total_is_one_by_the_stoichiometry():
    for name, members in hockin_mann.CONSERVED.items():
        for reaction in hockin_mann.REACTIONS:
            assert sum(reaction.change.get(member, 0) for member in members) == 0, (name, reaction)


def test_area_law(table):
    """All prothrombin ends with antithrombin: ln(AT0 / (AT0 - II0)) / k, in nM min."""
    reference, (ours, _, _), dtype = table
    area = np.log(3400.0 / 2000.0) / 7.1e-6 / 60.0
    assert area == pytest.approx(1245.6, abs=0.05)
    for row, ours_area in zip(reference, ours["AUC20min_nM_min"], strict=True):
        if row["signal"] == "IIa+mIIa" and float(row["TF_pM"]) >= 10:
            assert ours_area == pytest.approx(area, rel=1e-4 if dtype == "float64" else 2e-3)


def test_whole_state_at_twenty_minutes(table):
    reference, (_, last, _), dtype = table
    tolerance = {"rel": 1e-4, "abs": 1e-9} if dtype == "float64" else {"rel": 1e-2, "abs": 1e-5}
    final = rows("hockin2002_TF5_fullstate.csv")[-1]
    assert float(final["time_s"]) == 1200
    i = next(i for i, r in enumerate(reference) if r["model"] == "hockin2002" and r["TF_pM"] == "5")
    for name in hockin_mann.SPECIES:
        assert last[name][i] == pytest.approx(float(final[f"{name}_nM"]), **tolerance), name


def test_sensitivity_to_single_factors():
    reference = rows("sensitivity_TF5.csv")
    ours, _, ok = beside_reference.all_sensitivities(reference)
    assert bool(ok.all())
    pairs = {
        "t10_s": "t10nM_s",
        "peak_nM": "peak_nM",
        "t_peak_s": "t_peak_s",
        "maxrate": "maxrate_nM_s",
        "AUC20_nMmin": "AUC20min_nM_min",
    }
    for i, row in enumerate(reference):
        for theirs, mine in pairs.items():
            expected = pytest.approx(float(row[theirs]), rel=5e-3, nan_ok=True)
            assert float(ours[mine][i]) == expected, (row, mine)


def test_nothing_starts_without_active_factor_vii():
    state = hockin_mann.initial_state({"VIIa": jnp.zeros(())}, jnp.asarray(0.005))
    slopes = hockin_mann.vector_field(0.0, state, hockin_mann.PARAMETERS["hockin2002"])
    assert slopes["IIa"] == 0.0
    assert slopes["Xa"] == 0.0


def test_assay_responds_to_drug_and_deficiency():
    factor = jnp.full(4, 0.005)
    levels = {"ATIII": jnp.array([1.0, 1.0, 0.5, 1.0]), "II": jnp.array([1.0, 1.0, 1.0, 0.5])}
    plasmas = Plasma(levels, jnp.array([0.0, 0.25, 0.0, 0.0]))
    result = jax.jit(jax.vmap(thrombin_generation))(plasmas, factor)
    peak, lag = result.peak_nm, result.lag_s
    assert result.solver_ok.all()
    assert peak[1] < 0.9 * peak[0]
    assert lag[1] > lag[0]
    assert peak[2] > 1.3 * peak[0]  # antithrombin deficiency
    assert peak[3] < 0.7 * peak[0]  # prothrombin deficiency
    curve = jax.tree.map(lambda x: x[0], result.curve)
    seen = trajectory.at(curve, jnp.array([0.0, float(result.time_to_peak_s[0]), 1200.0]))
    assert seen[0] == 0.0
    assert seen[1] == pytest.approx(float(peak[0]), rel=1e-5)


def test_unknown_names_are_refused():
    with pytest.raises(KeyError, match="XI"):
        hockin_mann.initial_state({"XI": jnp.ones(())}, jnp.asarray(0.005))
    with pytest.raises(KeyError):
        thrombin_generation(Plasma(), jnp.asarray(0.005), model="hockin2001")
    for assay in (lambda x: thrombin_generation(x, jnp.asarray(0.005)), clotting_times):
        with pytest.raises(KeyError, match="levels has III; known are VII"):
            assay(Plasma({"III": jnp.ones(())}))


def test_heparin_leaves_about_half_of_the_thrombin_at_a_tenth_of_a_unit():
    def area(anti_xa):
        plasma = Plasma(anti_xa_u_per_ml=anti_xa)
        curve = thrombin_generation(plasma, jnp.asarray(0.005), duration_s=3600.0)
        return curve.endogenous_thrombin_potential_nm_min

    none, tenth, fifth = jax.jit(jax.vmap(area))(jnp.array([0.0, 0.1, 0.2]))
    assert tenth / none == pytest.approx(0.5, abs=0.1)
    assert fifth / none == pytest.approx(0.25, abs=0.1)


def test_impossible_plasmas_are_refused():
    factor = jnp.asarray(0.005)
    with pytest.raises(ValueError, match=r"II is -0\.5; it must be finite"):
        thrombin_generation(Plasma({"II": jnp.asarray(-0.5)}), factor)
    with pytest.raises(ValueError, match="anti_xa_u_per_ml is nan"):
        clotting_times(Plasma(anti_xa_u_per_ml=float("nan")))
    with pytest.raises(ValueError, match=r"tissue_factor_nm is -0.*; it must be finite and not"):
        thrombin_generation(Plasma(), -factor)
    with pytest.raises(ValueError, match=r"V_Leiden is 1\.5; it must be finite and from 0 to 1"):
        thrombin_generation(Plasma({"V_Leiden": jnp.asarray(1.5)}), factor, model="protein_c")
    person = {name: jnp.ones(()) for name in wajima.NORMAL_NM}
    with pytest.raises(ValueError, match=r"VII is -5"):
        clotting_times({**person, "VII": jnp.asarray(-5.0)})
    levels = jnp.array([1.0, -0.1, jnp.nan])
    seen = jax.vmap(lambda level: thrombin_generation(Plasma({"II": level}), factor))(levels)
    assert seen.solver_ok.tolist() == [True, False, False]
    with pytest.raises(KeyError, match="the sample lacks XII"):
        clotting_times({name: jnp.ones(()) for name in wajima.NORMAL_NM if name != "XII"})
    with pytest.warns(UserWarning, match="Wajima has no ATIII: left out"):
        clotting_times(Plasma({"ATIII": jnp.ones(())}))


def test_factor_viia_goes_with_factor_vii():
    """A plasma without factor VII is slow; with VIIa left normal it would be faster than normal."""
    tenth = jnp.asarray(0.1)
    normal, own, left = (
        thrombin_generation(Plasma(levels), jnp.asarray(0.005), model="hockin2002").lag_s
        for levels in ({}, {"VII": tenth}, {"VII": tenth, "VIIa": jnp.ones(())})
    )
    assert left < normal < 0.7 * own


@pytest.mark.long
def test_derivatives_of_an_assay_are_those_of_its_values():
    """Forward mode through the adaptive integrator, of the lag by prothrombin."""

    def lag_s(prothrombin):
        plasma, factor = Plasma({"II": prothrombin}), jnp.asarray(0.005)
        options = {"rtol": 1e-5, "atol": 1e-8, "max_steps": 1024}
        return thrombin_generation(plasma, factor, **options).lag_s

    with jax.enable_x64():
        half, step = jnp.asarray(0.5), 1e-3
        _, slope = jax.jit(lambda x: jax.jvp(lag_s, (x,), (jnp.ones(()),)))(half)
        below, above = jax.jit(jax.vmap(lag_s))(half + jnp.array([-step, step]))
    assert float(slope) == pytest.approx(float(above - below) / (2.0 * step), rel=1e-3)
