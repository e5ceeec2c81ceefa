"""Names: compared inside the import, never shown."""

from __future__ import annotations

from spi_analysis.params.mapping import NameRules
from spi_analysis.params.words import plain
from spi_analysis.tables.cells.spelling import likeness


def names_alike(one: str, other: str, rules: NameRules) -> bool:
    """Whether two names may be one person's: the same but for titles, initials, left-out parts or slips."""
    first, second = _parts(one, rules), _parts(other, rules)
    if not first or not second or "".join(first) == "".join(second):
        return True
    return _is_inside(first, second, rules) or _is_inside(second, first, rules)


def _parts(name: str, rules: NameRules) -> list[str]:
    """The words of a name without titles; degrees stand after a comma."""
    titles = {plain(title) for title in rules.titles}
    return [word for word in plain(name.split(",")[0]).split() if word not in titles]


def _is_inside(short: list[str], long: list[str], rules: NameRules) -> bool:
    """Whether every word of one name, or the name its initial stands for, is in the other."""
    return all(
        any(word.startswith(part) if len(part) == 1 else likeness(part, word) >= rules.similarity for word in long)
        for part in short
    )
