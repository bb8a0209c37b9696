"""Random-dose courses of the warfarin task, integrated a second time in float64."""

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.integrate import solve_reference
from hemosim_jax.tasks.warfarin import disturbances

DECISIONS = 90


def inr_differences(env, params, patients, seed=7):
    """|fast / reference - 1| of the INR after every decision, shape (patients, 90).

    The reference is the full vector field, Dopri8 at rtol 1e-9, given the doses taken and the
    course's effects of the fast run.
    """
    keys = jax.random.split(jax.random.key(seed), patients)
    courses = jax.jit(jax.vmap(lambda key: _random_course(env, params, key)))(keys)
    parameters, taken_mg, acting, inr = courses
    with jax.enable_x64():
        double = [
            jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), tree)
            for tree in (parameters, taken_mg, acting)
        ]
        hours = float(params.decision_interval)
        reference = jax.jit(jax.vmap(lambda *course: _reference_inr(env.model, *course, hours)))
        return np.abs(np.asarray(inr, np.float64) / np.asarray(reference(*double)) - 1.0)


def _random_course(env, params, key):
    key_reset, key_dose, key_steps = jax.random.split(key, 3)
    _, state = env.reset_env(key_reset, params)

    def decide(state, row):
        key, action = row
        _, after, *_ = env.step_env(key, state, action, params)
        condition, traits = after.disturbances, after.patient.traits
        taken_mg = jnp.where(condition.missed_dose, 0.0, after.ordered.dose_mg)
        acting = disturbances.inputs(condition, traits, state.elapsed, params.decision_interval)
        return after, (taken_mg, acting, env.model.inr(after.drug, after.patient.parameters))

    actions = jax.random.uniform(key_dose, (DECISIONS, 1))
    _, rows = jax.lax.scan(decide, state, (jax.random.split(key_steps, DECISIONS), actions))
    return state.patient.parameters, *rows


def _reference_inr(model, parameters, taken_mg, acting, hours):
    def interval(state, row):
        dose_mg, inputs = row
        dosed = model.give_dose(state, dose_mg)
        end = solve_reference(model.vector_field, dosed, jnp.array([hours]), (parameters, inputs))
        state = jax.tree.map(lambda x: x[0], end)
        return state, model.inr(state, parameters)

    return jax.lax.scan(interval, model.initial_state(parameters), (taken_mg, acting))[1]
