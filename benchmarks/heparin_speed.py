"""Steps per second of both heparin environments with auto-reset, random actions, against hemosim.

    python -m benchmarks.heparin_speed [--out results.json]

hemosim 0.2.2 (extra `bench`) is measured before and after ours, in this process; where it is not
installed only ours is reported. Compilation is not counted.
"""

import argparse
import json
from pathlib import Path

from benchmarks.hardware import description
from benchmarks.stepping import hemosim_steps_per_s, nanoseconds_per_step

PATIENTS = 4096
IDS = ("HeparinInfusion-v0", "HeparinInfusion-POMDP-v0")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    options = parser.parse_args()
    results = {"hardware": description()}
    print(results["hardware"])
    for env_id in IDS:
        peer = hemosim_steps_per_s(env_id)
        row = {}
        for difficulty in ("medium", "hard"):
            nanoseconds, compile_s = nanoseconds_per_step(env_id, difficulty, PATIENTS, PATIENTS)
            row[difficulty] = {"ns_per_step": nanoseconds, "compile_s": compile_s}
            print(
                f"{env_id} {difficulty}, {PATIENTS} patients: {1e3 / nanoseconds:.2f} M steps/s, "
                f"{nanoseconds:.1f} ns a step, compiled in {compile_s:.1f} s"
            )
        if peer is None:
            print("hemosim is not installed: no ratio")
        else:
            again = hemosim_steps_per_s(env_id)
            row["hemosim_steps_per_s"] = max(peer, again)
            row["ratio"] = 1e9 / row["medium"]["ns_per_step"] / max(peer, again)
            print(f"hemosim 0.2.2: {peer:.0f} and {again:.0f} steps/s; ratio {row['ratio']:.0f}")
        results[env_id] = row
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
