"""Reads covariates of patients with DIC from a table, one row for each patient.

Columns `cause` (a name of `population.CAUSES`), `age` (y), `weight_kg`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from hemosim_jax.core.cohort import CohortFile
from hemosim_jax.core.csv_table import MISSING, LeftOutError, number, read_rows
from hemosim_jax.tasks.dic import population
from hemosim_jax.tasks.dic.environment import DICParams
from hemosim_jax.tasks.dic.population import AGE_Y, CAUSES, WEIGHT_KG, Covariates

_CAUSES = tuple(cause.name for cause in CAUSES)

# Bounds or levels of what can be said of a patient, beside flags and sex.
COVARIATES = {"age_y": AGE_Y, "weight_kg": WEIGHT_KG, "cause": _CAUSES}


def complete_cohort(path: str | Path, env: Any, params: DICParams, key: jax.Array) -> CohortFile:
    """Cause, age and weight from a file; what no file records is drawn.

    **Raises:** as `read_dic_cohort`.
    """
    records = read_dic_cohort(path)
    cohort = population.complete_cohort(key, records.covariates, params.patients)
    return CohortFile(cohort, records.left_out)


def complete_patient(key: jax.Array, covariates: Covariates, env: Any, params: Any) -> Any:
    """One patient with these covariates; the rest is drawn."""
    return population.complete(key, covariates, params.patients)


class DICRecords(NamedTuple):
    """What was read; arrays have one entry for each patient kept."""

    covariates: Covariates
    left_out: dict[str, int]  # reason: count


def read_dic_cohort(path: str | Path) -> DICRecords:
    """Reads a CSV (or .csv.gz) of covariates.

    **Raises:** as `core.csv_table.read_rows`.
    """
    rows, left_out = read_rows(path, ("cause", "age", "weight_kg"), _read_row)
    cause, age, weight = zip(*rows, strict=True)
    dtype = jnp.result_type(float)
    covariates = Covariates(
        cause=jnp.array(cause, jnp.int32),
        age_y=jnp.array(age, dtype),
        weight_kg=jnp.array(weight, dtype),
    )
    return DICRecords(covariates, left_out)


def _read_row(row: dict[str, str]):
    if row["cause"] not in (*_CAUSES, *MISSING):
        raise ValueError(f"cause is {row['cause']!r}; allowed: {', '.join(_CAUSES)}, NA")
    age, weight = number(row, "age", *AGE_Y), number(row, "weight_kg", *WEIGHT_KG)
    if row["cause"] in MISSING:
        raise LeftOutError("cause missing")
    for value, name in ((age, "age"), (weight, "weight")):
        if value is None:
            raise LeftOutError(f"{name} missing")
    return _CAUSES.index(row["cause"]), age, weight
