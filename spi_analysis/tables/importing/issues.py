"""What was noticed while a file was read: one row per issue, in words for both languages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from spi_analysis.errors import HIDDEN, Problem
from spi_analysis.params import Frozen, read_yaml, validate
from spi_analysis.tables import mask_text, shown

COLUMNS = (
    "institution_id",
    "source",
    "file",
    "sheet",
    "row",
    "column",
    "code",
    "severity",
    "reason_id",
    "reason_en",
    "value",
)


class Reason(Frozen):
    """Why, in both languages, and what follows for the row.

    ``per``: whether it is said for every row, or once for a column or a sheet, where ``{rows}`` is how many.
    """

    severity: Literal["rejected", "flagged", "note"]
    id: str
    en: str
    per: Literal["row", "column", "sheet"] = "row"


class _Reasons(Frozen):
    reasons: dict[str, Reason]


@cache
def reasons() -> dict[str, Reason]:
    """All reasons by their code, from ``reasons.yaml``."""
    path = Path(__file__).parents[1] / "reasons.yaml"
    return validate(_Reasons, {"reasons": read_yaml(path)}, path).reasons


class Where(NamedTuple):
    """The place of an issue; ``row`` is the spreadsheet's, None for a whole file or sheet."""

    institution_id: str
    source: str
    file: str
    sheet: str = ""
    row: int | None = None


# Who is listed may also be named where no name belongs: in the name of a file or sheet, in the column of the units.

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, eq=False)
class Names:
    """Names of people as their words in lower case, and what every text is searched for first."""

    whole: frozenset[tuple[str, ...]] = frozenset()

    @cached_property
    def first(self) -> frozenset[str]:
        """The first word of every name."""
        return frozenset(name[0] for name in self.whole)

    @cached_property
    def longest(self) -> int:
        """The number of words of the longest name."""
        return max(map(len, self.whole), default=0)

    def __bool__(self) -> bool:
        return bool(self.whole)


def names_of(cells: Iterable[object]) -> Names:
    """Names of people as their words. One word alone says nothing: it may be a place or an office."""
    words = (tuple(_WORD.findall(cell.casefold())) for cell in cells if isinstance(cell, str))
    return Names(frozenset(name for name in words if len(name) > 1))


def all_names(parts: Iterable[Names]) -> Names:
    """The names of all parts together."""
    return Names(frozenset[tuple[str, ...]]().union(*(part.whole for part in parts)))


def hide_people(text: str, names: Names) -> str:
    """The text with every name of a listed person hidden, however it is written.

    Examples
    --------
    >>> hide_people("Data budi_CONTOH final.xlsx", names_of(["Budi Contoh"]))
    'Data •••• final.xlsx'
    """
    found, at = list(_WORD.finditer(text)), 0
    words, spans = [match[0].casefold() for match in found], []
    while at < len(words):
        lengths = range(min(names.longest, len(words) - at), 1, -1) if words[at] in names.first else ()
        n = next((n for n in lengths if tuple(words[at : at + n]) in names.whole), 0)
        spans += [(found[at].start(), found[at + n - 1].end())] if n else []
        at += max(n, 1)
    for start, end in reversed(spans):
        text = f"{text[:start]}{HIDDEN}{text[end:]}"
    return text


def hidden(said: Any, names: Names) -> Any:
    """The same in all texts of something that is said: texts, lists and dictionaries of them, problems."""
    if not names:
        return said
    if isinstance(said, str):
        return hide_people(said, names)
    if isinstance(said, Problem):
        return replace(
            said, **{name: hide_people(getattr(said, name), names) for name in ("file", "key", "got", "hint")}
        )
    if isinstance(said, dict):
        return {key: hidden(value, names) for key, value in said.items()}
    return [hidden(value, names) for value in said] if isinstance(said, list) else said


def without_people(table: pd.DataFrame, names: Names) -> pd.DataFrame:
    """A table with the names hidden in its texts; the same text is looked at once."""
    known: dict[Any, Any] = {}
    for column in [name for name in table if not pd.api.types.is_numeric_dtype(table[name])] if names else []:
        cells = table[column].to_numpy(dtype=object).tolist()
        known |= {text: hidden(text, names) for text in set(cells) - known.keys() if isinstance(text, str)}
        said = [known.get(value, value) for value in cells]
        # Of a column without any text pandas would make numbers.
        table[column] = pd.Series(said, table.index, dtype=table[column].dtype)
    return table


