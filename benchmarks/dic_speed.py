"""Steps per second of `DICManagement-v1` with auto-reset, random actions, against hemosim.

python -m benchmarks.dic_speed
"""

from benchmarks.hardware import description
from benchmarks.stepping import compare

if __name__ == "__main__":
    print(description())
    compare("DICManagement-v1", "DICManagement-v0")
