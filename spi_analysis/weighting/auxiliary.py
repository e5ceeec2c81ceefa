"""Auxiliary variables without the big matrix: what calibration needs are totals, products and predictors.

Categorical margins are kept as codes and never expanded; their products are counts per
cell. Numeric columns are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError, nearest

INTERCEPT = "(intercept)"
Totals = Mapping[str, float | Mapping[object, float]]


@dataclass(frozen=True)
class Margin:
    """A categorical variable: ``codes`` (n,) index into ``levels`` (L,)."""

    name: str
    levels: list[str]
    codes: np.ndarray


@dataclass(frozen=True)
class Auxiliary:
    """Auxiliary variables x_i of n rows: margins first, then numeric columns (the intercept is one)."""

    margins: list[Margin]
    numeric_names: list[str]
    numeric: np.ndarray

    @property
    def names(self) -> list[str]:
        """Name of every auxiliary total."""
        return [f"{m.name}={level}" for m in self.margins for level in m.levels] + self.numeric_names

    def totals(self, weights: np.ndarray) -> np.ndarray:
        """sum_i w_i x_i: (p,)."""
        parts = [np.bincount(m.codes, weights, len(m.levels)) for m in self.margins]
        return np.concatenate([*parts, weights @ self.numeric])

    def gram(self, weights: np.ndarray) -> np.ndarray:
        """sum_i w_i x_i x_i': (p, p)."""
        weighted = self.numeric * weights[:, None]
        rows = []
        for a in self.margins:
            size = len(a.levels)
            crossed = [
                np.bincount(a.codes * len(b.levels) + b.codes, weights, size * len(b.levels)).reshape(size, -1)
                for b in self.margins
            ]
            rows.append(np.hstack([*crossed, self._sums(a, weighted)]))
        bottom = [self._sums(b, weighted).T for b in self.margins]
        rows.append(np.hstack([*bottom, self.numeric.T @ weighted]))
        return np.vstack(rows)

    def products(self, values: np.ndarray) -> np.ndarray:
        """sum_i x_i values_i': values (n, k) to (p, k)."""
        return np.vstack([*(self._sums(m, values) for m in self.margins), self.numeric.T @ values])

    def predict(self, coefficients: np.ndarray) -> np.ndarray:
        """x_i' coefficients: (p,) or (p, k) to (n,) or (n, k)."""
        start, out = 0, 0.0
        for m in self.margins:
            out = out + coefficients[start : start + len(m.levels)][m.codes]
            start += len(m.levels)
        return out + self.numeric @ coefficients[start:]

    @staticmethod
    def _sums(margin: Margin, values: np.ndarray) -> np.ndarray:
        columns = [np.bincount(margin.codes, values[:, j], len(margin.levels)) for j in range(values.shape[1])]
        return np.column_stack(columns) if columns else np.empty((len(margin.levels), 0))


def auxiliary_of(df: pd.DataFrame, totals: Totals) -> tuple[Auxiliary, np.ndarray]:
    """The auxiliary variables that the totals name, and the totals in the same order.

    Raises
    ------
    WeightingError   unknown columns, levels of the sample without a total, totals without a row,
        missing values, margins that disagree about the population; all at once.
    """
    problems = _column_problems(df, totals) or _kind_problems(df, totals)
    if problems:
        raise WeightingError(*problems)
    margins, numeric_names, columns, targets = [], [], [], []
    for name, total in totals.items():
        if isinstance(total, Mapping):
            values = {str(level): float(value) for level, value in total.items()}
            levels = sorted(values)
            texts = pd.Index(df[name].astype("object").map(str, na_action="ignore"), dtype=object)
            codes = pd.Index(levels, dtype=object).get_indexer(texts)
            problems += _level_problems(df[name], codes, name, levels, values)
            margins.append(Margin(name, levels, codes.astype(np.intp)))
            targets.append(np.array([values[level] for level in levels]))
        else:
            column = np.ones(len(df)) if name == INTERCEPT else df[name].to_numpy(dtype=float)
            problems += _missing_problems(column, name)
            numeric_names.append(name)
            columns.append(column)
    problems += _population_problems(totals)
    if problems:
        raise WeightingError(*problems)
    numbers = np.array([float(totals[name]) for name in numeric_names])  # type: ignore[arg-type]
    numeric = np.column_stack(columns) if columns else np.empty((len(df), 0))
    return Auxiliary(margins, numeric_names, numeric), np.concatenate([*targets, numbers])


def _column_problems(df: pd.DataFrame, totals: Totals) -> list[Problem]:
    names = [str(column) for column in df.columns]
    return [
        Problem("a total is given for a column that is not there", column=name, hint=nearest(name, names))
        for name in totals
        if name != INTERCEPT and name not in df.columns
    ]


def _kind_problems(df: pd.DataFrame, totals: Totals) -> list[Problem]:
    return [
        Problem(
            "a single total is given for a column that is not a number",
            column=name,
            got=f"{total:g}",
            expected="one total per level, {level: total}",
        )
        for name, total in totals.items()
        if name != INTERCEPT and not isinstance(total, Mapping) and not pd.api.types.is_numeric_dtype(df[name])
    ]


def _level_problems(
    column: pd.Series, codes: np.ndarray, name: str, levels: list[str], values: dict[str, float]
) -> list[Problem]:
    problems = []
    unknown = column[codes < 0]
    if len(unknown):
        found = sorted({"missing" if pd.isna(v) else str(v) for v in unknown})
        problems.append(
            Problem(
                "the margin has levels in the sample that have no total",
                column=name,
                got=", ".join(found),
                expected=", ".join(levels),
                hint=nearest(found[0], levels),
            )
        )
    present = set(codes[codes >= 0])
    empty = [level for i, level in enumerate(levels) if i not in present and values[level] != 0]
    if empty:
        problems.append(
            Problem(
                "the margin has totals for levels without a row in the sample",
                column=name,
                got=", ".join(f"{level} ({values[level]:g})" for level in empty),
                expected="at least one row for every level",
                hint="merge the level with another one",
            )
        )
    return problems


def _missing_problems(column: np.ndarray, name: str) -> list[Problem]:
    bad = ~np.isfinite(column)
    return [Problem("a value is missing", column=name, row=int(bad.argmax()) + 1)] if bad.any() else []


def _population_problems(totals: Totals) -> list[Problem]:
    """Every margin must add up to the same population (and to the intercept's total, if given)."""
    sums = {name: sum(total.values()) for name, total in totals.items() if isinstance(total, Mapping)}
    if INTERCEPT in totals:
        sums[INTERCEPT] = float(totals[INTERCEPT])  # type: ignore[arg-type]
    if not sums or max(sums.values()) - min(sums.values()) <= 1e-8 * max(abs(s) for s in sums.values()):
        return []
    listed = ", ".join(f"{name}: {total:.10g}" for name, total in sums.items())
    return [Problem("the margins disagree about the size of the population", got=listed, expected="one sum for all")]
