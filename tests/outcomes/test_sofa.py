"""The score's own table."""

import jax.numpy as jnp
import numpy as np

from hemosim_jax.outcomes.sofa import sofa, total

# Rows: PF ratio, platelets, bilirubin, MAP, norepinephrine, Glasgow, creatinine, urine mL/d.
WELL = (450.0, 250.0, 0.8, 85.0, 0.0, 15.0, 0.9, 1500.0)
BANDS = {
    "respiration": (0, [(400.0, 0), (399.0, 1), (299.0, 2), (199.0, 3), (99.0, 4)]),
    "coagulation": (1, [(150.0, 0), (149.0, 1), (99.0, 2), (49.0, 3), (19.0, 4)]),
    "liver": (2, [(1.1, 0), (1.2, 1), (2.0, 2), (6.0, 3), (12.0, 4)]),
    "circulation": (3, [(70.0, 0), (69.0, 1)]),
    "brain": (5, [(15.0, 0), (14.0, 1), (12.0, 2), (9.0, 3), (5.0, 4)]),
    "kidneys": (6, [(1.1, 0), (1.2, 1), (2.0, 2), (3.5, 3), (5.0, 4)]),
}


def points(values):
    return sofa(*(jnp.asarray(value, jnp.float32) for value in values))


def test_each_organ_by_the_table():
    assert int(total(points(WELL))) == 0
    for name, (column, rows) in BANDS.items():
        for value, expected in rows:
            found = points([*WELL[:column], value, *WELL[column + 1 :]])
            assert int(getattr(found, name)) == expected, (name, value)
            assert int(total(found)) == expected


def test_drugs_and_urine():
    for dose, expected in ((0.05, 3), (0.1, 3), (0.11, 4)):
        assert int(points([*WELL[:4], dose, *WELL[5:]]).circulation) == expected
    for urine, expected in ((500.0, 0), (499.0, 3), (199.0, 4)):
        assert int(points([*WELL[:7], urine]).kidneys) == expected


def test_the_worst_of_all():
    worst = points((60.0, 10.0, 20.0, 50.0, 1.0, 3.0, 6.0, 50.0))
    assert int(total(worst)) == 24
    stacked = sofa(*(jnp.full(3, value) for value in WELL))
    np.testing.assert_array_equal(total(stacked), 0)
