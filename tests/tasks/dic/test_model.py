import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.physiology.coagulation import reduced
from hemosim_jax.physiology.coagulation.clotting_formulas import NORMAL_APTT_S, NORMAL_PT_S
from hemosim_jax.tasks.dic import blood, blood_products, consumption, exposure, model, population
from hemosim_jax.tasks.dic.blood_products import Products
from hemosim_jax.tasks.dic.model import DICModel
from tests.tasks.dic.random_treatment import differences


def person(**changes):
    """Seventy kilograms, nothing wrong with them but what is given."""
    usual = {
        "weight_kg": 70.0,
        "tissue_factor_pm": 0.0,
        "tissue_factor_decay_per_h": 0.0,
        "exposed_per_h": 0.03,
        "lysed": 0.5,
        "organ_damage": 0.1,
        "bleeding_tendency": 1.0,
        "normal_platelets_1e9_per_l": 250.0,
        "normal_fibrinogen_g_per_l": 3.0,
    }
    values = {k: jnp.asarray(v, jnp.result_type(float)) for k, v in {**usual, **changes}.items()}
    return blood.Parameters(**values)


@jax.jit
def later(state, parameters, hours, heparin_u_per_h):
    start = model.with_blood(state)
    return DICModel().advance(start, hours, parameters, heparin_u_per_h)[0].blood


def after(parameters, hours, heparin_u_per_h=0.0, state=None):
    state = blood.healthy(parameters) if state is None else state
    return later(state, parameters, jnp.asarray(hours), jnp.asarray(heparin_u_per_h))


def test_a_healthy_person_stays_so():
    before = blood.healthy(person())
    chained = jax.tree.map(np.asarray, after(person(), 100.0))
    for name, value in vars(before).items():
        np.testing.assert_allclose(
            jax.tree.leaves(value), jax.tree.leaves(vars(chained)[name]), rtol=3e-4, atol=1e-6
        )


@pytest.mark.parametrize(
    ("products", "field", "low", "high"),
    [
        # Per unit: a random donor's platelets; cryoprecipitate, 7 to 10 mg/dL of fibrinogen.
        (Products(1.0, 0.0, 0.0), "platelets_1e9_per_l", 5.0, 10.0),
        (Products(0.0, 0.0, 1.0), "fibrinogen_g_per_l", 0.07, 0.10),
        (Products(0.0, 0.0, 10.0), "fibrinogen_g_per_l", 0.70, 1.00),
        # Plasma, 10 to 20 mL/kg: every factor by 30 %; four units of 240 mL are 13.7 mL/kg.
        (Products(0.0, 4.0, 0.0), "antithrombin", 0.2, 0.4),
        (Products(0.0, 4.0, 0.0), "fibrinogen_g_per_l", 0.3, 0.9),
    ],
)
def test_increment_of_a_product(products, field, low, high):
    before = blood.healthy(person())
    given = blood_products.give(before, jax.tree.map(jnp.asarray, products), jnp.asarray(70.0))
    assert low <= getattr(given, field) - getattr(before, field) <= high
    heavy = blood_products.give(before, jax.tree.map(jnp.asarray, products), jnp.asarray(140.0))
    half = 0.5 * (getattr(given, field) - getattr(before, field))
    assert getattr(heavy, field) - getattr(before, field) == pytest.approx(float(half), rel=1e-4)


