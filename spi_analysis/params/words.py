"""Words of a mapping file: compared without case and punctuation, each with one meaning, laid over one another."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from spi_analysis.params.loading import Wrong

Words = tuple[str, ...]
# In ASCII, which most cells are in, everything but letters and digits.
_BLANKS = {code: " " for code in range(128) if not chr(code).isalnum()}


@lru_cache(maxsize=100_000)
def plain(text: str) -> str:
    """A text as it is compared: small letters without accents; all else between words is one space."""
    if text.isascii():
        return " ".join(text.lower().translate(_BLANKS).split())
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", bare.casefold()).strip()


def codes_by_word(words: dict[Any, Words]) -> dict[str, Any]:
    """Each plain word with the code it stands for. A code is always a word for itself."""
    own = {plain(str(code)): code for code in words}
    return own | {plain(word): code for code, listed in words.items() for word in listed}


def apart(words: dict[Any, Words]) -> dict[Any, Words]:
    """The same words, if none stands for two things."""
    seen: dict[str, Any] = {}
    for code, listed in words.items():
        for word in listed:
            if seen.setdefault(plain(word), code) != code:
                raise Wrong("a word stands for two things", word, "one meaning", f"{seen[plain(word)]} and {code}")
    return words


def laid_over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``over``: groups key by key; words are added, and a word given a new meaning loses the old."""
    claimed = {plain(word): key for key, value in over.items() if _is_words(value) for word in value}
    result = {
        key: [word for word in value if claimed.get(plain(word), key) == key] if _is_words(value) else value
        for key, value in base.items()
    }
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = laid_over(result[key], value)
        elif _is_words(value) and _is_words(result.get(key)):
            result[key] = [*value, *result[key]]
        else:
            result[key] = value
    return result


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)
