"""The glossary, from its YAML file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from spi_analysis.params import CategoryParams, Frozen, Text, read_yaml, validate
from spi_analysis.reporting.wording import Words

PATH = Path(__file__).parent / "glossary.yaml"


class Entry(Frozen):
    """A term and its explanation."""

    term: Text
    text: Text


class Glossary(Frozen):
    """All terms, in the order in which a reader meets them."""

    entries: list[Entry]


@cache
def _glossary() -> Glossary:
    return validate(Glossary, read_yaml(PATH, PATH.name), PATH.name)


def glossary_entries(categories: CategoryParams, words: Words) -> list[tuple[str, str]]:
    """Terms and explanations in a language; ``{categories}`` in them is what the round's thresholds say."""
    said = {"categories": category_limits(categories, words)}
    return [(words.pick(entry.term), words.pick(entry.text).format(**said)) for entry in _glossary().entries]


def category_limits(categories: CategoryParams, words: Words) -> str:
    """Which index makes which category, from the lowest up."""
    lower, said = None, []
    for level in categories.levels:
        low, high = words.exact(lower), words.exact(level.below)
        name = words.pick(level.label)
        if lower is None:
            said.append(words("{name} below {high}", name=name, high=high))
        elif level.below is None:
            said.append(words("{name} from {low} on", name=name, low=low))
        else:
            said.append(words("{name} from {low} to below {high}", name=name, low=low, high=high))
        lower = level.below
    return ", ".join(said)
