"""Response functions that several drugs share."""

import jax
import jax.numpy as jnp

_SMALLEST = 1e-30  # stands for zero in a logarithm


def sigmoid_emax(concentration, ec50, hill):
    r"""$C^\gamma / (EC_{50}^\gamma + C^\gamma)$ (Hill), with a finite gradient at $C = 0$."""
    log_ratio = jnp.log(jnp.maximum(concentration, _SMALLEST) / ec50)
    return jax.nn.sigmoid(hill * log_ratio)


def transit_slope(chain, chain_input, rate):
    """d/dt of a transit chain: each compartment relaxes towards the one before it."""
    before = (chain_input, *chain[:-1])
    return tuple(rate * (b - x) for b, x in zip(before, chain, strict=True))
