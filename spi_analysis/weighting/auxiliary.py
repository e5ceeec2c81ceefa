"""Auxiliary variables without the big matrix: what calibration needs are totals, products and predictors.

Categorical margins are kept as codes and never expanded; their products are sums over the
table of distinct cells. Numeric columns are kept as they are and read in blocks of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.weighting.blocks import dot, product
from spi_analysis.weighting.cells import Cells, Margin, cells_of, group_sums
from spi_analysis.weighting.codes import coded
from spi_analysis.weighting.inputs import require_columns
from spi_analysis.weighting.totals import (
    INTERCEPT,
    Totals,
    as_texts,
    level_problems,
    misplaced_problems,
    missing_problems,
    one_population,
    value_problems,
)

__all__ = ["INTERCEPT", "Auxiliary", "Margin", "Totals", "auxiliary_of"]

# Rows per block of numeric columns: small enough for the cache, large enough for a matrix product.
BLOCK = 8_192


@dataclass(frozen=True)
class Auxiliary:
    """Auxiliary variables x_i of n rows: margins first, then numeric columns (n,) each (the intercept is one)."""

    margins: list[Margin]
    numeric_names: list[str]
    columns: list[np.ndarray]

    @property
    def names(self) -> list[str]:
        """Name of every auxiliary total."""
        return [f"{m.name}={level}" for m in self.margins for level in m.levels] + self.numeric_names

    @property
    def n_levels(self) -> int:
        """Number of totals that belong to margins; those of numeric columns come after them."""
        return sum(len(m.levels) for m in self.margins)

    @property
    def is_table(self) -> bool:
        """Whether rows of one cell are all alike: margins and an intercept only."""
        return bool(self.margins) and all(name == INTERCEPT for name in self.numeric_names)

    @cached_property
    def cells(self) -> Cells:
        """The distinct cells of the margins."""
        return cells_of(self.margins)

    @cached_property
    def on_cells(self) -> Auxiliary:
        """The same variables for the table of cells, one row per cell (``is_table`` only)."""
        levels = np.ascontiguousarray(self.cells.levels.T)
        margins = [Margin(m.name, m.levels, codes) for m, codes in zip(self.margins, levels, strict=True)]
        return Auxiliary(margins, self.numeric_names, [np.ones(len(self.cells)) for _ in self.columns])

    def level_sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of values (n,) or (n, k) per level of every margin: (levels,) or (levels, k)."""
        return self._of_levels(self.cells.sums(values)) if self.margins else np.empty((0, *values.shape[1:]))

    def totals(self, weights: np.ndarray) -> np.ndarray:
        """sum_i w_i x_i: (p,)."""
        numeric = np.array([dot(weights, column) for column in self.columns])
        return np.concatenate([self.level_sums(weights), numeric])

    def gram(self, weights: np.ndarray) -> np.ndarray:
        """sum_i w_i x_i x_i': (p, p)."""
        numeric = np.zeros((len(self.columns), len(self.columns)))
        weighted = np.empty((len(self.columns), min(BLOCK, len(weights))))
        for rows, block in self._blocks():
            numeric += product(block, np.multiply(block, weights[rows], out=weighted[:, : block.shape[1]]).T)
        if not self.margins:
            return numeric
        per_cell = [self.cells.sums(weights * column) for column in self.columns]
        side = self._of_levels(np.column_stack(per_cell) if per_cell else np.empty((len(self.cells), 0)))
        return np.block([[self._crossed(self.cells.sums(weights)), side], [side.T, numeric]])

    def products(self, values: np.ndarray) -> np.ndarray:
        """sum_i x_i values_i': values (n, k) to (p, k)."""
        numeric = np.zeros((len(self.columns), values.shape[1]))
        for rows, block in self._blocks():
            numeric += product(block, values[rows])
        return np.vstack([self.level_sums(values), numeric])

    def predict(self, coefficients: np.ndarray) -> np.ndarray:
        """x_i' coefficients: (p,) or (p, k) to (n,) or (n, k)."""
        n = len(self.margins[0].codes if self.margins else self.columns[0])
        if self.margins:
            starts = self._starts
            parts = (coefficients[starts[j] + self.cells.levels[:, j]] for j in range(len(self.margins)))
            out = sum(parts)[self.cells.codes]
        else:
            out = np.zeros((n, *coefficients.shape[1:]))
        for rows, block in self._blocks():
            out[rows] += np.einsum("ji,j...->i...", block, coefficients[self.n_levels :])
        return out

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(m.levels) for m in self.margins)])

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Numeric columns on top of each other (columns, rows), a block of rows at a time."""
        n = len(self.columns[0]) if self.columns else 0
        buffer = np.empty((len(self.columns), min(BLOCK, n)))
        for start in range(0, n, BLOCK):
            rows = slice(start, min(start + BLOCK, n))
            block = buffer[:, : rows.stop - start]
            for line, column in zip(block, self.columns, strict=True):
                line[:] = column[rows]
            yield rows, block

    def _of_levels(self, table: np.ndarray) -> np.ndarray:
        """Sums of cell values (M,) or (M, k) per level of every margin: (levels,) or (levels, k)."""
        sums = [group_sums(self.cells.levels[:, j], table, len(m.levels)) for j, m in enumerate(self.margins)]
        return np.concatenate(sums)

    def _crossed(self, table: np.ndarray) -> np.ndarray:
        """Sums of cell weights (M,) per pair of levels: (levels, levels)."""
        out = np.zeros((self.n_levels, self.n_levels))
        spans = [slice(a, b) for a, b in zip(self._starts[:-1], self._starts[1:], strict=True)]
        for i, a in enumerate(self.margins):
            for j, b in enumerate(self.margins[: i + 1]):
                pairs = self.cells.levels[:, i] * len(b.levels) + self.cells.levels[:, j]
                crossed = np.bincount(pairs, table, len(a.levels) * len(b.levels)).reshape(len(a.levels), -1)
                out[spans[i], spans[j]], out[spans[j], spans[i]] = crossed, crossed.T
        return out


def auxiliary_of(df: pd.DataFrame, totals: Totals, scale_margins: bool = False) -> tuple[Auxiliary, np.ndarray]:
    """The auxiliary variables that the totals name, and the totals in the same order, margins of one population.

    Raises
    ------
    WeightingError   unknown columns, levels of the sample without a total, totals without a row,
        missing values, totals that are no numbers, margins that disagree about the population; all at once.
    """
    require_columns(df, [])
    misplaced = misplaced_problems(df, totals)
    if "" in misplaced:
        raise WeightingError(misplaced[""])
    problems = [*misplaced.values(), *value_problems(totals)]
    totals, _, disagreement = one_population(totals, scale_margins)
    margins, numeric_names, columns, targets = [], [], [], []
    for name, total in totals.items():
        if name in misplaced:
            continue
        if isinstance(total, Mapping):
            values = as_texts(total)
            margin, found = _margin(df[name], name, values)
            problems += found
            margins.append(margin)
            targets.append(np.array([values[level] for level in margin.levels]))
        else:
            column = np.ones(len(df)) if name == INTERCEPT else df[name].to_numpy(dtype=float)
            problems += missing_problems(name, column)
            numeric_names.append(name)
            columns.append(column)
    problems += disagreement
    if problems:
        raise WeightingError(*problems)
    numbers = np.array([float(totals[name]) for name in numeric_names])  # type: ignore[arg-type]
    return Auxiliary(margins, numeric_names, columns), np.concatenate([*targets, numbers])


def _margin(column: pd.Series, name: str, values: Mapping[str, float]) -> tuple[Margin, list[Problem]]:
    """A margin whose levels are those of its totals, in the order of their names."""
    codes, texts = coded(column)
    levels = sorted(values)
    place = {level: i for i, level in enumerate(levels)}
    # A missing value has code -1 and so reads the last entry, which is -1 too.
    of_text = np.array([*(place.get(text, -1) for text in texts), -1], dtype=np.intp)
    problems = level_problems(name, values, texts, missing=bool(len(codes) and codes.min() < 0))
    return Margin(name, levels, of_text[codes]), problems
