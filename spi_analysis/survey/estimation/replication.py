"""A design given by replicate weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Self

import numpy as np
import pandas as pd
from scipy.linalg import solve_triangular
from scipy.linalg.blas import dsyrk
from scipy.linalg.lapack import dpstrf

from spi_analysis.errors import EstimationError, nearest
from spi_analysis.survey.estimation.design import DeclaredDesign
from spi_analysis.survey.estimation.design_inputs import fitting_weights, floats_of, usable_weights
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.weighting import Auxiliary, calibration_factors

# Rank of any rows of a table of replicate weights: what the degrees of freedom of a domain are counted from.
#
# One elimination of the whole table says which rows are combinations of others. In the coordinates of the rows that are
# not (a basis), the rank of the rows P is the number of basis rows among them, and what the others add once these are
# taken out:
#
#     rank(P) = |P and basis| + rank(coefficients[P without basis, basis without P]).
#
# Both parts are small, so a domain costs microseconds where its own decomposition would cost milliseconds.

# What is left of a row after others are taken out, relative to the row: below this it is one of rounding (R's qr).
TOLERANCE = 1e-5
# Up to so many rows the table is eliminated at once (72 MB, under a second); beyond, every domain by itself.
MOST_ROWS = 3_000


@dataclass(frozen=True)
class RowRanks:
    """Ranks of rows of ``values`` (n, R); what was found is kept."""

    values: np.ndarray

    def of(self, rows: np.ndarray) -> int:
        """Rank of the rows (m,) named by their places, each once."""
        rows = rows[self._norms[rows] > 0]
        if not len(rows):
            return 0
        key = blake2b(np.sort(rows).tobytes(), digest_size=16).digest()
        if key not in self._found:
            self._found[key] = self._in_coordinates(rows) if len(self.values) <= MOST_ROWS else self._by_itself(rows)
        return self._found[key]

    def is_everything(self, rows: np.ndarray) -> bool:
        """Whether all rows that have any weight are among these places (m,)."""
        return int((self._norms[rows] > 0).sum()) == self._with_weight

    @cached_property
    def _with_weight(self) -> int:
        return int((self._norms > 0).sum())

    @cached_property
    def whole(self) -> int:
        """Rank of the whole table."""
        return self._by_itself(np.flatnonzero(self._norms > 0))

    @cached_property
    def _found(self) -> dict[bytes, int]:
        return {}

    @cached_property
    def _norms(self) -> np.ndarray:
        return np.sqrt(np.einsum("ij,ij->i", self.values, self.values, dtype=float))

    def _unit_rows(self, rows: np.ndarray) -> np.ndarray:
        """Rows of length 1: their weights have no bearing on the rank, but on what counts as rounding."""
        return self.values[rows] / self._norms[rows, None]

    def _by_itself(self, rows: np.ndarray) -> int:
        """Rank from the cross-products of the shorter side."""
        return _factored(_cross_products(self._unit_rows(rows)))[2]

    def _in_coordinates(self, rows: np.ndarray) -> int:
        basis, place, coefficients = self._elimination
        inside = np.zeros(len(self.values), dtype=bool)
        inside[rows] = True
        own = inside[basis]
        others = coefficients[place[rows[place[rows] >= 0]]]
        return int(own.sum()) + _small_rank(others[:, ~own])

    @cached_property
    def _elimination(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Basis rows (r,), the place of every other row among the coefficients (n,), -1 for none; these (n - r, r).

        By pivoted Cholesky factors of the rows' cross-products ``L L'``: with the first r of them the basis, the other
        rows are ``L_2 L_1^-1`` times the basis.
        """
        rows = np.flatnonzero(self._norms > 0)
        factor, order, rank = _factored(dsyrk(1.0, self._unit_rows(rows), lower=1))
        lower = np.tril(factor)[:, :rank]
        coefficients = solve_triangular(lower[:rank], lower[rank:].T, lower=True, trans="T").T
        place = np.full(len(self.values), -1)
        place[rows[order[rank:]]] = np.arange(len(rows) - rank)
        return rows[order[:rank]], place, coefficients


