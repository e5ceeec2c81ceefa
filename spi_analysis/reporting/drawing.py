"""Where axes, labels and legends stand in a chart, in inches: known beforehand, so nothing is drawn to be measured."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from html import escape
from textwrap import fill
from typing import NamedTuple

import matplotlib
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

from spi_analysis.reporting.wording import Words

# A matplotlib figure as accessible inline SVG, the same bytes for the same figure.

INK, GRID, ACCENT, MUTED = "#1f2933", "#d7dde3", "#0b5cad", "#5c6770"
# Comes with matplotlib: the same measures, and so the same bytes, on every machine.
FONT, FONT_SIZE = "DejaVu Sans", 9

# Of axes only what is inside them: their scales are drawn by hand.
_STYLE = {
    **sns.axes_style("white"),
    # Text stays text: it can be read aloud, searched and enlarged.
    "svg.fonttype": "none",
    # Ids are the same in every run; those of two charts differ by the name of the chart.
    "svg.hashsalt": "chart",
    "font.sans-serif": [FONT],
    "font.size": FONT_SIZE,
    "text.color": INK,
}


# The page's own font; matplotlib would name those of the machine it ran on.
_FONT = re.compile(r"font-family: [^;\"]*")


# A chart is drawn twice, in inches: as wide as the page, and for a telephone. The letters stay readable in both.
WIDE, NARROW = 7.6, 3.3
# To the inch.
POINTS = 72


class _Renderer(RendererSVG):
    """Measures a text once for all pictures: most texts are drawn in two widths and in two languages."""

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: bool) -> tuple[float, float, float]:
        return measured(s, prop.copy(), ismath)


@lru_cache(maxsize=4096)
def measured(text: str, font: FontProperties, is_math: bool = False) -> tuple[float, float, float]:
    """Width, height and descent of a line of text, in points (72 to the inch)."""
    return text_to_path.get_text_width_height_descent(text, font, is_math)


@contextmanager
def house_style() -> Iterator[None]:
    """What is drawn inside looks like a chart of this house."""
    with matplotlib.rc_context(_STYLE):
        yield


def picture(width: float = NARROW, height: float = 2.2) -> Figure:
    """An empty figure, in inches; to be made and drawn in the house style."""
    # No pyplot: nothing global, nothing that a forked kernel could lose.
    return Figure(figsize=(width, height), dpi=POINTS, facecolor="none")


def both_widths(
    draw: Callable[[Figure, bool], None],
    height: Callable[[bool], float],
    chart_id: str,
    title: str,
    description: str,
    note: str = "",
) -> str:
    """``<figure>`` with the same chart for a wide page and for a narrow one; the stylesheet shows one of them.

    Parameters
    ----------
    draw : (figure, wide) -> None      draws the chart
    height : (wide) -> float           of the figure in inches
    description : str                  the figures in words, for those who do not see the chart
    """
    pictures = []
    with house_style():
        for wide in (True, False):
            figure = picture(WIDE if wide else NARROW, height(wide))
            draw(figure, wide)
            name = "wide" if wide else "narrow"
            pictures.append(_svg(figure, f"{chart_id}-{name}", name, title, description))
    caption = f"<figcaption>{escape(title)}" + (f'<span class="note">{escape(note)}</span>' if note else "")
    return f'<figure class="chart" id="{chart_id}">{caption}</figcaption>{"".join(pictures)}</figure>'


def _svg(figure: Figure, svg_id: str, css_class: str, title: str, description: str) -> str:
    width, height = figure.get_size_inches() * POINTS
    buffer = io.StringIO()
    renderer = _Renderer(width, height, buffer, metadata={"Date": None, "Creator": None})
    figure.draw(renderer)
    renderer.finalize()
    markup = buffer.getvalue()
    body = markup[markup.index("<defs>") :].strip()
    body = _FONT.sub("font-family: inherit", _own_ids(body, svg_id))
    return (
        f'<svg class="{css_class}" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width:.6g} {height:.6g}" role="img" aria-labelledby="{svg_id}-title {svg_id}-desc">'
        f'<title id="{svg_id}-title">{escape(title)}</title><desc id="{svg_id}-desc">{escape(description)}</desc>{body}'
    )


def _own_ids(markup: str, prefix: str) -> str:
    """Ids that do not clash with those of another chart on the page."""
    markup = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', markup)
    markup = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{prefix}-\2"', markup)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", markup)


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
    # Numbers and lines of the scales are drawn by hand.
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


# The numbers beside a chart, with a thin line across it for each, and what they are numbers of.
#
# matplotlib's own axes do the same in twice the time: they make, measure and style every tick by itself.

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
