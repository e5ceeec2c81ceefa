"""What a notebook cell shows: HTML in every language of the round, made at once.

Jupyter shows the language that the notebook asks for; the export picks the one of the page. So a
notebook is executed once and rendered as often as there are languages. The tables that can be taken away as files
travel beside the HTML: the export writes them, so that opening a notebook writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from spi_analysis.errors import ParameterError, nearest
from spi_analysis.params import Language
from spi_analysis.reporting.wording import Words, words

MIME = "application/vnd.spi.languages+json"
TABLES_MIME = "application/vnd.spi.tables+json"
LANGUAGES: tuple[Language, ...] = get_args(Language)
# Which language Jupyter shows; pages are made in all of them.
_in_jupyter: list[Language] = [LANGUAGES[0]]


def show_in(language: str) -> None:
    """Let Jupyter show tables and charts in this language ("id" or "en")."""
    if language not in LANGUAGES:
        raise ParameterError(
            "unknown language", got=language, expected=", ".join(LANGUAGES), hint=nearest(language, LANGUAGES)
        )
    _in_jupyter[0] = language


class Shown:
    """What a cell shows; a notebook displays it by itself, and ``+`` puts one below the other."""

    def to_html(self, language: Language) -> str:
        """The HTML in one language."""
        raise NotImplementedError

    def sheets(self) -> list[dict[Language, dict[str, Any]]]:
        """The tables that can be taken away, each in all languages; plain values, as JSON holds them."""
        return []

    def __add__(self, other: Shown) -> Shown:
        return Together((self, other))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        tables = {TABLES_MIME: self.sheets()} if self.sheets() else {}
        html = {language: self.to_html(language) for language in LANGUAGES}
        return {"text/html": html[_in_jupyter[0]], MIME: html, **tables}


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


def show(make: Callable[[Words], str], languages: Sequence[Language] = LANGUAGES) -> Written:
    """Build the HTML in every language with ``make(words)``."""
    return Written({language: make(words(language)) for language in languages})
