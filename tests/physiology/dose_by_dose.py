"""A month of tablets one by one, the full vector field between them in float64: slow, and sure."""

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.physiology import oral_dosing
from hemosim_jax.tasks.doac import disturbances, drugs, population
from hemosim_jax.tasks.doac.disturbances import Risks

DAYS = 30
POINTS = 24 * 12  # of the last day


def random_parameters(drug, patients, seed=0):
    """Parameters of patients of the clinic's population, stacked."""

    def one(key):
        patient = population.sample(key, population.Population(), Risks())
        zero = jnp.zeros_like(patient.covariates.age_y)
        covariates = population.pharmacokinetic_covariates(
            patient, disturbances.well(patient.thresholds), zero
        )
        return drugs.parameters(covariates, patient.effects, len(drugs.DRUGS))[drug]

    keys = jax.random.split(jax.random.key(seed), patients)
    return jax.jit(jax.vmap(one))(keys)


def last_day(parameters, regimen):
    """Peak, trough and AUC of one patient's last day of the month, by the fast path."""
    state, _ = oral_dosing.TABLETS.advance(
        oral_dosing.TABLETS.initial_state(parameters),
        jnp.asarray(24.0 * (DAYS - 1), parameters.lag_h.dtype),
        parameters,
        regimen,
    )
    state = state.replace(auc_ng_h_per_ml=jnp.zeros_like(state.auc_ng_h_per_ml))
    hours = jnp.linspace(24.0 / POINTS, 24.0, POINTS, dtype=parameters.lag_h.dtype)
    later, _ = jax.vmap(lambda h: oral_dosing.TABLETS.advance(state, h, parameters, regimen))(hours)
    level = 1000.0 * later.central_mg / parameters.central_l
    return {"peak": jnp.max(level), "trough": level[-1], "auc": later.auc_ng_h_per_ml[-1]}


def last_day_dose_by_dose(parameters, regimen, lag_h):
    """The same by integration (float64), the lag a Python number: it decides on the grid."""
    times = [(lag_h + 24.0 * day + half, half > 0.0) for day in range(DAYS) for half in (0.0, 12.0)]
    points = 24.0 * (DAYS - 1) + np.linspace(0.0, 24.0, POINTS + 1)
    stops = sorted({t for t, _ in times} | set(points))
    morning = [float((t, False) in times) for t in stops]
    evening = [float((t, True) in times) for t in stops]
    lengths = np.diff([0.0, *stops])

    def stretch(state, row):
        length, takes_morning, takes_evening = row
        end = solve_reference(
            oral_dosing.TABLETS.vector_field,
            state,
            jnp.stack([jnp.maximum(length, 1e-9)]),
            (parameters, regimen),
            rtol=1e-8,
            atol=1e-10,
        )
        before = jax.tree.map(lambda y: y[0], end)
        taken = before.replace(
            morning_depot_mg=before.morning_depot_mg
            + takes_morning * regimen.morning_mg * parameters.bioavailability,
            evening_depot_mg=before.evening_depot_mg
            + takes_evening * regimen.evening_mg * parameters.bioavailability,
        )
        return taken, (1000.0 * before.central_mg / parameters.central_l, before.auc_ng_h_per_ml)

    _, (level, auc) = jax.lax.scan(
        stretch,
        oral_dosing.TABLETS.initial_state(parameters),
        tuple(jnp.asarray(x, jnp.float64) for x in (lengths, morning, evening)),
    )
    at = [stops.index(t) for t in points]
    level, auc = level[jnp.array(at)], auc[jnp.array(at)]
    return {"peak": jnp.max(level[1:]), "trough": level[-1], "auc": auc[-1] - auc[0]}


def differences(drug, dose_mg, patients):
    """Largest relative differences of peak, trough and AUC between the two."""
    parameters = random_parameters(drug, patients)
    regimen = jax.tree.map(jnp.float32, drugs.regimen(dose_mg, drug))
    fast = jax.jit(jax.vmap(last_day, in_axes=(0, None)))(parameters, regimen)
    lag_h = float(parameters.lag_h[0])
    with jax.enable_x64():
        wide = jax.tree.map(
            lambda x: jnp.asarray(np.asarray(x), jnp.float64), (parameters, regimen)
        )
        run = jax.jit(jax.vmap(lambda p, r: last_day_dose_by_dose(p, r, lag_h), in_axes=(0, None)))
        slow = jax.tree.map(np.asarray, run(*wide))
    return {name: float(np.max(np.abs(np.asarray(fast[name]) / slow[name] - 1.0))) for name in slow}
