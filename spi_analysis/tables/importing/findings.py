"""What was noticed while a file was read: one row per finding, in words for both languages."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from spi_analysis.params.base import Frozen
from spi_analysis.params.loading import read_yaml, validate
from spi_analysis.tables.cells.masks import mask_text, shown

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
    """The place of a finding; ``row`` is the spreadsheet's, None for a whole file or sheet."""

    institution_id: str
    source: str
    file: str
    sheet: str = ""
    row: int | None = None


class Findings:
    """A growing list of findings. Values are masked by their field as they come in."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []

    def add(
        self, where: Where, code: str, column: str = "", field: str = "", value: object = None, **details: object
    ) -> None:
        """Note one finding; ``details`` fill the braces of the reason."""
        reason = reasons()[code]
        words = (reason.id.format(**details), reason.en.format(**details))
        masked = shown(field, value) if field else ""
        self._rows.append((*where, mask_text(column), code, reason.severity, *words, masked))

    def add_for_sheet(self, where: Where, code: str, rows: int) -> None:
        """Note once that all rows of a sheet share a finding, since it has no such column."""
        reason, whole = reasons()[code], reasons()["whole_sheet"]
        words = [whole.id.format(reason=reason.id, rows=rows), whole.en.format(reason=reason.en, rows=rows)]
        self._rows.append((*where, "", code, reason.severity, *words, ""))

    def table(self) -> pd.DataFrame:
        """All findings, ordered by place."""
        table = pd.DataFrame(self._rows, columns=list(COLUMNS)).astype({"row": "Int64"})
        order = ["institution_id", "source", "file", "sheet", "row", "column", "code"]
        return table.sort_values(order, na_position="first", kind="stable", ignore_index=True)
