"""The numbers beside a chart, with a thin line across it for each, and what they are numbers of.

matplotlib's own axes do the same in twice the time: they make, measure and style every tick by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from spi_analysis.reporting.svg import GRID, INK
from spi_analysis.reporting.wording import Words

# From the axes to the numbers and to their name, in inches: below, and to the left.
TO_NUMBERS, NAME_BELOW, NAME_BESIDE = 0.05, 0.24, 0.5
# Of lines, in points.
THIN = 0.8
MOST_NUMBERS = 6


def number_scale(
    axes: Axes,
    name: str,
    words: Words,
    *,
    upright: bool = False,
    lines: bool = True,
    least: float = -np.inf,
    most: float = np.inf,
    up: bool = False,
) -> None:
    """A few whole numbers where possible, written as the language writes them; none under ``least`` or over ``most``.

    To be called when the limits of the axes are final; with ``up`` they first go up to the number above the data.
    """
    low, high = axes.get_ylim() if upright else axes.get_xlim()
    found = MaxNLocator(nbins=MOST_NUMBERS, integer=True).tick_values(low, high)
    if up:
        high = found[-1]
        axes.set_ylim(top=high) if upright else axes.set_xlim(right=high)
    at = [place for place in found if max(low, least) <= place <= min(high, most)]
    scale(axes, at, [words.number(place, 0) for place in at], name, upright=upright, lines=lines)


def scale(
    axes: Axes, at: Sequence[float], texts: Sequence[str], name: str, *, upright: bool = False, lines: bool = True
) -> None:
    """Texts at given places of the horizontal or the upright side, and the name of the whole."""
    if upright:
        _beside(axes, at, texts, name, lines)
    else:
        _below(axes, at, texts, name, lines)


def _below(axes: Axes, at: Sequence[float], texts: Sequence[str], name: str, lines: bool) -> None:
    inch = 1 / _size(axes)[1]
    inside = axes.get_xaxis_transform()
    if lines:
        axes.vlines(at, 0, 1, color=GRID, linewidth=THIN, zorder=0, transform=inside, clip_on=False)
    axes.hlines(0, 0, 1, color=GRID, linewidth=THIN, zorder=0, transform=axes.transAxes, clip_on=False)
    for place, text in zip(at, texts, strict=True):
        axes.text(place, -TO_NUMBERS * inch, text, ha="center", va="top", color=INK, transform=inside)
    axes.text(0.5, -NAME_BELOW * inch, name, ha="center", va="top", color=INK, transform=axes.transAxes)


def _beside(axes: Axes, at: Sequence[float], texts: Sequence[str], name: str, lines: bool) -> None:
    inch = 1 / _size(axes)[0]
    inside = axes.get_yaxis_transform()
    if lines:
        axes.hlines(at, 0, 1, color=GRID, linewidth=THIN, zorder=0, transform=inside, clip_on=False)
    for place, text in zip(at, texts, strict=True):
        axes.text(-TO_NUMBERS * inch, place, text, ha="right", va="center", color=INK, transform=inside)
    axes.text(-NAME_BESIDE * inch, 0.5, name, ha="right", va="center", rotation=90, color=INK, transform=axes.transAxes)


def _size(axes: Axes) -> tuple[float, float]:
    """Of the axes, in inches."""
    box, (width, height) = axes.get_position(), axes.figure.get_size_inches()  # type: ignore[union-attr]
    return box.width * width, box.height * height
