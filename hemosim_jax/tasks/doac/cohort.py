"""Reads covariates of patients with atrial fibrillation from a table, one row for each patient.

Columns `age` (y), `sex` (F or M), `weight_kg`, `creatinine_clearance_ml_per_min`, and one column of
0 and 1 for each field of `outcomes.atrial_fibrillation.RiskFactors`; where there is one, `asian`.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from hemosim_jax.core.cohort import CohortFile
from hemosim_jax.core.csv_table import MISSING, LeftOutError, flag, number, read_rows
from hemosim_jax.outcomes.atrial_fibrillation import RiskFactors
from hemosim_jax.tasks.doac import population
from hemosim_jax.tasks.doac.environment import DOACParams
from hemosim_jax.tasks.doac.population import (
    AGE_Y,
    CREATININE_CLEARANCE_ML_PER_MIN,
    RISK_NAMES,
    WEIGHT_KG,
    Covariates,
)

_CLEARANCE = "creatinine_clearance_ml_per_min"

# Bounds or levels of what can be said of a patient, beside flags and sex.
COVARIATES = {
    "age_y": AGE_Y,
    "weight_kg": WEIGHT_KG,
    _CLEARANCE: CREATININE_CLEARANCE_ML_PER_MIN,
}


def complete_cohort(path: str | Path, env: Any, params: DOACParams, key: jax.Array) -> CohortFile:
    """Covariates and components of the scores; what no file records is drawn.

    **Raises:** as `read_fibrillation_cohort`.
    """
    records = read_fibrillation_cohort(path)
    cohort = population.complete_cohort(key, records.covariates, params.patients, params.risks)
    return CohortFile(cohort, records.left_out)


def complete_patient(key: jax.Array, covariates: Covariates, env: Any, params: Any) -> Any:
    """One patient with these covariates; the rest is drawn."""
    return population.complete(key, covariates, params.patients, params.risks)


class FibrillationRecords(NamedTuple):
    """What was read; arrays have one entry for each patient kept."""

    covariates: Covariates
    left_out: dict[str, int]  # reason: count


def read_fibrillation_cohort(path: str | Path) -> FibrillationRecords:
    """Reads a CSV (or .csv.gz) of covariates.

    **Raises:** as `core.csv_table.read_rows`.
    """
    required = ("age", "sex", "weight_kg", _CLEARANCE, *RISK_NAMES)
    rows, left_out = read_rows(path, required, _read_row)
    age, male, weight, clearance, asian, risk = zip(*rows, strict=True)
    dtype = jnp.result_type(float)
    components = zip(RISK_NAMES, zip(*risk, strict=True), strict=True)
    covariates = Covariates(
        age_y=jnp.array(age, dtype),
        weight_kg=jnp.array(weight, dtype),
        male=jnp.array(male),
        asian=jnp.array(asian),
        creatinine_clearance_ml_per_min=jnp.array(clearance, dtype),
        risk=RiskFactors(**{name: jnp.array(values) for name, values in components}),
    )
    return FibrillationRecords(covariates, left_out)


def _read_row(row: dict[str, str]):
    numbers = (
        number(row, "age", *AGE_Y),
        number(row, "weight_kg", *WEIGHT_KG),
        number(row, _CLEARANCE, *CREATININE_CLEARANCE_ML_PER_MIN),
    )
    if row["sex"] not in ("F", "M", *MISSING):
        raise ValueError(f"sex is {row['sex']!r}; allowed: F, M, NA")
    for value, name in zip(numbers, ("age", "weight", "creatinine clearance"), strict=True):
        if value is None:
            raise LeftOutError(f"{name} missing")
    if row["sex"] in MISSING:
        raise LeftOutError("sex missing")
    age, weight, clearance = numbers
    asian = "asian" in row and flag(row, "asian")
    risk = tuple(flag(row, name) for name in RISK_NAMES)
    return age, row["sex"] == "M", weight, clearance, asian, risk
