"""The model of clotting factors: its numbers, and the studies it is held against."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binomtest

from hemosim_jax.integrate import solve_reference
from hemosim_jax.physiology.coagulation import wajima
from hemosim_jax.physiology.coagulation.assays import clotting_times
from hemosim_jax.tasks.warfarin import factors
from hemosim_jax.tasks.warfarin.calibration import calibration_of, draw_calibration
from hemosim_jax.tasks.warfarin.cohort import read_iwpc
from hemosim_jax.tasks.warfarin.covariates import RACES, Inputs, RandomEffects
from hemosim_jax.tasks.warfarin.factors import FACTORS, FactorTurnover
from tests.conftest import shared_file
from tests.tasks.warfarin import studies

MODEL = FactorTurnover()
ACTING = Inputs(clearance_s_ratio=0.8, ec50_ratio=1.2)


@pytest.fixture(scope="module")
def people():
    keys = jax.random.split(jax.random.key(11), 400)
    return studies.patients(MODEL, calibration_of("iwpc", MODEL), keys)


@pytest.fixture(scope="module")
def inpatients(people):
    """Harrison's patients lay in hospital."""
    return people.replace(ec50_mg_per_l=studies.INPATIENT_EC50_RATIO * people.ec50_mg_per_l)


def within(count, total, share, level=0.95):
    """Whether a share lies in the exact interval of a count."""
    low, high = binomtest(count, total).proportion_ci(level, method="exact")
    return low <= share <= high


def test_fast_path_is_the_vector_field(people):
    doses = jnp.asarray([10.0, 7.5, 0.0, 5.0, 12.5, 0.0])
    some = jax.tree.map(lambda x: x[:20], people)

    def fast(parameters):
        def day(state, dose_mg):
            state = MODEL.give_vitamin_k(MODEL.give_dose(state, dose_mg), 0.1 * dose_mg)
            state, ok = MODEL.advance(state, jnp.asarray(24.0), parameters, ACTING)
            return state, (MODEL.inr(state, parameters), ok)

        return jax.lax.scan(day, MODEL.initial_state(parameters), doses)[1]

    def reference(parameters):
        state, found = MODEL.initial_state(parameters), []
        for dose_mg in doses:
            state = MODEL.give_vitamin_k(MODEL.give_dose(state, dose_mg), 0.1 * dose_mg)
            end = solve_reference(
                MODEL.vector_field, state, jnp.asarray([24.0]), (parameters, ACTING)
            )
            state = jax.tree.map(lambda x: x[0], end)
            found.append(MODEL.inr(state, parameters))
        return jnp.stack(found)

    inr, ok = jax.jit(jax.vmap(fast))(some)
    assert bool(ok.all())
    with jax.enable_x64():
        double = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), some)
        expected = jax.jit(jax.vmap(reference))(double)
    np.testing.assert_allclose(inr, expected, rtol=2e-3)


def test_rest_is_where_constant_concentrations_lead(people):
    one = jax.tree.map(lambda x: x[0], people)
    dose_mg = MODEL.steady_state_dose_mg_per_day(one, 2.5)
    levels = MODEL.levels_at_rest(one, 2.5)
    per_h = dose_mg / 48.0
    state = MODEL.initial_state(one).replace(
        depot_mg=per_h / factors.ABSORPTION_RATE_PER_H,
        central_s_mg=per_h / one.clearance_s_l_per_h * one.volume_s_l,
        central_r_mg=per_h / one.clearance_r_l_per_h * one.volume_r_l,
        inhibition=1.0 - levels["II"],  # whose sensitivity is 1
        deficits=tuple(1.0 - levels[name] for name in FACTORS),
    )
    slope = MODEL.vector_field(0.0, state, (one, studies.NO_INPUTS))
    np.testing.assert_allclose([slope.inhibition, *slope.deficits], 0.0, atol=1e-5)
    assert float(MODEL.inr(state, one)) == pytest.approx(2.5, abs=2e-3)


