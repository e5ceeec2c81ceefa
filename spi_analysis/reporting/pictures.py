"""A chart: drawn once, its words filled in per language, its colours left to the page's stylesheet."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from pathlib import Path
from typing import Any

import matplotlib
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from spi_analysis.params import Language
from spi_analysis.reporting.wording import MESSAGES, Phrase, Widest, Words, phrase, words

# Variables of the stylesheet (``--chart-ink``), each with the colour for those who have no stylesheet.
COLOURS = {
    **{"#ffffff": "paper", "#1f2933": "ink", "#5c6770": "muted", "#d7dde3": "grid"},
    **{"#0b5cad": "accent", "#a4262c": "minus", "#7a4b00": "target"},
    **{"#3a78b5": "step-1", "#08509a": "step-2", "#06335f": "step-3"},
}
WIDTH, POINTS = 3.3, 72  # Inches of a figure, and points to the inch.
_HOUSE = matplotlib.rc_params_from_file(Path(__file__).parent / "chart.mplstyle", use_default_template=False)
THEME = {**sns.plotting_context("paper"), **sns.axes_style("whitegrid"), **_HOUSE}
FONT = FontProperties(family=THEME["font.family"], size=THEME["font.size"])
_SLOT = "\ue000{}\ue001"  # Private characters, so that no label can be taken for the place of a text.
_FILLED = re.compile("(>?)" + _SLOT.format(r"(\d+)"))
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_EXACT = re.compile(r"\d+\.\d{3,}")  # Places more exact than a hundredth of a point.
# Texts that are turned by nothing, the font, which is the page's own, and what has no colour.
_NEEDLESS = re.compile(r' transform="rotate\(-0 [^"]*"|font-family: [^;"]*;? ?|<path [^>]*style="fill: none"/>\s*')
_ID = re.compile(r'(\bid="|href="#|url\(#)')
# Width, height and descent of a line of text, in points.
measured = lru_cache(maxsize=4096)(text_to_path.get_text_width_height_descent)


def text_width(text: object) -> float:
    """Inches that a text takes in the language that needs the most."""
    return max(measured(line, FONT, False)[0] for one in phrase(text).texts for line in one.split("\n")) / POINTS


@dataclass(frozen=True)
class Chart:
    """A picture with its words; ``told``: its figures, for those who do not see it."""

    chart_id: str
    title: Phrase
    draw: Callable[[], Axes]
    told: Phrase
    note: object = ""

    @matplotlib.rc_context(THEME)
    def figure(self, language: Language) -> Figure:
        """A figure of matplotlib in one language, to be changed further."""
        figure, say = self.draw().get_figure(root=True), words(language)
        for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
            axis.set_ticks(axis.get_ticklocs(), [phrase(x.label1.get_text()).say(say) for x in axis.get_major_ticks()])
        for artist in figure.findobj(Text):
            own = phrase(artist.get_text()).say(say)  # type: ignore[attr-defined]
            # matplotlib keeps a text that equals the new one, and with it the lines of the other languages.
            artist.set_text("")  # type: ignore[attr-defined]
            artist.set_text(own)  # type: ignore[attr-defined]
        return figure

    def svg(self, words: Words) -> str:
        """Inline SVG that says what it shows."""
        template, slots = self._template
        return _FILLED.sub(lambda slot: _filled(slots[int(slot[2])], slot[1], words), template)

    def html(self, words: Words) -> str:
        """``<figure>`` with caption and note."""
        note = f'<span class="note">{escape(phrase(self.note).say(words))}</span>' if self.note else ""
        caption = f"<figcaption{_filled(self.title, '>', words)}{note}</figcaption>"
        return f'<figure class="chart" id="{self.chart_id}">{caption}{self.svg(words)}</figure>'

    @cached_property
    @matplotlib.rc_context(THEME)
    def _template(self) -> tuple[str, list[Phrase]]:
        """SVG, and what goes into its slots: drawn once for all languages."""
        figure, buffer = self.draw().get_figure(root=True), io.StringIO()
        width, height = figure.get_size_inches() * POINTS
        renderer = _Renderer(width, height, buffer, metadata={"Date": None, "Creator": None})
        renderer.slots = [self.title, self.told]
        figure.draw(renderer)
        renderer.finalize()
        head = (
            f'<svg viewBox="0 0 {width:.6g} {height:.6g}" role="img" aria-labelledby="{self.chart_id}-title '
            f'{self.chart_id}-desc"><title id="title">{_SLOT.format(0)}</title><desc id="desc">{_SLOT.format(1)}</desc>'
        )
        # Without the style in front, which would hold for the whole page.
        body = _NEEDLESS.sub("", buffer.getvalue().partition("</defs>")[2].strip())
        body = _EXACT.sub(lambda number: f"{float(number[0]):.2f}", body)
        # A colour of the house goes by its name, one of the parameters by its own digits.
        body = _COLOUR.sub(lambda c: f"var(--chart-{COLOURS.get(c[0], c[0][1:])}, {c[0]})", body)
        # An id of another chart of the page is never used.
        return _ID.sub(rf"\1{self.chart_id}-", head + body), renderer.slots


def _filled(text: Phrase, tag_end: str, words: Words) -> str:
    """A text in its slot; its element (if it is alone in it) says its language where it fell back."""
    lang = f' lang="{MESSAGES}"' if tag_end and text.is_fallback(words) else ""
    return lang + tag_end + escape(text.say(words))


class _Renderer(RendererSVG):
    """Writes a numbered slot where a text has several languages, and measures each text once for all pictures."""

    slots: list[Phrase]

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: bool) -> tuple[float, float, float]:
        return measured(s, prop.copy(), ismath)

    def draw_text(self, gc: Any, x: float, y: float, s: str, *how: Any, **more: Any) -> None:
        if isinstance(s, Widest):
            self.slots.append(s.phrase)
            s = _SLOT.format(len(self.slots) - 1)
        super().draw_text(gc, x, y, s, *how, **more)
