"""Steps per second of `DOACManagement-v0` with auto-reset, random actions, against hemosim.

python -m benchmarks.doac_speed
"""

from benchmarks.hardware import description
from benchmarks.stepping import compare

if __name__ == "__main__":
    print(description())
    compare("DOACManagement-v0")
