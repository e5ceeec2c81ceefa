"""A matplotlib figure as accessible inline SVG, the same bytes for the same figure."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape

import matplotlib
import seaborn as sns
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, GRID, ACCENT, MUTED = "#1f2933", "#d7dde3", "#0b5cad", "#5c6770"
# Comes with matplotlib: the same measures, and so the same bytes, on every machine.
FONT, FONT_SIZE = "DejaVu Sans", 9

_STYLE = {
    **sns.axes_style("whitegrid"),
    # Text stays text: it can be read aloud, searched and enlarged.
    "svg.fonttype": "none",
    "font.sans-serif": [FONT],
    "font.size": FONT_SIZE,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}


# The page's own font; matplotlib would name those of the machine it ran on.
_FONT = re.compile(r"font-family: [^;\"]*")


# A chart is drawn twice, in inches: as wide as the page, and for a telephone. The letters stay readable in both.
WIDE, NARROW = 7.6, 3.3


@contextmanager
def drawing(width: float = NARROW, height: float = 2.2) -> Iterator[Figure]:
    """A figure in the house style, in inches."""
    with matplotlib.rc_context(_STYLE):
        # No pyplot: nothing global, nothing that a forked kernel could lose.
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        yield figure


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
    for wide in (True, False):
        with drawing(WIDE if wide else NARROW, height(wide)) as figure:
            draw(figure, wide)
            picture = "wide" if wide else "narrow"
            pictures.append(_svg(figure, f"{chart_id}-{picture}", picture, title, description))
    caption = f"<figcaption>{escape(title)}" + (f'<span class="note">{escape(note)}</span>' if note else "")
    return f'<figure class="chart" id="{chart_id}">{caption}</figcaption>{"".join(pictures)}</figure>'


def _svg(figure: Figure, svg_id: str, css_class: str, title: str, description: str) -> str:
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": svg_id}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    markup = buffer.getvalue()
    markup = markup[markup.index("<svg") :]
    markup = re.sub(r"<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
    markup = _FONT.sub("font-family: inherit", _own_ids(markup, svg_id))
    opening = re.match(r"<svg[^>]*>", markup)
    assert opening is not None
    view_box = re.search(r'viewBox="[^"]*"', opening.group())
    assert view_box is not None
    return (
        f'<svg class="{css_class}" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'{view_box.group()} role="img" aria-labelledby="{svg_id}-title {svg_id}-desc">'
        f'<title id="{svg_id}-title">{escape(title)}</title><desc id="{svg_id}-desc">{escape(description)}</desc>'
        f"{markup[opening.end() :].strip()}"
    )


def _own_ids(markup: str, prefix: str) -> str:
    """Ids that do not clash with those of another chart on the page."""
    markup = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', markup)
    markup = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{prefix}-\2"', markup)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", markup)
