"""What one exposure consumes, by a small network in place of the cascade.

It was fitted to the whole cascade of `consumption` over the plasmas that DIC meets
(`benchmarks.cascade_network_fit`, which states the errors).
"""

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from hemosim_jax.physiology.coagulation.plasma import inhibition_ratio
from hemosim_jax.tasks.dic.blood import FACTORS

INPUTS = ("tissue_factor_pm", *FACTORS, "antithrombin", "anti_xa_u_per_ml")
# Of VII and IX an exposure takes a percent or less: nothing here.
OUTPUTS = ("II", "V", "VIII", "X", "antithrombin", "fibrinogen", "platelets")
# Of the plasmas it was fitted to; what lies beyond counts as the end. Fractions of normal.
RANGES = (
    (0.3, 40.0),
    (0.12, 1.5),
    (0.08, 1.6),
    (0.08, 1.6),
    (0.20, 4.0),
    (0.20, 2.0),
    (0.12, 1.5),
    (0.12, 1.6),
)
MAX_ANTI_XA_U_PER_ML = 1.2
FILE = "cascade_network.npz"

Weights = Sequence[tuple[Any, Any]]  # matrix and offset of each layer


def unpacked(row):
    """Tissue factor (pM), factors by name, antithrombin, heparin (U/mL) of a row of inputs."""
    return row[0], dict(zip(FACTORS, row[1:-2], strict=True)), row[-2], row[-1]


def packed(shares: Mapping[str, Array]) -> Array:
    """The shares in the order of `OUTPUTS`."""
    return jnp.stack([shares[name] for name in OUTPUTS])


def features(row: Sequence[Float[Array, "*b"]]) -> Float[Array, "inputs *b"]:
    """Logarithms, each between -1 and 1 over its range."""
    logs = [
        _scaled(jnp.log(jnp.clip(x, low, high)), np.log(low), np.log(high))
        for x, (low, high) in zip(row[:-1], RANGES, strict=True)
    ]
    most = np.log(inhibition_ratio(MAX_ANTI_XA_U_PER_ML))
    heparin = jnp.log(inhibition_ratio(jnp.clip(row[-1], 0.0, MAX_ANTI_XA_U_PER_ML)))
    return jnp.stack([*logs, _scaled(heparin, 0.0, most)])


def _scaled(x, low, high):
    return (x - float(0.5 * (low + high))) * float(2.0 / (high - low))


def forward(weights: Weights, x: Float[Array, "inputs *b"]) -> Float[Array, "outputs *b"]:
    """Shares, 0 to 1, of one plasma or of many side by side."""
    for matrix, offset in weights[:-1]:
        x = _layer(matrix, offset, x)
        x = x * jax.lax.rsqrt(1.0 + x * x)
    return jax.nn.sigmoid(_layer(*weights[-1], x))


def _layer(matrix, offset, x):
    return matrix.T @ x + (offset if x.ndim == 1 else offset[:, None])


def shares(
    tissue_factor_pm: Float[Array, ""],
    factors: Mapping[str, Float[Array, ""]],
    antithrombin: Float[Array, ""],
    anti_xa_u_per_ml: Float[Array, ""],
    *,
    differentiable: bool = False,
) -> dict[str, Float[Array, ""]]:
    """Of the exposed plasma's content, by the names in `OUTPUTS`; slower where `differentiable`."""
    row = (tissue_factor_pm, *(factors[name] for name in FACTORS), antithrombin, anti_xa_u_per_ml)
    found = (_of_plasma if differentiable else _of_plasmas)(*row)
    # Without tissue factor nothing is consumed.
    drive = jnp.minimum(tissue_factor_pm / RANGES[0][0], 1.0)
    return {name: drive * share for name, share in zip(OUTPUTS, found, strict=True)}


def _of_plasma(*row):
    dtype = jnp.result_type(row[0])
    weights = [(jnp.asarray(w, dtype), jnp.asarray(b, dtype)) for w, b in _WEIGHTS]
    return tuple(forward(weights, features(row)))


_of_plasmas = jax.custom_batching.custom_vmap(_of_plasma)


@_of_plasmas.def_vmap
def _of_batch(axis_size, in_batched, *row):
    # Every number of all patients lies together; `vmap` alone would put each patient's together,
    # which takes twice the time. It has no reverse mode.
    row = [
        x if batched else jnp.broadcast_to(x, (axis_size,))
        for x, batched in zip(row, in_batched, strict=True)
    ]
    return _of_plasma(*row), (True,) * len(OUTPUTS)


def save(weights: Weights) -> None:
    """Replaces the weights in the package."""
    arrays = {}
    for i, (matrix, offset) in enumerate(weights):
        arrays |= {f"w{i}": np.asarray(matrix), f"b{i}": np.asarray(offset)}
    np.savez(Path(__file__).with_name(FILE), **arrays)


def _load() -> Weights:
    path = resources.files("hemosim_jax.tasks.dic") / FILE
    with resources.as_file(path) as file, np.load(file, allow_pickle=False) as arrays:
        layers = len(arrays.files) // 2
        return [(arrays[f"w{i}"], arrays[f"b{i}"]) for i in range(layers)]


_WEIGHTS = _load()
