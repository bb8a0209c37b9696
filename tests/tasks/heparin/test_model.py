import csv

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.physiology.aptt_reagent import PAPER, RASCHKE
from hemosim_jax.tasks.heparin import model
from hemosim_jax.tasks.heparin.model import HeparinModel
from tests.conftest import shared_file

WEIGHT_KG = 80.0
HEPARIN = HeparinModel()
ADVANCE = jax.jit(HEPARIN.advance)


@pytest.fixture(scope="module")
def typical():
    return model.typical_parameters(jnp.float32(WEIGHT_KG))


def infusing(u_per_kg_per_h, immunized=0.0):
    rate, one = jnp.float32(u_per_kg_per_h * WEIGHT_KG), jnp.float32(1.0)
    return model.Inputs(rate, one, one, jnp.float32(immunized))


def after(state, hours, parameters, inputs, step_h=1.0):
    for _ in range(round(hours / step_h)):
        state, ok = ADVANCE(state, jnp.float32(step_h), parameters, inputs)
        assert ok
    return state


@pytest.mark.parametrize(("u_per_kg", "minutes"), [(25, 30), (100, 60), (400, 150)])
def test_half_life_depends_on_the_dose_as_published(typical, u_per_kg, minutes):
    # Hirsh & Raschke, Chest 2004; within a half, as the calibration claims.
    start = model.give_bolus(
        HEPARIN.initial_state(typical), jnp.float32(u_per_kg * WEIGHT_KG), typical
    )
    early, late = (
        ADVANCE(start, jnp.float32(share * minutes / 60.0), typical, infusing(0.0))[0]
        for share in (0.5, 1.5)
    )
    half = 0.5 * start.anti_xa_u_per_ml
    assert late.anti_xa_u_per_ml < half < early.anti_xa_u_per_ml


def test_steady_state_of_the_usual_infusion(typical):
    closed = model.steady_state_anti_xa(jnp.float32(18.0 * WEIGHT_KG), typical, jnp.float32(1.0))
    assert 0.3 < closed < 0.5
    state = after(HEPARIN.initial_state(typical), 48.0, typical, infusing(18.0), step_h=6.0)
    assert state.anti_xa_u_per_ml == pytest.approx(float(closed), rel=1e-4)
    # More than the saturable path can take: the linear one still bounds the level.
    high = model.steady_state_anti_xa(jnp.float32(200.0 * WEIGHT_KG), typical, jnp.float32(1.0))
    assert np.isfinite(high)
    assert high > 10.0


def test_reference_course(typical):
    with shared_file("reference/anticoagulants/ref_ufh_raschke_typical.csv").open() as file:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    state = model.give_bolus(HEPARIN.initial_state(typical), jnp.float32(80.0 * WEIGHT_KG), typical)
    previous_h = 0.0
    for row in rows:
        if row["t_h"] > previous_h:
            state = after(state, 0.5, typical, infusing(18.0), step_h=row["t_h"] - previous_h)
            previous_h = row["t_h"]
        level, aptt_s = state.anti_xa_u_per_ml, model.aptt_s(state, typical, RASCHKE)
        assert level == pytest.approx(row["antiXa_U_mL"], rel=0.01)
        assert aptt_s == pytest.approx(row["aPTT_raschke_loglin_s"], rel=0.03)
    assert len(rows) > 90


def test_mass_balance(typical):
    # What is infused is in the blood or has been eliminated: the integral of the slope.
    state, inputs = HEPARIN.initial_state(typical), infusing(20.0)
    eliminated_u, step_h = 0.0, 0.05
    for _ in range(120):
        before = HEPARIN.vector_field(0.0, state, (typical, inputs)).anti_xa_u_per_ml
        state = after(state, step_h, typical, inputs, step_h=step_h)
        behind = HEPARIN.vector_field(0.0, state, (typical, inputs)).anti_xa_u_per_ml
        mean_slope = 0.5 * float(before + behind)
        eliminated_u += step_h * (20.0 * WEIGHT_KG - mean_slope * float(typical.volume_ml))
    held_u = float(state.anti_xa_u_per_ml * typical.volume_ml)
    assert eliminated_u + held_u == pytest.approx(20.0 * WEIGHT_KG * 6.0, rel=1e-3)


def test_more_heparin_means_a_longer_aptt_up_to_the_limit(typical):
    rates = jnp.array([0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 60.0]) * WEIGHT_KG
    one = jnp.ones(())
    run = jax.vmap(
        lambda rate: HEPARIN.advance(
            HEPARIN.initial_state(typical),
            jnp.float32(12.0),
            typical,
            model.Inputs(rate, one, one, 0.0 * one),
        )[0]
    )
    aptt_s = jax.vmap(lambda s: model.aptt_s(s, typical, PAPER))(run(rates))
    assert aptt_s[0] == pytest.approx(30.0)
    assert np.all(np.diff(aptt_s[:-1]) > 0.0)
    assert aptt_s[-1] == pytest.approx(PAPER.limit_s)


