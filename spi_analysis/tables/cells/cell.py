"""A cell as it came: is anything in it, and what does it say?"""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from spi_analysis.params.words import plain


class Reading(NamedTuple):
    """A value read from a cell (None where nothing could be read), and the code of what is wrong with it."""

    value: Any = None
    problem: str = ""


def text_of(cell: object) -> str:
    """What a person sees in the cell, on one line."""
    if isinstance(cell, str):
        return _tidy(cell)
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e18:
        return str(int(cell))
    if isinstance(cell, dt.datetime | dt.date):
        return cell.isoformat()
    return str(cell)


@lru_cache(maxsize=200_000)
def _tidy(text: str) -> str:
    # ASCII has neither other forms nor invisible characters; most cells of millions are ASCII.
    visible = text if text.isascii() else _visible(text)
    return " ".join(visible.split()).lstrip("'`´’").strip()


def _visible(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")


def is_nothing(cell: object, nothing: frozenset[str] = frozenset()) -> bool:
    """Whether the cell is blank, holds only punctuation, or says in words that there is nothing."""
    bare = plain(text_of(cell))
    return not bare or bare in nothing


def coded(cell: object, codes: Mapping[str, Any]) -> Any:
    """The code a cell's word stands for, or None."""
    return codes.get(plain(text_of(cell)))
