"""Thrombin-generation curves per second: ours against compiled solvers, same plasmas, same cores.

    python -m benchmarks.coagulation_speed [--plasmas 8192] [--block 2048]

Hockin 2002, 20 minutes at 5 pM of tissue factor, every factor of every plasma between 50 and 150 %
of normal. Ours is in float32, in one process, one thread for each core. The others
(`coagulation_compiled`) loop over the plasmas in one process for each core: the same method in C at
the same tolerances, LSODA and CVODE at the loosest of several that keep every peak within 0.2 %.
Peaks are compared with float64 Kvaerno5 at tight tolerances on a part of the plasmas, and with
tight LSODA. Ours runs before and after each of them. On an accelerator all plasmas are one block.
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

from benchmarks import coagulation_compiled
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
LOOSER = ((1e-3, 1e-5), (1e-4, 1e-6), (1e-5, 1e-7))
PEERS = {"rodas4": ((1e-3, 1e-6),), "lsoda": LOOSER, "cvode": LOOSER}
REPEATS = 5


def plasmas(count):
    """Fractions of normal, a column for each factor."""
    return np.random.default_rng(0).uniform(0.5, 1.5, (count, len(FACTORS)))


def peer_share(job):
    """One process's part, with the time it took."""
    solver, levels, rtol, atol = job
    solve = coagulation_compiled.SOLVERS[solver]
    starts = [coagulation_compiled.start(fractions) for fractions in levels]
    solve(starts[0], CURVE_S, rtol, atol)  # compiles
    started = time.perf_counter()
    curves = [solve(y, CURVE_S, rtol, atol) for y in starts]
    elapsed_s = time.perf_counter() - started
    if solver == "rodas4":  # its curve is read from its steps, which is not counted
        curves = [coagulation_compiled.between_steps(rows, CURVE_S) for rows in curves]
    return np.stack(curves), elapsed_s


def run_peer(solver, levels, processes, tolerances, repeats=REPEATS):
    """Curves, and plasmas per second of all processes together (start-up not counted)."""
    jobs = [(solver, share, *tolerances) for share in np.array_split(levels, processes)]
    best_s = np.inf
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for _ in range(repeats):
            results = pool.map(peer_share, jobs)
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


def ours(levels, block, threads):
    """A function that runs ours on all plasmas, and seconds to compile.

    It returns curves, peaks, rows of the trajectories and plasmas per second.
    """
    function, compile_s = compiled(block)
    blocks = [
        tuple(jnp.asarray(column, jnp.float32) for column in part.T)
        for part in levels.reshape(-1, block, levels.shape[1])
    ]

    def run():
        best_s, results = np.inf, None
        with ThreadPoolExecutor(threads) as pool:
            for _ in range(REPEATS + 1):  # the first warms up
                started = time.perf_counter()
                results = list(pool.map(lambda b: jax.block_until_ready(function(b)), blocks))
                best_s = min(best_s, time.perf_counter() - started)
        curves, peaks, ok, rows = (np.concatenate(parts) for parts in zip(*results, strict=True))
        assert ok.all(), "the solver failed"
        return curves, peaks, rows, len(levels) / best_s

    return run, compile_s


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
    parser.add_argument("--plasmas", type=int, default=8192)
    parser.add_argument("--block", type=int, default=2048)
    parser.add_argument("--peers", type=int, default=2048, help="plasmas for the other solvers")
    parser.add_argument("--reference", type=int, default=16, help="plasmas for Kvaerno5")
    options = parser.parse_args()
    levels = plasmas(options.plasmas)
    cores = len(os.sched_getaffinity(0))
    print(description())
    accelerated = jax.default_backend() != "cpu"
    block, threads = (options.plasmas, 1) if accelerated else (options.block, cores)
    run, compile_s = ours(levels, block, threads)
    curves, peaks, rows, rate = run()
    print(
        f"ours: {rate:,.0f} curves/s; blocks of {block}, {threads} threads, compiled in "
        f"{compile_s:.0f} s, accepted steps {rows.mean() - 1:.0f} (most {rows.max() - 1})"
    )
    some = levels[: options.peers]
    exact, _ = run_peer("lsoda", some, cores, (1e-9, 1e-12), repeats=1)

    def errors(found):
        """Of the peak, and the largest difference of a curve, over the peak."""
        top = exact.max(axis=1)
        peak = np.max(np.abs(found.max(axis=1) / top - 1.0))
        return peak, np.max(np.abs(found - exact).max(axis=1) / top)

    print(
        "ours against tight LSODA: peak {:.2%}, whole curve {:.2%}".format(
            *errors(curves[: len(some)])
        )
    )
    reference = kvaerno_peaks(levels[: options.reference])
    kvaerno = np.max(np.abs(peaks[: options.reference] / reference - 1.0))
    print(f"ours against Kvaerno5 ({options.reference} plasmas): peak {kvaerno:.2%}")
    for solver, choices in PEERS.items():
        for tolerances in choices:
            *_, before = run()
            theirs, rate = run_peer(solver, some, cores, tolerances)
            *_, after = run()
            peak, of_curve = errors(theirs)
            slower, faster = sorted((before / rate, after / rate))
            print(
                f"{solver} {tolerances}: {rate:,.0f} curves/s in {cores} processes, peak "
                f"{peak:.2%}, whole curve {of_curve:.2%}; ours, before and after, is "
                f"{slower:.2f} and {faster:.2f} times as fast"
            )
            if peak <= PEAK_ERROR:
                break


if __name__ == "__main__":
    main()
