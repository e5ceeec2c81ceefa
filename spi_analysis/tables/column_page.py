"""The page docs/output_columns.md: every table, column and code, from the contracts and the labels.

Written anew by: python -m spi_analysis.tables.column_page > docs/output_columns.md
"""

from __future__ import annotations

from collections.abc import Iterable

from spi_analysis.columns import LABELS, VALUES
from spi_analysis.tables.contracts import CONTRACTS, KEYS

INTRODUCTION = """\
# Tables, columns and codes

What the Parquet store, `load_round(...)`, `spi export` and the CSV files beside a report contain.
This page is written from the code: `python -m spi_analysis.tables.column_page > docs/output_columns.md`.

The tables `responses` and `replicates` have further columns: one per item of the round's instrument (its code),
and `r0001`, `r0002`, ... for the replicate weights. Names, phone numbers and e-mail addresses are in no table.

## Files for spreadsheets

A CSV is UTF-8 with a byte-order mark, cells ended by commas and decimals by points. Names of units and services come
from foreign lists, and a spreadsheet runs what begins with `=`, `+`, `-` or `@`: before such a text, and inside one
where a spreadsheet with other settings would begin a cell (after `;`, `,`, `|`, a tab or a line break), stands an
apostrophe.
Numbers are as they are, also negative ones and texts that are nothing but a number (`+6281...`). A program takes the
apostrophe away with `spi_analysis.tables.neutral.as_written(text)`, which gives back exactly what there was; the R
script of `spi export` does so by itself. In a workbook (XLSX) such a text is a text and needs no apostrophe.

The CSV files beside a page hold what the page shows, rounded alike: scores of parts and rates with one decimal, index
and points with two, effective answers whole, standard errors like their estimates. `spi publish` refuses a table with a
cell that a spreadsheet would run or a figure with more digits than any page shows. All digits are in the store
(`load_round`) and in `spi export`, which stay in the house.
"""


def column_page() -> str:
    """The page as Markdown."""
    return "\n".join([INTRODUCTION, *_tables(), *_columns(), *_codes()])


def _tables() -> list[str]:
    rows = (
        (f"`{name}`", _codes_of(KEYS.get(name, [])), _codes_of(schema.columns)) for name, schema in CONTRACTS.items()
    )
    return ["## Tables", "", *_markdown(["table", "a row is known by", "columns"], rows), ""]


def _columns() -> list[str]:
    rows = (
        (f"`{name}`", label.id, label.en, _codes_of(t for t, schema in CONTRACTS.items() if name in schema.columns))
        for name, label in LABELS.items()
    )
    return ["## Columns", "", *_markdown(["column", "Indonesian", "English", "in tables"], rows), ""]


def _codes() -> list[str]:
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
