"""What a notebook cell shows: HTML in every language of the round, made at once.

Jupyter shows the language that the notebook asks for; the export picks the one of the page. So a
notebook is executed once and rendered as often as there are languages. The tables that can be taken away as files
travel beside the HTML: the export writes them, so that opening a notebook writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spi_analysis.errors import ParameterError, nearest
from spi_analysis.params import Language, RoundSetup
from spi_analysis.reporting.tables import html_paragraphs
from spi_analysis.reporting.translations import languages, speak_of, with_marks
from spi_analysis.reporting.wording import Words, words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from spi_analysis.reporting.views import View

PAGES_MIME = "application/vnd.spi.pages+json"
MIME = "application/vnd.spi.languages+json"
TABLES_MIME = "application/vnd.spi.tables+json"
# JupyterLab has no stylesheet of the page: a chart would be as wide as the notebook, with its caption and note in one
# line, in dark ink on a dark theme.
JUPYTER_STYLE = (
    "<style>figure.chart svg { max-width: 30rem; background: #ffffff; } figure.chart .note { display: block; } "
    "div.table :is(th, td, caption):not(.figures) { text-align: left; }</style>"
)
# Which language Jupyter shows; pages are made in all of them.
_in_jupyter: list[Language] = [languages()[0]]


def show_in(language: str, setup: RoundSetup | None = None) -> None:
    """Let Jupyter show tables and charts in this language, one of those of the round (default: id or en)."""
    if setup is not None:
        speak_of(setup)
    if language not in languages():
        known = ", ".join(languages())
        raise ParameterError("unknown language", got=language, expected=known, hint=nearest(language, languages()))
    _in_jupyter[0] = language


class Shown:
    """What a cell shows; a notebook displays it by itself, and ``+`` puts one below the other."""

    def to_html(self, language: Language) -> str:
        """The HTML in one language."""
        raise NotImplementedError

    def sheets(self) -> list[dict[Language, dict[str, Any]]]:
        """The tables that can be taken away, each in all languages; plain values, as JSON holds them."""
        return []

    @property
    def views(self) -> list[View]:
        """What of it has figures, a chart and files."""
        return []

    def __add__(self, other: Shown) -> Shown:
        return Together((self, other))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        sheets = self.sheets()
        tables = {TABLES_MIME: sheets} if sheets else {}
        html = {language: with_marks(self.to_html(language)) for language in languages()}
        shown = html.get(_in_jupyter[0]) or html[languages()[0]]
        return {"text/html": _styled(shown), MIME: html, **tables}


@dataclass(frozen=True, repr=False)
class Written(Shown):
    """HTML per language: sentences, lists, links."""

    html: dict[Language, str]

    def __repr__(self) -> str:
        # Notebooks keep it beside the HTML: a word is enough.
        return f"shown in {', '.join(self.html)}"

    def to_html(self, language: Language) -> str:
        """The HTML in one language."""
        return self.html[language]


@dataclass(frozen=True, repr=False)
class Pages(Written):
    """A page of its own in every language, which the export writes beside that of the notebook.

    ``name``: of its files, with ``{language}`` in it; ``pages``: the whole HTML.
    """

    name: str
    pages: dict[Language, str]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return super()._repr_mimebundle_() | {PAGES_MIME: {"name": self.name, "pages": self.pages}}


def shown_pages(outputs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """File name -> HTML of the pages of their own that outputs of a notebook hold."""
    held = [output["data"][PAGES_MIME] for output in outputs if PAGES_MIME in output.get("data", {})]
    return {one["name"].format(language=language): html for one in held for language, html in one["pages"].items()}


@dataclass(frozen=True, repr=False)
class Together(Shown):
    """Views and sentences, one below the other."""

    parts: tuple[Shown, ...]

    def __repr__(self) -> str:
        return "; ".join(map(repr, self.parts))

    def to_html(self, language: Language) -> str:
        """The HTML of all parts in one language."""
        return "".join(part.to_html(language) for part in self.parts)

    def sheets(self) -> list[dict[Language, dict[str, Any]]]:
        """The tables of all parts."""
        return [sheet for part in self.parts for sheet in part.sheets()]

    @property
    def views(self) -> list[View]:
        """The views of all parts."""
        return [view for part in self.parts for view in part.views]

    @property
    def data(self) -> pd.DataFrame:
        """The figures of the only view."""
        return self._only_view().data

    def figure(self, language: Language) -> Figure:
        """The chart of the only view, as a matplotlib figure."""
        return self._only_view().figure(language)

    def to_csv(self, path: str | Path, language: Language) -> Path:
        """The table of the only view."""
        return self._only_view().to_csv(path, language)

    def to_xlsx(self, path: str | Path, language: Language) -> Path:
        """The table of the only view, as a workbook."""
        return self._only_view().to_xlsx(path, language)

    def _only_view(self) -> View:
        if len(self.views) != 1:
            raise ParameterError(
                "figures, chart and files belong to one view",
                got=", ".join(view.name for view in self.views) or "sentences alone",
                expected="one view",
                hint="take one of them, such as .views[0]" if self.views else "",
            )
        return self.views[0]


def show(make: Callable[[Words], str], of: Sequence[Language] | None = None) -> Written:
    """Build the HTML in every language (or in those of ``of``) with ``make(words)``."""
    return Written({language: make(words(language)) for language in of or languages()})


def saved_note(save: bool) -> Written | None:
    """That a notebook has written nothing, where it was not asked to; nothing where it has."""
    if save:
        return None
    return show(
        lambda words: html_paragraphs(
            [words("Not saved: a notebook writes only with save = True in its parameters cell, as in spi run.")]
        )
    )


def _styled(html: str) -> str:
    return JUPYTER_STYLE + html if "<figure" in html or "<table" in html else html