class Issues:
    """A growing list of issues. Values are masked by their field as they come in; ``names``: whose are hidden."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self.names = Names()
        self._table: tuple[int, Names, pd.DataFrame] | None = None

    def add(
        self, where: Where, code: str, column: str = "", field: str = "", value: object = None, **details: object
    ) -> None:
        """Note one issue; ``details`` fill the braces of the reason."""
        reason = reasons()[code]
        words = (reason.id.format(**details), reason.en.format(**details))
        masked = shown(field, value) if field else ""
        self._rows.append((*where, mask_text(column), code, reason.severity, *words, masked))

    def add_for_sheet(self, where: Where, code: str, rows: int) -> None:
        """Note once that all rows of a sheet share an issue, since it has no such column."""
        reason, whole = reasons()[code], reasons()["whole_sheet"]
        words = [whole.id.format(reason=reason.id, rows=rows), whole.en.format(reason=reason.en, rows=rows)]
        self._rows.append((*where, "", code, reason.severity, *words, ""))

    def table(self) -> pd.DataFrame:
        """All issues, ordered by place; made once as long as none is added."""
        if self._table is None or self._table[0] != len(self._rows) or self._table[1] != self.names:
            table = pd.DataFrame(self._rows, columns=list(COLUMNS)).astype({"row": "Int64"})
            table = without_people(table, self.names)
            order = ["institution_id", "source", "file", "sheet", "row", "column", "code"]
            table = table.sort_values(order, na_position="first", kind="stable", ignore_index=True)
            self._table = len(self._rows), self.names, table
        return self._table[2].copy()


def rows_of(table: pd.DataFrame, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of some columns as tuples: columns of texts give their cells one by one at ten times the price."""
    return zip(*(table[column].to_numpy(dtype=object).tolist() for column in columns), strict=True)


# Issues of single rows, gathered while a list is read and added to its issues at the end.

NO_RESULT = "formula_without_value"


class RowIssue(NamedTuple):
    """One issue: row label, code of the reason, the fields it may be about, and what fills the reason's braces."""

    row: Any
    code: str
    fields: tuple[str, ...] = ()
    details: Mapping[str, object] = {}

    @property
    def severity(self) -> str:
        return reasons()[self.code].severity


def rows_with(row_issues: Iterable[RowIssue], severity: str) -> set[Any]:
    """The rows with an issue of this severity."""
    return {issue.row for issue in row_issues if issue.severity == severity}


def codes_per_row(row_issues: Iterable[RowIssue], rows: pd.Index, severities: tuple[str, ...]) -> pd.Series:
    """Codes of the issues on every row, joined by ";"; None where there is none."""
    codes: dict[Any, set[str]] = {}
    for issue in row_issues:
        if issue.severity in severities:
            codes.setdefault(issue.row, set()).add(issue.code)
    return pd.Series([";".join(sorted(codes[row])) if row in codes else None for row in rows], rows, dtype=object)


def add_row_issues(
    issues: Issues,
    row_issues: Sequence[RowIssue],
    cells: pd.DataFrame,
    labels: Mapping[tuple[str, str], Mapping[str, str]],
    whose: Where,
) -> None:
    """Add the issues of single rows.

    ``cells`` holds file, sheet, row and the raw cells; ``labels`` the headers of each (file, sheet) by field. What is
    unknown because a sheet has no such column is said once for the sheet, not for each of its rows, and so is what has
    one cause for a column or a sheet. Formulas without a result are said by `note_formulas`; what follows from them is
    not said a second time.
    """
    places = dict(zip(cells.index, rows_of(cells, ["file", "sheet", "row"]), strict=True))
    values = {
        name: cells[name].array for name in {field for issue in row_issues for field in issue.fields} & {*cells.columns}
    }
    at = {row: i for i, row in enumerate(cells.index)}
    whole: Counter[tuple[str, str, str]] = Counter()
    once: dict[tuple[str, str, str, str], list[RowIssue]] = {}
    caused = {(issue.row, field) for issue in row_issues if issue.code == NO_RESULT for field in issue.fields}
    for issue in row_issues:
        file, sheet, row = places[issue.row]
        if issue.code == NO_RESULT:
            continue
        if (per := reasons()[issue.code].per) != "row":
            once.setdefault((file, sheet, issue.code, issue.fields[0] if per == "column" else ""), []).append(issue)
            continue
        if issue.severity == "flagged" and any((issue.row, field) in caused for field in issue.fields):
            continue
        there = [field for field in issue.fields if field in labels[file, sheet]]
        if issue.severity == "flagged" and not there:
            whole[file, sheet, issue.code] += 1
            continue
        field = there[0] if there else ""
        where = whose._replace(file=file, sheet=sheet, row=row)
        value = values[field][at[issue.row]] if field else None
        issues.add(where, issue.code, labels[file, sheet].get(field, ""), field, value, **issue.details)
    for (file, sheet, code, field), same in once.items():
        where = whose._replace(file=file, sheet=sheet, row=places[same[0].row][2])
        column = labels[file, sheet].get(field, "")
        issues.add(where, code, column, **{"rows": len({issue.row for issue in same}), **same[0].details})
    for (file, sheet, code), rows in whole.items():
        issues.add_for_sheet(whose._replace(file=file, sheet=sheet), code, rows)