def _small_rank(table: np.ndarray) -> int:
    """Rank of rows of coefficients, whose size is about 1: most often of none or a few."""
    if not table.size:
        return 0
    if min(table.shape) == 1:
        return int(np.abs(table).max() > TOLERANCE)
    return _factored(_cross_products(table), 1.0)[2]


def _cross_products(table: np.ndarray) -> np.ndarray:
    """Cross-products of the rows or of the columns, whichever are fewer (lower half)."""
    return np.asarray(dsyrk(1.0, table, lower=1, trans=int(table.shape[0] > table.shape[1])))


def _factored(squares: np.ndarray, size: float = 0.0) -> tuple[np.ndarray, np.ndarray, int]:
    """Pivoted Cholesky factor of cross-products (lower half), its order of rows, and the rank.

    What is left of a row is compared with the longest one, or with ``size`` where that is longer.
    """
    largest = float(squares.diagonal().max())
    least = TOLERANCE**2 * max(largest, size**2)
    factor, order, rank, _ = dpstrf(squares, tol=least, lower=1)
    # LAPACK takes the first pivot without a look at the tolerance.
    return factor, order - 1, int(rank) if largest > least else 0


# Replicates of an estimate that lie closer together than this, relatively, are one number.
ROUNDING = 1e-10
METHODS = ("bootstrap", "jk1", "jkn", "brr", "fay", "successive", "other")


