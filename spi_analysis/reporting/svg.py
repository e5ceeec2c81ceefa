"""A matplotlib figure as accessible inline SVG, the same bytes for the same figure."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape

import matplotlib
import seaborn as sns
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, GRID, ACCENT, MUTED = "#1f2933", "#d7dde3", "#0b5cad", "#5c6770"

_STYLE = {
    **sns.axes_style("whitegrid"),
    # Text stays text: it can be read aloud, searched and enlarged.
    "svg.fonttype": "none",
    # Comes with matplotlib: the same measures, and so the same bytes, on every machine.
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.edgecolor": GRID,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "figure.constrained_layout.use": True,
}


# The page's own font; matplotlib would name those of the machine it ran on.
_FONT = re.compile(r"font-family: [^;\"]*")


@contextmanager
def drawing(width: float = 3.7, height: float = 2.2) -> Iterator[Figure]:
    """A figure in the house style, in inches; narrow, so that it is readable on a telephone."""
    with matplotlib.rc_context(_STYLE):
        # No pyplot: nothing global, nothing that a forked kernel could lose.
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        yield figure


def inline_svg(figure: Figure, chart_id: str, title: str, description: str, note: str = "") -> str:
    """``<figure>`` with inline SVG, its title and a description in words for those who do not see it."""
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": chart_id}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    markup = buffer.getvalue()
    markup = markup[markup.index("<svg") :]
    markup = re.sub(r"<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
    markup = _FONT.sub("font-family: inherit", _own_ids(markup, chart_id))
    opening = re.match(r"<svg[^>]*>", markup)
    assert opening is not None
    view_box = re.search(r'viewBox="[^"]*"', opening.group())
    assert view_box is not None
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {view_box.group()} '
        f'role="img" aria-labelledby="{chart_id}-title {chart_id}-desc">'
        f'<title id="{chart_id}-title">{escape(title)}</title><desc id="{chart_id}-desc">{escape(description)}</desc>'
    )
    caption = f"<figcaption>{escape(title)}" + (f'<span class="note">{escape(note)}</span>' if note else "")
    body = markup[opening.end() :].strip()
    return f'<figure class="chart" id="{chart_id}">{caption}</figcaption>{head}{body}</figure>'


def _own_ids(markup: str, prefix: str) -> str:
    """Ids that do not clash with those of another chart on the page."""
    markup = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', markup)
    markup = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{prefix}-\2"', markup)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", markup)
