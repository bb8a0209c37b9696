"""Steps per second of `env.step` with auto-reset under a random policy, against hemosim 0.2.2.

    python -m benchmarks.warfarin_speed [--out results.json]

hemosim (extra `bench`) is measured before and after ours, in this process; where it is not
installed only ours is reported. Compilation is not counted. "In blocks" means that a rollout does
all its steps with one block of patients before the next, so that their state stays in the cache;
one block of all patients is a plain `vmap(env.step)`. Memory is the peak of a process of its
own that does nothing but step 256 k patients.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.hardware import description
from benchmarks.stepping import hemosim_steps_per_s, nanoseconds_per_step

ENV_ID = "WarfarinDosing-v0"
CACHE_BLOCK = 16_384  # patients whose state stays in a processor's cache


def peak_memory_gb(patients):
    """Peak resident memory of a process that steps `patients` patients."""
    command = [sys.executable, "-m", "benchmarks.warfarin_speed", "--only-step", str(patients)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    parser.add_argument("--only-step", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_step:
        nanoseconds_per_step(ENV_ID, "medium", options.only_step, options.only_step, steps=5)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)
        return
    results = {"hardware": description()}
    print(results["hardware"])
    peer = hemosim_steps_per_s(ENV_ID)
    for difficulty, patients, block in (
        ("medium", 4096, 4096),
        ("hard", 4096, 4096),
        ("medium", 16_384, 16_384),
        ("medium", 65_536, CACHE_BLOCK),
        ("medium", 262_144, CACHE_BLOCK),
        ("medium", 262_144, 262_144),
        ("medium", 4096, 4096),
    ):
        nanoseconds, compile_s = nanoseconds_per_step(ENV_ID, difficulty, patients, block)
        name = f"{difficulty}, {patients} patients in blocks of {block}"
        best = min(nanoseconds, results.get(name, {}).get("ns_per_step", nanoseconds))
        results[name] = {"ns_per_step": best, "steps_per_s": 1e9 / best, "compile_s": compile_s}
        print(
            f"{name}: {1e3 / nanoseconds:.2f} M steps/s, {nanoseconds:.1f} ns a step, "
            f"compiled in {compile_s:.1f} s"
        )
    results["peak_memory_gb_262144"] = peak_memory_gb(262_144)
    print(f"256 k patients: peak memory {results['peak_memory_gb_262144']:.2f} GB")
    if peer is None:
        print("hemosim is not installed: no ratio")
    else:
        again = hemosim_steps_per_s(ENV_ID)
        results["hemosim_steps_per_s"] = max(peer, again)
        ours = results["medium, 4096 patients in blocks of 4096"]["steps_per_s"]
        results["ratio"] = ours / max(peer, again)
        print(f"hemosim 0.2.2: {peer:.0f} and {again:.0f} steps/s; ratio {results['ratio']:.0f}")
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
