"""Other weights of the dimensions, from how they go together: beside the declared ones, never in their place."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.scores.reliability import one_factor, weighted_covariance

Method = Literal["pca", "efa"]


def data_weights(values: pd.DataFrame, weights: np.ndarray, method: Method) -> pd.Series:
    """Weights of dimensions that follow from their correlations: squared loadings, made to sum to 1.

    ``pca``: of the first principal component; ``efa``: of a single common factor. Dimensions that go together get more,
    one that stands alone gets less: statistics know nothing of importance.

    Parameters
    ----------
    values : DataFrame (n, D)   every person's score of each dimension; people with a gap are left out
    weights : array (n,)        survey weights

    Returns
    -------
    Series (D,), named by dimension.

    Raises
    ------
    EstimationError   fewer than two dimensions (three for efa), too few people, or a dimension that does not vary.

    References
    ----------
    OECD and JRC (2008), Handbook on Constructing Composite Indicators, section 6.1.
    """
    known = values.notna().all(axis=1).to_numpy() & (weights > 0)
    least = 3 if method == "efa" else 2
    if values.shape[1] < least or known.sum() <= values.shape[1]:
        got = f"{values.shape[1]} dimensions, {int(known.sum())} people"
        raise EstimationError("too little to derive weights from", got=got, expected=f"at least {least} dimensions")
    covariance = weighted_covariance(values.to_numpy(dtype=float)[known], weights[known, None])[0]
    sd = np.sqrt(np.diag(covariance))
    if not (sd > 0).all():
        still = [str(name) for name, s in zip(values.columns, sd, strict=True) if not s > 0]
        raise EstimationError("a dimension does not vary", key=", ".join(still))
    correlation = covariance / np.outer(sd, sd)
    loadings = one_factor(correlation).loadings if method == "efa" else np.linalg.eigh(correlation)[1][:, -1]
    return pd.Series(loadings**2 / (loadings**2).sum(), values.columns)
