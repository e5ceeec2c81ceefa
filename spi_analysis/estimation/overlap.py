"""Covariance between estimates of two rounds whose samples share people."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError

# Below this a cell's common people have no spread that could be measured (one person on both sides).
NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Linearised:
    """Estimates of one round as sums over its sample: ``ids`` (n,) of people, ``values`` (n, k) weighted influence."""

    ids: pd.Index
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.ids.has_duplicates:
            twice = self.ids[self.ids.duplicated()].nunique()
            raise EstimationError("people are in the sample twice", got=f"{twice} people", expected="each once")


def overlap_covariance(first: Linearised, second: Linearised, cells: pd.Series | None = None) -> np.ndarray:
    """Covariance (k1, k2) between the estimates of two rounds.

    In each cell, a simple random sample of n1 of N people in the first round and n2 in the second, n12 in both:
    ``(1 - n1 n2 / (N n12)) / c * sum over common people of (u1 - mean u1)(u2 - mean u2)`` with
    ``c = 1 - 1/n1 - 1/n2 + n12/(n1 n2)``, unbiased given the three counts. Samples that overlap no more than chance
    (n12 = n1 n2 / N) have covariance 0, those that avoid each other a negative one. A cell without common people
    counts 0.

    Parameters
    ----------
    first, second : Linearised   the counts are those of the people who answered
    cells : Series or None       the people (index) who could be in both rounds, and the cell (unit, class) of each;
        None: everybody, in one cell of unlimited size (a panel, analysed as draws with replacement)

    Raises
    ------
    EstimationError   a person is twice in a sample or in ``cells``

    References
    ----------
    Tam (1984), American Statistician 38; Qualite & Tille (2008), Survey Methodology 34; Wood (2008), Journal of
    Official Statistics 24.
    """
    unlimited = cells is None
    people = pd.Series(0, first.ids.union(second.ids)) if cells is None else cells
    if people.index.has_duplicates:
        raise EstimationError("people are listed twice", got=f"{int(people.index.duplicated().sum())} rows")
    codes, labels = pd.factorize(people.to_numpy(), use_na_sentinel=False)
    row1, row2 = _rows_of(people.index, first.ids), _rows_of(people.index, second.ids)
    n_cells = len(labels)
    in1, in2, both = row1 >= 0, row2 >= 0, (row1 >= 0) & (row2 >= 0)
    n1, n2, n12 = (np.bincount(codes[rows], minlength=n_cells).astype(float) for rows in (in1, in2, both))
    size = np.full(n_cells, np.inf) if unlimited else np.bincount(codes, minlength=n_cells).astype(float)
    where = codes[both]
    left = first.values[row1[both]] - _means(first.values, row1, codes, n_cells)[where]
    right = second.values[row2[both]] - _means(second.values, row2, codes, n_cells)[where]
    return (left * _factors(n1, n2, n12, size)[where][:, None]).T @ right


def _factors(n1: np.ndarray, n2: np.ndarray, n12: np.ndarray, size: np.ndarray) -> np.ndarray:
    """What the sum of products of each cell counts."""
    met = n12 > 0
    a, b, c, total = (np.where(met, values, 1.0) for values in (n1, n2, n12, size))
    spread = 1 - 1 / a - 1 / b + c / (a * b)
    known = met & (spread > NO_SPREAD)
    return np.where(known, (1 - a * b / (total * c)) / np.where(known, spread, 1.0), 0.0)


def _rows_of(people: pd.Index, ids: pd.Index) -> np.ndarray:
    """Row of every one of the people in the sample, -1 outside."""
    rows = np.full(len(people), -1, dtype=np.intp)
    place = people.get_indexer(ids)
    rows[place[place >= 0]] = np.flatnonzero(place >= 0)
    return rows


def _means(values: np.ndarray, rows: np.ndarray, codes: np.ndarray, n_cells: int) -> np.ndarray:
    """Mean value (cells, k) of the sampled people of each cell."""
    inside = rows >= 0
    counts = np.maximum(np.bincount(codes[inside], minlength=n_cells), 1)
    sums = [np.bincount(codes[inside], column[rows[inside]], n_cells) for column in values.T]
    return np.column_stack(sums) / counts[:, None]
