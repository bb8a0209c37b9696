import numpy as np
import pytest

from hemosim_jax.tasks.warfarin.genotypes import ANCESTRIES, cyp2c9_frequencies, vkorc1_frequencies


@pytest.mark.parametrize("ancestry", ANCESTRIES)
def test_frequencies_sum_to_one_and_give_back_the_alleles(ancestry):
    cyp2c9, vkorc1 = cyp2c9_frequencies(ancestry), vkorc1_frequencies(ancestry)
    assert sum(cyp2c9) == pytest.approx(1.0)
    assert sum(vkorc1) == pytest.approx(1.0)
    assert len(cyp2c9) == 6


def test_european_frequencies_are_the_published_ones():
    # Percent, as tabulated from 1000 Genomes alleles.
    np.testing.assert_allclose(
        100 * np.array(cyp2c9_frequencies("European")), [64.5, 19.9, 11.7, 1.5, 1.8, 0.5], atol=0.06
    )
    np.testing.assert_allclose(
        100 * np.array(vkorc1_frequencies("European")), [37.5, 47.5, 15.1], atol=0.06
    )