@dataclass(frozen=True, init=False, repr=False)
class ReplicateDesign(DeclaredDesign):
    """Estimates from a main weight, their variance from replicate weights.

    variance = scale * sum_r rscales_r (theta_r - centre)^2, where the centre is the estimate
    itself (``mse=True``) or the mean of the replicates.

    Parameters
    ----------
    df : DataFrame (n, ...)    one row per observed unit
    weight : str               column of the main weight, in population units
    replicates : array (n, R) or list of columns   replicate weights (combined: they contain the main weight)
    method : str               bootstrap, jk1, jkn, brr, fay, successive, other; gives the defaults of
        ``scale``: 1/(R-1), (R-1)/R, 1, 1/R, 1/(R(1-fay)^2), 4/R, needed; and ``rscales``: 1, 1, needed, 1, 1, 1, 1
    scale, rscales : float, array (R,)   instead of the defaults
    fay : float                Fay's factor, 0 or more, below 1
    mse : bool                 deviations from the estimate (True) or from the mean of the replicates
    df_design : float or None  degrees of freedom of the whole; None: rank of the replicates minus 1. Those of a domain
        are the rank of its rows' replicates minus 1, never more than the whole has
    combined : bool            False: ``replicates`` are factors of the main weight

    Raises
    ------
    EstimationError   unknown method; a column is missing; no rows; a weight is no number, missing or infinite; a main
        weight is negative; replicates of another shape; a scale, factor or rscale out of range; what the method needs
        (``scale`` of other, ``rscales`` of jkn, ``fay`` of fay) is not given

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation; Lumley (2010), Complex Surveys (degrees of freedom).

    Examples
    --------
    The jackknife leaves one of three people out at a time: means 2.5, 2, 1.5, variance ``2/3 (0.25 + 0 + 0.25) = 1/3``.

    >>> from spi_analysis.survey import estimate_mean
    >>> people = pd.DataFrame({"w": 1.0, "score": [1, 2, 3]})
    >>> drop_one = np.array([[0.0, 1.5, 1.5], [1.5, 0.0, 1.5], [1.5, 1.5, 0.0]])
    >>> design = ReplicateDesign(people, weight="w", replicates=drop_one, method="jk1")
    >>> estimate_mean(design, "score").table[["estimate", "se", "df_design"]].round(4).values.tolist()
    [[2.0, 0.5774, 2.0]]
    """

    replicates: np.ndarray
    scale: float
    rscales: np.ndarray
    mse: bool
    df_given: float | None
    ranks: RowRanks

    def __init__(
        self,
        df: pd.DataFrame,
        weight: str,
        replicates: np.ndarray | Sequence[str],
        method: str = "bootstrap",
        scale: float | None = None,
        rscales: np.ndarray | Sequence[float] | None = None,
        fay: float | None = None,
        mse: bool = True,
        df_design: float | None = None,
        combined: bool = True,
    ) -> None:
        if method not in METHODS:
            raise EstimationError(
                "unknown method", got=method, expected=", ".join(METHODS), hint=nearest(method, METHODS)
            )
        weights = usable_weights(df, weight)
        values = _values(df, replicates)
        values = values if combined else values * weights[:, None]
        n_replicates = values.shape[1]
        if fay is not None and not 0 <= fay < 1:
            raise EstimationError("Fay's factor is out of range", got=f"{fay:g}", expected="0 or more, below 1")
        if scale is not None and not (np.isfinite(scale) and scale > 0):
            raise EstimationError("the scale is not positive", got=str(scale), expected="a finite number above 0")
        fields = {
            "data": df,
            "weights": weights,
            "replicates": values,
            "scale": _default_scale(method, n_replicates, fay) if scale is None else float(scale),
            "rscales": _rscales(method, n_replicates, rscales),
            "mse": mse,
            "df_given": None if df_design is None else float(df_design),
            "ranks": RowRanks(values),
            "in_domain": np.ones(len(df), dtype=bool),
            "rule": None,
        }
        self._declare(**fields)

    def _how(self) -> list[str]:
        centre = "the estimate" if self.mse else "their mean"
        return [
            f"{self.replicates.shape[1]:,} replicates, compared with {centre}; scale {self.scale:.5g}",
            f"degrees of freedom: {self.df_design:g}",
        ]

    @property
    def df_design(self) -> float:
        """Degrees of freedom of the whole: as declared, else the rank of the replicate weights minus 1."""
        return self.ranks.whole - 1.0 if self.df_given is None else self.df_given

    def _calibrated_to(
        self, auxiliary: Auxiliary, targets: np.ndarray, method: str, bounds: tuple[float, float] | None
    ) -> Self:
        def new(weights: np.ndarray) -> np.ndarray:
            return weights * calibration_factors(weights, auxiliary, targets, method, bounds)

        # Every replicate is calibrated, so that their spread shows what calibration gains (Valliant 1993, JASA 88).
        replicates = np.column_stack([new(column) for column in self.replicates.T])
        return self._with(weights=new(self.weights), replicates=replicates)

    def with_weights(self, weights: pd.Series | np.ndarray | Callable[[np.ndarray], pd.Series | np.ndarray]) -> Self:
        """The design with other weights, such as raked or trimmed ones of one's own.

        Parameters
        ----------
        weights : Series or array (n,)   population units, in the order of the rows; the replicates keep their factors
            of the weight, so that intervals take the new weights as given
            or function   makes such weights from those of the design (n,); every replicate is made anew by it, and
            intervals count the error of the adjustment

        Returns
        -------
        ReplicateDesign

        Raises
        ------
        EstimationError   another length; a weight that is missing, infinite or negative; people without a weight, who
            have no factors, get one

        References
        ----------
        Valliant (1993), JASA 88 (adjustments repeated in every replicate).

        Examples
        --------
        >>> people = pd.DataFrame({"w": [1.0, 1.0, 2.0]})
        >>> drop_one = np.array([[0.0, 1.5, 1.5], [1.5, 0.0, 1.5], [3.0, 3.0, 0.0]])
        >>> design = ReplicateDesign(people, "w", drop_one, method="jk1")
        >>> design.with_weights([2.0, 1.0, 1.0]).replicates.tolist()
        [[0.0, 3.0, 3.0], [1.5, 0.0, 1.5], [1.5, 1.5, 0.0]]
        >>> design.with_weights(lambda w: w / w.sum()).replicates.tolist()
        [[0.0, 0.3333333333333333, 0.5], [0.3333333333333333, 0.0, 0.5], [0.6666666666666666, 0.6666666666666666, 0.0]]
        """
        if callable(weights):
            columns = [fitting_weights(weights(column), len(self)) for column in self.replicates.T]
            return self._with(
                weights=fitting_weights(weights(self.weights), len(self)), replicates=np.column_stack(columns)
            )
        new = fitting_weights(weights, len(self))
        if ((new > 0) & (self.weights == 0)).any():
            raise EstimationError(
                "people without a weight get one",
                got=f"{int(((new > 0) & (self.weights == 0)).sum())} of {len(self)}",
                expected="0 where the design's weight is 0",
                hint="give a function of the weights, which is repeated in every replicate",
            )
        factors = np.divide(new, self.weights, out=np.zeros(len(self)), where=self.weights > 0)
        return self._with(weights=new, replicates=self.replicates * factors[:, None])

    def covariance_of(self, estimates: np.ndarray, replicates: np.ndarray) -> np.ndarray:
        """Covariance of estimates from their replicates, see ``replicate_covariance``.

        Parameters
        ----------
        estimates : array (k,)
        replicates : array (R, k)   the estimates in every replicate; NaN where a replicate does not have one

        Returns
        -------
        array (k, k), in units of the estimates squared

        Examples
        --------
        >>> people = pd.DataFrame({"w": 1.0, "score": [1, 2, 3]})
        >>> drop_one = np.array([[0.0, 1.5, 1.5], [1.5, 0.0, 1.5], [1.5, 1.5, 0.0]])
        >>> design = ReplicateDesign(people, "w", drop_one, method="jk1")
        >>> design.covariance_of(np.array([2.0]), np.array([[2.5], [2.0], [1.5]])).round(4).tolist()
        [[0.3333]]
        """
        return replicate_covariance(estimates, replicates, self.scale, self.rscales, self.mse)

    @property
    def census_rows(self) -> np.ndarray:
        """Rows (n,) without sampling error: all of them where no replicate counts, else none that would be known."""
        return np.full(len(self), not (self.rscales > 0).any())

    def df(self, rows: np.ndarray | None = None) -> float:
        """Degrees of freedom of some rows: the rank of their replicate weights minus 1, at most those of the whole.

        Parameters
        ----------
        rows : array (n,) of bool or None   None: the domain

        Returns
        -------
        float

        References
        ----------
        Lumley (2010), Complex Surveys.

        Examples
        --------
        >>> people = pd.DataFrame({"w": 1.0, "score": [1, 2, 3]})
        >>> drop_one = np.array([[0.0, 1.5, 1.5], [1.5, 0.0, 1.5], [1.5, 1.5, 0.0]])
        >>> design = ReplicateDesign(people, "w", drop_one, method="jk1")
        >>> design.df(), design.df(people["score"].to_numpy() > 1)
        (2.0, 1.0)
        """
        inside = self.in_domain if rows is None else rows & self.in_domain
        return self._df_of(np.flatnonzero(inside))

    def df_by(self, codes: np.ndarray, n_groups: int) -> np.ndarray:
        """Degrees of freedom in each of several groups of rows, as ``df``.

        Parameters
        ----------
        codes : array (n,) of int   the group of every row, 0 to n_groups - 1; -1 is no group
        n_groups : int

        Returns
        -------
        array (n_groups,)

        Examples
        --------
        >>> people = pd.DataFrame({"w": 1.0, "score": [1, 2, 3]})
        >>> drop_one = np.array([[0.0, 1.5, 1.5], [1.5, 0.0, 1.5], [1.5, 1.5, 0.0]])
        >>> ReplicateDesign(people, "w", drop_one, method="jk1").df_by(np.array([0, 1, 1]), 2).tolist()
        [0.0, 1.0]
        """
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(n_groups + 1))
        return np.array([self._df_of(order[ends[g] : ends[g + 1]]) for g in range(n_groups)])

    def _df_of(self, rows: np.ndarray) -> float:
        """Rank of the replicate weights of these places minus 1: a domain knows no more than the whole, and no less
        than its own rows say.
        """
        if self.ranks.is_everything(rows):
            return self.df_design
        own = max(self.ranks.of(rows) - 1.0, 0.0)
        return own if self.df_given is None else min(own, self.df_given)

    def _with(self, **changes: object) -> Self:
        if "replicates" in changes:
            changes["ranks"] = RowRanks(np.asarray(changes["replicates"]))
        return super()._with(**changes)


