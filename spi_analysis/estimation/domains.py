"""Domains: disjoint parts of the population, named by the values of columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.estimation.inputs import require_columns
from spi_analysis.estimation.result import RESULT_COLUMNS

By = str | Sequence[str] | None
RESERVED = ("variable", "category", "quantile", *RESULT_COLUMNS, "deff")


@dataclass(frozen=True)
class Domains:
    """D disjoint domains: ``labels`` (D rows, the columns of ``by``); ``codes`` (n,), -1 outside all of them."""

    labels: pd.DataFrame
    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n,) in every domain: (D,)."""
        return np.bincount(self.codes + 1, values, len(self) + 1)[1:]


def domains_of(data: pd.DataFrame, inside: np.ndarray, by: By) -> Domains:
    """Domains by the values of ``by``, sorted; without ``by`` (or an empty list) the rows ``inside`` are one domain.

    A row with a missing value is in no domain.

    Raises
    ------
    EstimationError   a column is missing or has a name that results use themselves; no row has a value
    """
    columns = [] if by is None else [by] if isinstance(by, str) else list(by)
    if not columns:
        return Domains(pd.DataFrame(index=[0]), inside.astype(np.intp) - 1)
    require_columns(data, columns)
    taken = [column for column in columns if column in RESERVED]
    if taken:
        raise EstimationError(
            "a domain column has the name of a column of the result",
            column=", ".join(taken),
            got="one of " + ", ".join(RESERVED),
            expected="another name",
            hint=f"rename it first: df.rename(columns={{{taken[0]!r}: '{taken[0]}_group'}})",
        )
    coded = [_coded(data[column]) for column in columns]
    cell, n_cells = _cells([codes for codes, _ in coded], [len(levels) for _, levels in coded])
    cell = np.where(inside, cell, -1)
    present = np.flatnonzero(np.bincount(cell + 1, minlength=n_cells + 1)[1:])
    if not len(present):
        raise EstimationError("there is no domain", column=", ".join(columns), expected="at least one row with a value")
    number = np.full(n_cells + 1, -1, dtype=np.intp)
    number[present] = np.arange(len(present))
    which = np.unravel_index(present, [max(len(levels), 1) for _, levels in coded])
    parts = zip(columns, coded, which, strict=True)
    return Domains(pd.DataFrame({c: levels.take(codes) for c, (_, levels), codes in parts}), number[cell])


def _coded(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Codes of a column's values in their order, -1 where missing, and the values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(dtype=np.intp), pd.Index(column.cat.categories)
    codes, levels = pd.factorize(column, sort=True)
    return codes.astype(np.intp), pd.Index(levels)


def _cells(codes: list[np.ndarray], sizes: list[int]) -> tuple[np.ndarray, int]:
    """One code for every combination of codes, -1 where any is missing, and how many there could be."""
    cell, n_cells = np.zeros(len(codes[0]), dtype=np.intp), 1
    for own, size in zip(codes, sizes, strict=True):
        cell = np.where((cell >= 0) & (own >= 0), cell * size + own, -1)
        n_cells *= max(size, 1)
    return cell, n_cells
