"""Cells of a population, and what to do with the thin ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.sampling.sizes import is_number

SEPARATOR = " × "
UNKNOWN_LEVEL = "(unknown)"


def known_levels(column: pd.Series) -> pd.Series:
    """The column as text, with a level of its own, ``UNKNOWN_LEVEL``, for what is missing."""
    if isinstance(column.dtype, pd.StringDtype):
        return column.fillna(UNKNOWN_LEVEL).astype("str")
    return column.astype("object").where(column.notna(), UNKNOWN_LEVEL).map(str)


def cell_labels(data: pd.DataFrame, by: list[str]) -> pd.Series:
    """One label per row that joins the columns ``by``; a missing value is a level of its own."""
    if not by:
        raise SamplingError("no column is named", got="an empty list", expected="the columns that make the cells")
    absent = [column for column in by if column not in data.columns]
    if absent:
        hint = nearest(absent[0], [str(column) for column in data.columns])
        raise SamplingError("a column is missing", column=", ".join(absent), expected="columns of the table", hint=hint)
    parts = [known_levels(data[column]) for column in by]
    label = parts[0]
    for part in parts[1:]:
        label = label + SEPARATOR + part
    return label.rename("cell")


def merge_thin_cells(cells: pd.DataFrame, by: list[str], count: str, minimum: float) -> pd.DataFrame:
    """Merge cells until every group holds at least ``minimum``.

    The rule, as long as a group is thin: the thinnest group joins the thinnest other
    group that shares most of its leading columns (so a thin position class first joins
    another one of the same unit, and only then does a unit join another unit). Ties go
    by label, so the order of rows does not matter.

    Parameters
    ----------
    cells : DataFrame (cells, ...)   one row per cell, columns ``by`` and ``count``
    by : list of str                 from the variable kept longest to the one given up first
    count : str                      column with what is counted (people, respondents)
    minimum : float                  the least a group may hold

    Returns
    -------
    DataFrame (cells, by + ["cell", "group", "merged"]) : group label of each cell, and
    whether it was merged. A group of several cells is named by its thickest cell and
    the number of further ones.
    """
    labels = cell_labels(cells, by)
    group, merged = merge_thin_labels(labels.tolist(), cells[count].tolist(), minimum)
    return cells[by].assign(cell=labels, group=group, merged=merged)


def merge_thin_labels(labels: Sequence[str], counts: Sequence[float], minimum: float) -> tuple[np.ndarray, np.ndarray]:
    """``merge_thin_cells`` by the labels of the cells: group label of each (C,), and whether it was merged (C,)."""
    if not is_number(minimum):
        raise SamplingError("the least size of a group is no number", got=str(minimum), expected="a finite number")
    if len(set(labels)) < len(labels):
        twice = next(label for i, label in enumerate(labels) if label in labels[:i])
        raise SamplingError("a cell is given twice", got=twice, expected="each once")
    group, merged = np.full(len(labels), "", dtype=object), np.zeros(len(labels), dtype=bool)
    for one in _merged([tuple(label.split(SEPARATOR)) for label in labels], counts, minimum):
        thickest = min(one.members, key=lambda i: (-counts[i], labels[i]))
        further = len(one.members) - 1
        group[one.members] = labels[thickest] + (f" (+{further})" if further else "")
        merged[one.members] = further > 0
    return group, merged


def merged_codes(cells: Sequence[tuple[str, ...]], counts: Iterable[float], minimum: float) -> np.ndarray:
    """Group of each cell (C,) by the rule of ``merge_thin_cells``, without labels: for many repetitions.

    Groups are numbered from 0 by their first cells, so cells that stay alone keep their order.
    ``cells``: the values of each cell as text, from the one kept longest to the one given up first.
    """
    code = np.empty(len(cells), dtype=np.intp)
    groups = sorted(_merged(cells, counts, minimum), key=lambda group: min(group.members))
    for number, group in enumerate(groups):
        code[group.members] = number
    return code


def _merged(cells: Sequence[tuple[str, ...]], counts: Iterable[float], minimum: float) -> list[_Group]:
    groups = [_Group([i], float(n), part) for i, (n, part) in enumerate(zip(counts, cells, strict=True))]
    while len(groups) > 1:
        groups.sort(key=lambda group: (group.count, group.parts))
        if groups[0].count >= minimum:
            break
        thin = groups.pop(0)
        # Whoever shares the first value shares more than those who do not: only they are compared.
        near = [group for group in groups if thin.parts and group.parts[:1] == thin.parts[:1]] or groups
        partner = min(near, key=lambda group: (-_shared(thin.parts, group.parts), group.count, group.parts))
        groups.remove(partner)
        groups.append(thin.joined(partner))
    return groups


class _Group:
    """Cells that belong together; ``parts`` are the leading values that all of them share."""

    def __init__(self, members: list[int], count: float, parts: tuple[str, ...]) -> None:
        self.members, self.count, self.parts = members, count, parts

    def joined(self, other: _Group) -> _Group:
        parts = self.parts[: _shared(self.parts, other.parts)]
        return _Group([*self.members, *other.members], self.count + other.count, parts)


def _shared(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many leading values two cells have in common."""
    shared = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        shared += 1
    return shared
