"""One look for all charts, in colors that color-blind readers tell apart."""

import io
import textwrap
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito 2008, ordered so that the first four differ in lightness, too; yellow is left out.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
TARGET_COLOR = "#dfeee3"
GRAY = "#555555"
_SETTINGS: Any = {
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "legend.fontsize": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "axes.axisbelow": True,
}


class Chart(Figure):
    """A figure that hangs in no window and shows itself in notebooks."""

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        FigureCanvasAgg(self).print_png(content)
        return content.getvalue()


def panels(
    rows: int, columns: int, size: tuple[float, float], **options: Any
) -> tuple[Figure, np.ndarray]:
    """A figure of its own, not pyplot's, and its axes (rows, columns)."""
    with rc_context(_SETTINGS):
        figure = Chart(figsize=size, dpi=130, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, axes


def heading(axis: Axes, text: str, side: Literal["left", "right"] = "left") -> None:
    """The title of one panel."""
    axis.set_title(text, loc=side, fontsize=9)


def finish(figure: Figure, axis: Axes, title: str) -> None:
    """The title above everything; the labels of one panel below, so that they cover nothing."""
    width_in = figure.get_size_inches()[0]
    lines = textwrap.wrap(title, max(20, int(width_in * 13)))
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=10)
    handles, labels = axis.get_legend_handles_labels()
    if len(labels) > 1:
        widest = 0.35 + 0.075 * max(map(len, labels))  # inches
        columns = max(1, min(len(labels), int(width_in / widest)))
        figure.legend(
            handles, labels, loc="outside lower left", ncols=columns, frameon=False, fontsize=8
        )


def color_of(index: int) -> str:
    """The color of a series; they begin again after the last."""
    return COLORS[index % len(COLORS)]


def readable(name: str) -> str:
    """A policy's name as people write it."""
    return name.replace("_", " ")


def finite(values: Sequence[Any]) -> np.ndarray:
    """Numbers, with NaN for None."""
    return np.array([np.nan if value is None else value for value in values], float)