def test_plasma_brings_all_factors_and_cryoprecipitate_factor_viii():
    before = blood.healthy(person())
    plasma = blood_products.give(before, Products(0.0, 4.0, 0.0), jnp.asarray(70.0)).factors
    assert all(0.2 < level - 1.0 < 0.4 for level in plasma.values())
    cryo = blood_products.give(before, Products(0.0, 0.0, 10.0), jnp.asarray(70.0)).factors
    assert cryo["VIII"] > 1.2
    assert cryo["II"] == 1.0


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
        ("d_dimer_mg_per_l", 6.0, 8.0),
    ],
)
def test_a_surplus_is_lost_with_the_published_half_life(name, low_h, high_h):
    def level(state):
        return float(state.factors[name] if name in blood.FACTORS else getattr(state, name))

    normal = blood.healthy(person())
    more = jax.tree.map(lambda x: 2.0 * x, normal).replace(
        organ_function=normal.organ_function, hemoglobin_g_per_dl=normal.hemoglobin_g_per_dl
    )
    hours = 0.1 * low_h
    left = (level(after(person(), hours, state=more)) - level(normal)) / level(normal)
    assert low_h <= hours / -np.log2(left) <= high_h


def test_more_tissue_factor_leaves_less_and_heparin_spares():
    mild, severe = (after(person(tissue_factor_pm=pm), 24.0) for pm in (5.0, 20.0))
    treated = after(person(tissue_factor_pm=20.0), 24.0, heparin_u_per_h=1000.0)
    for name in ("platelets_1e9_per_l", "fibrinogen_g_per_l", "antithrombin"):
        assert getattr(severe, name) < getattr(mild, name) < getattr(blood.healthy(person()), name)
        assert getattr(treated, name) > getattr(severe, name)
    assert severe.d_dimer_mg_per_l > mild.d_dimer_mg_per_l > 1.0
    assert severe.organ_function < mild.organ_function
    assert blood.pt_s(severe) > blood.pt_s(mild) > NORMAL_PT_S
    assert treated.anti_xa_u_per_ml == pytest.approx(0.294, abs=0.005)
    assert blood.aptt_s(treated) > 1.5 * NORMAL_APTT_S


def test_heparin_works_through_what_antithrombin_is_left():
    state = blood.healthy(person(tissue_factor_pm=10.0))
    antithrombin, heparin = jnp.array([1.0, 1.0, 0.1, 0.1]), jnp.array([0.0, 0.3, 0.0, 0.3])
    exposed = jax.jit(
        jax.vmap(
            lambda a, h: consumption.expose(
                state.replace(antithrombin=a, anti_xa_u_per_ml=h), "reduced"
            )[0]
        )
    )(antithrombin, heparin)
    area = np.asarray(exposed.thrombin_nm_s)
    assert area[0] / area[1] > 3.0
    assert area[2] / area[3] < 0.5 * area[0] / area[1]


def test_without_tissue_factor_the_untreated_are_healthy():
    well, ill = (
        model.untreated(person(tissue_factor_pm=pm), jnp.asarray(48.0)) for pm in (0.0, 60.0)
    )
    assert well.platelets_1e9_per_l == pytest.approx(250.0)
    assert well.fibrinogen_g_per_l == pytest.approx(3.0)
    assert 0.3 < ill.antithrombin < 0.9
    gradient = jax.grad(
        lambda pm: (
            model.untreated(
                person().replace(tissue_factor_pm=pm), jnp.asarray(48.0), differentiable=True
            ).fibrinogen_g_per_l
        )
    )(0.0)
    assert jnp.isfinite(gradient)


def test_bleeding_heals_with_good_hemostasis_and_grows_without():
    bleeds = blood.healthy(person()).replace(bleeding=jnp.asarray(0.3))
    assert after(person(), 12.0, state=bleeds).bleeding < 0.2
    empty = bleeds.replace(
        platelets_1e9_per_l=jnp.asarray(10.0), fibrinogen_g_per_l=jnp.asarray(0.4)
    )
    assert after(person(), 12.0, state=empty).bleeding > 0.35
    assert blood.hemostasis(empty) < 0.1 < 0.8 < blood.hemostasis(bleeds)


