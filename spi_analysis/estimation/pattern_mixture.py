"""Proxy pattern-mixture analysis: what a mean would be if silence depended on the answer itself.

A proxy X is known for everyone, the variable Y for respondents only. Whether somebody answers may
depend on (1 - phi) X* + phi Y, where X* is the proxy on the scale of Y: phi = 0 is silence that depends on the
proxy alone, phi = 1 silence that depends on Y alone. The data say nothing about phi.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError


@dataclass(frozen=True)
class ProxyMoments:
    """What the method needs to know: moments of Y and X among respondents, and the mean of X over everyone.

    ``correlation`` is that of Y and X among respondents, in (0, 1].
    """

    y_mean: float
    y_sd: float
    x_mean: float
    x_sd: float
    correlation: float
    x_mean_all: float

    def __post_init__(self) -> None:
        if not 0 < self.correlation <= 1:
            raise EstimationError(
                "the proxy does not go with the variable", got=f"correlation {self.correlation:.3g}", expected="above 0"
            )
        if not (self.x_sd > 0 and self.y_sd > 0):
            raise EstimationError("the variable or the proxy does not vary among the respondents")


def proxy_moments(y: np.ndarray, x: np.ndarray, x_mean_all: float, weights: np.ndarray | None = None) -> ProxyMoments:
    """Moments from respondents' values (n,) of the variable and of the proxy, weighted by design weights (n,)."""
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    y_mean, x_mean = np.average(y, weights=w), np.average(x, weights=w)
    y_sd = np.sqrt(np.average((y - y_mean) ** 2, weights=w))
    x_sd = np.sqrt(np.average((x - x_mean) ** 2, weights=w))
    together = np.average((y - y_mean) * (x - x_mean), weights=w)
    # Rounding may leave a perfect correlation a hair above 1.
    correlation = min(together / (y_sd * x_sd), 1.0) if y_sd > 0 and x_sd > 0 else 0.0
    return ProxyMoments(float(y_mean), float(y_sd), float(x_mean), float(x_sd), float(correlation), float(x_mean_all))


def proxy_factor(correlation: float, phi: float) -> float:
    """How far Y moves, in its standard deviations, for one of the proxy: (phi + (1-phi) r) / (phi r + 1 - phi)."""
    if not 0 <= phi <= 1:
        raise EstimationError("phi is out of range", got=str(phi), expected="0 to 1")
    return (phi + (1 - phi) * correlation) / (phi * correlation + 1 - phi)


def unadjusted_bias(moments: ProxyMoments, phi: float) -> float:
    """Bias of the respondents' mean of Y under phi (MUB): respondents minus everyone, in units of Y.

    References
    ----------
    Little, West, Boonstra & Hu (2020), Journal of Survey Statistics and Methodology 8.
    """
    return standardised_bias(moments, phi) * moments.y_sd


def standardised_bias(moments: ProxyMoments, phi: float) -> float:
    """The same in standard deviations of Y (SMUB)."""
    return proxy_factor(moments.correlation, phi) * (moments.x_mean - moments.x_mean_all) / moments.x_sd


def pattern_mixture_mean(moments: ProxyMoments, phi: float) -> float:
    """Maximum-likelihood estimate of the mean of Y over everyone, for a given phi.

    phi = 0 is the regression estimator, phi = 1 the estimator of inverse regression.

    References
    ----------
    Andridge & Little (2011), Journal of Official Statistics 27.
    """
    return moments.y_mean - unadjusted_bias(moments, phi)


def sensitivity(estimate: float, moments: ProxyMoments, phis: Sequence[float]) -> pd.DataFrame:
    """A calibrated mean under several phis.

    Calibration to the variables of the proxy has already done what phi = 0 asks for, so only the rest is added:
    ``estimate - (MUB(phi) - MUB(0))``. The figure of phi = 0 is the calibrated mean itself.

    Returns
    -------
    DataFrame, one row per phi: phi, shift, estimate (units of Y).
    """
    start = unadjusted_bias(moments, 0.0)
    shifts = [start - unadjusted_bias(moments, phi) for phi in phis]
    return pd.DataFrame({"phi": list(phis), "shift": shifts, "estimate": [estimate + shift for shift in shifts]})
