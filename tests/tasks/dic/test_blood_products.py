"""Content given is content found, and volume dilutes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.tasks.dic import blood, blood_products, blood_volume, model, treatment
from hemosim_jax.tasks.dic.blood_products import BAGS, contents, give, units
from hemosim_jax.tasks.dic.model import DICModel
from tests.tasks.dic.people import person

WEIGHT_KG = 70.0


def ill():
    """Anemic, diluted, with half of everything."""
    healthy = blood.at_onset(person())
    halved = jax.tree.map(lambda x: 0.5 * x, healthy)
    return halved.replace(plasma_ml=healthy.plasma_ml, organ_function=healthy.organ_function)


@pytest.mark.parametrize("name", BAGS)
@pytest.mark.parametrize("count", [1.0, 20.0])
def test_what_a_bag_holds_is_found_and_nothing_more(name, count):
    with jax.enable_x64():
        before, weight = (
            jax.tree.map(lambda x: x.astype(jnp.float64), ill()),
            jnp.asarray(WEIGHT_KG),
        )
        after = give(before, units(**{name: jnp.asarray(count)}), weight)
        had, has = contents(before, weight), contents(after, weight)
        bag = BAGS[name]
        given = {
            **bag.units,
            "fibrinogen_g": bag.fibrinogen_g,
            "platelets_1e9": bag.platelets_1e9,
            "red_cells_ml": bag.red_cells_ml,
        }
        assert set(bag.units) <= set(has)
        for content, amount in has.items():
            expected = had[content] + count * given.get(content, 0.0)
            np.testing.assert_allclose(amount, expected, rtol=1e-6, err_msg=content)
        added = after.plasma_ml - before.plasma_ml
        assert float(added) == pytest.approx(count * bag.plasma_ml)
        # D-dimer is in no bag: it is diluted.
        dimer = (
            before.d_dimer_mg_per_l * before.plasma_ml,
            after.d_dimer_mg_per_l * after.plasma_ml,
        )
        np.testing.assert_allclose(*dimer, rtol=1e-6)


def test_all_products_together_in_float32():
    products = units(**{name: jnp.asarray(2.0) for name in BAGS})
    weight = jnp.asarray(WEIGHT_KG)
    before, after = ill(), give(ill(), products, weight)
    had, has = contents(before, weight), contents(after, weight)
    fibrinogen_g = 2.0 * sum(bag.fibrinogen_g for bag in BAGS.values())
    assert float(has["fibrinogen_g"] - had["fibrinogen_g"]) == pytest.approx(fibrinogen_g, rel=1e-4)


@pytest.mark.parametrize(
    ("products", "field", "low", "high"),
    [
        # Published per unit: a random donor's platelets 5 to 10; cryoprecipitate 0.06 to 0.10 g/L;
        # plasma, 15 mL/kg, 15 to 30 % of every factor.
        ({"platelets": 1.0}, "platelets_1e9_per_l", 5.0, 10.0),
        ({"cryoprecipitate": 10.0}, "fibrinogen_g_per_l", 0.6, 1.0),
        ({"fibrinogen": 1.0}, "fibrinogen_g_per_l", 0.2, 0.35),
        ({"antithrombin": 1.0}, "antithrombin", 0.08, 0.125),  # 1.15 to 1.75 % per U/kg
    ],
)
def test_increment_of_a_product(products, field, low, high):
    given = give(ill(), units(**jax.tree.map(jnp.asarray, products)), jnp.asarray(WEIGHT_KG))
    assert low <= getattr(given, field) - getattr(ill(), field) <= high


def test_plasma_moves_every_factor_towards_its_own_level():
    given = give(ill(), units(plasma=jnp.asarray(4.0)), jnp.asarray(WEIGHT_KG))
    for name, level in given.factors.items():
        assert 0.5 < level < 0.65, name
    drowned = give(ill(), units(plasma=jnp.asarray(1000.0)), jnp.asarray(WEIGHT_KG))
    for name, level in drowned.factors.items():
        assert level <= BAGS["plasma"].units[name] / BAGS["plasma"].plasma_ml * 1.0001, name
    assert drowned.fibrinogen_g_per_l <= 1e3 * BAGS["plasma"].fibrinogen_g / 240.0 * 1.0001


def test_red_cells_reach_the_trigger():
    weight = jnp.asarray(WEIGHT_KG)
    anemic = ill().replace(red_cells_ml=jnp.asarray(500.0))
    needed = blood_products.red_cells_needed(anemic)
    assert needed > 0.5
    given = give(anemic, units(red_cells=needed), weight)
    assert float(given.hemoglobin_g_per_dl) == pytest.approx(7.0, abs=1e-4)
    assert blood_products.red_cells_needed(given) == pytest.approx(0.0, abs=1e-4)


def test_filling_dilutes_and_changes_no_content():
    """Half the plasma is missing; over hours fluid fills the vessels up."""
    still = person(weight_kg=WEIGHT_KG)
    weight, start = still.weight_kg, blood.at_onset(still)
    low = start.replace(plasma_ml=0.6 * start.plasma_ml)
    state, _ = DICModel().advance(model.with_blood(low), jnp.asarray(4.0), still, jnp.zeros(()))
    later = state.blood
    assert later.plasma_ml > 0.8 * start.plasma_ml
    assert later.antithrombin < 0.85
    had, has = contents(low, weight), contents(later, weight)
    # The slowest ones: their turnover in four hours is a percent or two of what is missing.
    for name in ("antithrombin", "II", "platelets_1e9"):
        assert float(has[name]) == pytest.approx(float(had[name]), rel=0.012), name


def test_a_full_circulation_empties_to_its_usual_volume():
    still = person(weight_kg=WEIGHT_KG)
    full = give(blood.at_onset(still), units(plasma=jnp.asarray(6.0)), still.weight_kg)
    state = model.with_blood(full)
    for _ in range(6):
        state, _ = DICModel().advance(state, jnp.asarray(4.0), still, jnp.zeros(()))
    usual_ml = blood_volume.PLASMA_ML_PER_KG * WEIGHT_KG
    assert float(state.blood.plasma_ml) == pytest.approx(usual_ml, rel=0.1)


def test_everything_by_the_clock_stays_within_what_bags_hold():
    """All products every four hours for a week: no concentration beyond the richest of them."""
    parameters = person(weight_kg=WEIGHT_KG, tissue_factor_pm=5.0)
    state = DICModel().initial_state(parameters)
    step = jax.jit(
        lambda state: DICModel().advance(
            state.replace(
                blood=give(
                    state.blood,
                    units(
                        platelets=jnp.asarray(4.0),
                        plasma=jnp.asarray(6.0),
                        cryoprecipitate=jnp.asarray(10.0),
                    ),
                    parameters.weight_kg,
                )
            ),
            jnp.asarray(4.0),
            parameters,
            jnp.zeros(()),
        )[0]
    )
    for _ in range(42):
        state = step(state)
    # Ten units of cryoprecipitate are 20 g/L; most of the volume is plasma.
    assert 2.0 < state.blood.fibrinogen_g_per_l < 8.0
    assert state.blood.antithrombin < 1.1
    assert state.blood.plasma_ml > 1.2 * blood_volume.PLASMA_ML_PER_KG * WEIGHT_KG
    assert state.blood.organ_function < 0.5  # overload


def test_tranexamic_acid_and_thrombomodulin_are_given_at_once():
    one = jnp.ones(())
    both = treatment.nothing().replace(tranexamic_acid_g=one, thrombomodulin_doses=one)
    after, red_cells = treatment.given(blood.at_onset(person()), both, jnp.asarray(WEIGHT_KG))
    assert float(after.tranexamic_mg_per_l) == pytest.approx(1000.0 / 28.0, rel=1e-4)
    assert after.thrombomodulin == 1.0
    assert red_cells == 0.0
