"""What a result was computed with."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from hemosim_jax import __version__

_PACKAGES = ("jax", "jaxlib", "diffrax", "equinox", "gymnax", "flax", "optax", "numpy")


def provenance() -> dict[str, Any]:
    """Versions, commit (of a source tree), platform, device and precision; ready for JSON."""
    return {
        "hemosim_jax": __version__,
        "commit": _commit(),
        "versions": {"python": platform.python_version(), **_versions()},
        "platform": platform.platform(),
        "device": f"{jax.device_count()} {jax.devices()[0].device_kind}",
        "precision": str(jnp.result_type(float)),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """Of the source tree the package lies in, with "+" where it was changed; None without one."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / "pyproject.toml").is_file():  # installed: a repository around it is another's
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10.0,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None
