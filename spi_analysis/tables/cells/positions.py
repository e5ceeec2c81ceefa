"""From a position in words to its class."""

from __future__ import annotations

from spi_analysis.params.words import plain


def class_of_position(text: str, classes: dict[str, str]) -> str | None:
    """The class whose word stands first in the text; of words that start together, the longest decides.

    So "Sekretaris Camat" is a secretary and "Plt. Camat" a camat.
    """
    words = plain(text).split()
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            found = classes.get(" ".join(words[start:end]))
            if found:
                return found
    return None