def test_exposure_is_the_reduced_cascade():
    """The fast steps against very many of them, up to fulminant drive and under heparin."""
    rng = np.random.default_rng(0)
    pm, ii = np.exp(rng.uniform(0.0, np.log(25.0), 64)), rng.uniform(0.2, 1.5, 64)
    antithrombin, ratio = rng.uniform(0.2, 1.3, 64), rng.choice([1.0, 2.0, 5.0], 64)

    def run(steps, *columns):
        parameters = reduced.parameters(*columns)
        return exposure.expose_reduced(parameters, jnp.full_like(columns[0], 300.0), steps=steps)

    columns = (pm, ii, antithrombin, ratio)
    fast = run(exposure.STEPS, *(jnp.asarray(c, jnp.float32) for c in columns))
    with jax.enable_x64():
        exact = run(2000, *(jnp.asarray(c) for c in columns))

        def reference(*column):
            zero = jnp.zeros(())
            start = exposure.Thrombin(zero, zero, zero + reduced.SEED_VA_NM, zero, zero, zero)
            return solve_reference(
                exposure.vector_field,
                start,
                jnp.asarray([0.0, 300.0]),
                reduced.parameters(*column),
                solver=diffrax.Kvaerno5(),
            )

        integrated = jax.jit(jax.vmap(reference))(*(jnp.asarray(c[:16]) for c in columns))
    np.testing.assert_allclose(exact.thrombin_nm_s[:16], integrated.area[:, -1], rtol=2e-4)
    ends = (integrated.iia + integrated.antithrombin_bound)[:, -1]
    np.testing.assert_allclose(exact.prothrombin_nm[:16], ends, rtol=2e-4)
    for rate in consumption.CONSUMPTION_PER_NM_S.values():
        share = [-np.expm1(-rate * np.asarray(x.thrombin_nm_s)) for x in (fast, exact)]
        assert np.abs(share[0] - share[1]).max() < 0.005
    made = [np.asarray(x.prothrombin_nm) for x in (fast, exact)]
    assert np.abs(made[0] - made[1]).max() < 0.06 * 1400.0
    # Where little is consumed, precise.
    little = made[1] < 0.05 * 1400.0
    assert little.sum() > 20
    areas = [np.asarray(x.thrombin_nm_s)[little] for x in (fast, exact)]
    np.testing.assert_allclose(*areas, rtol=5e-3)


@pytest.mark.parametrize("patients", [population.EASY, population.HARD])
def test_fast_path_against_the_reference(patients):
    """Two days of random or no treatment: every value within 1 %."""
    for name, difference in differences(patients, count=6, decisions=12).items():
        assert difference < 0.01, name


def test_both_cascades_rank_plasmas_alike():
    pm = jnp.array([2.0, 5.0, 10.0, 15.0, 25.0, 10.0, 10.0])
    antithrombin = jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0])
    heparin = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3])
    normal = jax.vmap(lambda f: blood.healthy(person(tissue_factor_pm=f)))(pm)
    state = normal.replace(antithrombin=antithrombin, anti_xa_u_per_ml=heparin)

    def shares(cascade):
        outcome, ok = jax.jit(jax.vmap(lambda s: consumption.expose(s, cascade)))(state)
        assert ok.all()
        consumed = jax.vmap(consumption.consumption)(outcome, state)
        return np.asarray([consumed.fibrinogen, consumed.factors["II"], consumed.factors["V"]])

    ours, full = shares("reduced"), shares("hockin_mann")
    for share in (*ours, *full):
        assert np.all(np.diff(share[:5]) >= 0.0)  # more tissue factor, more is consumed
        assert share[5] > share[2] > share[6]  # less antithrombin; heparin
    # The reduced one is fitted to the full one's thrombin in normal plasma, 1 to 25 pM; V, to many
    # plasmas at once. Heparin is another matter, as documented.
    ratio = full / ours
    np.testing.assert_allclose(ratio[:2, 1:5], 1.0, atol=0.15)
    assert np.all(ratio[:, 6] < 0.15)
    assert np.abs(ours[2] - full[2])[:5].max() < 3.0 * 0.1  # root mean square of the fit


