import csv

import jax.numpy as jnp
import numpy as np
import pytest

from hemosim_jax.tasks.warfarin import algorithms
from hemosim_jax.tasks.warfarin.covariates import CYP2C9_GENOTYPES, VKORC1_GENOTYPES, Covariates
from tests.conftest import shared_file

DAY_4 = (1.8, 5.0, 5.0, 0.0)  # INR and the doses two, three and four days ago
COLUMNS = {
    "iwpc_pg_mg_day": algorithms.iwpc_pharmacogenetic,
    "iwpc_clin_mg_day": algorithms.iwpc_clinical,
    "gage_pg_mg_day": algorithms.gage_pharmacogenetic,
    "gage_clin_mg_day": algorithms.gage_clinical,
    "lenzini_pg_day4_inr1p8_5mg": lambda p: algorithms.lenzini_pharmacogenetic(p, *DAY_4),
    "lenzini_clin_day4_inr1p8_5mg": lambda p: algorithms.lenzini_clinical(p, *DAY_4),
    "eupact_maint": algorithms.eu_pact_maintenance,
    "eupact_L1": lambda p: algorithms.eu_pact_loading(p)[0],
    "eupact_L2": lambda p: algorithms.eu_pact_loading(p)[1],
    "eupact_L3": lambda p: algorithms.eu_pact_loading(p)[2],
}  # fmt: skip


def patients(count=1, **values):
    no = jnp.zeros(count, bool)
    start = {
        "age_y": 65.0, "weight_kg": 80.0, "height_cm": 175.0, "male": no, "cyp2c9": 0, "vkorc1": 0,
        "race": 0, "amiodarone": no, "enzyme_inducer": no, "smoker": no, "baseline_inr": 1.0,
    }  # fmt: skip
    return Covariates(
        **{k: jnp.broadcast_to(jnp.asarray(v), (count,)) for k, v in (start | values).items()}
    )


@pytest.fixture(scope="module")
def vectors():
    with shared_file("reference/anticoagulants/ref_dose_algorithms.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("column", COLUMNS)
def test_published_doses(vectors, column):
    number = lambda name: np.array([float(row[name]) for row in vectors])  # noqa: E731
    who = patients(
        len(vectors),
        age_y=number("age"),
        height_cm=number("height_cm"),
        weight_kg=number("weight_kg"),
        cyp2c9=np.array([CYP2C9_GENOTYPES.index(row["cyp2c9"]) for row in vectors]),
        vkorc1=np.array([VKORC1_GENOTYPES.index(row["vkorc1"]) for row in vectors]),
    )
    np.testing.assert_allclose(COLUMNS[column](who), number(column), atol=2e-4)


@pytest.mark.parametrize(
    ("algorithm", "covariate", "expected"),
    [
        # The printed coefficients, as differences of the root of the weekly dose or of the log.
        ("iwpc_pharmacogenetic", {"amiodarone": True}, -0.5503),
        ("iwpc_pharmacogenetic", {"enzyme_inducer": True}, 1.1816),
        ("iwpc_pharmacogenetic", {"race": 1}, -0.1092),
        ("iwpc_pharmacogenetic", {"race": 2}, -0.2760),
        ("iwpc_pharmacogenetic", {"race": 3}, -0.1032),
        ("iwpc_clinical", {"race": 2}, 0.4060),
        ("iwpc_clinical", {"race": 1}, -0.6752),
        ("gage_pharmacogenetic", {"amiodarone": True}, -0.2538),
        ("gage_pharmacogenetic", {"smoker": True}, 0.0922),
        ("gage_clinical", {"race": 2}, 0.156),
    ],
)
def test_coefficients_of_other_covariates(algorithm, covariate, expected):
    dose = getattr(algorithms, algorithm)
    scale = (lambda d: np.sqrt(7.0 * d)) if algorithm.startswith("iwpc") else np.log
    difference = scale(dose(patients(**covariate))) - scale(dose(patients()))
    np.testing.assert_allclose(difference, expected, atol=1e-4)


def test_the_label_table():
    dose = lambda cyp2c9, vkorc1: float(  # noqa: E731
        algorithms.label_table(patients(cyp2c9=cyp2c9, vkorc1=vkorc1))[0]
    )
    assert [dose(c, 0) for c in range(6)] == [6.0, 6.0, 3.5, 3.5, 3.5, 1.25]
    assert [dose(c, 1) for c in range(6)] == [6.0, 3.5, 3.5, 3.5, 1.25, 1.25]
    assert [dose(c, 2) for c in range(6)] == [3.5, 3.5, 1.25, 1.25, 1.25, 1.25]
