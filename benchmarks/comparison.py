"""People against simulated patients, a row each."""

from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    """One comparison."""

    what: str
    people: str  # as published, with its interval where there is one
    simulated: float
    interval: tuple[float, float] | None
    kind: str  # "fitted", "chosen" (a size was chosen by it) or "predicted"


def show(title: str, rows: Iterable[Row], interval: str) -> None:
    """Prints the table; `interval` is what stands above the intervals of what is simulated."""
    table = Table("", "people", "simulated", interval, "", title=title, padding=(0, 1))
    for row in rows:
        between = "" if row.interval is None else f"{row.interval[0]:.3g}-{row.interval[1]:.3g}"
        table.add_row(row.what, row.people, f"{row.simulated:.3g}", between, row.kind)
    Console(width=120).print(table)
