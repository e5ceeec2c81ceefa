"""Delimited text into rows that are numbered as a person sees them; what is broken is said with its row."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

QUOTE_HINT = "look for a quotation mark in this row that opens a cell and is not closed"
SAVE_AGAIN = "open it in a spreadsheet program and save it again as CSV (UTF-8)"


class BrokenText(ValueError):
    """Text that is no table. ``row`` is the row as a spreadsheet numbers it."""

    def __init__(self, what: str, row: int | None = None, got: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.row, self.got, self.expected, self.hint = what, row, got, expected, hint

    @property
    def fields(self) -> dict[str, object]:
        """What a `Problem` says about it, besides what and where."""
        return {"row": self.row, "got": self.got, "expected": self.expected, "hint": self.hint}


class CsvTable(NamedTuple):
    """Header and rows of a CSV; ``uneven`` says which rows do not fit the header, by their number."""

    header: list[str]
    rows: list[tuple[int, dict[str, str]]]
    uneven: list[tuple[int, int]]


def utf8_text(content: bytes) -> str:
    """Bytes as UTF-8 text, with or without a byte-order mark; anything else is refused with its row."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BrokenText("the file is not in UTF-8", got="UTF-16", expected="UTF-8", hint=SAVE_AGAIN)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row, byte = _row_at(content, error.start), content[error.start]
        raise BrokenText("the file is not in UTF-8", row, f"byte 0x{byte:02x}", "UTF-8", SAVE_AGAIN) from None
    refuse_nul(text)
    return text


def refuse_nul(text: str) -> None:
    """Text with a NUL character is a damaged or a binary file."""
    if "\0" in text:
        row = text.count("\n", 0, text.index("\0")) + 1
        raise BrokenText("the text holds a NUL character", row, expected="a text file", hint=SAVE_AGAIN)


def lines_of(text: str) -> io.StringIO:
    """The lines as the csv module wants them: only real line ends divide rows, never what Unicode calls a line break.

    Old Macs ended lines with a carriage return; where there is a newline, a lone carriage return is none.
    """
    return io.StringIO(text, newline="\n" if "\n" in text else "")


def strict_rows(text: str, delimiter: str = ",") -> list[list[str]]:
    """All rows of a delimited text.

    Raises
    ------
    BrokenText   a quotation mark is not closed (or closed too late, so that it swallows rows), a cell is too long,
        or a line break stands in a cell without quotation marks; names the row where it begins.
    """
    reader = csv.reader(lines_of(text), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    widest = 0
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _broken(str(error), len(rows) + 1) from None
        if row is None:
            return rows
        if any(_swallowed(cell, delimiter, widest or len(row)) for cell in row):
            raise BrokenText(
                "a cell holds whole rows", len(rows) + 1, "a cell with line breaks and delimiters", hint=QUOTE_HINT
            )
        widest = max(widest, len(row))
        rows.append(row)


def _swallowed(cell: str, delimiter: str, columns: int) -> bool:
    """Whether a quoted cell holds as many delimiters as a row: then the quotation mark was never meant to stay open."""
    return ("\n" in cell or "\r" in cell) and cell.count(delimiter) >= max(2, columns - 1)


def _broken(said: str, row: int) -> BrokenText:
    if "field limit" in said:
        limit = f"at most {csv.field_size_limit():,} characters"
        return BrokenText("a cell is too long", row, "a cell that does not end", limit, QUOTE_HINT)
    if "new-line" in said:
        hint = "remove the line break, or put the cell in quotation marks"
        return BrokenText("a line break stands inside a cell", row, "a lone carriage return", hint=hint)
    return BrokenText(
        "a quotation mark is not closed", row, said, "cells with quotation marks on both sides", QUOTE_HINT
    )


def csv_table(content: bytes) -> CsvTable:
    """A CSV in UTF-8 with a header; blank rows are left out.

    Raises
    ------
    BrokenText   another encoding, broken quotation marks, no header, a column twice, or no row below the header.
    """
    rows = strict_rows(utf8_text(content))
    header = [cell.strip() for cell in rows[0]] if rows else []
    if not any(header):
        raise BrokenText("the file is empty", expected="a header row and rows below it")
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise BrokenText("a column is there twice", 1, ", ".join(twice), "each column once")
    numbered = [(number, row) for number, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)]
    if not numbered:
        raise BrokenText("the file holds no rows below its header", 1, "a header alone", "at least one row")
    uneven = [(number, len(row)) for number, row in numbered if len(row) != len(header)]
    cells = [(number, dict(zip(header, [*row, *[""] * len(header)], strict=False))) for number, row in numbered]
    return CsvTable(header, cells, uneven)


def _row_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1