def test_stable_and_positive_at_any_duration(typical):
    start = model.give_bolus(HEPARIN.initial_state(typical), jnp.float32(400.0 * 80), typical)
    for hours in (0.0, 1e-4, 0.1, 24.0, 240.0):
        state, ok = ADVANCE(start, jnp.float32(hours), typical, infusing(0.0))
        assert ok
        assert 0.0 <= state.anti_xa_u_per_ml <= start.anti_xa_u_per_ml
        assert 0.5 < state.antithrombin <= 1.0


def test_antithrombin_falls_on_heparin_and_comes_back(typical):
    week = after(HEPARIN.initial_state(typical), 168.0, typical, infusing(18.0), step_h=6.0)
    assert 1.0 - week.antithrombin == pytest.approx(0.16, abs=0.02)
    later = after(week, 72.0, typical, infusing(0.0), step_h=6.0)
    assert later.antithrombin > 0.95


def test_low_antithrombin_is_heparin_resistance(typical):
    state = HEPARIN.initial_state(typical).replace(anti_xa_u_per_ml=jnp.float32(0.5))
    readings = [
        float(model.aptt_s(state.replace(antithrombin=jnp.float32(a)), typical, PAPER))
        for a in (1.2, 1.0, 0.8, 0.5, 0.25)
    ]
    assert np.all(np.diff(readings) < 0.0)
    assert readings[1] - readings[2] < 3.0  # little near normal
    assert readings[1] - readings[4] > 12.0


def test_platelets_stay_put_without_antibodies(typical):
    state = after(HEPARIN.initial_state(typical), 336.0, typical, infusing(18.0), step_h=12.0)
    assert state.platelets_1e9_per_l == pytest.approx(240.0, rel=1e-6)


def test_antibodies_destroy_platelets_only_while_there_is_heparin(typical):
    start = HEPARIN.initial_state(typical)
    drug_free = after(start, 240.0, typical, infusing(0.0, immunized=1.0), step_h=6.0)
    assert drug_free.platelets_1e9_per_l == pytest.approx(240.0, rel=1e-3)
    treated = after(start, 240.0, typical, infusing(18.0, immunized=1.0), step_h=6.0)
    # At equilibrium the antibodies' activity is what heparin binds, since they rise as they fall.
    level = float(treated.anti_xa_u_per_ml)
    activity = level / (level + model.ANTIBODY_HEPARIN_U_PER_ML)
    destruction = model.PLATELET_DESTRUCTION_PER_H * model.PLATELET_TURNOVER_H * activity
    assert treated.platelets_1e9_per_l == pytest.approx(240.0 / (1.0 + destruction), rel=0.01)
    # Back at 150 some four days after stopping.
    early = after(treated, 48.0, typical, infusing(0.0, immunized=1.0), step_h=6.0)
    late = after(early, 96.0, typical, infusing(0.0, immunized=1.0), step_h=6.0)
    assert early.platelets_1e9_per_l < 150.0 < late.platelets_1e9_per_l


def test_protamine_neutralizes_what_is_there_and_no_more(typical):
    state = model.give_bolus(HEPARIN.initial_state(typical), jnp.float32(4000.0), typical)
    dose_mg = model.protamine_dose_mg(state, typical)
    assert dose_mg == pytest.approx(40.0)
    half = model.give_protamine(state, 0.5 * dose_mg, typical)
    assert half.anti_xa_u_per_ml == pytest.approx(0.5 * float(state.anti_xa_u_per_ml), rel=1e-5)
    assert model.give_protamine(state, jnp.float32(500.0), typical).anti_xa_u_per_ml == 0.0
    more = model.give_bolus(state, jnp.float32(20_000.0), typical)
    assert model.protamine_dose_mg(more, typical) == 50.0


def test_gradients_are_finite_and_right(typical):
    def aptt_after(rate, level):
        start = HEPARIN.initial_state(typical).replace(anti_xa_u_per_ml=level)
        inputs = infusing(0.0).replace(infusion_u_per_h=rate)
        state, _ = HEPARIN.advance(start, jnp.float32(6.0), typical, inputs, differentiable=True)
        return model.aptt_s(state, typical, PAPER)

    slope = jax.jit(jax.grad(aptt_after, argnums=(0, 1)))
    rate, level = jnp.float32(1400.0), jnp.float32(0.4)
    by_rate, _ = slope(rate, level)
    step = 20.0
    difference = aptt_after(rate + step, level) - aptt_after(rate - step, level)
    assert by_rate == pytest.approx(float(difference) / (2 * step), rel=0.02)
    # Every course starts without heparin: the gradient there is the one-sided one.
    zero, small = jnp.float32(0.0), 0.02
    by_rate, by_level = slope(zero, zero)
    difference = aptt_after(zero, jnp.float32(small)) - aptt_after(zero, zero)
    assert by_level == pytest.approx(float(difference) / small, rel=0.1)
    assert by_rate > 0.0