def replicate_covariance(
    estimates: np.ndarray, replicates: np.ndarray, scale: float, rscales: np.ndarray, mse: bool
) -> np.ndarray:
    """Covariance (k, k) from estimates (k,) and their replicates (R, k).

    A replicate without the estimate (nobody of its domain was drawn) is left out of that estimate's variance, as R
    survey does, with the scale as it is. Missing where the estimate is, where no replicate has it, and where those
    that have it all agree while others do not have it: then a single unit carries the domain, and its error is unknown.
    """
    # v = scale sum_r rscales_r (theta_r - centre)(theta_r - centre)' (Wolter 2007, chs. 3-5).
    known = ~np.isnan(replicates)
    # In a census no replicate counts, and there is nothing to take a mean of.
    centre = estimates if mse or not (rscales > 0).any() else _means(replicates[rscales > 0])
    deviation = np.where(known, replicates - centre, 0.0)
    scaled = deviation * np.sqrt(scale * rscales)[:, None]
    covariance = scaled.T @ scaled
    same = np.abs(deviation).max(axis=0) <= ROUNDING * np.abs(estimates)
    unknown = np.isnan(estimates) | ~known.any(axis=0) | (same & ~known.all(axis=0))
    covariance[unknown, :] = np.nan
    covariance[:, unknown] = np.nan
    return covariance


