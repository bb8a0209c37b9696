import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.physiology import oral_dosing
from hemosim_jax.physiology.oral_dosing import Regimen
from hemosim_jax.tasks.doac import drugs
from tests.physiology.dose_by_dose import differences, random_parameters

APIXABAN, EDOXABAN = drugs.DRUGS.index("apixaban"), drugs.DRUGS.index("edoxaban")


@pytest.mark.parametrize(
    "drug",
    [
        pytest.param(index, marks=[] if index == APIXABAN else pytest.mark.slow, id=name)
        for index, name in enumerate(drugs.DRUGS)
    ],
)
def test_a_month_equals_tablet_by_tablet_integration(drug):
    worst = differences(drug, drugs.MODELS[drug].DOSES_MG[1], 20)
    assert max(worst.values()) < 1e-4  # the bar is 0.5 %


ADVANCE = jax.jit(oral_dosing.TABLETS.advance)


def advance(state, hours, parameters, regimen):
    return ADVANCE(state, jnp.float32(hours), parameters, regimen)[0]


@pytest.fixture(scope="module")
def apixaban():
    parameters = jax.tree.map(lambda x: x[0], random_parameters(APIXABAN, 1, seed=3))
    return parameters, jax.tree.map(jnp.float32, drugs.regimen(5.0, APIXABAN))


@pytest.mark.parametrize("parts", [(720.0,), (7.3, 712.7), (100.1, 0.4, 11.6, 607.9), (24.0,) * 30])
def test_intervals_of_any_length_add_up(apixaban, parts):
    parameters, regimen = apixaban
    whole = advance(oral_dosing.TABLETS.initial_state(parameters), sum(parts), parameters, regimen)
    state = oral_dosing.TABLETS.initial_state(parameters)
    for hours in parts:
        state = advance(state, hours, parameters, regimen)
    for name in ("central_mg", "peripheral_mg", "auc_ng_h_per_ml", "morning_depot_mg"):
        np.testing.assert_allclose(getattr(state, name), getattr(whole, name), rtol=2e-3, atol=1e-4)


def test_none_is_a_regimen_of_nothing(apixaban):
    parameters, regimen = apixaban
    state = advance(oral_dosing.TABLETS.initial_state(parameters), 100.0, parameters, regimen)
    nothing = Regimen(*(jnp.float32(0.0),) * 3)
    a, b = (advance(state, 30.0, parameters, r) for r in (None, nothing))
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)
    gone = advance(state, 2000.0, parameters, None)
    assert 0.0 <= float(gone.central_mg) < 1e-3
    # All that was in the body has been eliminated, over the clearance.
    left_mg = state.central_mg + state.peripheral_mg
    left_mg = left_mg + state.morning_depot_mg + state.evening_depot_mg
    gained = gone.auc_ng_h_per_ml - state.auc_ng_h_per_ml
    np.testing.assert_allclose(gained, 1000.0 * left_mg / parameters.clearance_l_per_h, rtol=1e-3)


def test_held_doses_are_left_out(apixaban):
    parameters, regimen = apixaban
    state = advance(oral_dosing.TABLETS.initial_state(parameters), 240.0, parameters, regimen)
    held = advance(state, 240.0, parameters, regimen.replace(held_h=jnp.float32(72.0)))
    by_hand = advance(advance(state, 72.0, parameters, None), 168.0, parameters, regimen)
    for x, y in zip(jax.tree.leaves(held), jax.tree.leaves(by_hand), strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-4, atol=1e-4)
    never = advance(state, 240.0, parameters, regimen.replace(held_h=jnp.float32(240.0)))
    eliminated = advance(state, 240.0, parameters, None)
    np.testing.assert_allclose(never.central_mg, eliminated.central_mg, rtol=1e-4, atol=1e-6)


def test_gradients_are_finite_where_absorption_meets_disposition(apixaban):
    parameters, regimen = apixaban
    rates = parameters.clearance_l_per_h / parameters.central_l, parameters.k12_per_h
    alpha, beta = oral_dosing.disposition_rates(*rates, parameters.k21_per_h)

    def auc(absorption, dose_mg):
        own = parameters.replace(absorption_per_h=absorption)
        start = oral_dosing.TABLETS.initial_state(own)
        taken = regimen.replace(morning_mg=dose_mg)
        later, _ = oral_dosing.TABLETS.advance(
            start, jnp.float32(720.0), own, taken, differentiable=True
        )
        return later.auc_ng_h_per_ml + later.central_mg

    for absorption in (alpha, beta, jnp.float32(1.0)):
        slopes = jax.grad(auc, argnums=(0, 1))(absorption, jnp.float32(5.0))
        assert np.isfinite(slopes).all()
        assert slopes[1] > 0.0
