"""A chart: drawn once, its words filled in per language, its colours left to the page's stylesheet."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from textwrap import wrap
from typing import Any

import matplotlib
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FixedFormatter

from spi_analysis.params import Language
from spi_analysis.reporting.wording import Phrase, Widest, Words, phrase, words

# Each is a variable of the stylesheet (``--chart-ink``); the value here is for those who have no stylesheet.
SHADES = ("#eef4fa", "#c9dff2", "#9cc3e6", "#6fa8da")
PALETTE = ("#ffffff", "#1f2933", "#5c6770", "#d7dde3", "#0b5cad", "#a4262c", "#7a4b00")
PAPER, INK, MUTED, GRID, ACCENT, MINUS, TARGET = PALETTE
_NAMES = ("paper", "ink", "muted", "grid", "accent", "minus", "target", "shade-1", "shade-2", "shade-3", "shade-4")
COLOURS = dict(zip((*PALETTE, *SHADES), _NAMES, strict=True))
# Comes with matplotlib: the same measures, and so the same bytes, on every machine.
FONT, FONT_SIZE = "DejaVu Sans", 9
# Of a figure, in inches; as wide as a telephone, where letters are then 11 pixels high. And points to the inch.
WIDTH, POINTS = 3.3, 72
_SIZES = ("font.", "axes.label", "axes.title", "xtick.label", "ytick.label", "legend.font")
_BARE = {f"axes.spines.{side}": False for side in ("left", "right", "top")} | {"axes.facecolor": "none"}
_INKED = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK)
_INKED |= dict.fromkeys(("axes.edgecolor", "grid.color"), GRID)
THEME: dict[str, Any] = {
    **sns.plotting_context("paper", rc={f"{name}size": FONT_SIZE for name in _SIZES}),
    **sns.axes_style("whitegrid", {"font.sans-serif": [FONT], **_INKED, **_BARE}),
    **dict.fromkeys(("axes.labelpad", "xtick.major.pad", "ytick.major.pad"), 2),
    **{"figure.facecolor": "none", "figure.dpi": POINTS},
    # Text stays text: it can be read aloud, searched and enlarged; a dollar is a dollar. Ids are the same in every run.
    **{"svg.fonttype": "none", "text.parse_math": False, "svg.hashsalt": "chart"},
}
# Private characters, so that no label can be taken for the place of a text.
_SLOT = re.compile("\ue000(\\d+)\ue001")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
# Texts that are turned by nothing; and places more exact than a hundredth of a point.
_UNTURNED, _EXACT = re.compile(r' transform="rotate\(-0 [^"]*"'), re.compile(r"\d+\.\d{3,}")
# The page's own font; matplotlib would name those of the machine it ran on.
_FONT = re.compile(r"font-family: [^;\"]*")


def lines_of(text: object, letters: int) -> list[Phrase]:
    """The lines of a text, as many as the language that needs the most."""
    parts = [wrap(one, letters) or [""] for one in phrase(text).texts]
    most = max(map(len, parts))
    return [Phrase(tuple(lines)) for lines in zip(*(part + [""] * (most - len(part)) for part in parts), strict=True)]


@lru_cache(maxsize=4096)
def measured(text: str, font: FontProperties, is_math: bool = False) -> tuple[float, float, float]:
    """Width, height and descent of a line of text, in points."""
    return text_to_path.get_text_width_height_descent(text, font, is_math)


def text_width(text: object) -> float:
    """Inches that a line of text takes in the language that needs the most."""
    font = FontProperties(family=FONT, size=FONT_SIZE)
    return max(measured(one, font)[0] for one in phrase(text).texts) / POINTS


@dataclass(frozen=True)
class Chart:
    """A picture with its words.

    Parameters
    ----------
    draw : () -> Axes      draws the chart into a figure of its own
    told : Phrase          the figures in words, for those who do not see the chart
    """

    chart_id: str
    title: Phrase
    draw: Callable[[], Axes]
    told: Phrase
    note: object = ""

    def figure(self, language: Language) -> Figure:
        """A figure of matplotlib in one language, to be changed further."""
        figure = self._drawn()
        say = words(language)
        for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
            if isinstance(formatter := axis.get_major_formatter(), FixedFormatter):
                axis.set_major_formatter(FixedFormatter([phrase(text).say(say) for text in formatter.seq]))
        for artist in figure.findobj(Text):
            artist.set_text(phrase(artist.get_text()).say(say))  # type: ignore[attr-defined]
        return figure

    def description(self, words: Words) -> str:
        """The figures in words."""
        return self.told.say(words)

    def svg(self, words: Words) -> str:
        """Inline SVG that says what it shows; an id of another chart of the page is never used."""
        (width, height), body, slots = self._template
        title, described = f"{self.chart_id}-title", f"{self.chart_id}-desc"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {width:.6g} {height:.6g}" role="img" aria-labelledby="{title} {described}">'
            f'<title id="{title}">{escape(self.title.say(words))}</title>'
            f'<desc id="{described}">{escape(self.description(words))}</desc>'
            + _SLOT.sub(lambda slot: escape(slots[int(slot[1])].say(words)), body)
        )

    def html(self, words: Words) -> str:
        """``<figure>`` with caption and note."""
        note = f'<span class="note">{escape(phrase(self.note).say(words))}</span>' if self.note else ""
        caption = f"<figcaption>{escape(self.title.say(words))}{note}</figcaption>"
        return f'<figure class="chart" id="{self.chart_id}">{caption}{self.svg(words)}</figure>'

    def _drawn(self) -> Figure:
        with matplotlib.rc_context(THEME):
            return self.draw().get_figure(root=True)  # type: ignore[return-value]

    @cached_property
    def _template(self) -> tuple[tuple[float, float], str, list[Phrase]]:
        """Size, SVG and what goes into its slots: drawn once for all languages."""
        figure, buffer = self._drawn(), io.StringIO()
        width, height = figure.get_size_inches() * POINTS
        with matplotlib.rc_context(THEME):
            renderer = _Renderer(width, height, buffer, metadata={"Date": None, "Creator": None})
            figure.draw(renderer)
        renderer.finalize()
        markup = buffer.getvalue()
        # Behind a style that would hold for the whole page.
        body = _own_ids(markup[markup.index("</defs>") + len("</defs>") :].strip(), self.chart_id)
        body = _EXACT.sub(lambda number: f"{float(number[0]):.2f}", _UNTURNED.sub("", body))
        return (width, height), _COLOUR.sub(_variable, _FONT.sub("font-family: inherit", body)), renderer.slots


class _Renderer(RendererSVG):
    """Writes a numbered slot where a text has several languages, and measures each text once for all pictures."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.slots: list[Phrase] = []

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: bool) -> tuple[float, float, float]:
        return measured(s, prop.copy(), ismath)

    def draw_text(self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: bool = False,
                  mtext: Text | None = None) -> None:  # fmt: skip
        if mtext is not None and isinstance(text := mtext.get_text(), Widest):
            s = f"\ue000{len(self.slots)}\ue001"
            self.slots.append(text.phrase)
        super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)


def _variable(colour: re.Match[str]) -> str:
    """A colour of the house by its name; one of the parameters by its own digits."""
    return f"var(--chart-{COLOURS.get(colour[0], colour[0][1:])}, {colour[0]})"


def _own_ids(markup: str, prefix: str) -> str:
    """Ids that do not clash with those of another chart on the page."""
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\1{prefix}-", markup)
