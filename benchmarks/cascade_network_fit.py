"""Fits the network that stands for the coagulation cascade in DIC, and says how far it is off.

    python -m benchmarks.cascade_network_fit [--plasmas 65536] [--steps 400000] [--write]

Plasmas as DIC meets them (every factor from a few percent to above normal, tissue factor, heparin)
go through the whole cascade (`consumption` with "hockin_mann"); the network learns the shares
consumed. Errors are of plasmas that it has not seen. `--write` replaces the weights in the package.
"""

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from rich.console import Console
from rich.table import Table

from benchmarks.hardware import description
from hemosim_jax.tasks.dic import cascade_network, consumption

HIDDEN = (16, 16)
BATCH = 1024
SMALL = 0.05  # shares above it err in proportion
UNSEEN = 2048
BLOCK = 128


def plasmas(count, seed):
    """Columns in the order of `cascade_network.INPUTS`."""
    rng = np.random.default_rng(seed)
    low, high = np.log(np.array(cascade_network.RANGES).T)
    columns = np.exp(rng.uniform(low, high, (count, len(low))))
    heparin = rng.uniform(0.0, cascade_network.MAX_ANTI_XA_U_PER_ML, count)
    heparin = np.where(rng.random(count) < 0.5, 0.0, heparin)
    return np.column_stack([columns, heparin]).astype(np.float32)


def shares(columns):
    """What the whole cascade consumes, in blocks."""

    def one(row):
        consumed, ok = consumption.by_cascade(*cascade_network.unpacked(row))
        return cascade_network.packed(consumed), ok

    run = jax.jit(jax.vmap(one))
    parts = [run(columns[i : i + BLOCK]) for i in range(0, len(columns), BLOCK)]
    found, ok = (np.concatenate(x) for x in zip(*parts, strict=True))
    assert ok.all(), "the solver failed"
    return found


def train(inputs, targets, steps, key):
    """Weights, by least squares of errors relative to the share."""
    sizes = (len(inputs), *HIDDEN, len(targets))
    key, *keys = jax.random.split(key, len(sizes))
    weights = [
        (jax.random.normal(k, (a, b)) / np.sqrt(a), jnp.zeros(b))
        for k, a, b in zip(keys, sizes[:-1], sizes[1:], strict=True)
    ]
    optimizer = optax.adam(optax.cosine_decay_schedule(4e-3, steps))

    def loss(weights, x, y):
        error = (cascade_network.forward(weights, x) - y) / (SMALL + y)
        return jnp.mean(error**2)

    @jax.jit
    def many(carry, keys):
        def step(carry, key):
            weights, moments = carry
            rows = jax.random.randint(key, (BATCH,), 0, inputs.shape[1])
            slope = jax.grad(loss)(weights, inputs[:, rows], targets[:, rows])
            changes, moments = optimizer.update(slope, moments)
            return (optax.apply_updates(weights, changes), moments), None

        return jax.lax.scan(step, carry, keys)[0]

    carry = (weights, optimizer.init(weights))
    for part in jax.random.split(key, steps // 1000):
        carry = many(carry, jax.random.split(part, 1000))
    return carry[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plasmas", type=int, default=65_536)
    parser.add_argument("--steps", type=int, default=400_000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    console = Console(width=100)
    console.print(description())
    started = time.perf_counter()
    seen, unseen = plasmas(options.plasmas, 0), plasmas(UNSEEN, 1)
    found, wanted = jnp.asarray(shares(seen)), shares(unseen)
    console.print(f"cascade: {time.perf_counter() - started:.0f} s")
    started = time.perf_counter()
    weights = train(cascade_network.features(seen.T), found.T, options.steps, jax.random.key(0))
    console.print(f"training: {time.perf_counter() - started:.0f} s")
    given = np.asarray(cascade_network.forward(weights, cascade_network.features(unseen.T))).T
    table = Table(
        "share of", "mean", "error, rms", "99 %", "worst", "of 10 to 90 %: error, %, median"
    )
    for i, name in enumerate(cascade_network.OUTPUTS):
        error = np.abs(given[:, i] - wanted[:, i])
        middle = (wanted[:, i] > 0.1) & (wanted[:, i] < 0.9)
        relative = 100.0 * np.median(error[middle] / wanted[middle, i]) if middle.any() else np.nan
        table.add_row(
            name,
            f"{wanted[:, i].mean():.3f}",
            f"{np.sqrt(np.mean(error**2)):.4f}",
            f"{np.percentile(error, 99):.3f}",
            f"{error.max():.3f}",
            f"{relative:.1f}",
        )
    console.print(table)
    if options.write:
        cascade_network.save(weights)


if __name__ == "__main__":
    main()
