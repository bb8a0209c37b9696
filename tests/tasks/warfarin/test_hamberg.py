"""Published numbers and reference trajectories of the two Hamberg models."""

import csv
from collections import defaultdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.tasks.warfarin.covariates import (
    CYP2C9_GENOTYPES,
    VKORC1_GENOTYPES,
    Covariates,
    Inputs,
    RandomEffects,
)
from hemosim_jax.tasks.warfarin.hamberg2007 import Hamberg2007
from hemosim_jax.tasks.warfarin.hamberg2010 import Hamberg2010
from tests.conftest import shared_file

MODELS = {"H07": Hamberg2007(), "H10": Hamberg2010()}
NO_INPUTS = Inputs(clearance_s_ratio=1.0, ec50_ratio=1.0)


def typical_parameters(model, cyp2c9, vkorc1, age_y):
    """Of one patient or several, baseline INR 1."""
    age_y = jnp.asarray(age_y, jnp.result_type(float))
    zero, no = jnp.zeros_like(age_y), jnp.zeros(age_y.shape, bool)
    covariates = Covariates(
        age_y=age_y,
        weight_kg=zero + 80.0,
        height_cm=zero + 175.0,
        male=no,
        cyp2c9=jnp.asarray([CYP2C9_GENOTYPES.index(c) for c in cyp2c9]),
        vkorc1=jnp.asarray([VKORC1_GENOTYPES.index(v) for v in vkorc1]),
        race=jnp.zeros(age_y.shape, jnp.int32),
        amiodarone=no,
        enzyme_inducer=no,
        smoker=no,
        baseline_inr=zero + 1.0,
    )
    return model.individual_parameters(
        covariates, RandomEffects(zero, zero, zero, zero), model.PUBLISHED
    )


def daily(model, parameters, dose_mg, days):
    """INR and S concentration at the end of each day, before the next dose."""

    def day(state, _):
        state, _ = model.advance(
            model.give_dose(state, dose_mg), jnp.asarray(24.0, dose_mg.dtype), parameters, NO_INPUTS
        )
        return state, (
            model.inr(state, parameters),
            model.concentration_s_mg_per_l(state, parameters),
        )

    return jax.lax.scan(day, model.initial_state(parameters), None, length=days)[1]


run_daily = jax.jit(
    lambda model, parameters, dose_mg, days: jax.vmap(lambda p, d: daily(model, p, d, days))(
        parameters, dose_mg
    ),
    static_argnums=(0, 3),
)


def rows_of(name):
    with shared_file(f"reference/anticoagulants/{name}").open() as file:
        return list(csv.DictReader(file))


def column(rows, name):
    return np.array([float(row[name]) for row in rows])


def parameters_of(model, rows, age_y):
    return typical_parameters(
        model, [r["cyp2c9"] for r in rows], [r["vkorc1"] for r in rows], age_y
    )


def test_hamberg_2007_table_5():
    rows = rows_of("ref_hamberg2007_table5.csv")
    model = MODELS["H07"]
    dose = jnp.asarray(column(rows, "published_dose_mg_day"), jnp.float32)
    inr, _ = run_daily(model, parameters_of(model, rows, column(rows, "age")), dose, 180)
    assert len(rows) == 54
    np.testing.assert_allclose(inr[:, -1], 2.5, rtol=0.03)
    np.testing.assert_allclose(inr[:, -1], column(rows, "inr_trough_at_published_dose"), rtol=1e-3)


@pytest.mark.parametrize("label", MODELS)
def test_steady_state(label):
    rows, model = rows_of("ref_warfarin_ss_5mg_age70.csv"), MODELS[label]
    parameters = parameters_of(model, rows, np.full(len(rows), 70.0))
    inr, concentration = run_daily(model, parameters, jnp.full(len(rows), 5.0), 180)
    np.testing.assert_allclose(inr[:, -1], column(rows, f"{label}_ss_inr_pre_dose"), rtol=0.01)
    np.testing.assert_allclose(
        concentration[:, -1], column(rows, f"{label}_Cs_trough_mgL"), rtol=0.01
    )
    dose = model.steady_state_dose_mg_per_day(parameters, 2.5)
    np.testing.assert_allclose(dose, column(rows, f"dose_inr2p5_{label}"), rtol=0.01)


