"""Anticipated response rates per stratum, and the invitations needed for the planned answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.stats import norm

from spi_analysis.errors import SamplingError
from spi_analysis.survey.groups import require_numbers
from spi_analysis.survey.sampling.allocation import allocate, column_of
from spi_analysis.survey.sampling.size import require

# The largest weight of a prior, in invitations: beyond it strata are treated as equal.
_STRONGEST = 1e6


def shrunken_rates(answered: ArrayLike, invited: ArrayLike, prior_rate: float, prior_invited: float) -> np.ndarray:
    """Response rates of groups, shrunk towards a prior: the posterior means of a beta-binomial model.

    Parameters
    ----------
    answered, invited : array (H,)   people of each group last time; a new group has 0 and 0
    prior_rate : float               the rate of groups without data, between 0 and 1
    prior_invited : float            how many invitations the prior is worth, 0 or more (see ``prior_strength``)

    Returns
    -------
    array (H,): ``(answered + prior_invited * prior_rate) / (invited + prior_invited)``; the prior where that is 0/0.

    Raises
    ------
    SamplingError   a count is negative or answers exceed invitations; a prior out of range.

    References
    ----------
    Gelman et al. (2013), Bayesian Data Analysis, section 5.3; Efron & Morris (1975), JASA 70.

    Examples
    --------
    The prior counts as 5 answers of 10: (0 + 5) / (0 + 10), (9 + 5) / (10 + 10).

    >>> shrunken_rates([0, 9], [0, 10], prior_rate=0.5, prior_invited=10).tolist()
    [0.5, 0.7]
    """
    x, m = _counts(answered, invited)
    if not 0 <= prior_rate <= 1 or not (math.isfinite(prior_invited) and prior_invited >= 0):
        raise SamplingError(
            "the prior is out of range",
            got=f"rate {prior_rate}, worth {prior_invited} invitations",
            expected="a rate from 0 to 1, worth 0 or more invitations",
        )
    # Posterior mean of a beta(M p, M (1 - p)) prior with x of m (Gelman et al. 2013, section 2.4).
    known = m + prior_invited
    return np.where(known > 0, (x + prior_invited * prior_rate) / np.where(known > 0, known, 1), prior_rate)


def prior_strength(answered: ArrayLike, invited: ArrayLike) -> float:
    """The weight of the common rate in invitations, by the method of moments: smaller where groups differ more.

    Parameters
    ----------
    answered, invited : array (H,)   people of each group last time

    Returns
    -------
    float: ``M`` of a beta(M p, M (1 - p)) from which the rates of the groups come; 1e6 where they differ no more than
    by chance.

    Raises
    ------
    SamplingError   fewer than two groups with invitations, or a count out of range.

    References
    ----------
    Kleinman (1973), JASA 68 (moments, groups weighted by their invitations).

    Examples
    --------
    >>> prior_strength([5, 5], [10, 10])
    1000000.0
    >>> prior_strength([0, 10], [10, 10])
    0.0
    """
    x, m = _counts(answered, invited)
    x, m = x[m > 0], m[m > 0]
    if len(m) < 2:
        raise SamplingError(
            "the spread of response needs groups", got=f"{len(m)} with invitations", expected="2 or more"
        )
    share, w = x / m, m / m.sum()
    p = float(w @ share)
    spread = float(w @ (share - p) ** 2)
    chance = p * (1 - p) * float((w * (1 - w) / m).sum())
    most = p * (1 - p) * float((w * (1 - w)).sum())
    # E(spread) = p q (sum w (1 - w)/m + rho (sum w (1 - w) - sum w (1 - w)/m)), rho = 1/(M + 1).
    rho = (spread - chance) / (most - chance) if most > chance else 0.0
    return float(_STRONGEST if rho <= 1 / (_STRONGEST + 1) else max(1 / min(rho, 1.0) - 1, 0.0))


def invitations_for(
    strata: pd.DataFrame,
    completes: float,
    method: str = "proportional",
    *,
    pop_size: str = "pop_size",
    response: str = "response",
    sd: str = "sd",
    min_invited: int = 0,
    cost: str | None = None,
    power: float = 0.5,
) -> pd.Series:
    """Invitations per stratum so that the expected answers are allocated by ``method`` and sum to a target.

    Parameters
    ----------
    strata : DataFrame (H, ...)   one row per stratum: people, and the share of the invited who will answer
    completes : float             answers needed in all
    method, sd, power             as in ``allocate``, for the answers (without means)
    cost : str or None            column with the cost of an answer, for the method "cost"
    pop_size, response : str      columns with the people and the anticipated response (above 0, at most 1)
    min_invited : int             least invitations of a stratum; one with fewer people is invited whole

    Returns
    -------
    Series (H,) of whole numbers, name ``n``, in people. Where even inviting everyone is not enough, everyone is
    invited.

    Raises
    ------
    SamplingError   a column is missing; an anticipated response is out of range; a size is no number; whatever
        ``allocate`` finds wrong.

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 3 and 6 (inflating for nonresponse by stratum).

    Examples
    --------
    30 answers are shared 2 : 1, and divided by the response.

    >>> strata = pd.DataFrame({"pop_size": [100, 50], "response": [0.5, 0.25]})
    >>> invitations_for(strata, 30).tolist()
    [40, 40]
    """
    require_numbers(SamplingError, completes=completes, min_invited=min_invited)
    names = _Names(pop_size, response, sd)
    real = _real_invitations(strata, method, names, min_invited, cost=cost, power=power)(completes)
    return _whole(strata, real, math.ceil(real.sum() - 1e-9), pop_size, min_invited)


def invitations_by(
    strata: pd.DataFrame,
    invited: int,
    method: str = "proportional",
    *,
    pop_size: str = "pop_size",
    response: str = "response",
    sd: str = "sd",
    min_invited: int = 0,
) -> pd.Series:
    """A given number of invitations, allocated so that the expected answers follow ``method``: to compare methods.

    Parameters
    ----------
    strata, method, pop_size, response, sd, min_invited   as in ``invitations_for``
    invited : int   invitations in all, in people

    Returns
    -------
    Series (H,) of whole numbers, name ``n``, that sums to ``invited``, or to everyone where they are fewer.

    Raises
    ------
    SamplingError   a column is missing; an anticipated response is out of range; a size is no number; whatever
        ``allocate`` finds wrong.

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 3 and 6.

    Examples
    --------
    >>> strata = pd.DataFrame({"pop_size": [100, 50], "response": [0.5, 0.25]})
    >>> invitations_by(strata, 80).tolist()
    [40, 40]
    """
    require_numbers(SamplingError, invited=invited, min_invited=min_invited)
    names, people = _Names(pop_size, response, sd), column_of(strata, pop_size)
    if invited >= people.sum():
        return pd.Series(people.astype(int), index=strata.index, name="n")

    invitations = _real_invitations(strata, method, names, min_invited)

    def excess(completes: float) -> float:
        return float(invitations(completes).sum()) - invited

    most = float((people * _rates(strata, response)).sum())
    completes = float(brentq(excess, 0.0, most, xtol=1e-9 * most)) if excess(0.0) < 0 else 0.0
    return _whole(strata, invitations(completes), invited, pop_size, min_invited)


def stratified_margin(
    strata: pd.DataFrame, completes: ArrayLike, *, pop_size: str = "pop_size", sd: str = "sd", level: float = 0.95,
    deff: float = 1.0,
) -> float:  # fmt: skip
    """Margin of error of the mean over all strata with these expected answers, in the unit of ``sd``.

    ``z sqrt(deff sum (N_h/N)**2 S_h**2 (1/m_h - 1/N_h))``; infinite where a stratum with people has no answer.

    Parameters
    ----------
    strata : DataFrame (H, ...)   one row per stratum
    completes : array (H,)        expected answers m_h, in people
    pop_size, sd : str            columns with N_h (above 0) and S_h
    level : float                 confidence level, between 0 and 1
    deff : float                  design effect

    Returns
    -------
    float: half-width of the interval.

    Raises
    ------
    SamplingError   a column is missing or holds what is no number; answers that are not one number for every stratum;
        a level or design effect out of range.

    References
    ----------
    Cochran (1977), section 5.4.

    Examples
    --------
    One stratum, 50 of 100 people: 1.96 * 10 * sqrt(1/50 - 1/100).

    >>> strata = pd.DataFrame({"pop_size": [100], "sd": [10.0]})
    >>> round(stratified_margin(strata, [50]), 2)
    1.96
    """
    require_numbers(SamplingError, level=level, deff=deff)
    require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    people, spread = column_of(strata, pop_size), column_of(strata, sd)
    answers = np.asarray(completes, dtype=float)
    require(answers.shape == people.shape, "completes", answers.shape, f"one number for each of {len(people)} strata")
    if ((answers <= 0) & (people > 0)).any():
        return float("inf")
    # Cochran (1977), section 5.4: v(ybar_st) = sum W_h**2 s_h**2 (1/n_h - 1/N_h).
    parts = (people / people.sum()) ** 2 * spread**2 * (1 / answers - 1 / people)
    return float(norm.ppf(0.5 + level / 2) * math.sqrt(deff * max(float(parts.sum()), 0.0)))


def compared_allocations(
    strata: pd.DataFrame,
    invited: int,
    methods: Sequence[str],
    *,
    pop_size: str = "pop_size",
    response: str = "response",
    sd: str = "sd",
    level: float = 0.95,
    deff: float = 1.0,
    min_invited: int = 0,
) -> pd.DataFrame:
    """The precision of the same number of invitations under several methods of allocation.

    Parameters
    ----------
    strata, pop_size, response, sd, min_invited   as in ``invitations_by``
    invited : int             invitations in all, in people
    methods : list of str     as in ``allocate``
    level, deff               as in ``stratified_margin``

    Returns
    -------
    DataFrame, one row per method: ``method``, ``invited``, ``completes`` (expected), ``margin`` (of the whole, in the
    unit of ``sd``), ``stratum_completes`` (expected in the median stratum).

    Raises
    ------
    SamplingError   as ``invitations_by`` and ``stratified_margin``.

    References
    ----------
    Cochran (1977), ch. 5; Valliant, Dever & Kreuter (2018), ch. 3 and 6.

    Examples
    --------
    >>> strata = pd.DataFrame({"pop_size": [100, 50], "response": [0.5, 0.5], "sd": [10.0, 10.0]})
    >>> table = compared_allocations(strata, 60, ["proportional", "equal"])
    >>> table[["method", "invited", "completes"]].to_numpy().tolist()
    [['proportional', 60, 30.0], ['equal', 60, 30.0]]
    >>> table["margin"].round(2).tolist()
    [3.2, 3.42]
    """
    rows = []
    for method in methods:
        n = invitations_by(
            strata, invited, method, pop_size=pop_size, response=response, sd=sd, min_invited=min_invited
        )
        answers = n.to_numpy() * _rates(strata, response)
        whole = stratified_margin(strata, answers, pop_size=pop_size, sd=sd, level=level, deff=deff)
        rows.append((method, int(n.sum()), float(answers.sum()), whole, float(np.median(answers))))
    return pd.DataFrame(rows, columns=["method", "invited", "completes", "margin", "stratum_completes"])


class _Names(NamedTuple):
    """Columns of a table of strata."""

    pop_size: str
    response: str
    sd: str


def _real_invitations(
    strata: pd.DataFrame, method: str, names: _Names, min_invited: int, **options: Any
) -> Callable[[float], np.ndarray]:
    """From answers to invitations as real numbers: every stratum's answers over its response, within its people."""
    people, rates = column_of(strata, names.pop_size), _rates(strata, names.response)
    least, most = np.minimum(min_invited, people) * rates, people * rates
    bounds = strata.assign(_least=least, _most=most, _people=people)

    def invitations(completes: float) -> np.ndarray:
        if completes >= most.sum() - 1e-9:
            return people
        total = max(completes, float(least.sum()))
        # Answers are allocated, as real numbers.
        wanted = allocate(
            bounds,
            cast(int, total),
            method,
            "_people",
            names.sd,
            min_n="_least",
            max_n="_most",
            integer=False,
            **options,
        )
        return np.minimum(wanted.to_numpy() / rates, people)

    return invitations


