"""Where axes, labels and legends stand in a chart, in inches: known beforehand, so nothing is drawn to be measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from spi_analysis.reporting.svg import FONT, FONT_SIZE, NARROW, POINTS, WIDE, measured

# A line of text, and the room of a row beside its label (wide) or below it (narrow).
LINE, ROW_BESIDE, ROW_BELOW = 0.155, 0.16, 0.25
LETTERS = 40
# Around the axes: numbers and name of the horizontal axis are below, those of the vertical one to the left.
BELOW, BESIDE, EDGE, GAP = 0.47, 0.72, 0.2, 0.1
# Above rows, for half a line.
ABOVE = 0.13
# A row of a legend, and what stands before its text.
LEGEND_LINE, LEGEND_MARK, LEGEND_COLUMNS = 0.19, 0.42, 3
# A white ground, so that lines do not cross letters.
PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}


class Rows(NamedTuple):
    """Labelled rows from top to bottom, in inches below the top."""

    texts: list[str]
    tops: np.ndarray
    middles: np.ndarray
    height: float


def text_width(text: str) -> float:
    """Inches that the widest line of a text takes."""
    font = FontProperties(family=FONT, size=FONT_SIZE)
    return max(measured(line, font)[0] for line in text.split("\n")) / POINTS


def place(figure: Figure, left: float = BESIDE, bottom: float = BELOW, top: float = ABOVE) -> Axes:
    """Axes with so much room around them."""
    width, height = figure.get_size_inches()
    across, up = width - left - EDGE, height - bottom - top
    axes = figure.add_axes((left / width, bottom / height, across / width, up / height))
    # Numbers and lines of the scales are drawn by hand (scales.py).
    axes.set_axis_off()
    return axes


def rows_of(labels: Iterable[object], wide: bool) -> Rows:
    """Where rows and their labels go: the label beside its row on a wide page, above it on a narrow one."""
    texts = [fill(str(label), LETTERS) for label in labels]
    lines = np.array([text.count("\n") + 1 for text in texts], dtype=float)
    heights = LINE * lines + (ROW_BESIDE if wide else ROW_BELOW)
    tops = -np.concatenate([[0.0], np.cumsum(heights)[:-1]])
    middles = tops - (heights / 2 if wide else LINE * lines + ROW_BELOW / 2)
    return Rows(texts, tops, middles, float(heights.sum()))


def place_rows(figure: Figure, rows: Rows, wide: bool) -> Axes:
    """Axes whose vertical unit is an inch, as high as the rows; what is above them is left to others."""
    left = max(EDGE, *map(text_width, rows.texts)) + GAP if wide else GAP
    top = float(figure.get_figheight()) - BELOW - rows.height
    axes = place(figure, left, top=top)
    axes.set_ylim(-rows.height, 0)
    return axes


def label_rows(axes: Axes, rows: Rows, wide: bool) -> None:
    """Write the labels, once the horizontal limits are known."""
    for text, top, middle in zip(rows.texts, rows.tops, rows.middles, strict=True):
        if wide:
            axes.annotate(text, (0, middle), xycoords=("axes fraction", "data"), xytext=(-POINTS * GAP / 2, 0),
                          textcoords="offset points", ha="right", va="center", linespacing=1.05)  # fmt: skip
        else:
            axes.text(axes.get_xlim()[0], top, text, va="top", ha="left", linespacing=1.05, bbox=PAPER)


def legend_lines(names: Sequence[object], wide: bool) -> int:
    """Lines of a legend: as many names in each as find room, at most three."""
    room = WIDE - BESIDE - EDGE if wide else NARROW - 2 * GAP
    widest = max(text_width(str(name)) for name in names) + LEGEND_MARK
    columns = int(np.clip(room // widest, 1, LEGEND_COLUMNS))
    return -(-len(names) // columns)


def legend_room(names: Sequence[object], wide: bool) -> float:
    """Inches above the axes that a legend takes."""
    return LEGEND_LINE * legend_lines(names, wide) + GAP


def write_legend(axes: Axes, names: Sequence[object], wide: bool) -> None:
    """The legend, above the axes; on a narrow page from the edge of the picture on."""
    columns, box = -(-len(names) // legend_lines(names, wide)), axes.get_position()
    start = box.x0 if wide else GAP / NARROW
    axes.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(start, box.y1), bbox_transform=axes.figure.transFigure,
        ncols=columns, borderaxespad=0, handlelength=1.4,
    )  # fmt: skip


def write_above(axes: Axes, text: str, x: float, **style: object) -> None:
    """A text above the axes at ``x``, moved as far as it must be to stay on the picture."""
    box, (width, height) = axes.get_position(), axes.figure.get_size_inches()  # type: ignore[union-attr]
    low, high = axes.get_xlim()
    at = (box.x0 + box.width * (x - low) / (high - low)) * width
    start = float(np.clip(at - text_width(text) / 2, EDGE / 4, max(width - text_width(text) - EDGE / 4, EDGE / 4)))
    axes.figure.text(start / width, box.y1 + 0.04 / height, text, ha="left", va="bottom", **style)
