"""What a notebook cell shows: HTML in every language of the round, made at once.

Jupyter shows the first language; the export picks the one of the page. So a notebook is
executed once and rendered as often as there are languages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from spi_analysis.params import Language
from spi_analysis.reporting.wording import Words, words

MIME = "application/vnd.spi.languages+json"
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class Shown:
    """HTML per language; a notebook displays it by itself."""

    html: dict[Language, str]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": next(iter(self.html.values())), MIME: self.html}

    def __add__(self, other: Shown) -> Shown:
        return Shown({language: html + other.html[language] for language, html in self.html.items()})


def show(make: Callable[[Words], str], languages: Sequence[Language] = LANGUAGES) -> Shown:
    """Build the HTML in every language with ``make(words)``."""
    return Shown({language: make(words(language)) for language in languages})
