"""What a figure was measured on."""

import platform
from pathlib import Path

import jax


def description() -> str:
    """Accelerator or processor, cores and versions, in a line."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        names = [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ]
        what = f"{names[0]}, {len(names)} cores"
    else:
        what = device.device_kind
    return f"{what}; Python {platform.python_version()}, jax {jax.__version__}"