@pytest.mark.slow
def test_prothrombin_time_is_that_of_the_cascade():
    """It depends on the product of factors II, VII and X, and hardly on the others."""
    rng = np.random.default_rng(2)
    levels = np.concatenate(
        [np.full((1, 4), 1.0), np.exp(rng.uniform(np.log(0.08), 0.0, size=(15, 4)))]
    )

    def ratio(row):
        plasma = dict(wajima.initial_state())
        for name, level in zip(("II", "VII", "X", "IX"), row, strict=True):
            plasma[name] = plasma[name] * level
        return clotting_times(plasma).pt_s

    times = np.asarray(jax.jit(jax.vmap(ratio))(jnp.asarray(levels)))
    length = -np.log(levels[:, :3]).sum(axis=1)
    law = np.exp(length * (factors.PT_LINEAR + factors.PT_QUADRATIC * length))
    np.testing.assert_allclose(law, times / times[0], rtol=0.025)


def test_washout_is_whites(people):
    """22 patients stable at 2.6 (Ann Intern Med 1995;122:40).

    The bounds are twice the standard error of White's means and the rounding, where a range (1.11
    to 2.16) and a count (5 of 22 at 1.2 or more) give the SDs; and exact intervals of his counts,
    at 99 % for the one at 65 h: 98.9 % above 1.2 lies on the edge of 95 % (70.8 to 98.9).
    """
    inr = np.asarray(jax.jit(lambda p: studies.washout_courses(MODEL, p))(people))
    at_20_h, at_65_h, at_115_h, at_185_h = inr.T
    assert at_20_h.mean() == pytest.approx(2.6, abs=0.1)
    assert at_65_h.mean() == pytest.approx(1.6, abs=2.0 * 0.25 / np.sqrt(22) + 0.05)
    assert at_115_h.mean() == pytest.approx(1.1, abs=2.0 * 0.135 / np.sqrt(22) + 0.05)
    assert within(20, 22, float(studies.share_above(at_65_h, 1.2)), level=0.99)
    assert within(5, 22, float(studies.share_above(at_115_h, 1.2)))
    assert at_185_h.mean() == pytest.approx(float(people.baseline_inr.mean()), abs=0.06)


def test_loading_is_harrisons(inpatients):
    """5 or 10 mg, then a nomogram (Ann Intern Med 1997;126:133): six shares, four levels.

    Within the exact intervals of the counts, which are wider than the printed ones.
    """
    shares, levels = jax.jit(lambda p: studies.loading_shares(MODEL, p))(inpatients)
    for first, counts in studies.HARRISON.items():
        for (count, total), share in zip(counts, shares[first], strict=True):
            assert within(count, total, float(share)), (first, count, total, share)
    for first, name, low, high in (
        (10.0, "VII", 0.18, 0.36), (5.0, "VII", 0.43, 0.65),
        (10.0, "II", 0.67, 0.81), (5.0, "II", 0.73, 0.93),
    ):  # fmt: skip
        assert low < float(levels[first][name]) < high


def test_vitamin_k_brings_the_inr_down(people):
    """1 mg at 5.79: 2.86 [2.50, 3.23] after 16 h (Crowther 1998); without, 1.4 less (2009)."""
    some = jax.tree.map(lambda x: x[:60], people)

    @jax.jit
    def after_16_h(dose_mg):
        of_one = lambda p: studies.vitamin_k(MODEL, p, 5.79, dose_mg, (16.0,))[0]  # noqa: E731
        return jax.vmap(of_one)(some)

    assert 2.50 < float(after_16_h(1.0).mean()) < 3.23
    assert 5.79 - 2.2 < float(after_16_h(0.0).mean()) < 5.79 - 0.8


def test_prothrombin_complex_acts_at_once(people):
    """Most are at 1.5 or less half an hour later (159 of 185; Blood Adv 2023;7:2206)."""
    some = jax.tree.map(lambda x: x[:60], people)

    @jax.jit
    @jax.vmap
    def before_and_after(parameters):
        _, state = studies.stable_at(MODEL, parameters, 3.5)
        given = MODEL.give_prothrombin_complex(state, 25.0)
        later = studies.advance(MODEL, given, 0.5, parameters)
        return MODEL.inr(state, parameters), MODEL.inr(later, parameters)

    before, after = before_and_after(some)
    assert float(before.mean()) > 2.7
    assert float((after <= 1.5).mean()) > 0.7