@pytest.mark.parametrize("label", MODELS)
def test_induction(label):
    genotypes = defaultdict(list)
    for row in rows_of("ref_warfarin_induction_5mg_age70.csv"):
        genotypes[row["cyp2c9"], row["vkorc1"]].append(row)
    model, firsts = MODELS[label], [rows[0] for rows in genotypes.values()]
    parameters = parameters_of(model, firsts, np.full(len(firsts), 70.0))
    inr, concentration = run_daily(model, parameters, jnp.full(len(firsts), 5.0), 60)
    for index, rows in enumerate(genotypes.values()):
        np.testing.assert_allclose(inr[index], column(rows, f"{label}_inr")[1:], rtol=0.01)
        np.testing.assert_allclose(concentration[index], column(rows, f"{label}_Cs")[1:], rtol=0.01)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
class TestPhysics:
    def one(self, model):
        return jax.tree.map(lambda x: x[0], typical_parameters(model, ["*1/*2"], ["GA"], [65.0]))

    def test_inr_rises_with_every_dose(self, model):
        parameters = typical_parameters(model, ["*1/*1"] * 8, ["GG"] * 8, [70.0] * 8)
        doses = jnp.array([0.0, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 50.0])
        inr = run_daily(model, parameters, doses, 60)[0][:, -1]
        assert inr[0] == 1.0
        assert np.all(np.diff(inr) > 0.05)
        assert inr[-1] > 6.0  # overdose is dangerous

    def test_drug_is_conserved_without_elimination(self, model):
        parameters = self.one(model).replace(clearance_s_l_per_h=0.0, clearance_r_l_per_h=0.0)
        state = model.give_dose(model.initial_state(parameters), 10.0)
        for _ in range(3):
            state, _ = model.advance(state, 8.0, parameters, NO_INPUTS)
        peripheral = getattr(state, "peripheral_s_mg", 0.0)
        total = state.depot_mg + state.central_s_mg + peripheral
        np.testing.assert_allclose(total, 5.0, rtol=1e-5)
        np.testing.assert_allclose(state.depot_mg + state.central_r_mg, 5.0, rtol=1e-5)

    def test_two_half_days_make_a_day(self, model):
        parameters = self.one(model)
        state = model.give_dose(model.initial_state(parameters), 10.0)
        whole, _ = model.advance(state, 24.0, parameters, NO_INPUTS)
        half, _ = model.advance(state, 12.0, parameters, NO_INPUTS)
        twice, _ = model.advance(half, 12.0, parameters, NO_INPUTS)
        for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(twice), strict=True):
            np.testing.assert_allclose(a, b, atol=5e-5)

    def test_gradients_are_finite_from_the_first_day(self, model):
        def inr_after(dose, log_ec50):
            parameters = self.one(model)
            parameters = parameters.replace(ec50_mg_per_l=jnp.exp(log_ec50))
            state = model.initial_state(parameters)
            for _ in range(3):
                state, _ = model.advance(
                    model.give_dose(state, dose), 24.0, parameters, NO_INPUTS, differentiable=True
                )
            return model.inr(state, parameters)

        slopes = jax.jit(jax.grad(inr_after, argnums=(0, 1)))
        for dose in (0.0, 5.0):
            assert np.all(np.isfinite(slopes(jnp.float32(dose), jnp.float32(1.0))))
        # Against a central difference, in float64.
        with jax.enable_x64():
            one, inr = jnp.asarray(1.0), jax.jit(inr_after)
            slope = jax.jit(jax.grad(inr_after))(jnp.asarray(5.0), one)
            difference = (inr(jnp.asarray(5.001), one) - inr(jnp.asarray(4.999), one)) / 0.002
        np.testing.assert_allclose(slope, difference, rtol=1e-5)
