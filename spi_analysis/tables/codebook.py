"""What every column of an exported file means, and every code in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from spi_analysis.columns import LABELS, VALUES
from spi_analysis.params.base import Language
from spi_analysis.params.instrument import Instrument

YES_NO: dict[Language, dict[int, str]] = {"id": {0: "Tidak", 1: "Ya"}, "en": {0: "No", 1: "Yes"}}
CODEBOOK_COLUMNS = ("column", "label", "value", "value_label", "is_missing")


@dataclass(frozen=True)
class Meaning:
    """A column in words: its label, the labels of its codes (numbers or words), and which mean "no answer"."""

    label: str
    values: dict[int, str] | dict[str, str]
    missing: tuple[int, ...] = ()

    @property
    def in_words(self) -> bool:
        """Whether the codes are words, such as "female"."""
        return any(isinstance(value, str) for value in self.values)


def meanings(columns: Iterable[str], instrument: Instrument, language: Language) -> dict[str, Meaning]:
    """The meaning of each column in one language; items by their question, others by their canonical label."""
    questions = {question.code: question for part in instrument.questions.values() for question in part}
    found = {}
    for column in columns:
        if column in questions:
            scale = instrument.scales[questions[column].scale]
            labels = {code: text[language] for code, text in sorted(scale.labels.items())}
            found[column] = Meaning(questions[column].text[language], labels, tuple(sorted(scale.missing)))
        else:
            label = getattr(LABELS[column], language) if column in LABELS else column
            found[column] = Meaning(label, _codes(column, language))
    return found


def _codes(column: str, language: Language) -> dict[int, str] | dict[str, str]:
    """Codes of a column that is no item. Age groups name themselves."""
    if column.startswith("is_"):
        return YES_NO[language]
    labels = {} if column == "age_group" else VALUES.get(column, {})
    return {code: getattr(label, language) for code, label in labels.items()}


def codebook(words: dict[str, Meaning]) -> pd.DataFrame:
    """One row per column and code; a column without codes has one row."""
    rows = [
        (column, meaning.label, value, text, value in meaning.missing)
        for column, meaning in words.items()
        for value, text in (meaning.values or {None: None}).items()
    ]
    return pd.DataFrame(rows, columns=list(CODEBOOK_COLUMNS))
