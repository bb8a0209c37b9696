import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.models import blood_products, dic
from hemosim_jax.models.blood_products import Products
from hemosim_jax.models.coagulation import exposure, reduced
from hemosim_jax.models.coagulation.clotting_formulas import NORMAL_APTT_S, NORMAL_PT_S
from hemosim_jax.patients import dic as patients_dic


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
    return dic.Parameters(**values)


@jax.jit
def later(state, parameters, hours, heparin_u_per_h):
    nothing = dic.no_consumption(parameters.weight_kg)
    return dic.advance(state, nothing, hours, parameters, heparin_u_per_h)[0]


def after(parameters, hours, heparin_u_per_h=0.0, state=None):
    state = dic.healthy(parameters) if state is None else state
    return later(state, parameters, jnp.asarray(hours), jnp.asarray(heparin_u_per_h))


def test_a_healthy_person_stays_so():
    before = dic.healthy(person())
    chained = jax.tree.map(np.asarray, after(person(), 100.0))
    for name, value in vars(before).items():
        np.testing.assert_allclose(
            jax.tree.leaves(value), jax.tree.leaves(vars(chained)[name]), rtol=1e-5, atol=1e-6
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
    before = dic.healthy(person())
    given = blood_products.give(before, jax.tree.map(jnp.asarray, products), jnp.asarray(70.0))
    assert low <= getattr(given, field) - getattr(before, field) <= high
    heavy = blood_products.give(before, jax.tree.map(jnp.asarray, products), jnp.asarray(140.0))
    half = 0.5 * (getattr(given, field) - getattr(before, field))
    assert getattr(heavy, field) - getattr(before, field) == pytest.approx(float(half), rel=1e-4)


def test_plasma_brings_all_factors_and_cryoprecipitate_factor_viii():
    before = dic.healthy(person())
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
        return float(state.factors[name] if name in dic.FACTORS else getattr(state, name))

    normal = dic.healthy(person())
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
        assert getattr(severe, name) < getattr(mild, name) < getattr(dic.healthy(person()), name)
        assert getattr(treated, name) > getattr(severe, name)
    assert severe.d_dimer_mg_per_l > mild.d_dimer_mg_per_l > 1.0
    assert severe.organ_function < mild.organ_function
    assert dic.pt_s(severe) > dic.pt_s(mild) > NORMAL_PT_S
    assert treated.anti_xa_u_per_ml == pytest.approx(0.294, abs=0.005)
    assert dic.aptt_s(treated) > 1.5 * NORMAL_APTT_S


def test_without_antithrombin_heparin_does_little():
    state = dic.healthy(person(tissue_factor_pm=10.0))
    with_heparin = state.replace(anti_xa_u_per_ml=jnp.asarray(0.3))

    def spared(antithrombin):
        area = [
            float(
                dic.expose(s.replace(antithrombin=jnp.asarray(antithrombin)), "reduced")[
                    0
                ].thrombin_nm_s
            )
            for s in (state, with_heparin)
        ]
        return area[0] / area[1]

    assert spared(1.0) > 3.0
    assert spared(0.1) < 0.5 * spared(1.0)


def test_bleeding_heals_with_good_hemostasis_and_grows_without():
    bleeds = dic.healthy(person()).replace(bleeding=jnp.asarray(0.3))
    assert after(person(), 12.0, state=bleeds).bleeding < 0.2
    empty = bleeds.replace(
        platelets_1e9_per_l=jnp.asarray(10.0), fibrinogen_g_per_l=jnp.asarray(0.4)
    )
    assert after(person(), 12.0, state=empty).bleeding > 0.35
    assert dic.hemostasis(empty) < 0.1 < 0.8 < dic.hemostasis(bleeds)


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
        start = exposure.Thrombin(
            *(jnp.asarray(x) for x in (0.0, 0.0, reduced.SEED_VA_NM, 0, 0, 0))
        )
        state = jax.tree.map(lambda x: x.astype(jnp.float64), start)
        one = solve_reference(
            exposure.vector_field,
            state,
            jnp.asarray([0.0, 300.0]),
            reduced.parameters(jnp.asarray(25.0)),
        )
        ours = run(2000, *(jnp.asarray([x]) for x in (25.0, 1.0, 1.0, 1.0)))
    assert float(ours.thrombin_nm_s[0]) == pytest.approx(float(one.area[-1]), rel=1e-5)
    for rate in dic.CONSUMPTION_PER_NM_S.values():
        share = [-np.expm1(-rate * np.asarray(x.thrombin_nm_s)) for x in (fast, exact)]
        assert np.abs(share[0] - share[1]).max() < 2e-3
    made = [np.asarray(x.prothrombin_nm) for x in (fast, exact)]
    assert np.abs(made[0] - made[1]).max() < 0.015 * 1400.0


@pytest.mark.parametrize("population", [patients_dic.EASY, patients_dic.HARD])
def test_fast_path_against_the_reference(population):
    """Two days of random treatment: every laboratory value within 1 %."""
    patients, decisions = 6, 12
    drawn = jax.vmap(lambda key: patients_dic.sample(key, population))(
        jax.random.split(jax.random.key(0), patients)
    )
    rng = np.random.default_rng(0)
    choices = ([0, 1, 2, 4], [0, 2, 4, 6], [0, 5, 10], [0, 500, 1000])
    actions = np.stack([rng.choice(c, (patients, decisions)) for c in choices], -1).astype(float)

    def course(step, patient, actions):
        state = patients_dic.on_admission(patient)
        carry = (state, dic.no_consumption(state.antithrombin))

        def one(carry, action):
            products, heparin = Products(*action[:3]), action[3]
            given = blood_products.give(carry[0], products, patient.parameters.weight_kg)
            carry = step(given, carry[1], patient.parameters, heparin)
            return carry, (carry[0], dic.pt_s(carry[0]), dic.aptt_s(carry[0]))

        return jax.lax.scan(one, carry, actions)[1]

    def fast(state, before, parameters, heparin):
        four_hours = jnp.full_like(heparin, 4.0)
        return dic.advance(state, before, four_hours, parameters, heparin)[:2]

    def reference(state, before, parameters, heparin):
        args = (parameters, heparin, 128)
        times = jnp.asarray([0.0, 4.0])
        states = solve_reference(dic.vector_field, state, times, args, rtol=1e-6, atol=1e-8)
        return jax.tree.map(lambda x: x[-1], states), before

    def run(step, drawn, actions):
        return jax.jit(jax.vmap(lambda p, a: course(step, p, a)))(drawn, actions)

    ours = run(fast, drawn, jnp.asarray(actions, jnp.float32))
    with jax.enable_x64():
        precise = jax.tree.map(
            lambda x: (
                jnp.asarray(np.asarray(x), jnp.float64)
                if jnp.issubdtype(x.dtype, jnp.floating)
                else x
            ),
            drawn,
        )
        exact = jax.tree.map(np.asarray, run(reference, precise, jnp.asarray(actions)))
    (ours_state, *ours_times), (exact_state, *exact_times) = ours, exact
    pairs = list(zip(ours_times, exact_times, strict=True))
    for name in (
        "platelets_1e9_per_l",
        "fibrinogen_g_per_l",
        "d_dimer_mg_per_l",
        "antithrombin",
        "hemoglobin_g_per_dl",
        "organ_function",
        "factors",
    ):
        leaves = (jax.tree.leaves(getattr(s, name)) for s in (ours_state, exact_state))
        pairs += list(zip(*leaves, strict=True))
    for mine, theirs in pairs:
        np.testing.assert_allclose(mine, theirs, rtol=0.01)
    np.testing.assert_allclose(ours_state.bleeding, exact_state.bleeding, atol=2e-3)


def test_both_cascades_rank_plasmas_alike():
    pm = jnp.array([2.0, 5.0, 10.0, 15.0, 25.0, 10.0, 10.0])
    antithrombin = jnp.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 1.0])
    heparin = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3])
    normal = jax.vmap(lambda f: dic.healthy(person(tissue_factor_pm=f)))(pm)
    state = normal.replace(antithrombin=antithrombin, anti_xa_u_per_ml=heparin)

    def shares(cascade):
        outcome, ok = jax.jit(jax.vmap(lambda s: dic.expose(s, cascade)))(state)
        assert ok.all()
        return np.asarray(jax.vmap(dic.consumption)(outcome, state).fibrinogen)

    ours, full = shares("reduced"), shares("hockin_mann")
    for share in (ours, full):
        assert np.all(np.diff(share[:5]) >= 0.0)  # more tissue factor, more fibrin
        assert share[5] > share[2] > share[6]  # less antithrombin; heparin
    assert np.abs(ours - full).max() < 0.25


def test_gradient_of_a_course_is_finite():
    parameters = person(tissue_factor_pm=12.0)

    def fibrinogen(exposed_per_h):
        own = parameters.replace(exposed_per_h=exposed_per_h)
        state, nothing = dic.healthy(own), dic.no_consumption(exposed_per_h)
        zero = jnp.zeros(())
        end, _, _ = dic.advance(state, nothing, zero + 4.0, own, zero, differentiable=True)
        return end.fibrinogen_g_per_l

    value = jax.jit(fibrinogen)
    slope = jax.jit(jax.grad(fibrinogen))(jnp.asarray(0.03))
    step = 1e-3
    numeric = (value(jnp.asarray(0.03 + step)) - value(jnp.asarray(0.03 - step))) / (2 * step)
    assert float(slope) == pytest.approx(float(numeric), rel=0.02)
    assert slope < 0.0
