"""Reads covariates of patients on enoxaparin from a table, one row for each patient.

Columns `age` (y), `sex` (F or M), `weight_kg`; where there are, `height_cm` and
`creatinine_mg_per_dl`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hemosim_jax.core.cohort import CohortFile
from hemosim_jax.core.csv_table import MISSING, LeftOutError, number, read_rows
from hemosim_jax.tasks.lmwh import population
from hemosim_jax.tasks.lmwh.population import (
    AGE_Y,
    CREATININE_MG_PER_DL,
    HEIGHT_CM,
    WEIGHT_KG,
    Covariates,
)

# Bounds or levels of what can be said of a patient, beside flags and sex.
COVARIATES = {
    "age_y": AGE_Y,
    "weight_kg": WEIGHT_KG,
    "height_cm": HEIGHT_CM,
    "creatinine_mg_per_dl": CREATININE_MG_PER_DL,
}


def complete_cohort(path: str | Path, env: Any, params: Any, key: jax.Array) -> CohortFile:
    """Age, sex, weight and, where they are recorded, height and creatinine; the rest is drawn.

    **Raises:** as `read_enoxaparin_cohort`.
    """
    records = read_enoxaparin_cohort(path)
    cohort = population.complete_cohort(
        key,
        records.covariates,
        records.creatinine_known,
        records.height_known,
        params.patients,
    )
    return CohortFile(cohort, records.left_out)


def complete_patient(key: jax.Array, covariates: Covariates, env: Any, params: Any) -> Any:
    """One patient with these covariates; the rest is drawn."""
    return population.complete(key, covariates, params.patients)


class EnoxaparinRecords(NamedTuple):
    """What was read; arrays have one entry for each patient kept."""

    covariates: Covariates  # stacked; what is not known is 1
    creatinine_known: Bool[Array, " patients"]
    height_known: Bool[Array, " patients"]
    left_out: dict[str, int]  # reason: count


def read_enoxaparin_cohort(path: str | Path) -> EnoxaparinRecords:
    """Reads a CSV (or .csv.gz) of covariates.

    **Raises:** as `core.csv_table.read_rows`.
    """
    rows, left_out = read_rows(path, ("age", "sex", "weight_kg"), _read_row)
    age, male, weight, height, creatinine = zip(*rows, strict=True)
    dtype = jnp.result_type(float)

    def filled(values):
        known = jnp.array([x is not None for x in values])
        return jnp.array([1.0 if x is None else x for x in values], dtype), known

    (heights, height_known), (creatinines, creatinine_known) = filled(height), filled(creatinine)
    covariates = Covariates(
        age_y=jnp.clip(jnp.array(age, dtype), *AGE_Y),
        weight_kg=jnp.array(weight, dtype),
        height_cm=heights,
        male=jnp.array(male),
        creatinine_mg_per_dl=creatinines,
    )
    return EnoxaparinRecords(covariates, creatinine_known, height_known, left_out)


def _read_row(row: dict[str, str]):
    age = number(row, "age", 16.0, 120.0)
    weight = number(row, "weight_kg", *WEIGHT_KG)
    height = number(row, "height_cm", *HEIGHT_CM) if "height_cm" in row else None
    name = "creatinine_mg_per_dl"
    creatinine = number(row, name, *CREATININE_MG_PER_DL) if name in row else None
    if row["sex"] not in ("F", "M", *MISSING):
        raise ValueError(f"sex is {row['sex']!r}; allowed: F, M, NA")
    for value, missing in ((age, "age"), (weight, "weight")):
        if value is None:
            raise LeftOutError(f"{missing} missing")
    if row["sex"] in MISSING:
        raise LeftOutError("sex missing")
    return age, row["sex"] == "M", weight, height, creatinine
