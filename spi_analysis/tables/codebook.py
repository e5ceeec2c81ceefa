"""What every column of an exported file means, and every code in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from spi_analysis.columns import LABELS, MEASURES, VALUES, Label, Measure
from spi_analysis.params import Instrument, Language, Text
from spi_analysis.tables.contracts import CONTRACTS, KEYS

YES_NO = {0: Label("Tidak", "No"), 1: Label("Ya", "Yes")}
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


def meanings(
    columns: Iterable[str], instrument: Instrument, language: Language, sources: Mapping[str, Text]
) -> dict[str, Meaning]:
    """The meaning of each column in one language; items by their question, others by their canonical label.

    ``sources``: what the round calls its sources. Words that are missing in the language are English.
    """
    asked = [*instrument.questions.values(), *(part.modules.questions for part in instrument.sources.values())]
    questions = {question.code: question for part in asked for question in part}
    found = {}
    for column in columns:
        if column in questions:
            scale = instrument.scales[questions[column].scale]
            labels = {code: text[language] for code, text in sorted(scale.labels.items())}
            found[column] = Meaning(questions[column].text[language], labels, tuple(sorted(scale.missing)))
        else:
            label = LABELS[column].get(language) or LABELS[column].en if column in LABELS else column
            codes = {code: text[language] for code, text in sources.items()} if column == "source" else None
            found[column] = Meaning(label, codes or _codes(column, language))
    return found


def _codes(column: str, language: Language) -> dict[int, str] | dict[str, str]:
    """Codes of a column that is no item. Age groups name themselves."""
    if column.startswith("is_"):
        return {code: label.get(language) or label.en for code, label in YES_NO.items()}
    labels = {} if column == "age_group" else VALUES.get(column, {})
    return {code: label.get(language) or label.en for code, label in labels.items()}


def codebook(words: dict[str, Meaning]) -> pd.DataFrame:
    """One row per column and code; a column without codes has one row."""
    rows = [
        (column, meaning.label, value, text, value in meaning.missing)
        for column, meaning in words.items()
        for value, text in (meaning.values or {None: None}).items()
    ]
    return pd.DataFrame(rows, columns=list(CODEBOOK_COLUMNS))


# The page docs/output_columns.md: every table, column and code, from the contracts and the labels.
#
# Written anew by: python -m spi_analysis.tables.codebook > docs/output_columns.md

INTRODUCTION = """\
# Tables, columns and codes

What the Parquet store, `load_round(...)`, `spi export` and the CSV files beside a report contain.
This page is written from the code: `python -m spi_analysis.tables.codebook > docs/output_columns.md`.

The tables `responses`, `weights` and `replicates` have further columns: one per item of the round's instrument (its
code), one per step of the round's weighting (the column that the step names, such as `nr_weight`), `replicates`, a
list of all replicate weights of the person (in CSV files `r0001`, `r0002`, ...), and `variance_factor`, by which the
variance of the replicates is multiplied. Names, phone numbers and e-mail addresses are in no table.

## Files for spreadsheets

A CSV is UTF-8 with a byte-order mark, cells ended by commas and decimals by points. Names of units and services come
from foreign lists, and a spreadsheet runs what begins with `=`, `+`, `-` or `@`: before such a text, and inside one
where a spreadsheet with other settings would begin a cell (after `;`, `,`, `|`, a tab or a line break), stands an
apostrophe.
Numbers are as they are, also negative ones and texts that are nothing but a number (`+6281...`). A program takes the
apostrophe away with `spi_analysis.tables.neutral_texts.as_written(text)`, which gives back exactly what there was; the
R script of `spi export` does so by itself. In a workbook (XLSX) such a text is a text and needs no apostrophe.

Beside a page lie its tables as `name.en.csv`, `name.en.xlsx` and the same with `id`: headings and words are those of
the page in that language, figures are numbers (shares between 0 and 1), an interval takes two columns, and a cell that
the page leaves out is empty. Some tables have a `name.csv` as well, with the column names of the store, which stay as
they are: for programs.

The CSV files beside a page hold what the page shows, rounded alike: scores of parts and rates with one decimal, index
and points with two, effective answers whole, standard errors like their estimates. `spi publish` refuses a table with a
cell that a spreadsheet would run or a figure with more digits than any page shows. All digits are in the store
(`load_round`) and in `spi export`, which stay in the house.
"""


def column_page() -> str:
    """The page as Markdown."""
    return "\n".join([INTRODUCTION, *_tables(), *_measures(), *_columns(), *_codes_column()])


def _tables() -> list[str]:
    rows = (
        (f"`{name}`", _codes_of(KEYS.get(name, [])), _codes_of(schema.columns)) for name, schema in CONTRACTS.items()
    )
    return ["## Tables", "", *_markdown(["table", "a row is known by", "columns"], rows), ""]


MEASURES_SAY = """\
## Measures of the table `estimates`

What identifies a row: `source` says whose answers it is made from (empty: of several sources, or of none), `part` what
of it (of the kind `part_kind`), `domain` among whom (of the kind `domain_kind`), `denominator` of a rate among how
many, `reference_year` with which year a change compares. A column that a measure does not have is empty, so
`estimates.query("measure == 'unit_score'").set_index("domain")` holds units and nothing else.
"""


def _measures() -> list[str]:
    header = ["measure", "part_kind", "domain_kind", "also has"]
    rows = ((f"`{name}`", _codes_of(m.parts), f"`{m.domain}`", _codes_of(_held(m))) for name, m in MEASURES.items())
    return [MEASURES_SAY, *_markdown(header, rows), ""]


def _held(measure: Measure) -> list[str]:
    """The columns beside part and domain that a measure fills."""
    return [name for name in ("source", "denominator", "reference_year") if getattr(measure, f"has_{name}")]


def _columns() -> list[str]:
    rows = (
        (f"`{name}`", label.id, label.en, _codes_of(t for t, schema in CONTRACTS.items() if name in schema.columns))
        for name, label in LABELS.items()
    )
    return ["## Columns", "", *_markdown(["column", "Indonesian", "English", "in tables"], rows), ""]


def _codes_column() -> list[str]:
    rows = (
        (f"`{column}`", f"`{code}`", label.id, label.en)
        for column, labels in VALUES.items()
        for code, label in labels.items()
    )
    return ["## Codes", "", *_markdown(["column", "code", "Indonesian", "English"], rows), ""]


def _codes_of(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _markdown(header: list[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in [tuple(header), tuple("---" for _ in header), *rows]]


if __name__ == "__main__":
    print(column_page(), end="")
