"""How readily the people of every cell answer: rates of many cells, drawn together by what chance makes of them."""

from __future__ import annotations

from spi_analysis.errors import WeightingError
from spi_analysis.threads import np, pd

# The log-odds are found by so many steps of at most 1.
NEWTON_STEPS = 30


def response_tendency(invited: pd.Series, answered: pd.Series) -> pd.Series:
    """How readily the people of every cell answer, as deviations from the log-odds of all.

    Counts are binomial, log-odds normal around those of all; given is the most likely deviation of every cell, drawn
    together by what chance alone would make of it. As a column of ``fixed`` of ``unit_model`` it keeps cells from being
    drawn towards those that answer, where ready cells score higher.

    Parameters
    ----------
    invited, answered : Series (cells,)   people, of one index; ``answered`` at most ``invited``

    Returns
    -------
    Series (cells,), log-odds relative to those of all people together; all 0 where cells differ no more than by chance,
        or where nobody or everybody answered.

    Raises
    ------
    WeightingError   more answered than were invited, or counts below 0.

    References
    ----------
    Breslow & Clayton (1993), JASA 88 (penalised quasi-likelihood); Little & Vartivarian (2005), Survey Methodology 31
    (nonresponse adjustment needs what goes with response and with the answer).

    Examples
    --------
    >>> invited, answered = pd.Series([200, 200, 200]), pd.Series([10, 20, 40])
    >>> response_tendency(invited, answered).round(2).tolist()
    [-0.71, -0.15, 0.58]
    """
    return pd.Series(_apart(invited.to_numpy(dtype=float), answered.to_numpy(dtype=float)), invited.index)


def shrunken_rates(invited: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """Response rates of cells, drawn together.

    Parameters
    ----------
    invited, answered : array (C,)   people, as in ``response_tendency``; somebody answered

    Returns
    -------
    array (C,), in (0, 1]; also of cells in which nobody answered.

    Raises
    ------
    WeightingError   as ``response_tendency``.

    References
    ----------
    As for ``response_tendency``.

    Examples
    --------
    Rates of 5, 10 and 20 % of 200 people come nearer to the 11.7 % of all:

    >>> shrunken_rates(np.array([200, 200, 200]), np.array([10, 20, 40])).round(3).tolist()
    [0.061, 0.102, 0.191]
    """
    share = answered.sum() / invited.sum()
    if share == 1:
        return np.ones(len(invited))
    return _inverse_logit(share, _apart(invited, answered))


def _apart(n: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Deviations (C,) of the log-odds of ``r`` of ``n`` people from those of all."""
    if ((r < 0) | (r > n)).any():
        raise WeightingError("more answered than were invited", got=f"{int(((r < 0) | (r > n)).sum())} cells")
    share, apart = r.sum() / n.sum() if n.sum() > 0 else 0.0, np.zeros(len(n))
    if not 0 < share < 1:
        return apart
    chance = n * share * (1 - share)
    # Moments: E (r - n p)^2 = chance + chance^2 variance, to first order.
    variance = (((r - n * share) ** 2).sum() - chance.sum()) / (chance**2).sum()
    for _ in range(NEWTON_STEPS if variance > 0 else 0):
        rate = _inverse_logit(share, apart)
        step = (r - n * rate - apart / variance) / (n * rate * (1 - rate) + 1 / variance)
        apart += np.clip(step, -1, 1)
    return apart


def _inverse_logit(share: float, apart: np.ndarray) -> np.ndarray:
    """Rates whose log-odds are so far from those of ``share``."""
    return 1 / (1 + np.exp(-np.log(share / (1 - share)) - apart))
