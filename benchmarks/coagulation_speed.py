"""Thrombin-generation curves per second: ours against SciPy's LSODA, same plasmas, same cores.

    python -m benchmarks.coagulation_speed [--plasmas 1024] [--block 512]

Hockin 2002, 20 minutes at 5 pM of tissue factor, every factor of every plasma between 50 and 150 %
of normal. LSODA has the analytic Jacobian and loops over the plasmas in one process for each core,
at the loosest of several tolerances that keeps every peak within 0.2 %. Ours is in float32, in one
process, one thread for each core. Peaks are compared with float64 Kvaerno5 at tight tolerances on
a part of the plasmas, and with tight LSODA on all. On an accelerator all plasmas are one block.
"""

import argparse
import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from benchmarks.hardware import description
from hemosim_jax.integrate import trajectory
from hemosim_jax.integrate.reference import solve_reference
from hemosim_jax.physiology.coagulation import hockin_mann
from hemosim_jax.physiology.coagulation.assays import thrombin_generation
from hemosim_jax.physiology.coagulation.plasma import Plasma

DURATION_S = 1200.0
CURVE_S = np.linspace(0.0, DURATION_S, 121)
FACTORS = tuple(hockin_mann.NORMAL_NM)
PEAK_ERROR = 2e-3
LSODA_TOLERANCES = ((1e-3, 1e-5), (1e-4, 1e-6), (1e-5, 1e-7))
REPEATS = 3


def plasmas(count):
    """Fractions of normal, a column for each factor."""
    return np.random.default_rng(0).uniform(0.5, 1.5, (count, len(FACTORS)))


class Lsoda:
    """The same network in NumPy: two gathers, a product, two matrix products."""

    def __init__(self):
        index = {name: i for i, name in enumerate(hockin_mann.SPECIES)}
        parameters = hockin_mann.PARAMETERS["hockin2002"]
        used = [
            (r, parameters[k])
            for r, (_, k) in zip(hockin_mann.REACTIONS, hockin_mann.EQUATIONS, strict=True)
            if parameters[k]
        ]
        self.k = np.array([k for _, k in used])
        one = len(index)  # the row of ones that a first-order reaction takes as its second factor
        self.first = np.array([index[r.inputs[0]] for r, _ in used])
        self.second = np.array([index[r.inputs[1]] if len(r.inputs) > 1 else one for r, _ in used])
        self.stoichiometry = np.zeros((one, len(used)))
        for column, (reaction, _) in enumerate(used):
            for name, count in reaction.change.items():
                self.stoichiometry[index[name], column] = count
        self.rows = np.arange(len(used))
        self.thrombin = [index["IIa"], index["mIIa"]]
        self.index, self.one = index, one

    def slope(self, t, y):
        """The vector field."""
        y = np.append(y, 1.0)
        return self.stoichiometry @ (self.k * y[self.first] * y[self.second])

    def jacobian(self, t, y):
        """Dense, analytic."""
        y = np.append(y, 1.0)
        partials = np.zeros((len(self.k), self.one + 1))
        np.add.at(partials, (self.rows, self.first), self.k * y[self.second])
        np.add.at(partials, (self.rows, self.second), self.k * y[self.first])
        return self.stoichiometry @ partials[:, :-1]

    def curves(self, levels, rtol, atol):
        """Total thrombin of every plasma at `CURVE_S`."""
        result = np.zeros((len(levels), len(CURVE_S)))
        for row, fractions in enumerate(levels):
            y = np.zeros(self.one)
            for name, fraction in zip(FACTORS, fractions, strict=True):
                y[self.index[name]] = fraction * hockin_mann.NORMAL_NM[name]
            y[self.index["TF"]] = hockin_mann.TISSUE_FACTOR_NM
            solution = solve_ivp(
                self.slope,
                (0.0, DURATION_S),
                y,
                method="LSODA",
                jac=self.jacobian,
                t_eval=CURVE_S,
                rtol=rtol,
                atol=atol,
            )
            result[row] = solution.y[self.thrombin].sum(axis=0)
        return result


def lsoda_share(job):
    """One process's part, with the time it took."""
    levels, rtol, atol = job
    started = time.perf_counter()
    curves = Lsoda().curves(levels, rtol, atol)
    return curves, time.perf_counter() - started


def run_lsoda(levels, processes, tolerances, repeats=REPEATS):
    """Curves, and plasmas per second of all processes together (start-up not counted)."""
    jobs = [(share, *tolerances) for share in np.array_split(levels, processes)]
    best_s = np.inf
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for _ in range(repeats):
            results = pool.map(lsoda_share, jobs)
            best_s = min(best_s, max(seconds for _, seconds in results))
    return np.concatenate([curves for curves, _ in results]), len(levels) / best_s