def _whole(strata: pd.DataFrame, real: np.ndarray, total: int, pop_size: str, min_invited: int) -> pd.Series:
    """Whole numbers that sum to ``total``, by the exact rule of ``allocate``: the measure is the real-valued size."""
    people = column_of(strata, pop_size)
    per_person = np.divide(real, people, out=np.zeros_like(people), where=people > 0)
    measured = strata.assign(_per_person=per_person, _least=np.minimum(min_invited, people))
    total = min(max(total, int(measured["_least"].sum())), int(people.sum()))
    return allocate(measured, total, "neyman", pop_size, "_per_person", min_n="_least")


def _rates(strata: pd.DataFrame, response: str) -> np.ndarray:
    rates = column_of(strata, response)
    bad = ~((rates > 0) & (rates <= 1))
    if bad.any():
        raise SamplingError(
            "an anticipated response is out of range",
            column=response,
            got=str(rates[bad][0]),
            expected="above 0, at most 1",
        )
    return rates


def _counts(answered: ArrayLike, invited: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, m = (np.asarray(values, dtype=float) for values in (answered, invited))
    bad = ~((x >= 0) & (x <= m) & np.isfinite(m))
    if bad.any():
        row = int(bad.argmax())
        got = f"{x[row]:g} of {m[row]:g}"
        raise SamplingError("answers and invitations do not fit", row=row + 1, got=got, expected="0 to all invited")
    return x, m
