"""Combinations of estimates, with the covariance between them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.exceptions import ComplexWarning

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import RESULT_COLUMNS, Estimate, is_certain, make_table, overseen
from spi_analysis.survey.groups import group_counts, group_sums

# Rows that an error lists.
LISTED = 10
# Of 50 replicates or more, independent ones have correlations of 0 +- 0.14.
LEAST_REPLICATES = 50
SAME_SAMPLE = 0.5


def contrast(
    estimate: Estimate, weights: Mapping[int, float] | Mapping[str, Mapping[int, float]] | np.ndarray
) -> Estimate:
    """Linear combinations of the rows of an estimate.

    Parameters
    ----------
    estimate : Estimate with k rows
    weights : {row: weight}, or {name: {row: weight}}, or array (m, k) or list of k; a row without weight takes no part,
        so that it may be missing; rows count from 0, negative ones from the end

    Returns
    -------
    Estimate with one row per combination (``variable`` holds the name); df is the smallest and
    n the largest of the rows that take part.

    Raises
    ------
    EstimationError   no estimate, or its table alone; an array of another width; a row that the estimate does not have

    Examples
    --------
    Two of four people in each unit: each mean has the variance ``(1 - 2/4) 2/2 = 0.5``, their difference 1.

    >>> from spi_analysis.survey import SurveyDesign, estimate_mean
    >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0, "N": 4, "score": [1, 3, 5, 7]})
    >>> means = estimate_mean(SurveyDesign(people, weight="w", stratum="unit", pop_size="N"), "score", by="unit")
    >>> contrast(means, {"b - a": {0: -1.0, 1: 1.0}}).table[["variable", "estimate", "se"]].round(6).values.tolist()
    [['b - a', 4.0, 1.0]]
    """
    require_estimate(estimate)
    names, matrix = _matrix(estimate, weights)
    used = matrix != 0
    values = _product(estimate.table["estimate"].to_numpy(dtype=float)[None, :], matrix)[0]
    # A V A' for the combinations A.
    covariance = _product(_product(estimate.covariance, matrix).T, matrix)
    rows = estimate.table
    # A row that takes no part decides nothing.
    df = np.where(used, rows["df_design"].to_numpy(dtype=float), np.inf).min(axis=1, initial=np.inf)
    n = np.where(used, rows["n"].to_numpy(), 0).max(axis=1, initial=0)
    df = np.where(used.any(axis=1), df, 0.0)
    certain = (~used | is_certain(rows)).all(axis=1)
    table = make_table(pd.DataFrame({"variable": names}), values, covariance, df, n, estimate.level, certain)
    replicates = None if estimate.replicates is None else _product(estimate.replicates, matrix)
    return overseen(Estimate(table, covariance, estimate.level, replicates), estimate.rule)


def _product(values: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """values (r, k) @ matrix.T, where 0 times a missing value is 0, and any other multiple of it is missing."""
    missing = np.isnan(values)
    if not missing.any():
        return values @ matrix.T
    result = np.where(missing, 0.0, values) @ matrix.T
    return np.where((missing.astype(float) @ (matrix != 0).T) > 0, np.nan, result)


def _matrix(
    estimate: Estimate, weights: Mapping[int, float] | Mapping[str, Mapping[int, float]] | np.ndarray
) -> tuple[list[str], np.ndarray]:
    k = len(estimate.table)
    if not isinstance(weights, Mapping):
        matrix = np.atleast_2d(weights).astype(float)
        if matrix.shape[1] != k:
            raise EstimationError("the contrast has another length", got=str(matrix.shape[1]), expected=f"{k} columns")
        return [f"contrast {i}" for i in range(len(matrix))], matrix
    named = _named(weights)
    matrix = np.zeros((len(named), k))
    for i, row_weights in enumerate(named.values()):
        for row, value in row_weights.items():
            if row not in range(-k, k):
                raise EstimationError(
                    "the contrast names no row", got=str(row), expected=f"0 to {k - 1}", hint=_rows(estimate.table)
                )
            matrix[i, row] = value
    return list(named), matrix


def _rows(table: pd.DataFrame) -> str:
    """Which row is what, of the first ones."""
    labels = _labels(table).astype(str).agg(" ".join, axis=1).head(LISTED)
    return "rows are named by their number: " + ", ".join(f"{row} ({label})" for row, label in enumerate(labels))


def _labels(table: pd.DataFrame) -> pd.DataFrame:
    """The columns that say what a row is about."""
    return table.drop(columns=[*RESULT_COLUMNS, "deff"], errors="ignore")


def _named(weights: Mapping[int, float] | Mapping[str, Mapping[int, float]]) -> dict[str, dict[Any, float]]:
    nested = {str(name): dict(value) for name, value in weights.items() if isinstance(value, Mapping)}
    if nested:
        return nested
    return {"contrast": {row: float(value) for row, value in weights.items() if not isinstance(value, Mapping)}}


# Smooth functions of estimates (delta method), and differences of independent estimates.

Function = Callable[[np.ndarray], float]
# The complex step has no rounding error of a difference: any step so small that its square vanishes will do.
STEP = 1e-30
NUDGE = 1e-3


def smooth_contrast(
    estimate: Estimate, functions: Function | Mapping[str, Function], design: ReplicateDesign | None = None
) -> Estimate:
    """Smooth functions of the rows of an estimate.

    Parameters
    ----------
    estimate : Estimate with k rows
    functions : function, or {name: function}
        each takes the values (k,) and gives a number, by arithmetic and NumPy functions, for
        example ``lambda m: 100 * (m[0] / m[1] - 1)``
    design : ReplicateDesign or None
        given, every function is evaluated in every replicate; else the delta method is used

    Returns
    -------
    Estimate with one row per function; df is the smallest and n the largest of the rows it depends on.

    Raises
    ------
    EstimationError   a function that is not smooth enough to be differentiated (such as ``abs``); a design is given,
        and the estimate has no replicates

    References
    ----------
    Binder (1983), International Statistical Review 51; Squire & Trapp (1998), SIAM Review 40 (complex step).

    Examples
    --------
    Means 2 and 6, each of variance 0.5; the slopes of their ratio 3 are -1.5 and 0.5: ``0.5 (2.25 + 0.25) = 1.25``.

    >>> from spi_analysis.survey import SurveyDesign, estimate_mean
    >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0, "N": 4, "score": [1, 3, 5, 7]})
    >>> means = estimate_mean(SurveyDesign(people, weight="w", stratum="unit", pop_size="N"), "score", by="unit")
    >>> ratio = smooth_contrast(means, {"b / a": lambda m: m[1] / m[0]})
    >>> ratio.table["estimate"].round(6).tolist(), ratio.covariance.round(6).tolist()
    ([3.0], [[1.25]])
    """
    require_estimate(estimate)
    named = dict(functions) if isinstance(functions, Mapping) else {"contrast": functions}
    values = estimate.table["estimate"].to_numpy(dtype=float)
    found = np.array([float(function(values)) for function in named.values()])
    slopes = np.array([_gradient(name, function, values) for name, function in named.items()])
    replicates = None
    if design is None:
        # Delta method: J V J' with the slopes J.
        known = np.nan_to_num(estimate.covariance)
        covariance = slopes @ known @ slopes.T
    else:
        if estimate.replicates is None:
            raise EstimationError("the estimate has no replicates", hint="leave the design out for the delta method")
        replicates = np.array([[float(f(row)) for f in named.values()] for row in estimate.replicates])
        covariance = design.covariance_of(found, replicates)
    return _combined(estimate, list(named), found, covariance, slopes != 0, replicates)


def difference(first: Estimate, second: Estimate, design: ReplicateDesign | None = None) -> Estimate:
    """First minus second, row by row, of two estimates of the same rows: two rounds, or one sample weighted twice.

    Parameters
    ----------
    first, second : Estimate with k rows   of the same labels, in the same order
    design : ReplicateDesign or None
        None: the two are independent, as two rounds are. Given, both are of its sample, such as one mean before and
        after ``calibrated``: the difference is taken in every replicate, since what both share cancels out

    Returns
    -------
    Estimate; of independent ones covariances add up, with df by Satterthwaite; of one sample df is the smaller; n is
    the smaller of the two; the level is that of the first.

    Raises
    ------
    EstimationError   the rows differ; a design is given, and an estimate does not have its replicates

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2.

    Examples
    --------
    Two rounds of variance 0.25, 2 degrees of freedom each; together 0.5, with ``0.5**2 / (2 * 0.25**2 / 2) = 4``.

    >>> from spi_analysis.survey import SurveyDesign, estimate_mean
    >>> people = pd.DataFrame({"unit": ["a", "a", "b", "b"], "w": 2.0, "N": 4, "score": [1, 3, 5, 7]})
    >>> design = SurveyDesign(people, weight="w", stratum="unit", pop_size="N")
    >>> later = design.with_columns(people[["score"]] + 3)
    >>> change = difference(estimate_mean(later, "score"), estimate_mean(design, "score"))
    >>> change.table[["estimate", "se", "df_design"]].round(4).values.tolist()
    [[3.0, 0.7071, 4.0]]
    """
    require_estimate(first)
    require_estimate(second)
    labels = [_labels(part.table) for part in (first, second)]
    if not labels[0].reset_index(drop=True).equals(labels[1].reset_index(drop=True)):
        raise EstimationError(
            "the two estimates are not of the same rows",
            got=f"{len(second.table)} rows ({', '.join(map(str, labels[1].columns))})",
            expected=f"{len(first.table)} rows ({', '.join(map(str, labels[0].columns))})",
        )
    if design is not None:
        return _within(first, second, design)
    if _move_together(first.replicates, second.replicates):
        warnings.warn(
            "the two estimates move together in their replicates, as two of one sample do: "
            "difference(first, second, design=...) takes what they share out of the interval",
            SameSampleWarning,
            stacklevel=2,
        )
    a, b = first.table, second.table
    covariance = first.covariance + second.covariance
    sizes = [part["df_design"].to_numpy(dtype=float) for part in (a, b)]
    variances = [part["se"].to_numpy() ** 2 for part in (a, b)]
    parts = [np.divide(v**2, d, out=np.zeros(len(a)), where=d > 0) for v, d in zip(variances, sizes, strict=True)]
    # (v1 + v2)**2 / (v1**2/df1 + v2**2/df2), Satterthwaite (1946).
    df = np.divide(np.diag(covariance) ** 2, sum(parts), out=np.full(len(a), np.inf), where=np.asarray(sum(parts)) > 0)
    certain = [is_certain(part) for part in (a, b)]
    unknown = [~sure & (size <= 0) for sure, size in zip(certain, sizes, strict=True)]
    df = np.where(unknown[0] | unknown[1], 0.0, df)
    n = np.minimum(a["n"].to_numpy(), b["n"].to_numpy())
    values = a["estimate"].to_numpy() - b["estimate"].to_numpy()
    table = make_table(labels[0], values, covariance, df, n, first.level, certain[0] & certain[1])
    return overseen(Estimate(table, covariance, first.level), first.rule or second.rule)


class SameSampleWarning(UserWarning):
    """Two estimates are compared as independent ones, and are not.

    Examples
    --------
    A program that would rather stop:

    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", SameSampleWarning)
    """


def _move_together(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    """Whether replicates (R, k) of two estimates are correlated more than those of two samples ever are."""
    if a is None or b is None or a.shape != b.shape or len(a) < LEAST_REPLICATES:
        return False
    first, second = (values - values.mean(axis=0) for values in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (first * second).sum(axis=0) / np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
    known = r[np.isfinite(r)]
    return bool(len(known) and np.median(known) > SAME_SAMPLE)


def require_estimate(given: object) -> None:
    """Refuse what is no estimate in words."""
    if not isinstance(given, Estimate):
        raise EstimationError(
            "this is no estimate",
            got=type(given).__name__,
            expected="what estimate_mean and its like give",
            hint="the estimate itself, not its .table: the covariance between the rows is needed"
            if isinstance(given, pd.DataFrame)
            else "",
        )


def _within(first: Estimate, second: Estimate, design: ReplicateDesign) -> Estimate:
    """First minus second of one sample, replicate by replicate."""
    a, b = first.replicates, second.replicates
    if a is None or b is None or not len(a) == len(b) == design.replicates.shape[1]:
        raise EstimationError(
            "the estimates do not have the replicates of the design",
            hint="estimate both from it; released ones have none",
        )
    values = first.table["estimate"].to_numpy() - second.table["estimate"].to_numpy()
    covariance = design.covariance_of(values, a - b)
    df, n = (np.minimum(*(part.table[name].to_numpy() for part in (first, second))) for name in ("df_design", "n"))
    certain = is_certain(first.table) & is_certain(second.table)
    table = make_table(_labels(first.table), values, covariance, df, n, first.level, certain)
    return Estimate(table, covariance, first.level, a - b)


def _gradient(name: str, function: Function, values: np.ndarray) -> np.ndarray:
    """Derivatives (k,) by the complex step."""
    slopes = np.empty(len(values))
    for j in range(len(values)):
        point = values.astype(complex)
        point[j] += 1j * STEP
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", ComplexWarning)
                moved = function(point)
        except (TypeError, ComplexWarning) as error:
            raise _not_smooth(name, str(error)) from None
        # abs() and its like drop the imaginary part without a word; a constant has none to drop.
        if not np.iscomplexobj(moved) and function(values) != function(values + NUDGE * (np.arange(len(values)) == j)):
            raise _not_smooth(name, "a real number for a complex one")
        # f'(x) = Im f(x + ih) / h + O(h**2), Squire & Trapp (1998).
        slopes[j] = np.imag(moved) / STEP
    return slopes


def _not_smooth(name: str, got: str) -> EstimationError:
    return EstimationError(
        "the function cannot be differentiated", key=name, got=got, expected="arithmetic and NumPy functions"
    )


def _combined(
    estimate: Estimate,
    names: list[str],
    values: np.ndarray,
    covariance: np.ndarray,
    used: np.ndarray,
    replicates: np.ndarray | None,
) -> Estimate:
    rows = estimate.table
    df = np.array([rows["df_design"].to_numpy(dtype=float)[row].min(initial=np.inf) for row in used])
    n = np.array([rows["n"].to_numpy()[row].max(initial=0) for row in used])
    certain = np.array([is_certain(rows)[row].all() for row in used])
    table = make_table(pd.DataFrame({"variable": names}), values, covariance, df, n, estimate.level, certain)
    return overseen(Estimate(table, covariance, estimate.level, replicates), estimate.rule)


# Covariance between estimates of two rounds whose samples share people.

# Below this a cell's common people have no spread that could be measured (one person on both sides).
NO_SPREAD = 1e-12


@dataclass(frozen=True)
class Linearised:
    """Estimates of one round as sums over its sample.

    Parameters
    ----------
    ids : Index (n,)         people, each once
    values : array (n, k)    weighted influence of each person on each of k estimates, in units of the estimate

    Raises
    ------
    EstimationError   a person is in the sample twice

    Examples
    --------
    >>> round_1 = Linearised(pd.Index(["ani", "budi"]), np.array([[-1.0], [1.0]]))
    >>> round_1.values.shape
    (2, 1)
    """

    ids: pd.Index
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.ids.has_duplicates:
            twice = self.ids[self.ids.duplicated()].nunique()
            raise EstimationError("people are in the sample twice", got=f"{twice} people", expected="each once")


def overlap_covariance(first: Linearised, second: Linearised, cells: pd.Series | None = None) -> np.ndarray:
    """Covariance between the estimates of two rounds.

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

    Returns
    -------
    array (k1, k2), in units of the first estimates times those of the second

    Raises
    ------
    EstimationError   a person is twice in a sample or in ``cells``

    References
    ----------
    Tam (1984), American Statistician 38; Qualite & Tille (2008), Survey Methodology 34; Wood (2008), Journal of
    Official Statistics 24.

    Examples
    --------
    A panel of three: ``c = 1 - 1/3 - 1/3 + 3/9 = 2/3``, the products sum to 2.

    >>> panel = Linearised(pd.Index(["ani", "budi", "citra"]), np.array([[-1.0], [0.0], [1.0]]))
    >>> overlap_covariance(panel, panel).round(6).tolist()
    [[3.0]]
    """
    unlimited = cells is None
    people = pd.Series(0, first.ids.union(second.ids)) if cells is None else cells
    if people.index.has_duplicates:
        raise EstimationError("people are listed twice", got=f"{int(people.index.duplicated().sum())} rows")
    codes, labels = pd.factorize(people.to_numpy(), use_na_sentinel=False)
    row1, row2 = _rows_of(people.index, first.ids), _rows_of(people.index, second.ids)
    n_cells = len(labels)
    in1, in2, both = row1 >= 0, row2 >= 0, (row1 >= 0) & (row2 >= 0)
    n1, n2, n12 = (group_counts(codes[rows], n_cells).astype(float) for rows in (in1, in2, both))
    size = np.full(n_cells, np.inf) if unlimited else group_counts(codes, n_cells).astype(float)
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
    counts = np.maximum(group_counts(codes[inside], n_cells), 1)
    return group_sums(codes[inside], values[rows[inside]], n_cells) / counts[:, None]
