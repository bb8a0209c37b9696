"""How long it takes to start: imports and the command line's help, each in a new process.

python -m benchmarks.start
"""

import subprocess
import sys
import time

from benchmarks.hardware import description

STARTS = {
    "import gymnasium": ("-c", "import gymnasium"),
    "import gymnax": ("-c", "import gymnax"),
    "import hemosim_jax": ("-c", "import hemosim_jax"),
    "import both": ("-c", "import gymnax, hemosim_jax"),
    "hemosim-jax --help": ("-m", "hemosim_jax.experiment.cli", "--help"),
}
REPEATS = 3


def seconds(arguments):
    """Of the fastest of a few runs."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return min(times)


def main():
    print(description())
    for name, arguments in STARTS.items():
        print(f"{name:20} {seconds(arguments):.2f} s")


if __name__ == "__main__":
    main()