def compiled(block):
    """Ours: levels of a block of plasmas to curves, peaks and success."""

    def one(fractions):
        levels = dict(zip(FACTORS, fractions, strict=True))
        factor = jnp.full((), hockin_mann.TISSUE_FACTOR_NM)
        result = thrombin_generation(
            Plasma(levels), factor, model="hockin2002", duration_s=DURATION_S
        )
        curve = trajectory.at(result.curve, jnp.asarray(CURVE_S, factor.dtype))
        return curve, result.peak_nm, result.solver_ok, jnp.sum(jnp.isfinite(result.curve.times))

    shape = tuple(jax.ShapeDtypeStruct((block,), jnp.float32) for _ in FACTORS)
    started = time.perf_counter()
    function = jax.jit(jax.vmap(one)).lower(shape).compile()
    return function, time.perf_counter() - started


def run_ours(levels, block, threads):
    """Curves, peaks, rows of the trajectories, plasmas per second, seconds to compile."""
    function, compile_s = compiled(block)
    blocks = [
        tuple(jnp.asarray(column, jnp.float32) for column in part.T)
        for part in levels.reshape(-1, block, levels.shape[1])
    ]
    best_s, results = np.inf, None
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(REPEATS + 1):  # the first warms up
            started = time.perf_counter()
            results = list(pool.map(lambda b: jax.block_until_ready(function(b)), blocks))
            best_s = min(best_s, time.perf_counter() - started)
    curves, peaks, ok, rows = (np.concatenate(parts) for parts in zip(*results, strict=True))
    assert ok.all(), "the solver failed"
    return curves, peaks, rows, len(levels) / best_s, compile_s


def kvaerno_peaks(levels):
    """Peaks by the reference solver, from a curve every half second."""
    times = np.linspace(0.0, DURATION_S, 2401)
    with jax.enable_x64():

        def one(fractions):
            levels = dict(zip(FACTORS, fractions, strict=True))
            state = hockin_mann.initial_state(levels, jnp.full((), hockin_mann.TISSUE_FACTOR_NM))
            states = solve_reference(
                hockin_mann.vector_field,
                state,
                jnp.asarray(times),
                hockin_mann.PARAMETERS["hockin2002"],
                solver=diffrax.Kvaerno5(),
                rtol=1e-8,
                atol=1e-10,
            )
            return jnp.max(hockin_mann.thrombin_nm(states))

        columns = tuple(jnp.asarray(c, jnp.float64) for c in levels.T)
        return np.asarray(jax.jit(lambda c: jax.lax.map(one, c))(columns))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plasmas", type=int, default=1024)
    parser.add_argument("--block", type=int, default=512)
    parser.add_argument("--reference", type=int, default=16, help="plasmas for Kvaerno5")
    options = parser.parse_args()
    levels = plasmas(options.plasmas)
    cores = len(os.sched_getaffinity(0))
    print(description())
    accelerated = jax.default_backend() != "cpu"
    block, threads = (options.plasmas, 1) if accelerated else (options.block, cores)
    curves, peaks, rows, ours, compile_s = run_ours(levels, block, threads)
    print(
        f"ours: {ours:,.0f} curves/s; blocks of {block}, {threads} threads, compiled in "
        f"{compile_s:.0f} s, accepted steps {rows.mean() - 1:.0f} (most {rows.max() - 1})"
    )
    exact, _ = run_lsoda(levels, cores, (1e-9, 1e-12), repeats=1)
    error = lambda theirs: np.max(np.abs(theirs.max(axis=1) / exact.max(axis=1) - 1.0))  # noqa: E731
    # Against the whole curve too: the largest difference, over the peak.
    of_curve = np.max(np.abs(curves - exact).max(axis=1) / exact.max(axis=1))
    print(f"ours against tight LSODA: peak {error(curves):.2%}, whole curve {of_curve:.2%}")
    reference = kvaerno_peaks(levels[: options.reference])
    kvaerno = np.max(np.abs(peaks[: options.reference] / reference - 1.0))
    print(f"ours against Kvaerno5 ({options.reference} plasmas): peak {kvaerno:.2%}")
    for tolerances in LSODA_TOLERANCES:
        theirs, rate = run_lsoda(levels, cores, tolerances)
        print(
            f"LSODA {tolerances}: {rate:,.0f} curves/s in {cores} processes, peak "
            f"{error(theirs):.2%}; ours is {ours / rate:.0f} times as fast"
        )
        if error(theirs) <= PEAK_ERROR:
            break


if __name__ == "__main__":
    main()
