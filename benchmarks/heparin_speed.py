"""Steps per second of both heparin environments with auto-reset, random actions, against hemosim.

    python -m benchmarks.heparin_speed [--out results.json]

hemosim 0.2.2 (extra `bench`) is measured before and after ours, in this process; where it is not
installed only ours is reported. Compilation is not counted.
"""

import argparse
import json
from pathlib import Path

from benchmarks.hardware import description
from benchmarks.stepping import compare

IDS = ("HeparinInfusion-v0", "HeparinInfusion-POMDP-v0")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="JSON file for the results")
    options = parser.parse_args()
    print(description())
    results = {"hardware": description()} | {env_id: compare(env_id) for env_id in IDS}
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
