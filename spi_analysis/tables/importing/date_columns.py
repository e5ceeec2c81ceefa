"""Dates are judged by their column: which number is the day, and from when days are counted, before a cell is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from spi_analysis.params.mapping import DateField, DateOrder, DateRules
from spi_analysis.tables.cells.dates import day_put_first, first_of, from_1904, is_day_count

DATE_FIELDS: tuple[DateField, ...] = get_args(DateField)


@dataclass(frozen=True)
class DateColumn:
    """The verdict on one column.

    ``order`` is None where cells contradict each other; ``is_settled`` says that cells (or the mapping) told it.
    ``day_first``, ``month_first``: rows of cells that can only be read so; ``either``: rows that can be read both ways;
    ``counts``: rows of day counts, where these begin in 1904.
    """

    order: DateOrder | None
    is_settled: bool
    day_first: tuple[int, ...]
    month_first: tuple[int, ...]
    either: tuple[int, ...]
    counts: tuple[int, ...] = ()

    def as_read(self, cell: object) -> object:
        """The cell as a reader of dates with the day first, and of days since 1900, has to be given it."""
        if self.counts and is_day_count(cell):
            return from_1904(cell)
        return day_put_first(cell) if self.order == "month_first" else cell


def judged(
    cells: Iterable[tuple[int, object]],
    rules: DateRules,
    given: DateOrder | None = None,
    *,
    days_from_1904: bool = False,
) -> DateColumn:
    """The verdict on a column, from (row, cell); ``given`` is what the mapping says of it."""
    rows: dict[str, list[int]] = {"day": [], "month": [], "either": [], "": [], "count": []}
    for row, cell in cells:
        kind = "count" if days_from_1904 and is_day_count(cell) else first_of(cell)
        rows[kind].append(row)
    day, month = rows["day"], rows["month"]
    order = given or _order(day, month, rules)
    is_settled = given is not None or bool(day or month)
    return DateColumn(order, is_settled, *(tuple(rows[kind]) for kind in ("day", "month", "either", "count")))


def _order(day: Sequence[int], month: Sequence[int], rules: DateRules) -> DateOrder | None:
    if not day and not month:
        return rules.otherwise
    if min(len(day), len(month)) > rules.slip_share * (len(day) + len(month)):
        return None
    return "day_first" if len(day) > len(month) else "month_first"