def _means(replicates: np.ndarray) -> np.ndarray:
    """Mean (k,) of the replicates (R, k) that are not missing."""
    known = ~np.isnan(replicates)
    return np.where(known, replicates, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def _values(df: pd.DataFrame, replicates: np.ndarray | Sequence[str]) -> np.ndarray:
    if not isinstance(replicates, np.ndarray):
        require_columns(df, list(replicates), EstimationError)
        columns = [floats_of(df, name, "a replicate weight is not a number") for name in replicates]
        values = np.column_stack(columns) if columns else np.empty((len(df), 0))
    elif np.issubdtype(replicates.dtype, np.number):
        values = replicates.astype(float, copy=False)
    else:
        raise EstimationError("the replicates are not numbers", got=str(replicates.dtype), expected="numbers")
    if values.ndim != 2 or len(values) != len(df) or values.shape[1] == 0:
        raise EstimationError("the replicates do not fit the table", got=str(values.shape), expected=f"({len(df)}, R)")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise EstimationError("a replicate weight is missing", row=int(row) + 1, key=f"replicate {column + 1}")
    return values


def _default_scale(method: str, n: int, fay: float | None) -> float:
    if method == "other":
        raise EstimationError('method "other" needs its scale', got="scale=None", expected="a number")
    if method == "fay" and fay is None:
        raise EstimationError("Fay's method needs its factor", got="fay=None", expected="0 < fay < 1")
    # Wolter (2007): ch. 5 the bootstrap, ch. 4 the jackknife (jk1 one stratum, jkn several), ch. 3 balanced halves;
    # Fay's factor: Judkins (1990), Journal of Official Statistics 6; successive differences: Fay & Train (1995).
    return {
        "bootstrap": 1 / max(n - 1, 1),
        "jk1": (n - 1) / n,
        "jkn": 1.0,
        "brr": 1 / n,
        "fay": 1 / (n * (1 - (fay or 0.0)) ** 2),
        "successive": 4 / n,
    }[method]


def _rscales(method: str, n: int, rscales: np.ndarray | Sequence[float] | None) -> np.ndarray:
    if rscales is None:
        if method == "jkn":
            raise EstimationError("method jkn needs rscales", got="rscales=None", expected=f"{n} numbers, (n_h-1)/n_h")
        return np.ones(n)
    values = _floats(rscales)
    if values.shape != (n,):
        raise EstimationError("rscales do not fit the replicates", got=str(values.shape), expected=f"({n},)")
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        raise EstimationError(
            "an rscale is missing or negative",
            key=f"replicate {int(bad.argmax()) + 1}",
            got=f"{values[bad][0]:g}",
            expected="a finite number, 0 or more",
        )
    return values


def _floats(rscales: np.ndarray | Sequence[float]) -> np.ndarray:
    try:
        return np.asarray(rscales, dtype=float)
    except (TypeError, ValueError):
        raise EstimationError("rscales are not numbers", got=repr(rscales)[:80], expected="numbers") from None
