"""Our cascades beside the reference numbers, for the tests and for `benchmarks`."""

import csv

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.integrate import trajectory
from hemosim_jax.integrate.rosenbrock import RODAS4, SparseRosenbrock
from hemosim_jax.integrate.stiff import solve_stiff
from hemosim_jax.physiology.coagulation import hockin_mann, wajima
from hemosim_jax.physiology.coagulation.assays import clotting_times, inr
from hemosim_jax.physiology.coagulation.plasma import ANTITHROMBIN_HEPARIN_NM_PER_U_PER_ML, Plasma

# Of IIa and mIIa in the signals of the reference.
SIGNALS = {"IIa+mIIa": (1.0, 1.0), "IIa+1.2mIIa": (1.0, 1.2), "IIa": (1.0, 0.0)}
TIGHT = {"rtol": 1e-6, "atol": 1e-10}
FAST = {"rtol": 1e-3, "atol": 1e-6}  # the default of the assays


def rows(path):
    """A table as dicts of strings."""
    with path.open() as file:
        return list(csv.DictReader(file))


def metrics(state, parameters, free, meizo, tolerances):
    """What `ref_metrics.csv` lists, of `free` times IIa plus `meizo` times mIIa; the last state."""
    curve, last, ok = solve_stiff(
        hockin_mann.vector_field,
        SparseRosenbrock(hockin_mann.jacobian, RODAS4),
        state,
        1200.0,
        parameters,
        lambda y: free * y["IIa"] + meizo * y["mIIa"],
        first_step=0.01,
        max_steps=2048,
        **tolerances,
    )
    peak_time, peak = trajectory.maximum(curve)
    rate_time, rate = trajectory.steepest(curve)
    level = lambda nm: trajectory.first_reaching(curve, jnp.full_like(peak, nm))  # noqa: E731
    result = {
        "t2nM_s": level(2.0),
        "t10nM_s": level(10.0),
        "peak_nM": peak,
        "t_peak_s": peak_time,
        "maxrate_nM_s": rate,
        "t_maxrate_s": rate_time,
        "AUC20min_nM_min": trajectory.area(curve) / 60.0,
    }
    return result, last, ok


def all_metrics(reference, dtype):
    """`metrics` of every row of `ref_metrics.csv`, in float64 or float32."""
    fast = dtype == "float32"
    with jax.enable_x64(not fast):
        constants = [hockin_mann.PARAMETERS[row["model"]] for row in reference]
        parameters = {k: jnp.asarray([c[k] for c in constants], float) for k in constants[0]}
        factor = jnp.asarray([float(row["TF_pM"]) * 1e-3 for row in reference])
        free, meizo = (
            jnp.asarray([SIGNALS[row["signal"]][i] for row in reference]) for i in range(2)
        )

        def one(factor, parameters, free, meizo):
            state = hockin_mann.initial_state({}, factor)
            return metrics(state, parameters, free, meizo, FAST if fast else TIGHT)

        results = jax.jit(jax.vmap(one))(factor, parameters, free, meizo)
        return jax.tree.map(np.asarray, results)


def all_sensitivities(reference):
    """`metrics` of total thrombin for every row of `sensitivity_TF5.csv`, in float64."""
    anti = ("ATIII", "TFPI")
    pro = [name for name in hockin_mann.NORMAL_NM if name not in anti]
    inverse = {
        "pro150 anti50": {**dict.fromkeys(pro, 1.5), **dict.fromkeys(anti, 0.5)},
        "pro50 anti150": {**dict.fromkeys(pro, 0.5), **dict.fromkeys(anti, 1.5)},
    }
    with jax.enable_x64():
        states, constants = [], []
        for row in reference:
            scaled = dict.fromkeys(row["factor"].split("+"), float(row["scale"]))
            levels = dict(inverse.get(row["factor"], scaled))
            factor = jnp.asarray(levels.pop("TF", 1.0) * hockin_mann.TISSUE_FACTOR_NM)
            levels.pop("baseline", None)
            levels.setdefault("VIIa", 1.0)  # there it does not go with factor VII
            states.append(hockin_mann.initial_state(jax.tree.map(jnp.asarray, levels), factor))
            constants.append(
                {k: jnp.asarray(v) for k, v in hockin_mann.PARAMETERS[row["model"]].items()}
            )
        stack = lambda trees: jax.tree.map(lambda *x: jnp.stack(x), *trees)  # noqa: E731
        run = jax.jit(jax.vmap(lambda s, p: metrics(s, p, 1.0, 1.0, TIGHT)))
        return jax.tree.map(np.asarray, run(stack(states), stack(constants)))


