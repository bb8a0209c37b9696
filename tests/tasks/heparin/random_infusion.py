"""Courses of random rates and boluses, integrated a second time in float64."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.integrate import solve_reference
from hemosim_jax.tasks.heparin import disturbances, model
from hemosim_jax.tasks.heparin.model import HeparinModel

DECISIONS = 20


def differences(env, params, patients, seed=7):
    """|fast - reference| of aPTT (s), anti-Xa (U/mL) and platelets, each (patients, 20).

    The reference is the full vector field, Kvaerno5 at rtol 1e-9, given what the fast run infused,
    its bleeds and its course's effects.
    """
    keys = jax.random.split(jax.random.key(seed), patients)
    *course, read = jax.jit(jax.vmap(lambda key: _random_course(env, params, key)))(keys)
    with jax.enable_x64():
        double = lambda tree: jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), tree)  # noqa: E731
        hours, reagent = double((params.decision_interval, params.reagent))
        reference = jax.jit(jax.vmap(lambda *course: _reference(*course, hours, reagent)))(
            *double(tuple(course))
        )
        return {
            name: np.abs(np.asarray(reference[name]) - np.asarray(read[name], np.float64))
            for name in read
        }


def _read(drug, parameters, reagent):
    return {
        "aptt_s": model.aptt_s(drug, parameters, reagent),
        "anti_xa_u_per_ml": drug.anti_xa_u_per_ml,
        "platelets_1e9_per_l": drug.platelets_1e9_per_l,
    }


def _random_course(env, params, key):
    key_reset, key_action, key_steps = jax.random.split(key, 3)
    _, state = env.reset_env(key_reset, params)
    parameters = state.patient.parameters

    def decide(state, row):
        key, action = row
        _, after, *_, info = env.step_env(key, state, action, params)
        inputs = model.Inputs(
            infusion_u_per_h=after.infusion_u_per_h,
            elimination_ratio=jnp.exp(after.disturbances.log_elimination),
            renal_function=info["renal_function"],
            immunized=after.disturbances.immunized_share,
            reagent=params.reagent,
            circadian_amplitude=params.within_patient * model.CIRCADIAN_AMPLITUDE,
        )
        diluted = jnp.where(info["major_bleed"], disturbances.LEFT_AFTER_BLEEDING, 1.0)
        own = parameters.replace(
            aptt_gain=parameters.aptt_gain * jnp.exp(after.disturbances.log_response)
        )
        read = _read(after.drug, own, params.reagent)
        return after, (own, after.bolus_u, inputs, diluted, read)

    actions = jax.random.uniform(key_action, (DECISIONS, *env.action_space(params).shape))
    _, rows = jax.lax.scan(decide, state, (jax.random.split(key_steps, DECISIONS), actions))
    return rows


def _reference(parameters, bolus_u, inputs, diluted, hours, reagent):
    def interval(drug, row):
        parameters, bolus_u, inputs, diluted = row
        drug = model.give_bolus(drug, bolus_u, parameters)
        end = solve_reference(
            HeparinModel().vector_field,
            drug,
            hours[None],
            (parameters, inputs),
            solver=diffrax.Kvaerno5(),
        )
        drug = jax.tree.map(lambda x: x[0], end)
        drug = drug.replace(
            antithrombin=diluted * drug.antithrombin,
            platelets_1e9_per_l=diluted * drug.platelets_1e9_per_l,
        )
        return drug, _read(drug, parameters, reagent)

    start = HeparinModel().initial_state(jax.tree.map(lambda x: x[0], parameters))
    return jax.lax.scan(interval, start, (parameters, bolus_u, inputs, diluted))[1]
