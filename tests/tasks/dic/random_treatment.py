"""The fast path of `DICModel` beside float64 integration, over random treatment."""

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.tasks.dic import blood, blood_products, model, population
from hemosim_jax.tasks.dic.model import DICModel

CHOICES = ((0, 1, 2, 4), (0, 2, 4, 6), (0, 5, 10), (0, 500, 1000))
VALUES = (
    "platelets_1e9_per_l",
    "fibrinogen_g_per_l",
    "d_dimer_mg_per_l",
    "antithrombin",
    "hemoglobin_g_per_dl",
    "organ_function",
)


def differences(patients, count, decisions, interval_h=4.0, seed=0):
    """Largest relative difference of every value (of bleeding absolute) at any decision."""
    sample = jax.vmap(lambda key: population.sample(key, patients))
    drawn = sample(jax.random.split(jax.random.key(seed), count))
    rng = np.random.default_rng(seed)
    actions = np.stack([rng.choice(c, (count, decisions)) for c in CHOICES], -1).astype(float)
    actions[: count // 4] = 0.0  # who bleeds on
    ours = _courses(_fast, drawn, jnp.asarray(actions, jnp.float32), interval_h)
    with jax.enable_x64():
        exact = _courses(
            _reference, jax.tree.map(_precise, drawn), jnp.asarray(actions), interval_h
        )
        exact = jax.tree.map(np.asarray, exact)
    pairs = {name: (ours[name], exact[name]) for name in ours}
    relative = {name: np.abs(a / b - 1.0).max() for name, (a, b) in pairs.items() if name != _ABS}
    return {**relative, _ABS: np.abs(np.subtract(*pairs[_ABS])).max()}


_ABS = "bleeding"


def _courses(step, drawn, actions, interval_h):
    def course(patient, actions):
        start = model.with_blood(population.on_admission(patient))

        def one(state, action):
            names = ("platelets", "plasma", "cryoprecipitate")
            products = blood_products.units(**dict(zip(names, action[:3], strict=True)))
            products = products.replace(red_cells=blood_products.red_cells_needed(state.blood))
            heparin = action[3]
            given = blood_products.give(state.blood, products, patient.parameters.weight_kg)
            state = step(state.replace(blood=given), patient.parameters, heparin, interval_h)
            return state, _read(state.blood)

        return jax.lax.scan(one, start, actions)[1]

    return jax.tree.map(np.asarray, jax.jit(jax.vmap(course))(drawn, actions))


def _read(state):
    values = {name: getattr(state, name) for name in (*VALUES, _ABS)}
    factors = {f"factor {name}": level for name, level in state.factors.items()}
    return {**values, **factors, "PT": blood.pt_s(state), "aPTT": blood.aptt_s(state)}


def _fast(state, parameters, heparin, interval_h):
    return DICModel().advance(state, jnp.full_like(heparin, interval_h), parameters, heparin)[0]


def _reference(state, parameters, heparin, interval_h):
    field, times = DICModel().vector_field, jnp.asarray([0.0, interval_h])
    states = solve_reference(field, state, times, (parameters, heparin), rtol=1e-6, atol=1e-8)
    return jax.tree.map(lambda x: x[-1], states)


def _precise(x):
    floating = jnp.issubdtype(x.dtype, jnp.floating)
    return jnp.asarray(np.asarray(x), jnp.float64) if floating else x