def inr_on_warfarin(doses_mg, chosen_days):
    """Trough INR by dose and day, and the factors on all days, of a daily dose; float64."""
    days = max(chosen_days)

    def course(dose_mg):
        def part_of_day(state, part):
            duration_h, doses = part
            state, ok = wajima.advance(wajima.give_warfarin(state, doses * dose_mg), duration_h)
            return state, (state, ok)

        # The dose is taken one hour into the day.
        parts = (jnp.tile(jnp.array([1.0, 23.0]), days), jnp.tile(jnp.array([0.0, 1.0]), days))
        states, ok = jax.lax.scan(part_of_day, wajima.initial_state(), parts)[1]
        return jax.tree.map(lambda x: x[1::2], states), jnp.all(ok)

    with jax.enable_x64():
        states, ok = jax.jit(jax.vmap(course))(jnp.asarray(doses_mg))
        assert bool(ok.all()), "the solver failed"
        samples = jax.tree.map(
            lambda x, healthy: jnp.append(x[:, jnp.asarray(chosen_days) - 1], healthy),
            states,
            wajima.initial_state(),
        )
        pt_s = jax.jit(jax.vmap(clotting_times))(samples).pt_s
        ratio = np.asarray(inr(pt_s[:-1], pt_s[-1])).reshape(len(doses_mg), len(chosen_days))
    return ratio, jax.tree.map(np.asarray, states)


# Levels, PT and aPTT in s, of section 3.7 of the science file; None where it gives no number.
CLOTTING_TIMES = [
    ({}, 11.048, 34.367),
    ({"VII": 0.5}, 12.54, None),
    ({"VII": 0.3}, 13.79, None),
    ({"VII": 0.05}, 19.34, None),
    ({"VII": 0.01}, 26.35, None),
    ({"VIII": 0.5}, None, 38.4),
    ({"VIII": 0.3}, None, 41.7),
    ({"VIII": 0.05}, None, 55.9),
    ({"VIII": 0.01}, None, 72.7),
    ({"IX": 0.5}, None, 38.8),
    ({"IX": 0.3}, None, 42.4),
    ({"IX": 0.05}, None, 58.6),
    ({"IX": 0.01}, None, 78.9),
    ({"XI": 0.5}, None, 38.3),
    ({"XI": 0.3}, None, 41.7),
    ({"XI": 0.05}, None, 57.2),
    ({"XI": 0.01}, None, 77.0),
    ({"Fg": 0.3}, 14.20, 42.13),
    ({"V": 0.01}, 11.07, 34.43),
]
APTT_ON_HEPARIN = [(100.0, 36.9), (300.0, 42.4), (500.0, 48.2)]  # antithrombin:heparin nM, s


def all_clotting_times(dtype):
    """PT and aPTT of the rows above, those on heparin last."""
    tight = dtype == "float64"
    tolerances = {**TIGHT, "max_steps": 4096} if tight else {}
    tolerances["parameters"] = wajima.PARAMETERS
    with jax.enable_x64(tight):
        names = sorted({name for levels, *_ in CLOTTING_TIMES for name in levels})
        plain = [1.0] * len(APTT_ON_HEPARIN)
        levels = {
            n: jnp.asarray([case.get(n, 1.0) for case, *_ in CLOTTING_TIMES] + plain, float)
            for n in names
        }
        heparin = jnp.asarray([0.0] * len(CLOTTING_TIMES) + [nm for nm, _ in APTT_ON_HEPARIN])
        run = jax.jit(
            jax.vmap(
                lambda lv, hep: clotting_times(
                    Plasma(lv, hep / ANTITHROMBIN_HEPARIN_NM_PER_U_PER_ML), **tolerances
                )
            )
        )
        return jax.tree.map(np.asarray, run(levels, heparin))
