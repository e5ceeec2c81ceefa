"""Dates are judged by their column: which number is the day, and from when days are counted, before a cell is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from spi_analysis.errors import Problem
from spi_analysis.params import DateField, DateOrder, DateRules, TimeField
from spi_analysis.tables import day_put_first, first_of, from_1904, is_day_count

DATE_FIELDS: tuple[DateField, ...] = get_args(DateField)
TIME_FIELDS: tuple[TimeField, ...] = get_args(TimeField)


@dataclass(frozen=True)
class DateColumn:
    """The decision on one column.

    ``order`` is None where cells contradict each other; ``is_decided`` says that cells (or the mapping) told it.
    ``day_first``, ``month_first``: rows of cells that can only be read so; ``either``: rows that can be read both ways;
    ``counts``: rows of day counts, where these begin in 1904.
    """

    order: DateOrder | None
    is_decided: bool
    day_first: tuple[int, ...]
    month_first: tuple[int, ...]
    either: tuple[int, ...]
    counts: tuple[int, ...] = ()

    def as_read(self, cell: object) -> object:
        """The cell as a reader of dates with the day first, and of days since 1900, has to be given it."""
        if self.counts and is_day_count(cell):
            return from_1904(cell)
        return day_put_first(cell) if self.order == "month_first" else cell

    def issues(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Codes of what is to be said of how the column was read, each with the rows it is about."""
        if self.counts:
            yield "dates_from_1904", self.counts
        if self.order == "month_first" and (rows := tuple(sorted((*self.month_first, *self.either)))):
            yield "dates_month_first", rows
        if self.either and not self.is_decided and self.order == "day_first":
            yield "dates_either_way", self.either

    def contradiction(self, file: str, sheet: str, label: str, say: str) -> Problem | None:
        """The problem of a column whose cells contradict each other; ``say``: where a mapping may decide it."""
        if self.order is not None:
            return None
        return Problem(
            "the dates of this column contradict each other",
            file=file,
            row=min(self.day_first[0], self.month_first[0]),
            column=label,
            key=f"sheet {sheet}" if sheet else "",
            got=f"day first in {_counted(self.day_first)}; month first in {_counted(self.month_first)}; "
            f"{len(self.either)} can be read either way",
            expected="one order in the whole column",
            hint=f"mend the dates, or say which it is in {say} (or month_first)",
        )


def judged(
    cells: Iterable[tuple[int, object]],
    rules: DateRules,
    given: DateOrder | None = None,
    *,
    days_from_1904: bool = False,
) -> DateColumn:
    """The decision on a column, from (row, cell); ``given`` is what the mapping says of it."""
    rows: dict[str, list[int]] = {"day": [], "month": [], "either": [], "": [], "count": []}
    for row, cell in cells:
        kind = "count" if days_from_1904 and is_day_count(cell) else first_of(cell)
        rows[kind].append(row)
    day, month = rows["day"], rows["month"]
    order = given or _order(day, month, rules)
    is_decided = given is not None or bool(day or month)
    return DateColumn(order, is_decided, *(tuple(rows[kind]) for kind in ("day", "month", "either", "count")))


def _order(day: Sequence[int], month: Sequence[int], rules: DateRules) -> DateOrder | None:
    if not day and not month:
        return rules.otherwise
    if min(len(day), len(month)) > rules.slip_share * (len(day) + len(month)):
        return None
    return "day_first" if len(day) > len(month) else "month_first"


def _counted(rows: Sequence[int]) -> str:
    return f"{len(rows)} (row {rows[0]})" if len(rows) == 1 else f"{len(rows)} (from row {rows[0]})"
