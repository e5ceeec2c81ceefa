"""The glossary, from its YAML file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from spi_analysis.params import Language, Text
from spi_analysis.params.base import Frozen
from spi_analysis.params.loading import read_yaml, validate

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


def glossary_entries(language: Language) -> list[tuple[str, str]]:
    """Terms and explanations in a language."""
    return [(entry.term[language], entry.text[language]) for entry in _glossary().entries]
