import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_APTT_S, NORMAL_PT_S
from hemosim_jax.tasks.dic import blood, consumption, model, population, rates
from hemosim_jax.tasks.dic.blood_products import give, units
from hemosim_jax.tasks.dic.model import DICModel
from tests.tasks.dic.people import person
from tests.tasks.dic.random_treatment import differences


@jax.jit
def later(state, parameters, hours, heparin_u_per_h):
    start = model.with_blood(state)
    return DICModel().advance(start, hours, parameters, heparin_u_per_h)[0].blood


def after(parameters, hours, heparin_u_per_h=0.0, state=None):
    """In steps of four hours, as in the task."""
    state = blood.at_onset(parameters) if state is None else state
    steps = max(1, round(hours / 4.0))
    for _ in range(steps):
        state = later(state, parameters, jnp.asarray(hours / steps), jnp.asarray(heparin_u_per_h))
    return state


def test_a_healthy_person_stays_so():
    before = blood.at_onset(person())
    chained = jax.tree.map(np.asarray, after(person(), 100.0))
    for name, value in vars(before).items():
        np.testing.assert_allclose(
            jax.tree.leaves(value), jax.tree.leaves(vars(chained)[name]), rtol=3e-4, atol=1e-6
        )


@pytest.mark.parametrize(
    ("name", "low_h", "high_h"),
    [
        ("II", 50.0, 80.0),
        ("V", 12.0, 36.0),
        ("VII", 4.0, 6.0),
        ("VIII", 8.0, 12.0),
        ("X", 20.0, 48.0),
        ("antithrombin", 48.0, 72.0),
        ("fibrinogen_g_per_l", 72.0, 144.0),
        ("platelets_1e9_per_l", 72.0, 96.0),
        ("d_dimer_mg_per_l", 6.0, 8.1),
    ],
)
def test_a_surplus_is_lost_with_the_published_half_life(name, low_h, high_h):
    def level(state):
        return float(state.factors[name] if name in blood.FACTORS else getattr(state, name))

    normal = blood.at_onset(person())
    kept = {n: getattr(normal, n) for n in ("organ_function", "plasma_ml", "red_cells_ml", "pai_1")}
    more = jax.tree.map(lambda x: 2.0 * x, normal).replace(**kept)
    hours = 0.1 * low_h
    left = (level(after(person(), hours, state=more)) - level(normal)) / level(normal)
    assert low_h <= hours / -np.log2(left) <= high_h


def test_more_tissue_factor_leaves_less_and_heparin_spares():
    mild, severe = (after(person(tissue_factor_pm=pm), 24.0) for pm in (2.0, 15.0))
    treated = after(person(tissue_factor_pm=15.0), 24.0, heparin_u_per_h=1000.0)
    for name in ("platelets_1e9_per_l", "fibrinogen_g_per_l", "antithrombin"):
        assert getattr(severe, name) < getattr(mild, name) < getattr(blood.at_onset(person()), name)
    for name in ("platelets_1e9_per_l", "fibrinogen_g_per_l"):
        assert getattr(treated, name) > getattr(severe, name)
    assert severe.d_dimer_mg_per_l > mild.d_dimer_mg_per_l > 1.0
    assert severe.organ_function < mild.organ_function
    assert blood.pt_s(severe) > blood.pt_s(mild) > NORMAL_PT_S
    assert treated.anti_xa_u_per_ml == pytest.approx(0.294, abs=0.005)
    assert blood.aptt_s(treated) > 1.4 * NORMAL_APTT_S


def test_consumption_is_graded():
    """No concentration of tissue factor is a switch: it takes eight times as much or more."""
    pm = jnp.geomspace(0.5, 40.0, 60)
    ill = jax.vmap(lambda f: blood.at_onset(person(tissue_factor_pm=f)))(pm)
    share = np.asarray(jax.vmap(lambda b: consumption.consumption(b, "network")[0])(ill).fibrinogen)
    assert np.all(np.diff(share) > 0.0)
    low, high = (float(np.interp(level, share, pm)) for level in (0.1, 0.8))
    assert high / low > 8.0


def test_fibrinogen_given_makes_hardly_more_microthrombi():
    """Cryoprecipitate by the clock: no effect on organs is known of it."""
    p = person(tissue_factor_pm=10.0, inflammation=1.0, decay_per_h=0.01)
    start = after(p, 24.0)

    def week(count):
        state = start
        for _ in range(42):
            state = give(state, units(cryoprecipitate=jnp.asarray(count)), p.weight_kg)
            state = after(p, 4.0, state=state)
        return state

    none, much = week(0.0), week(5.0)
    assert much.fibrinogen_g_per_l > none.fibrinogen_g_per_l + 2.0
    assert float(much.organ_function) == pytest.approx(float(none.organ_function), abs=0.03)


