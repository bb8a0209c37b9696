"""CYP2C9 and VKORC1 genotype frequencies by ancestry."""

from itertools import combinations_with_replacement

# Minor-allele frequencies of the 1000 Genomes project by super-population (Table 1 of
# PMC6562764): CYP2C9*2, CYP2C9*3, VKORC1 -1639A. Alleles *5, *6, *8 and *11, which matter in
# African ancestry, have no clearance in either Hamberg model and count as *1 here.
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
