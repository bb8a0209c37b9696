"""Reads covariates of patients on heparin from a table, one row for each patient.

Columns `age` (y), `sex` (F or M), `weight_kg`; where there is one, `renal_function` (fraction of
normal). The covariate table of the MIMIC-III demo's heparin courses has this layout.
"""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from hemosim_jax.core.cohort import CohortFile
from hemosim_jax.core.csv_table import MISSING, LeftOutError, number, read_rows
from hemosim_jax.tasks.heparin import population
from hemosim_jax.tasks.heparin.environment import HeparinParams
from hemosim_jax.tasks.heparin.population import AGE_Y, RENAL_FUNCTION, WEIGHT_KG, Covariates

_RENAL = "renal_function"

# Bounds or levels of what can be said of a patient, beside flags and sex.
COVARIATES = {"age_y": AGE_Y, "weight_kg": WEIGHT_KG, "renal_function": RENAL_FUNCTION}


def complete_cohort(
    path: str | Path, env: Any, params: HeparinParams, key: jax.Array
) -> CohortFile:
    """Age, sex, weight and, where it is recorded, renal function; the rest is drawn.

    **Raises:** as `read_heparin_cohort`.
    """
    records = read_heparin_cohort(path)
    cohort = population.complete_cohort(
        key, records.covariates, records.renal_known, params.patients, params.risks
    )
    return CohortFile(cohort, records.left_out)


def complete_patient(key: jax.Array, covariates: Covariates, env: Any, params: Any) -> Any:
    """One patient with these covariates; the rest is drawn."""
    return population.complete(key, covariates, params.patients, params.risks)


class HeparinRecords(NamedTuple):
    """What was read; arrays have one entry for each patient kept."""

    covariates: Covariates  # stacked; `recently_exposed` is False for all: it is not recorded
    renal_known: Bool[Array, " patients"]
    left_out: dict[str, int]  # reason: count


def read_heparin_cohort(path: str | Path) -> HeparinRecords:
    """Reads a CSV (or .csv.gz) of covariates.

    **Raises:** as `core.csv_table.read_rows`.
    """
    rows, left_out = read_rows(path, ("age", "sex", "weight_kg"), _read_row)
    age, male, weight, renal = zip(*rows, strict=True)
    dtype = jnp.result_type(float)
    covariates = Covariates(
        age_y=jnp.clip(jnp.array(age, dtype), *AGE_Y),
        weight_kg=jnp.array(weight, dtype),
        male=jnp.array(male),
        renal_function=jnp.array([1.0 if x is None else x for x in renal], dtype),
        recently_exposed=jnp.zeros(len(rows), bool),
    )
    return HeparinRecords(covariates, jnp.array([x is not None for x in renal]), left_out)


def _read_row(row: dict[str, str]):
    age = number(row, "age", 16.0, 120.0)
    weight = number(row, "weight_kg", *WEIGHT_KG)
    renal = number(row, _RENAL, *RENAL_FUNCTION) if _RENAL in row else None
    if row["sex"] not in ("F", "M", *MISSING):
        raise ValueError(f"sex is {row['sex']!r}; allowed: F, M, NA")
    for value, name in ((age, "age"), (weight, "weight")):
        if value is None:
            raise LeftOutError(f"{name} missing")
    if row["sex"] in MISSING:
        raise LeftOutError("sex missing")
    return age, row["sex"] == "M", weight, renal