def test_normal_plasma_is_a_table_of_the_reduced_cascade():
    with jax.enable_x64():
        pm = jnp.geomspace(0.3, 80.0, 100)
        table = exposure.expose_normal_plasma(pm)
        duration_s = jnp.full_like(pm, consumption.EXPOSURE_S)
        run = exposure.expose_reduced(reduced.parameters(pm), duration_s, steps=400)
    np.testing.assert_allclose(table.thrombin_nm_s, run.thrombin_nm_s, rtol=0.03)
    np.testing.assert_allclose(table.prothrombin_nm, run.prothrombin_nm, rtol=0.03)
    np.testing.assert_allclose(table.cofactors, run.cofactors, atol=0.02)


@pytest.mark.parametrize("patients", [population.EASY, population.HARD])
def test_untreated_is_near_the_course_it_stands_for(patients):
    """Laboratory values by their median over 32 patients; organs are drawn on admission."""
    keys = jax.random.split(jax.random.key(0), 32)
    drawn = jax.vmap(lambda key: population.sample(key, patients))(keys)
    at_once = jax.vmap(lambda p: model.untreated(p.parameters, p.onset_h))(drawn)

    def course(patient):
        own = patient.parameters.replace(tissue_factor_decay_per_h=jnp.zeros(()))

        def step(state, _):
            return DICModel().advance(state, patient.onset_h / 12.0, own, jnp.zeros(()))[0], None

        return jax.lax.scan(step, DICModel().initial_state(own), None, length=12)[0].blood

    simulated = jax.jit(jax.vmap(course))(drawn)
    for name in ("platelets_1e9_per_l", "fibrinogen_g_per_l", "d_dimer_mg_per_l", "antithrombin"):
        ratio = np.asarray(getattr(at_once, name) / getattr(simulated, name))
        assert np.median(ratio) == pytest.approx(1.0, abs=0.1), name
    assert np.median(blood.pt_s(at_once) / blood.pt_s(simulated)) == pytest.approx(1.0, abs=0.05)


def test_red_cells_hold_the_hemoglobin_at_the_trigger():
    """In who bleeds on, over one step; the vector field stops there too."""
    bleeds = blood.healthy(person()).replace(
        bleeding=jnp.asarray(0.9),
        hemoglobin_g_per_dl=jnp.asarray(7.1),
        platelets_1e9_per_l=jnp.asarray(10.0),
    )
    assert after(person(), 12.0, state=bleeds).hemoglobin_g_per_dl == pytest.approx(7.0, abs=1e-5)
    anemic = bleeds.replace(hemoglobin_g_per_dl=jnp.asarray(6.0))
    assert after(person(), 12.0, state=anemic).hemoglobin_g_per_dl == pytest.approx(6.0, abs=1e-5)


def test_all_fibrin_leaves_d_dimer():
    """What was fibrinogen is D-dimer at once or once its microthrombi are lysed."""
    parameters = person(tissue_factor_pm=10.0)
    ill = after(parameters, 4.0)
    quiet = parameters.replace(tissue_factor_pm=jnp.asarray(0.0))
    state = ill.replace(tissue_factor_pm=jnp.asarray(0.0))
    left = float(state.microthrombi_g_per_l)
    assert left > 0.02
    cleared, hours = 0.0, 2.0
    rate = model.RATE_PER_H["d_dimer"]
    for _ in range(40):
        later_on = after(quiet, hours, state=state)
        mean = 0.5 * float(state.d_dimer_mg_per_l + later_on.d_dimer_mg_per_l)
        cleared += rate * hours * (mean - blood.NORMAL_D_DIMER_MG_PER_L)
        state = later_on
    had = float(ill.d_dimer_mg_per_l) - blood.NORMAL_D_DIMER_MG_PER_L
    assert cleared - had == pytest.approx(model.D_DIMER_YIELD * left, rel=0.03)


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
