"""Texts that no spreadsheet takes for a formula, and the way back."""

from __future__ import annotations

import re

from spi_analysis.threads import pd

MARK = "'"
# Also as written full width, which some spreadsheets read alike.
_BEGINS_FORMULA = r"[=+\-@＝＋－＠]"
# The beginning of a cell: of the text (some programs skip blanks), or after what another setting takes for its end.
_CELL_START = r"(^[\s\ufeff\"]*|[;,|\t\r\n]\"*)"
_TO_MARK = re.compile(rf"{_CELL_START}(?='*{_BEGINS_FORMULA})")
_MARKED = re.compile(rf"{_CELL_START}{MARK}(?='*{_BEGINS_FORMULA})")
_RUNS = re.compile(rf"{_CELL_START}{_BEGINS_FORMULA}")
# A number, or the dashes that stand for nothing: no spreadsheet computes with these.
_PLAIN = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?%?|-+")


def neutral(text: str) -> str:
    """The text with an apostrophe wherever a spreadsheet would begin a formula.

    Examples
    --------
    >>> neutral("=cmd|' /C calc'!A0"), neutral("Dinas A;@SUM(A1)"), neutral("-7.25"), neutral("Seksi A - B")
    ("'=cmd|' /C calc'!A0", "Dinas A;'@SUM(A1)", '-7.25', 'Seksi A - B')
    """
    return text if _PLAIN.fullmatch(text) else _TO_MARK.sub(rf"\1{MARK}", text)


def as_written(text: str) -> str:
    """What `neutral` was given.

    Examples
    --------
    >>> as_written("'=cmd"), as_written("'quoted'")
    ('=cmd', "'quoted'")
    """
    return _MARKED.sub(r"\1", text)


def is_neutral(text: str) -> bool:
    """Whether no spreadsheet begins a formula anywhere in the text: `neutral` would have nothing left to do."""
    return bool(_PLAIN.fullmatch(text)) or _RUNS.search(text) is None


def neutral_table(data: pd.DataFrame) -> pd.DataFrame:
    """The table with neutral texts, headings included; columns of numbers, times and truth values are not touched."""
    texts = [i for i in range(data.shape[1]) if _holds_text(data.iloc[:, i])]
    if texts:
        data = data.copy(deep=False)
        for i in texts:
            data.isetitem(i, _neutral_column(data.iloc[:, i]))
    return data.set_axis([neutral_value(name) for name in data.columns], axis=1)


def _holds_text(column: pd.Series) -> bool:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        kind = kind.categories.dtype
    return pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)


def _neutral_column(column: pd.Series) -> pd.Series:
    # Names come many times over; each is looked at once.
    values = column.to_numpy(dtype=object).tolist()
    known = {value: neutral(value) for value in {value for value in values if isinstance(value, str)}}
    return pd.Series(
        [known[value] if isinstance(value, str) else value for value in values], column.index, dtype=object
    )


def neutral_value(value: object) -> object:
    """A text as `neutral` gives it, anything else as it is."""
    return neutral(value) if isinstance(value, str) else value
