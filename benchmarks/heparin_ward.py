"""A ward that follows a nomogram half hour by half hour, its aPTT from the laboratory."""

import jax
import jax.numpy as jnp

from hemosim_jax.core.laboratory import queue
from hemosim_jax.core.random_draws import as_normal, uniform_vector
from hemosim_jax.physiology import aptt_reagent
from hemosim_jax.physiology.assay_catalog import APTT
from hemosim_jax.tasks.heparin import nomograms
from hemosim_jax.tasks.heparin.environment import MAX_INFUSION_U_PER_H, Treatment

STEP_H = 0.5
SLOTS = 6


def simulate(env, params, nomogram, patients, key, hours):
    """`info` of every half hour, shape (patients, times), and the aPTT results that had arrived.

    Neither the aPTT nor the platelets end a course. `aptt_result_s` is NaN where none arrived;
    `aptt_drawn_h` says when it was drawn.
    """
    # The trial goes on where an episode of the task would end.
    params = params.replace(terminal_aptt_s=jnp.inf, terminal_platelets_1e9_per_l=-1.0)
    bounds = jnp.asarray(nomogram.bounds, jnp.result_type(float))
    bounds = tuple(aptt_reagent.translate(bounds, aptt_reagent.RASCHKE, params.reagent))

    def one_patient(key):
        key_patient, key_hours = jax.random.split(key)
        patient = env.sample_patient(key_patient, params)
        weight_kg = patient.covariates.weight_kg

        def one_hour(carry, key):
            state, ward, waiting = carry
            key_course, key_laboratory = jax.random.split(key)
            now_h = state.elapsed
            waiting, arrived = queue.collect(waiting, now_h)
            newest = queue.newest(queue.no_result(), arrived)
            has_result = ~jnp.isinf(newest.drawn_h)
            adjusted, adjust_bolus_u = nomograms.adjust(
                nomogram,
                bounds,
                ward,
                newest.value,
                newest.drawn_h,
                now_h,
                weight_kg,
                MAX_INFUSION_U_PER_H,
            )
            started, start_bolus_u = nomograms.start(nomogram, weight_kg, now_h)
            first = now_h < 0.5 * STEP_H
            ward = nomograms.select(first, started, nomograms.select(has_result, adjusted, ward))
            bolus_u = jnp.where(first, start_bolus_u, jnp.where(has_result, adjust_bolus_u, 0.0))
            draws = now_h > ward.next_check_h - 0.01
            normals = tuple(map(as_normal, uniform_vector(key_laboratory, 2)))
            true_s = env.info(state, params)["aptt_s"]
            waiting, _ = queue.order(waiting, APTT, draws, true_s, now_h, normals)
            ward = ward.replace(next_check_h=jnp.where(draws, jnp.inf, ward.next_check_h))
            step_h = jnp.asarray(STEP_H, now_h.dtype)
            treatment = Treatment(
                infusion_u_per_h=nomograms.infusion_u_per_h(ward, now_h, step_h),
                bolus_u_per_kg=bolus_u / weight_kg,
                protamine_mg=jnp.zeros_like(now_h),
            )
            state = env.advance(key_course, state, treatment, step_h, params)
            row = env.info(state, params) | {
                "aptt_result_s": jnp.where(has_result, newest.value, jnp.nan),
                "aptt_drawn_h": newest.drawn_h,
            }
            return (state, ward, waiting), row

        start = (
            env.initial_state(patient, params),
            nomograms.before_start(),
            queue.empty_queue(SLOTS),
        )
        _, rows = jax.lax.scan(one_hour, start, jax.random.split(key_hours, int(hours / STEP_H)))
        return patient, rows

    return jax.jit(jax.vmap(one_patient))(jax.random.split(key, patients))
