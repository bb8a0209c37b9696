"""Policies held against each other on the same patients: tables, differences, rows by patient."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console, ConsoleOptions, RenderResult

from hemosim_jax.core.files import write_bytes, write_json, write_text
from hemosim_jax.core.task import Task
from hemosim_jax.evaluation import report
from hemosim_jax.evaluation.evaluate import Evaluation

FILE_WIDTH = 100  # of tables in text files


@dataclass(frozen=True)
class Comparison:
    """What `compare` gives. Printed, it is its tables; in a notebook, too.

    - `evaluations`: by policy, with the results of every patient.
    - `baseline`: the policy that `differences` are taken from.
    - `about`: what was compared on what, for the record.
    """

    task: Task
    title: str
    evaluations: Sequence[Evaluation]
    baseline: str
    about: dict[str, Any]

    @cached_property
    def summaries(self) -> list[dict[str, Any]]:
        """Of every policy; see `report.summary`."""
        return [report.summary(self.task, one) for one in self.evaluations]

    @cached_property
    def differences(self) -> list[dict[str, Any]]:
        """Of every other policy minus the baseline; see `report.differences`."""
        return report.differences(self.task, self.evaluations, self.baseline)

    def tables(self, groups_of: Sequence[str] = ()) -> list[report.FittedTable]:
        """All policies, the differences, and the groups of patients of the policies named."""
        result = [report.table(self.task, self.summaries, self.title)]
        if self.differences:
            result.append(report.difference_table(self.task, self.differences, self.baseline))
        for row in self.summaries:
            if row["policy"] in groups_of:
                result.extend(report.group_tables(self.task, row))
        return result

    def text(self, width: int = FILE_WIDTH, groups_of: Sequence[str] = ()) -> str:
        """The tables as plain text, in blocks of columns that fit the width."""
        file = io.StringIO()
        console = Console(width=width, file=file, force_jupyter=False)
        console.print(*self.tables(groups_of))
        return file.getvalue()

    def markdown(self) -> str:
        """The tables in Markdown."""
        return "\n\n".join(table.markdown() for table in self.tables())

    def by_patient(self) -> pd.DataFrame:
        """A row for each policy and patient: return, ends, metrics, groups by name."""
        frames = []
        for one in self.evaluations:
            groups = {
                name: pd.Categorical.from_codes(codes, list(self.task.groups[name]))
                for name, codes in one.groups.items()
            }
            patients = np.arange(1, one.terminated.size + 1)
            columns = {"return": one.episode_return, "terminated": one.terminated}
            frames.append(
                pd.DataFrame(
                    {
                        "policy": one.policy,
                        "patient": patients,
                        **columns,
                        "faulty_steps": one.faulty_steps,
                        **groups,
                        **one.metrics,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True)

    def write(self, directory: str | Path, name: str = "comparison") -> list[Path]:
        """Writes tables (`.txt`, `.md`), everything by name (`.json`) and patients (`.parquet`).

        Without pyarrow the patients are a `.csv`. **Returns** the files.
        """
        directory = Path(directory)
        paths = [directory / f"{name}.{suffix}" for suffix in ("txt", "md", "json")]
        everyone = [row["policy"] for row in self.summaries]
        write_text(paths[0], self.text(groups_of=everyone))
        write_text(paths[1], self.markdown() + "\n")
        content = {
            **self.about,
            "baseline": self.baseline,
            "policies": self.summaries,
            "differences": self.differences,
        }
        write_json(paths[2], content)
        return [*paths, write_rows(self.by_patient(), directory / f"{name}_by_patient")]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The tables."""
        yield from self.tables()

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return self.text()

    def _repr_markdown_(self) -> str:
        return self.markdown()


def write_rows(rows: pd.DataFrame, path: Path) -> Path:
    """Writes Parquet where pyarrow is installed, CSV where not; the suffix is added."""
    try:
        import pyarrow  # noqa: F401  (pandas needs it)
    except ImportError:
        path = path.with_name(path.name + ".csv")
        write_text(path, rows.to_csv(index=False, lineterminator="\n"))
        return path
    path = path.with_name(path.name + ".parquet")
    content = io.BytesIO()
    rows.to_parquet(content, index=False)
    write_bytes(path, content.getvalue())
    return path
