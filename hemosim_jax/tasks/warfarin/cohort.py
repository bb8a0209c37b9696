"""Reads covariates in the column layout of the International Warfarin Pharmacogenetics Consortium.

Layout: N Engl J Med 2009;360:753, data released through PharmGKB. A cell of "NA" or nothing is
missing. Subjects that lack what a simulation needs are left out and counted; a cell that cannot be
read is an error that names the row, the column, the value and what is allowed.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from hemosim_jax.core.cohort import CohortFile
from hemosim_jax.core.csv_table import MISSING, LeftOutError, flag, number, read_rows
from hemosim_jax.tasks.warfarin import population
from hemosim_jax.tasks.warfarin.covariates import (
    CYP2C9_GENOTYPES,
    RACES,
    VKORC1_GENOTYPES,
    Covariates,
)
from hemosim_jax.tasks.warfarin.environment import WarfarinParams

_RACES = {"White": 0, "Asian": 1, "Black or African American": 2}
_OTHER_RACES = ("Unknown", "NA", "", "Other", "Mixed", "Mixed or Missing")  # the fourth group
_VKORC1 = {"G/G": 0, "A/G": 1, "G/A": 1, "A/A": 2}
_STARS_OUTSIDE_MODEL = ("*5", "*6", "*8", "*11", "*13", "*14")
_INDUCERS = ("Carbamazepine (Tegretol)", "Phenytoin (Dilantin)", "Rifampin or Rifampicin")

AGE = "Age"
HEIGHT = "Height (cm)"
WEIGHT = "Weight (kg)"
CYP2C9 = "CYP2C9 consensus"
VKORC1 = "VKORC1 -1639 consensus"
STABLE = "Subject Reached Stable Dose of Warfarin"
DOSE = "Therapeutic Dose of Warfarin"
INR = "INR on Reported Therapeutic Dose of Warfarin"
AMIODARONE = "Amiodarone (Cordarone)"
SMOKER = "Current Smoker"
REQUIRED_COLUMNS = (
    "PharmGKB Subject ID", "Gender", "Race", AGE, HEIGHT, WEIGHT, CYP2C9, VKORC1, STABLE, DOSE, INR,
    AMIODARONE, SMOKER, *_INDUCERS,
)  # fmt: skip

# Bounds or levels of what can be said of a patient, beside flags and sex.
COVARIATES = {
    "age_y": population.AGE_Y,
    "weight_kg": population.WEIGHT_KG,
    "height_cm": population.HEIGHT_CM,
    "baseline_inr": population.BASELINE_INR,
    "cyp2c9": CYP2C9_GENOTYPES,
    "vkorc1": VKORC1_GENOTYPES,
    "race": RACES,
}


def complete_cohort(
    path: str | Path, env: Any, params: WarfarinParams, key: jax.Array
) -> CohortFile:
    """A cohort of the file's covariates; what it does not record is drawn as in `params`.

    **Raises:** as `read_iwpc`.
    """
    records = read_iwpc(path)
    model = getattr(env, "env", env).model  # also where a laboratory is around the task
    patients = population.complete_cohort(
        key, records.covariates, params.patients, params.risks, model
    )
    return CohortFile(patients, records.left_out)


def complete_patient(key: jax.Array, covariates: Covariates, env: Any, params: Any) -> Any:
    """One patient with these covariates; the rest is drawn."""
    return population.complete(key, covariates, params.patients, params.risks, env.model)


class IwpcRecords(NamedTuple):
    """What was read; arrays have one entry for each subject kept."""

    covariates: Covariates  # stacked; baseline INR is `baseline_inr` for all: it is not recorded
    weekly_dose_mg: np.ndarray  # stable therapeutic dose, NaN where none was reached
    inr_on_dose: np.ndarray  # NaN where missing
    left_out: dict[str, int]  # reason: count


def read_iwpc(path: str | Path, *, baseline_inr: float = 1.0) -> IwpcRecords:
    """Reads a CSV (or .csv.gz) of covariates.

    **Raises:** `FileNotFoundError`; `ValueError` if a column is missing, a cell cannot be read, or
    no subject is left.
    """
    rows, left_out = read_rows(path, REQUIRED_COLUMNS, _read_row)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    dose, inr = columns.pop("weekly_dose_mg"), columns.pop("inr_on_dose")
    columns["baseline_inr"] = np.full(len(rows), baseline_inr)
    return IwpcRecords(_typed(columns), dose, inr, left_out)


def _read_row(row: dict[str, str]) -> dict:
    if not any(row.values()) or row["PharmGKB Subject ID"] == "":
        raise LeftOutError("empty row")
    if row["Gender"] not in ("male", "female", *MISSING):
        raise ValueError(f"Gender is {row['Gender']!r}; allowed: male, female")
    if row["Race"] not in _RACES and row["Race"] not in _OTHER_RACES:
        raise ValueError(f"Race is {row['Race']!r}; allowed: {', '.join([*_RACES, 'Unknown'])}")
    age = _age_y(row[AGE])
    numbers = {
        HEIGHT: number(row, HEIGHT, 100.0, 230.0),
        WEIGHT: number(row, WEIGHT, 25.0, 300.0),
        DOSE: number(row, DOSE, 0.0, 500.0),
        INR: number(row, INR, 0.5, 20.0),
    }
    cyp2c9, vkorc1 = _cyp2c9(row[CYP2C9]), _vkorc1(row[VKORC1])
    flags = {column: flag(row, column) for column in (STABLE, AMIODARONE, SMOKER, *_INDUCERS)}
    for value, name in ((age, "age"), (numbers[HEIGHT], "height"), (numbers[WEIGHT], "weight")):
        if value is None:
            raise LeftOutError(f"{name} missing")
    if row["Gender"] in MISSING:
        raise LeftOutError("gender missing")
    stable = flags[STABLE] and numbers[DOSE] is not None
    return {
        "age_y": age,
        "weight_kg": numbers[WEIGHT],
        "height_cm": numbers[HEIGHT],
        "male": row["Gender"] == "male",
        "cyp2c9": cyp2c9,
        "vkorc1": vkorc1,
        "race": _RACES.get(row["Race"], 3),
        "amiodarone": flags[AMIODARONE],
        "enzyme_inducer": any(flags[column] for column in _INDUCERS),
        "smoker": flags[SMOKER],
        "weekly_dose_mg": numbers[DOSE] if stable else np.nan,
        "inr_on_dose": np.nan if numbers[INR] is None else numbers[INR],
    }


def _age_y(cell: str) -> float | None:
    """The middle of a decade ("60 - 69", "90+"), or the number itself."""
    if cell in MISSING:
        return None
    decade = cell.rstrip("+").split("-")[0].strip()
    try:
        years = float(decade) + (5.0 if cell != decade else 0.0)
    except ValueError:
        years = np.nan
    if not 0.0 < years < 120.0:
        raise ValueError(f"{AGE} is {cell!r}; allowed: a decade such as 60 - 69, 90+, or years")
    return years


def _cyp2c9(cell: str) -> int:
    if cell in MISSING:
        raise LeftOutError("CYP2C9 genotype missing")
    if cell in CYP2C9_GENOTYPES:
        return CYP2C9_GENOTYPES.index(cell)
    if any(star in cell.split("/") for star in _STARS_OUTSIDE_MODEL):
        raise LeftOutError("CYP2C9 allele outside the model")
    raise ValueError(f"{CYP2C9} is {cell!r}; allowed: {', '.join(CYP2C9_GENOTYPES)}, NA")


def _vkorc1(cell: str) -> int:
    if cell in MISSING:
        raise LeftOutError("VKORC1 genotype missing")
    if cell not in _VKORC1:
        raise ValueError(f"{VKORC1} is {cell!r}; allowed: {', '.join(_VKORC1)}, NA")
    return _VKORC1[cell]


def _typed(columns: dict[str, np.ndarray]) -> Covariates:
    """Every column with the dtype an environment's state carries."""
    dtype = jnp.result_type(float)
    kinds = {"male": bool, "amiodarone": bool, "enzyme_inducer": bool, "smoker": bool}
    kinds |= {"cyp2c9": jnp.int32, "vkorc1": jnp.int32, "race": jnp.int32}
    return Covariates(
        **{name: jnp.asarray(value, kinds.get(name, dtype)) for name, value in columns.items()}
    )
