"""Genotype frequencies by ancestry, and what the panel of the task does not see."""

import math
from itertools import combinations_with_replacement

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from hemosim_jax.core.node import Node
from hemosim_jax.core.random_draws import divide
from hemosim_jax.core.scalar import Scalar

# Minor-allele frequencies of the 1000 Genomes project by super-population (Table 1 of
# PMC6562764): CYP2C9*2, CYP2C9*3, VKORC1 -1639A.
ALLELE_FREQUENCIES = {
    "European": (0.124, 0.073, 0.388),
    "African": (0.008, 0.002, 0.054),
    "East Asian": (0.001, 0.034, 0.885),
    "Latino": (0.099, 0.037, 0.411),
}
ANCESTRIES = tuple(ALLELE_FREQUENCIES)


def hardy_weinberg(allele_frequencies: tuple[float, ...]) -> tuple[float, ...]:
    """Genotype frequencies in the order 11, 12, 13, ..., 22, 23, ... of the alleles given."""
    return tuple(
        p * q * (1 if i == j else 2)
        for (i, p), (j, q) in combinations_with_replacement(enumerate(allele_frequencies), 2)
    )


def cyp2c9_frequencies(ancestry: str) -> tuple[float, ...]:
    """In the order of `CYP2C9_GENOTYPES`."""
    star2, star3, _ = ALLELE_FREQUENCIES[ancestry]
    return hardy_weinberg((1.0 - star2 - star3, star2, star3))


def vkorc1_frequencies(ancestry: str) -> tuple[float, ...]:
    """In the order of `VKORC1_GENOTYPES`."""
    a = ALLELE_FREQUENCIES[ancestry][2]
    return hardy_weinberg((1.0 - a, a))


# What the panel does not see and the calibration does not know: decreased-function CYP2C9 alleles
# (*5, *6, *8, *11), which it takes for *1; rs12777823 A, which matters in African ancestry only;
# CYP4F2*3. Frequencies recalled (1000 Genomes).
UNSEEN = ("cyp2c9_decreased", "rs12777823_a", "cyp4f2_star3")
UNSEEN_FREQUENCIES = {
    "European": (0.004, 0.0, 0.29),
    "African": (0.10, 0.25, 0.08),
    "East Asian": (0.0, 0.0, 0.21),
    "Latino": (0.01, 0.0, 0.24),
}
# For each allele. On the clearance of S-warfarin, so that the dose is 18, and 11 or 20 % less for
# one or two; on EC50, so that it is 8 % more. CPIC has 15 to 30 % less, 10 to 25 % less for one or
# two, 5 to 10 % more (Clin Pharmacol Ther 2017;102:397; recalled).
CLEARANCE_RATIOS = (0.70, 0.82)
CYP4F2_EC50_RATIO = 1.08


class UnseenAlleles(Node):
    """How many of each, 0 to 2."""

    cyp2c9_decreased: Int[Array, "*b"]
    rs12777823_a: Int[Array, "*b"]
    cyp4f2_star3: Int[Array, "*b"]


def draw_unseen(uniform: Float[Array, ""], frequencies: tuple[Scalar, ...]) -> UnseenAlleles:
    """From one number, uniform on (0, 1)."""
    counts = []
    for frequency in frequencies:
        first, uniform = divide(uniform, frequency)
        second, uniform = divide(uniform, frequency)
        counts.append(first.astype(jnp.int32) + second.astype(jnp.int32))
    return UnseenAlleles(*counts)


def unseen_effects(
    alleles: UnseenAlleles, frequencies: tuple[Scalar, ...]
) -> tuple[Float[Array, "*b"], Float[Array, "*b"]]:
    """Logs of their ratios on the clearance of S-warfarin and on EC50.

    Around the mean of the population, which the calibration has in it already.
    """
    logs = [math.log(ratio) for ratio in (*CLEARANCE_RATIOS, CYP4F2_EC50_RATIO)]
    decreased, rs12777823, cyp4f2 = (
        log * (getattr(alleles, name).astype(jnp.result_type(float)) - 2.0 * frequency)
        for log, name, frequency in zip(logs, UNSEEN, frequencies, strict=True)
    )
    return decreased + rs12777823, cyp4f2
