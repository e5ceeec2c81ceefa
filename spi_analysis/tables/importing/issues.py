"""What was noticed while a file was read: one row per issue, in words for both languages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

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


class Issues:
    """A growing list of issues. Values are masked by their field as they come in."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

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
        """All issues, ordered by place."""
        table = pd.DataFrame(self._rows, columns=list(COLUMNS)).astype({"row": "Int64"})
        order = ["institution_id", "source", "file", "sheet", "row", "column", "code"]
        return table.sort_values(order, na_position="first", kind="stable", ignore_index=True)


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
    places = {row: place for row, *place in cells[["file", "sheet", "row"]].itertuples()}
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
