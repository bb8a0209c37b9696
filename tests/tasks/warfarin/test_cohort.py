import csv
import gzip

import numpy as np
import pytest

from hemosim_jax.tasks.warfarin import cohort
from hemosim_jax.tasks.warfarin.cohort import read_iwpc
from tests.conftest import shared_file

GOOD = {
    "PharmGKB Subject ID": "S1",
    "Gender": "female",
    "Race": "Asian",
    cohort.AGE: "60 - 69",
    cohort.HEIGHT: "160",
    cohort.WEIGHT: "55.5",
    cohort.CYP2C9: "*1/*3",
    cohort.VKORC1: "A/G",
    cohort.STABLE: "1",
    cohort.DOSE: "21",
    cohort.INR: "2.4",
    cohort.AMIODARONE: "1",
    cohort.SMOKER: "NA",
    **dict.fromkeys(cohort._INDUCERS, "0"),
}


def written(tmp_path, *changes, columns=None):
    path = tmp_path / "cohort.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns or list(GOOD))
        writer.writeheader()
        for change in changes:
            row = GOOD | change
            writer.writerow({k: row[k] for k in (columns or GOOD)})
    return path


def test_a_good_row(tmp_path):
    records = read_iwpc(
        written(tmp_path, {}, {cohort.AGE: "71", "Race": "White"}), baseline_inr=1.1
    )
    covariates = records.covariates
    np.testing.assert_allclose(covariates.age_y, [65.0, 71.0])
    np.testing.assert_allclose(covariates.baseline_inr, 1.1)
    assert list(covariates.race) == [1, 0]
    assert list(covariates.cyp2c9) == [2, 2]
    assert list(covariates.vkorc1) == [1, 1]
    assert covariates.amiodarone.all()
    assert not covariates.smoker.any()
    assert not covariates.male.any()
    assert list(records.weekly_dose_mg) == [21.0, 21.0]
    assert records.left_out == {}


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (cohort.AGE, "NA", "age missing"),
        (cohort.HEIGHT, "", "height missing"),
        (cohort.WEIGHT, "NA", "weight missing"),
        (cohort.CYP2C9, "NA", "CYP2C9 genotype missing"),
        (cohort.CYP2C9, "*1/*11", "CYP2C9 allele outside the model"),
        (cohort.VKORC1, "NA", "VKORC1 genotype missing"),
        ("Gender", "NA", "gender missing"),
        ("PharmGKB Subject ID", "", "empty row"),
    ],
)
def test_incomplete_rows_are_left_out_and_counted(tmp_path, column, value, reason):
    records = read_iwpc(written(tmp_path, {}, {column: value}, {column: value}))
    assert records.left_out == {reason: 2}
    assert len(records.weekly_dose_mg) == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (cohort.AGE, "old"),
        (cohort.AGE, "-3"),
        (cohort.HEIGHT, "tall"),
        (cohort.HEIGHT, "nan"),
        (cohort.WEIGHT, "-70"),
        (cohort.WEIGHT, "7000"),
        (cohort.CYP2C9, "1/3"),
        (cohort.VKORC1, "C/T"),
        (cohort.AMIODARONE, "yes"),
        (cohort.DOSE, "-1"),
        (cohort.INR, "x"),
        ("Gender", "f"),
        ("Race", "Klingon"),
    ],
)
def test_bad_cells_are_named_with_line_value_and_what_is_allowed(tmp_path, column, value):
    with pytest.raises(ValueError, match=r"cohort.csv, line 3: .*allowed") as error:
        read_iwpc(written(tmp_path, {}, {column: value}))
    assert repr(value) in str(error.value)
    assert column in str(error.value)


def test_a_missing_column_an_absent_file_and_an_empty_one(tmp_path):
    columns = [name for name in GOOD if name != cohort.WEIGHT]
    with pytest.raises(ValueError, match=r"column 'Weight \(kg\)' is missing"):
        read_iwpc(written(tmp_path, {}, columns=columns))
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_iwpc(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="nobody left"):
        read_iwpc(written(tmp_path))


def test_damaged_files(tmp_path):
    damaged = tmp_path / "damaged.csv.gz"
    whole = gzip.compress(written(tmp_path, {}, {}).read_bytes())
    oversized = tmp_path / "oversized.csv"
    oversized.write_text(written(tmp_path, {}).read_text() + "x" * 200_000 + "\n")
    for content in (b"not gzip", whole[:60], whole[:40] + b"\xff\xff\xff\xff" + whole[44:]):
        damaged.write_bytes(content)
        with pytest.raises(ValueError, match="cannot be read"):
            read_iwpc(damaged)
    with pytest.raises(ValueError, match="cannot be read"):
        read_iwpc(oversized)


def test_the_development_cohort():
    records = read_iwpc(shared_file("data/iwpc/iwpc_development.csv.gz"))
    assert len(records.weekly_dose_mg) + sum(records.left_out.values()) == 2913
    assert np.isfinite(records.weekly_dose_mg).sum() == 1747
    assert records.left_out["empty row"] == 1