def test_doses_are_found_again(people):
    one = jax.tree.map(lambda x: x[0], people)
    state = MODEL.give_dose(MODEL.initial_state(one), 10.0)
    state, _ = MODEL.advance(state, jnp.asarray(30.0), one, studies.NO_INPUTS)
    rate_s = one.clearance_s_l_per_h / one.volume_s_l
    rate_a = factors.ABSORPTION_RATE_PER_H
    gone = 5.0 * (1.0 - (rate_a * np.exp(-rate_s * 30.0) - rate_s * np.exp(-rate_a * 30.0))
                  / (rate_a - rate_s))  # fmt: skip
    assert float(state.depot_mg + state.central_s_mg + gone) == pytest.approx(5.0, rel=1e-5)


def test_real_patients_have_their_inr_on_their_dose():
    """The development half of IWPC: dose within 8.4 mg a week, INR unbiased by race within 0.1."""
    records = read_iwpc(
        shared_file("data/iwpc/iwpc_development.csv.gz"), baseline_inr=factors.TYPICAL_BASELINE_INR
    )
    kept = np.isfinite(records.weekly_dose_mg) & np.isfinite(records.inr_on_dose)
    covariates = jax.tree.map(lambda x: x[kept], records.covariates)
    dose, recorded = records.weekly_dose_mg[kept], records.inr_on_dose[kept]
    none = jnp.zeros_like(covariates.age_y)
    typical = MODEL.individual_parameters(
        covariates, RandomEffects(none, none, none, none), calibration_of("iwpc", MODEL)
    )
    grid = np.linspace(1.1, 6.0, 60)
    doses = 7.0 * np.stack([MODEL.steady_state_dose_mg_per_day(typical, inr) for inr in grid])
    race = np.asarray(covariates.race)
    bias = {}
    for code, name in enumerate(RACES):
        group = race == code
        on_dose = [np.interp(dose[i], doses[:, i], grid) for i in np.flatnonzero(group)]
        bias[name] = np.median(on_dose) - np.median(recorded[group])
    held = np.maximum(recorded, 1.25)
    needed = np.array([np.interp(held[i], grid, doses[:, i]) for i in range(dose.size)])
    assert np.abs(needed - dose).mean() < 8.4
    assert all(abs(value) < 0.1 for value in bias.values()), bias


def test_parameters_may_be_uncertain():
    drawn = jax.vmap(draw_calibration)(jax.random.split(jax.random.key(0), 500))
    middle = calibration_of("iwpc", MODEL)
    assert float(jnp.median(drawn.hill)) == pytest.approx(float(middle.hill), rel=0.03)
    assert 0.03 < float(jnp.std(jnp.log(drawn.hill))) < 0.3
    with pytest.raises(ValueError, match="calibration must be iwpc"):
        calibration_of("published", MODEL)


def test_gradients_and_double_precision(people):
    one = jax.tree.map(lambda x: x[0], people)

    def inr_after(dose_mg, parameters):
        state = MODEL.give_dose(MODEL.initial_state(parameters), dose_mg)
        hours = jnp.asarray(48.0, parameters.baseline_inr.dtype)
        state, _ = MODEL.advance(state, hours, parameters, studies.NO_INPUTS, differentiable=True)
        return MODEL.inr(state, parameters)

    for dose_mg in (0.0, 10.0):
        slope = jax.grad(inr_after)(dose_mg, one)
        assert np.isfinite(slope)
        assert slope >= 0.0
    with jax.enable_x64():
        double = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), one)
        inr = inr_after(jnp.float64(10.0), double)
        assert inr.dtype == jnp.float64
        assert float(inr) == pytest.approx(float(inr_after(jnp.float32(10.0), one)), rel=1e-4)
