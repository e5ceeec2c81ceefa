"""Best linear prediction from a fitted panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spi_analysis.scores.years.model import YearsFit


@dataclass(frozen=True)
class Prediction:
    """Predicted values (n,) and standard errors (n,), variances of the model taken as known."""

    value: np.ndarray
    se: np.ndarray


def predict(fit: YearsFit, covariances: np.ndarray, variances: np.ndarray, fixed: np.ndarray) -> Prediction:
    """Predict ``fixed @ beta + t`` for every institution, t a random part of mean 0.

    Parameters
    ----------
    fit : YearsFit
    covariances : ndarray (K, T)   of t with the values of every year, per unit of each variance in theta
    variances : ndarray (K,)       of t, likewise
    fixed : ndarray (p,)           which means are added; zeros for none

    Returns
    -------
    Prediction; its variance is that of t given the values, plus that of the estimated means, plus twice what the
    estimated variances add.

    References
    ----------
    Henderson (1975), Biometrics 31; Kackar & Harville (1984), JASA 79; Prasad & Rao (1990), JASA 85.
    """
    theta, beta, n = fit.fit.theta, fit.fit.beta, len(fit.panel.values)
    total = float(theta @ variances)
    value = np.full(n, fixed @ beta)
    mse = np.full(n, total + fixed @ fit.fit.beta_cov @ fixed)
    for block in fit.blocks:
        k = theta @ covariances[:, block.seen]
        inverse = np.linalg.inv(fit.fit.covariance[np.ix_(block.seen, block.seen)])
        weights = inverse @ k
        left = fixed - block.design.T @ weights
        # How the weights move with every variance (K, k).
        slopes = (covariances[:, block.seen] - fit.bases[:, block.seen[:, None], block.seen] @ weights) @ inverse
        estimated = np.sum(fit.fit.theta_cov * (slopes @ np.linalg.solve(inverse, slopes.T)))
        value[block.rows] += (fit.panel.values[np.ix_(block.rows, block.seen)] - block.design @ beta) @ weights
        mse[block.rows] = total - k @ weights + left @ fit.fit.beta_cov @ left + 2 * estimated
    return Prediction(value, np.sqrt(np.maximum(mse, 0.0)))
