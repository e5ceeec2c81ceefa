"""What a notebook cell shows: HTML in every language of the round, made at once.

Jupyter shows the language that the notebook asks for; the export picks the one of the page. So a
notebook is executed once and rendered as often as there are languages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from spi_analysis.errors import ParameterError, nearest
from spi_analysis.params import Language
from spi_analysis.reporting.wording import Words, words

MIME = "application/vnd.spi.languages+json"
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


@dataclass(frozen=True, repr=False)
class Shown:
    """HTML per language; a notebook displays it by itself."""

    html: dict[Language, str]

    def __repr__(self) -> str:
        # Notebooks keep it beside the HTML: a word is enough.
        return f"shown in {', '.join(self.html)}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": self.html[_in_jupyter[0]], MIME: self.html}

    def __add__(self, other: Shown) -> Shown:
        return Shown({language: html + other.html[language] for language, html in self.html.items()})


def show(make: Callable[[Words], str], languages: Sequence[Language] = LANGUAGES) -> Shown:
    """Build the HTML in every language with ``make(words)``."""
    return Shown({language: make(words(language)) for language in languages})
