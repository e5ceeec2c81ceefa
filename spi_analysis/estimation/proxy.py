"""A proxy: the best prediction of a variable from what is known of everyone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.estimation.pattern_mixture import ProxyMoments
from spi_analysis.weighting.diagnostics import effective_n


@dataclass(frozen=True)
class RegressionProxy:
    """Predictions for respondents (n,) and for everyone (N,).

    ``correlation`` with the variable among respondents; ``adjusted`` takes off what as many
    coefficients explain by chance alone (0 where nothing is left).
    """

    y: np.ndarray
    respondents: np.ndarray
    everyone: np.ndarray
    weights: np.ndarray
    coefficients: int
    correlation: float
    adjusted: float

    @property
    def moments(self) -> ProxyMoments:
        """Moments for the pattern-mixture analysis, with the adjusted correlation.

        The predictions vary more than the true ones, for they follow chance too. The standard deviation of
        the true ones is correlation times that of the variable.
        """
        y_mean = float(np.average(self.y, weights=self.weights))
        y_sd = float(np.sqrt(np.average((self.y - y_mean) ** 2, weights=self.weights)))
        x_mean = float(np.average(self.respondents, weights=self.weights))
        x_sd = self.adjusted * y_sd
        return ProxyMoments(y_mean, y_sd, x_mean, x_sd, self.adjusted, float(self.everyone.mean()))


def regression_proxy(
    y: np.ndarray, respondents: pd.DataFrame, everyone: pd.DataFrame, weights: np.ndarray, least: int
) -> RegressionProxy:
    """Weighted least squares of ``y`` on the columns, predicted for respondents and for everyone.

    Parameters
    ----------
    y : array (n,)                         the variable, without missing values
    respondents, everyone : DataFrame (n, ...), (N, ...)
        the same columns; numbers enter as they are (a missing one as the mean, and a mark that it is missing),
        all others as categories
    weights : array (n,)                   design weights of the respondents
    least : int                            a category with fewer respondents is not told apart from the rest

    Raises
    ------
    EstimationError   fewer respondents than coefficients

    References
    ----------
    Ezekiel (1930), Methods of Correlation Analysis (adjusted R squared); n is Kish's effective number.
    """
    y, weights = np.asarray(y, dtype=float), np.asarray(weights, dtype=float)
    own, all_ = _matrix(respondents, respondents, least), _matrix(everyone, respondents, least)
    centre = np.average(own, axis=0, weights=weights) if own.shape[1] else np.zeros(0)
    root = np.sqrt(weights)[:, None]
    y_mean = float(np.average(y, weights=weights))
    # Of all solutions the shortest: people of a category that nobody answered from get a middling prediction.
    beta, _, rank, _ = np.linalg.lstsq(root * (own - centre), root[:, 0] * (y - y_mean), rcond=None)
    predicted, people = y_mean + (own - centre) @ beta, y_mean + (all_ - centre) @ beta
    n = effective_n(weights)
    if n <= rank + 1:
        raise EstimationError(
            "too few respondents for a proxy", got=f"{n:.0f} respondents", expected=f"more than {rank + 1}"
        )
    total = float(weights @ (y - y_mean) ** 2)
    share = float(weights @ (predicted - y_mean) ** 2) / total if total > 0 else 0.0
    adjusted = 1 - (1 - share) * (n - 1) / (n - rank - 1)
    return RegressionProxy(
        y, predicted, people, weights, int(rank), float(np.sqrt(min(share, 1.0))), float(np.sqrt(max(adjusted, 0.0)))
    )


def _matrix(people: pd.DataFrame, respondents: pd.DataFrame, least: int) -> np.ndarray:
    """Columns of the regression for ``people``, as the respondents' values define them."""
    columns: list[np.ndarray] = []
    for name in respondents:
        known, column = respondents[name], people[name]
        if pd.api.types.is_float_dtype(known) or pd.api.types.is_integer_dtype(known):
            columns += _number(column, known, least)
        else:
            columns += _categories(column, known, least)
    return np.column_stack(columns) if columns else np.zeros((len(people), 0))


def _number(column: pd.Series, known: pd.Series, least: int) -> list[np.ndarray]:
    if known.notna().sum() < least:
        return []
    values = column.fillna(known.mean()).to_numpy(dtype=float)
    missing = [column.isna().to_numpy(dtype=float)] if known.isna().sum() >= least else []
    return [(values - known.mean()) / (known.std() or 1.0), *missing]


def _categories(column: pd.Series, known: pd.Series, least: int) -> list[np.ndarray]:
    """0/1 columns of the values that at least ``least`` respondents have; values are compared once, not row by row."""
    codes, values = pd.factorize(known)
    thick = np.bincount(codes + 1, minlength=len(values) + 1)[1:] >= least
    levels = sorted(values[thick].astype(object), key=str)
    codes, values = pd.factorize(column)
    # Place of each value among the levels; the last is for those who have none.
    place = np.append(pd.Index(levels, dtype=object).get_indexer(values.astype(object)), -1)[codes]
    return [(place == level).astype(float) for level in range(len(levels))]
