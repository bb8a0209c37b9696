"""The fast path against its vector field, and what must be found again."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.tasks.sepsis import antibiotic, hemodynamics, population, rates
from hemosim_jax.tasks.sepsis.body import Drugs
from hemosim_jax.tasks.sepsis.model import SepsisModel
from hemosim_jax.tasks.sepsis.population import Population

PATIENTS, HOURS = 100, 24
MODEL = SepsisModel()


def patients(count=PATIENTS):
    keys = jax.random.split(jax.random.key(0), count)
    return jax.vmap(lambda key: population.sample(key, Population()))(keys)


def random_drugs(count=PATIENTS, hours=HOURS):
    """A course for each patient, changed every hour."""
    rng = np.random.default_rng(1)
    shape = (count, hours)
    dtype = jnp.result_type(float)
    given = (
        rng.uniform(0.0, 1.0, shape) * (rng.random(shape) < 0.5),
        rng.uniform(0.0, 0.6, shape) * (rng.random(shape) < 0.7),
        0.04 * (rng.random(shape) < 0.3),
        antibiotic.MAINTENANCE_MG_PER_H * (np.arange(hours) >= rng.integers(0, 8, (count, 1))),
    )
    return Drugs(*(jnp.asarray(values, dtype) for values in given))


def courses(advance):
    """Of all patients, every hour: the body, and pressure and output."""

    def one(patient, drugs):
        def hour(body, now):
            later = advance(body, patient.parameters, now)
            return later, (later, hemodynamics.flow(later, patient.parameters))

        return jax.lax.scan(hour, population.on_admission(patient), drugs)[1]

    return jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(patients(), random_drugs()))


def fast(body, own, drugs):
    return MODEL.advance(body, jnp.ones_like(own.weight_kg), own, drugs)[0]


def reference(body, own, drugs):
    end = solve_reference(
        MODEL.vector_field,
        body,
        jnp.ones(1),
        (own, drugs),
        solver=diffrax.Dopri8(),
        rtol=1e-7,
        atol=1e-9,
    )
    return jax.tree.map(lambda leaf: leaf[0], end)


def test_fast_path_against_the_reference():
    """Random treatment: each hour of a day, every value that is seen within 1 %, but for few."""
    found, flow = courses(fast)
    with jax.enable_x64():
        exact, exact_flow = courses(reference)
    names = ("lactate_mmol_per_l", "urine_ml_per_kg_h", "creatinine_mg_per_dl", "pf_ratio_mmhg")
    names += ("platelets_1e9_per_l", "bilirubin_mg_per_dl", "glasgow", "plasma_l")
    errors = {name: _errors(getattr(found, name), getattr(exact, name)) for name in names}
    errors["damage"] = _errors(found.infection.damage, exact.infection.damage)
    for name in ("pressure_mmhg", "output_l_per_min"):
        errors[name] = _errors(getattr(flow, name), getattr(exact_flow, name))
    for name, error in errors.items():
        assert np.percentile(error, 99.0) < 0.01, (name, np.percentile(error, [50, 99, 100]))


def _errors(found, exact):
    return np.abs(found - exact) / np.abs(exact)


def test_water_given_is_water_found():
    """Extracellular water and urine: what is there, given and drunk."""
    found, _ = courses(fast)
    one = patients()
    weight = np.asarray(one.parameters.weight_kg)[:, None]
    drunk_l = 1e-3 * rates.USUAL_WATER_ML_PER_KG_H * weight * np.arange(1, HOURS + 1)
    given_l = np.cumsum(np.asarray(random_drugs().fluid_l_per_h), axis=1)
    start = jax.vmap(population.on_admission)(one).extracellular_l
    there = found.extracellular_l + found.urine_l
    np.testing.assert_allclose(there, np.asarray(start)[:, None] + given_l + drunk_l, rtol=1e-5)


def test_nothing_is_negative_or_lost_on_the_way():
    found, flow = courses(fast)
    for leaf in jax.tree.leaves((found, flow.pressure_mmhg, flow.output_l_per_min)):
        assert np.isfinite(leaf).all()
        assert (leaf >= 0.0).all()
    assert (found.glasgow >= 3.0 - 1e-5).all()
    assert (found.glasgow <= 15.0 + 1e-5).all()


def test_the_healthy_stay_healthy():
    own = jax.tree.map(lambda leaf: leaf[0], patients().parameters).replace(heart=jnp.ones(()))
    body = MODEL.initial_state(own)
    nothing = Drugs(*(jnp.zeros(()) for _ in range(4)))

    def day(body, _):
        return MODEL.advance(body, jnp.asarray(24.0), own, nothing)[0], None

    after, _ = jax.jit(lambda start: jax.lax.scan(day, start, None, length=3))(body)
    for name in ("lactate_mmol_per_l", "creatinine_mg_per_dl", "platelets_1e9_per_l", "plasma_l"):
        assert float(getattr(after, name)) == pytest.approx(float(getattr(body, name)), rel=0.15)
    assert float(hemodynamics.flow(after, own).pressure_mmhg) == pytest.approx(
        float(own.set_mmhg), rel=0.1
    )


def test_an_infusion_of_meropenem_reaches_what_clearance_says():
    amounts = (jnp.asarray(antibiotic.LOADING_MG), jnp.zeros(()))
    filtration = jnp.asarray(antibiotic.FILTRATION_ML_PER_MIN)
    given = antibiotic.MAINTENANCE_MG_PER_H

    def slope(t, state, args):
        turnover = antibiotic.turnover(state, filtration, given)
        return tuple(made - lost * y for y, (made, lost) in zip(state, turnover, strict=True))

    with jax.enable_x64():
        start = tuple(jnp.asarray(a, jnp.float64) for a in amounts)
        end = solve_reference(slope, start, jnp.array([72.0]), None)
    concentration = float(end[0][0]) / antibiotic.CENTRAL_L
    assert concentration == pytest.approx(given / antibiotic.CLEARANCE_L_PER_H, rel=1e-3)