def test_sepsis_raises_fibrinogen_and_lowers_antithrombin():
    """Clauss 4.9 ± 2.1 g/L, antithrombin 59 % (44 to 75), factor VIII 242 %: not consumption's."""
    inflamed = person(inflammation=1.0, tissue_factor_pm=2.0)
    day = after(inflamed, 48.0)
    assert 3.3 < day.fibrinogen_g_per_l < 7.0
    assert 0.4 < day.antithrombin < 0.75
    assert day.factors["VIII"] > 1.5
    assert day.factors["VII"] < 0.7
    assert day.pai_1 > 5.0


def test_fibrinolysis_by_cause_and_tranexamic_acid():
    shut_off = after(person(inflammation=1.0, tissue_factor_pm=8.0), 24.0)
    lytic = after(person(lytic=3.0, tissue_factor_pm=8.0), 24.0)
    assert lytic.microthrombi < 0.3 * shut_off.microthrombi
    assert lytic.fibrinogen_g_per_l < shut_off.fibrinogen_g_per_l
    treated = lytic.replace(tranexamic_mg_per_l=jnp.asarray(30.0))
    assert blood.lysis(treated, jnp.asarray(3.0)) < 0.2 * blood.lysis(lytic, jnp.asarray(3.0))
    assert blood.hemostasis(treated, jnp.asarray(3.0)) > blood.hemostasis(lytic, jnp.asarray(3.0))


def test_without_tissue_factor_the_untreated_are_healthy():
    well, ill = (
        model.untreated(person(tissue_factor_pm=pm), jnp.asarray(48.0)) for pm in (0.0, 30.0)
    )
    assert well.platelets_1e9_per_l == pytest.approx(250.0, rel=1e-4)
    assert well.fibrinogen_g_per_l == pytest.approx(3.0, rel=1e-4)
    assert ill.platelets_1e9_per_l < 150.0
    gradient = jax.grad(
        lambda pm: (
            model.untreated(
                person().replace(tissue_factor_pm=pm), jnp.asarray(48.0), differentiable=True
            ).fibrinogen_g_per_l
        )
    )(0.0)
    assert jnp.isfinite(gradient)


def test_bleeding_heals_with_good_hemostasis_and_grows_without():
    bleeds = blood.at_onset(person()).replace(bleeding=jnp.asarray(0.3))
    assert after(person(), 12.0, state=bleeds).bleeding < 0.2
    empty = bleeds.replace(
        platelets_1e9_per_l=jnp.asarray(10.0), fibrinogen_g_per_l=jnp.asarray(0.4)
    )
    one = jnp.ones(())
    assert after(person(), 12.0, state=empty).bleeding > 0.35
    assert blood.hemostasis(empty, one) < 0.1 < 0.8 < blood.hemostasis(bleeds, one)


def test_bleeding_takes_whole_blood():
    bleeds = blood.at_onset(person()).replace(bleeding=jnp.asarray(0.9))
    ill = bleeds.replace(platelets_1e9_per_l=jnp.asarray(10.0))
    end = after(person(), 4.0, state=ill)
    assert end.red_cells_ml < 0.96 * ill.red_cells_ml
    assert end.hemoglobin_g_per_dl < ill.hemoglobin_g_per_dl  # vessels fill up with fluid
    assert end.antithrombin < ill.antithrombin
    assert end.organ_function < ill.organ_function


@pytest.mark.parametrize("patients", [population.EASY, population.HARD])
def test_fast_path_against_the_reference(patients):
    """Two days of random or no treatment: every value within 1.5 %, D-dimer within 3."""
    for name, difference in differences(patients, count=6, decisions=12).items():
        assert difference < (0.03 if name == "d_dimer_mg_per_l" else 0.015), name


def test_the_network_is_the_cascade_within_a_tenth():
    """In patients of every tier on admission and under treatment: what is used of it."""
    rows = []
    for patients in (population.EASY, population.MEDIUM, population.HARD):
        keys = jax.random.split(jax.random.key(7), 32)
        drawn = jax.vmap(lambda key: population.sample(key, patients))(keys)  # noqa: B023
        state = jax.vmap(population.on_admission)(drawn)
        heparin = jnp.where(jnp.arange(32) % 2 == 0, 0.0, 0.12)
        rows.append(state.replace(anti_xa_u_per_ml=heparin))
    state = jax.tree.map(lambda *x: jnp.concatenate(x), *rows)
    ours, _ = jax.vmap(lambda b: consumption.consumption(b, "network"))(state)
    full, ok = jax.jit(jax.vmap(lambda b: consumption.consumption(b, "hockin_mann")))(state)
    assert ok.all()
    for read in (
        lambda c: c.fibrinogen,
        lambda c: c.platelets,
        lambda c: c.factors["II"],
        lambda c: c.factors["V"],
        lambda c: c.factors["VIII"],
        lambda c: c.antithrombin,
    ):
        mine, theirs = np.asarray(read(ours)), np.asarray(read(full))
        used = theirs > 0.02
        error = np.abs(mine - theirs)[used] / theirs[used]
        assert np.median(error) < 0.05
        assert np.percentile(error, 90) < 0.15
        assert np.corrcoef(mine, theirs)[0, 1] > 0.99
    for name in ("VII", "IX"):
        assert np.abs(np.asarray(full.factors[name])).max() < 0.02


