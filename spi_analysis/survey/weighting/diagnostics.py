"""What the weights cost and what they mended."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import finite_weights, require_columns


def kish_deff(weights: pd.Series | np.ndarray) -> float:
    """Kish's design effect of unequal weights: n * sum(w**2) / sum(w)**2 over the positive weights.

    Parameters
    ----------
    weights : Series or array (n,)   in any unit; weights of 0 or below do not count

    Returns
    -------
    float: 1 for equal weights, more for others; NaN where nobody has weight.

    Raises
    ------
    WeightingError   a weight is missing, infinite or no number.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7.

    Examples
    --------
    3 * (1 + 1 + 4) / 16:

    >>> kish_deff([1, 1, 2])
    1.125
    """
    w = finite_weights(weights)
    w = w[w > 0]
    return float(len(w) * (w**2).sum() / w.sum() ** 2) if len(w) else float("nan")


def balance(
    sample: pd.DataFrame, frame: pd.DataFrame, columns: list[str], weights: dict[str, np.ndarray]
) -> pd.DataFrame:
    """Shares of every level in the frame and under every set of weights, with standardised differences.

    Parameters
    ----------
    sample : DataFrame (n, ...)   rows that the weights belong to
    frame : DataFrame (N, ...)    the population they stand for
    columns : list of str         categorical columns of both
    weights : dict name -> ndarray (n,)

    Returns
    -------
    DataFrame, one row per column and level: variable, level, frame (share), and for each set of
    weights ``<name>`` (share) and ``<name>_std_diff`` = (share - frame) / sqrt(frame * (1 - frame)).

    Raises
    ------
    WeightingError   a column is missing; weights that are not one number per row, or that sum to 0.

    References
    ----------
    Austin (2009), Statistics in Medicine 28 (standardised differences of proportions).

    Examples
    --------
    The frame is half f; of four respondents one is f, who then gets the weight of three:

    >>> frame = pd.DataFrame({"sex": ["f", "f", "m", "m"]})
    >>> sample = pd.DataFrame({"sex": ["f", "m", "m", "m"]})
    >>> table = balance(sample, frame, ["sex"], {"base": np.ones(4), "final": np.array([3.0, 1.0, 1.0, 1.0])})
    >>> table[["level", "frame", "base", "base_std_diff", "final_std_diff"]].values.tolist()
    [['f', 0.5, 0.25, -0.5, 0.0], ['m', 0.5, 0.75, 0.5, 0.0]]
    """
    require_columns(sample, columns)
    require_columns(frame, columns)
    usable = {name: _one_per_row(name, w, len(sample)) for name, w in weights.items()}
    rows = []
    for column in columns:
        population = frame[column].value_counts(normalize=True).sort_index()
        table = pd.DataFrame({"variable": column, "level": population.index, "frame": population.to_numpy()})
        spread = (table["frame"] * (1 - table["frame"])).where(lambda s: s > 0) ** 0.5
        for name, w in usable.items():
            shares = pd.Series(w).groupby(sample[column].to_numpy()).sum() / w.sum()
            table[name] = shares.reindex(table["level"]).fillna(0.0).to_numpy()
            table[f"{name}_std_diff"] = (table[name] - table["frame"]) / spread
        rows.append(table)
    return pd.concat(rows, ignore_index=True)


def _one_per_row(name: str, weights: np.ndarray, n: int) -> np.ndarray:
    values = finite_weights(weights)
    if len(values) != n or values.sum() == 0:
        got = f"{len(values)} weights that sum to {values.sum():g}"
        raise WeightingError("the weights do not fit the sample", key=name, got=got, expected=f"{n} weights, not all 0")
    return values
