"""A matplotlib figure as accessible inline SVG, the same bytes for the same figure."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from html import escape

import matplotlib
import seaborn as sns
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

INK, GRID, ACCENT, MUTED = "#1f2933", "#d7dde3", "#0b5cad", "#5c6770"
# Comes with matplotlib: the same measures, and so the same bytes, on every machine.
FONT, FONT_SIZE = "DejaVu Sans", 9

# Of axes only what is inside them: their scales are drawn by hand (scales.py).
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