def test_more_antithrombin_or_heparin_consumes_less_up_to_what_reaches_the_vessels():
    ill = blood.at_onset(person(tissue_factor_pm=10.0))

    def share(**changes):
        changed = ill.replace(**{k: jnp.asarray(v) for k, v in changes.items()})
        return float(consumption.consumption(changed, "network")[0].fibrinogen)

    assert share(antithrombin=0.4) > share(antithrombin=0.8) == share(antithrombin=1.6)
    assert share() > share(anti_xa_u_per_ml=0.06) > share(anti_xa_u_per_ml=0.12)
    assert share(anti_xa_u_per_ml=0.12) == share(anti_xa_u_per_ml=0.4)


@pytest.mark.parametrize("patients", [population.EASY, population.HARD])
def test_untreated_is_near_the_course_it_stands_for(patients):
    """Laboratory values and organs by their median over 32 patients."""
    keys = jax.random.split(jax.random.key(0), 32)
    drawn = jax.vmap(lambda key: population.sample(key, patients))(keys)
    at_once = jax.vmap(lambda p: model.untreated(p.parameters, p.onset_h))(drawn)

    def course(patient):
        own = patient.parameters.replace(decay_per_h=jnp.zeros(()))

        def step(state, _):
            return DICModel().advance(state, patient.onset_h / 24.0, own, jnp.zeros(()))[0], None

        return jax.lax.scan(step, DICModel().initial_state(own), None, length=24)[0].blood

    simulated = jax.jit(jax.vmap(course))(drawn)
    for name in (
        "platelets_1e9_per_l",
        "fibrinogen_g_per_l",
        "d_dimer_mg_per_l",
        "antithrombin",
        "organ_function",
    ):
        ratio = np.asarray(getattr(at_once, name) / getattr(simulated, name))
        assert np.median(ratio) == pytest.approx(1.0, abs=0.1), name
    assert np.median(blood.pt_s(at_once) / blood.pt_s(simulated)) == pytest.approx(1.0, abs=0.05)


def test_however_inflamed_nothing_is_below_zero():
    most = person(inflammation=6.0, tissue_factor_pm=40.0)
    ill = model.untreated(most, jnp.asarray(48.0))
    week = after(most, 168.0, state=ill)
    for state in (ill, week):
        for name, value in vars(state).items():
            for leaf in jax.tree.leaves(value):
                assert leaf >= 0.0, name


def test_the_chance_of_death_does_not_depend_on_the_step():
    ill = person(tissue_factor_pm=10.0, inflammation=1.0, decay_per_h=0.01)
    step = jax.jit(lambda state, hours: DICModel().advance(state, hours, ill, jnp.zeros(()))[0])

    def hazard(hours):
        state = DICModel().initial_state(ill)
        for _ in range(round(24.0 / hours)):
            state = step(state, jnp.asarray(hours))
        return float(state.death_hazard)

    assert hazard(4.0) == pytest.approx(hazard(0.5), rel=0.01)
    assert hazard(12.0) == pytest.approx(hazard(0.5), rel=0.03)


def test_fibrin_leaves_d_dimer_or_is_cleared():
    """Over days the D-dimer of what there was: the share of it that is lysed."""
    quiet = person(lytic=2.0)
    state = blood.at_onset(quiet).replace(fibrin_g_per_l=jnp.asarray(0.2))
    cleared, hours, rate = 0.0, 1.0, rates.RATE_PER_H["d_dimer"]
    for _ in range(72):
        later_on = after(quiet, hours, state=state)
        mean = 0.5 * float(state.d_dimer_mg_per_l + later_on.d_dimer_mg_per_l)
        cleared += rate * hours * (mean - blood.NORMAL_D_DIMER_MG_PER_L)
        state = later_on
    lysed = 2.0 * rates.LYSIS_PER_H / (2.0 * rates.LYSIS_PER_H + rates.FIBRIN_CLEARED_PER_H)
    assert cleared == pytest.approx(rates.D_DIMER_YIELD * 0.2 * lysed, rel=0.03)


def test_gradient_of_a_course_is_finite():
    parameters = person(tissue_factor_pm=12.0)

    def fibrinogen(exposed_per_h):
        own = parameters.replace(exposed_per_h=exposed_per_h)
        zero, dic = jnp.zeros(()), DICModel()
        end, _ = dic.advance(dic.initial_state(own), zero + 4.0, own, zero, differentiable=True)
        return end.blood.fibrinogen_g_per_l

    value = jax.jit(fibrinogen)
    slope = jax.jit(jax.grad(fibrinogen))(jnp.asarray(0.03))
    step = 1e-3
    numeric = (value(jnp.asarray(0.03 + step)) - value(jnp.asarray(0.03 - step))) / (2 * step)
    assert float(slope) == pytest.approx(float(numeric), rel=0.02)
    assert slope < 0.0
