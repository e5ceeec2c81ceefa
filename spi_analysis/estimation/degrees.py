"""Degrees of freedom of a stratified variance whose strata are of unequal weight."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError


def satterthwaite_df(weights: np.ndarray, strata: np.ndarray | pd.Series) -> float:
    """Degrees of freedom of ``sum_h V_h`` where a few strata may carry most of it.

    With the same spread S**2 inside every stratum, ``V_h = (1 - n_h/W_h) sum_h(w**2) S**2`` has n_h - 1 degrees
    of freedom, and their sum ``(sum_h V_h)**2 / sum_h(V_h**2 / (n_h - 1))``: units minus strata where all strata
    are alike, fewer where they are not. Taking S**2 as equal spares the noise of estimating it in strata of five.

    Parameters
    ----------
    weights : ndarray (n,)   persons that each respondent stands for; those of 0 do not count
    strata : array (n,)      stratum or nonresponse class of each; W_h is its sum of weights

    Returns
    -------
    float : between the smallest n_h - 1 above 0 and sum_h(n_h - 1); 0 where no stratum has two respondents.

    Raises
    ------
    EstimationError   weights and strata of different length, a stratum that is missing.

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2; Cochran (1977), Sampling Techniques, section 5.4.
    """
    codes, names = pd.factorize(np.asarray(strata, dtype=object))
    if codes.shape != np.shape(weights) or (codes < 0).any():
        raise EstimationError(
            "weights and strata do not fit",
            got=f"{np.size(weights)} weights, {len(codes)} strata, {int((codes < 0).sum())} of them missing",
            expected="a stratum for every weight",
        )
    w = np.asarray(weights, dtype=float)
    n = np.bincount(codes, w > 0, len(names))
    people = np.bincount(codes, w, len(names))
    several = n > 1
    fraction = np.divide(n, people, out=np.ones_like(people), where=people > 0)
    parts = np.where(several, np.clip(1 - fraction, 0, None) * np.bincount(codes, w**2, len(names)), 0.0)
    if not parts.any():
        # A census that everybody answered has no error; nor degrees of freedom that would matter.
        return float((n[several] - 1).sum())
    return float(parts.sum() ** 2 / (parts[several] ** 2 / (n[several] - 1)).sum())
