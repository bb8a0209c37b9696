"""The heparin model against its published half-lives, a reference course and float64 integration.

    python -m benchmarks.heparin_accuracy [--patients 1000]

The first rows are the typical patient of 80 kg. The last are random rates and boluses, 20 decisions
of six and of twelve hours, every tier, against the full vector field (Kvaerno5, rtol 1e-9).
"""

import argparse
import csv

import jax
import jax.numpy as jnp
import numpy as np

import hemosim_jax
from hemosim_jax.physiology.aptt_reagent import RASCHKE
from hemosim_jax.tasks.heparin import model
from hemosim_jax.tasks.heparin.model import HeparinModel
from tests.conftest import SHARED
from tests.tasks.heparin.random_infusion import differences

WEIGHT_KG = 80.0
STEP_H = 0.002
PUBLISHED_HALF_LIFE_MIN = {25: 30, 100: 60, 400: 150}
REFERENCE = SHARED / "reference/anticoagulants/ref_ufh_raschke_typical.csv"


def half_life_min(parameters, u_per_kg):
    """Minutes until half of a bolus is left."""
    one, zero = jnp.ones(()), jnp.zeros(())
    inputs = model.Inputs(zero, one, one, zero)
    dose_u = jnp.float32(u_per_kg * WEIGHT_KG)
    start = model.give_bolus(HeparinModel().initial_state(parameters), dose_u, parameters)

    def one_step(state, _):
        state, _ = HeparinModel().advance(state, jnp.float32(STEP_H), parameters, inputs)
        return state, state.anti_xa_u_per_ml

    levels = np.asarray(jax.lax.scan(one_step, start, None, length=2000)[1])
    return 60.0 * STEP_H * (1 + np.argmax(levels < 0.5 * start.anti_xa_u_per_ml))


def against_reference(parameters):
    """Largest relative difference of level and aPTT from the reference course."""
    with REFERENCE.open() as file:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    one, zero = jnp.ones(()), jnp.zeros(())
    inputs = model.Inputs(jnp.float32(18.0 * WEIGHT_KG), one, one, zero)
    dose_u = jnp.float32(80.0 * WEIGHT_KG)
    state = model.give_bolus(HeparinModel().initial_state(parameters), dose_u, parameters)
    worst, previous_h = np.zeros(2), 0.0
    for row in rows:
        if row["t_h"] > previous_h:
            gap_h = jnp.float32(row["t_h"] - previous_h)
            state, _ = HeparinModel().advance(state, gap_h, parameters, inputs)
            previous_h = row["t_h"]
        aptt_s = float(model.aptt_s(state, parameters, RASCHKE))
        ours = np.array([float(state.anti_xa_u_per_ml), aptt_s])
        reference = np.array([row["antiXa_U_mL"], row["aPTT_raschke_loglin_s"]])
        worst = np.maximum(worst, np.abs(ours / reference - 1.0))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=1000)
    options = parser.parse_args()
    parameters = model.typical_parameters(jnp.float32(WEIGHT_KG))
    for u_per_kg, published in PUBLISHED_HALF_LIFE_MIN.items():
        minutes = half_life_min(parameters, u_per_kg)
        print(
            f"half-life after {u_per_kg} U/kg: {minutes:.1f} min (published {published}, "
            f"{100.0 * (minutes / published - 1.0):+.0f} %)"
        )
    for renal_function in (1.0, 0.1):
        steady = model.steady_state_anti_xa(
            jnp.float32(18.0 * WEIGHT_KG), parameters, jnp.float32(renal_function)
        )
        print(f"18 U/kg/h at renal function {renal_function}: anti-Xa {steady:.3f} U/mL")
    if REFERENCE.is_file():
        level, aptt = against_reference(parameters)
        print(f"reference course, largest difference: anti-Xa {level:.2%}, aPTT {aptt:.2%}")
    for difficulty in ("easy", "medium", "hard"):
        env, params = hemosim_jax.make("HeparinInfusion-v0", difficulty=difficulty)
        for hours in (6.0, 12.0):
            params = params.replace(decision_interval=jnp.float32(hours))
            difference = differences(env, params, options.patients)
            aptt_s, level = difference["aptt_s"], difference["anti_xa_u_per_ml"]
            print(
                f"{difficulty}: {options.patients} patients x 20 decisions of {hours:.0f} h, "
                f"|fast - reference|: aPTT at most {aptt_s.max():.3f} s (median "
                f"{np.median(aptt_s):.0e}), anti-Xa at most {level.max():.4f} U/mL"
            )


if __name__ == "__main__":
    main()
