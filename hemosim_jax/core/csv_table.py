"""Reading a table of patients: what is missing is counted, what cannot be read is an error."""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

MISSING = ("", "NA")


class LeftOutError(Exception):
    """The row lacks something that is needed; says what."""


def read_rows(
    path: str | Path, required: Sequence[str], read_row: Callable[[dict[str, str]], Any]
) -> tuple[list[Any], dict[str, int]]:
    """The rows of a CSV (or .csv.gz) as `read_row` gives them, and how many were left out and why.

    `read_row` gets the cells by column, stripped. It raises `LeftOutError` for a row to leave out
    and `ValueError`, naming column, value and what is allowed, for a cell that cannot be read.

    **Raises:** `FileNotFoundError`; `ValueError` if a column is missing, a cell cannot be read, or
    no row is left.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"file {str(path)!r} does not exist")
    opener = gzip.open if path.suffix == ".gz" else open
    rows, left_out = [], Counter()
    try:
        with opener(path, "rt", newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle)
            absent = [c for c in required if c not in (reader.fieldnames or ())]
            if absent:
                raise ValueError(f"{path.name}: column {absent[0]!r} is missing")
            for line, row in enumerate(reader, start=2):
                cells = {column: (cell or "").strip() for column, cell in row.items() if column}
                try:
                    rows.append(read_row(cells))
                except LeftOutError as reason:
                    left_out[str(reason)] += 1
                except ValueError as error:
                    raise ValueError(f"{path.name}, line {line}: {error}") from None
    except (gzip.BadGzipFile, zlib.error, csv.Error, UnicodeDecodeError, EOFError) as error:
        raise ValueError(f"file {str(path)!r} cannot be read: {error}") from None
    if not rows:
        raise ValueError(f"{path.name}: nobody left ({dict(left_out) or 'no rows'})")
    return rows, dict(left_out)


def number(row: dict[str, str], column: str, low: float, high: float) -> float | None:
    """The number in a cell, None if missing. **Raises:** `ValueError` outside `low..high`."""
    cell = row[column]
    if cell in MISSING:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = np.nan
    if not low <= value <= high:
        raise ValueError(f"{column} is {cell!r}; allowed: a number from {low:g} to {high:g}, or NA")
    return value


def flag(row: dict[str, str], column: str) -> bool:
    """1 is yes, 0 and missing are no. **Raises:** `ValueError` for anything else."""
    if row[column] not in ("0", "1", *MISSING):
        raise ValueError(f"{column} is {row[column]!r}; allowed: 0, 1, NA")
    return row[column] == "1"
