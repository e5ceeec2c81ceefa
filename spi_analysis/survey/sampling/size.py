"""Sample sizes for a margin of error or a CV, and the margin of error of a given size."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.stats import norm

from spi_analysis.errors import SamplingError
from spi_analysis.survey.groups import require_numbers


@dataclass(frozen=True)
class SampleSize:
    """Whole numbers of people, as ``sample_size`` and ``sample_size_mean`` find them.

    Parameters
    ----------
    completes : int     people who must answer
    invitations : int   people to be invited so that as many answer
    exact : float       the real-valued number of completes behind them
    census : bool       whether everyone on the list is invited

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 3.

    Examples
    --------
    >>> size = sample_size(margin=0.1, population=50, response_rate=0.5)
    >>> size.completes, size.invitations, round(size.exact, 1), size.census
    (34, 50, 33.1, True)
    """

    completes: int
    invitations: int
    exact: float
    census: bool


def sample_size(
    margin: float = 0.05,
    level: float = 0.95,
    p: float = 0.5,
    population: float | None = None,
    deff: float = 1.0,
    eligibility: float = 1.0,
    response_rate: float = 1.0,
) -> SampleSize:
    """Completes and invitations so that a proportion has the given margin of error.

    Solves ``margin = z * sqrt(deff * p(1-p)/n * (N-n)/(N-1))`` for n. Invitations are
    completes / (eligibility * response_rate), never more than the population: where
    that bound is met everyone is invited (a census) and the margin may be missed.

    Parameters
    ----------
    margin : float              half-width of the interval, as a proportion (0.05 = 5 points of 100)
    level : float               confidence level, between 0 and 1
    p : float                   anticipated proportion, between 0 and 1; 0.5 is the safest
    population : float or None  people on the list (N); None for a very large list
    deff : float                design effect, above 0
    eligibility : float         share of the listed who are eligible, above 0, at most 1
    response_rate : float       share of the eligible who answer, above 0, at most 1

    Returns
    -------
    SampleSize: ``completes`` and ``invitations`` in people, ``exact`` (completes, not rounded), ``census``.

    Raises
    ------
    SamplingError   an argument is no finite number, or is out of its range; names it.

    References
    ----------
    Cochran (1977), Sampling Techniques, section 4.4; Valliant, Dever & Kreuter (2018), ch. 3.

    Examples
    --------
    >>> sample_size(margin=0.05).completes
    385
    >>> size = sample_size(margin=0.05, population=1000, response_rate=0.5)
    >>> size.completes, size.invitations, size.census
    (278, 556, False)
    """
    require_numbers(SamplingError, margin=margin, p=p, deff=deff)
    require(0 < margin < 1, "margin", margin, "a proportion between 0 and 1 (0.05 = 5 points of 100)")
    require(0 < p < 1, "p", p, "a proportion between 0 and 1")
    require(deff > 0, "deff", deff, "a design effect above 0")
    return _size(deff * p * (1 - p), margin, level, population, eligibility, response_rate, proportion=True)


def sample_size_mean(
    sd: float,
    margin: float | None = None,
    cv: float | None = None,
    mean: float | None = None,
    level: float = 0.95,
    population: float | None = None,
    deff: float = 1.0,
    eligibility: float = 1.0,
    response_rate: float = 1.0,
) -> SampleSize:
    """Completes and invitations so that a mean has the given margin of error, or the given CV.

    Solves ``se**2 = deff * sd**2/n * (1 - n/N)`` for n, with se = margin/z, or se = cv * mean.

    Parameters
    ----------
    sd, mean : float            anticipated standard deviation and mean, in the variable's unit
    margin : float              half-width of the interval in the same unit; or
    cv : float                  coefficient of variation of the estimated mean (needs ``mean``)
    level, population, deff, eligibility, response_rate   as in ``sample_size``

    Returns
    -------
    SampleSize, in people.

    Raises
    ------
    SamplingError   an argument is no finite number, or is out of its range; margin and cv are both given or both
        missing, or cv comes without a mean other than 0.

    References
    ----------
    Cochran (1977), section 4.6; Valliant, Dever & Kreuter (2018), ch. 3.

    Examples
    --------
    >>> sample_size_mean(sd=10, margin=2).completes
    97
    >>> sample_size_mean(sd=10, mean=50, cv=0.02).completes
    100
    >>> sample_size_mean(sd=10, mean=50, cv=0.02, population=100).completes
    50
    """
    require_numbers(SamplingError, sd=sd, level=level, deff=deff, **given(margin=margin, cv=cv, mean=mean))
    require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    require(sd > 0, "sd", sd, "a standard deviation above 0")
    require(deff > 0, "deff", deff, "a design effect above 0")
    if (margin is None) == (cv is None) or (cv is not None and not mean):
        raise SamplingError(
            "the target is unclear", got=f"margin={margin}, cv={cv}, mean={mean}", expected="margin, or cv with mean"
        )
    require(margin is None or margin > 0, "margin", margin, "a half-width above 0")
    require(cv is None or cv > 0, "cv", cv, "a coefficient of variation above 0")
    if margin is not None:
        return _size(deff * sd**2, margin, level, population, eligibility, response_rate, proportion=False)
    assert cv is not None
    assert mean is not None
    z = norm.ppf(0.5 + level / 2)
    return _size(deff * sd**2, z * cv * abs(mean), level, population, eligibility, response_rate, proportion=False)


def margin_of_error(
    n: float, p: float = 0.5, level: float = 0.95, population: float | None = None, deff: float = 1.0
) -> float:
    """The margin of error of a proportion from n completes; 0 for a full census, as a proportion.

    ``z * sqrt(deff * p(1-p)/n * (N-n)/(N-1))``, with z of the normal distribution.

    Parameters
    ----------
    n : float       completes, in people
    p, level, population, deff   as in ``sample_size``

    Returns
    -------
    float: half-width of the interval, as a proportion.

    Raises
    ------
    SamplingError   an argument is no finite number, or is out of its range; names it.

    References
    ----------
    Cochran (1977), Sampling Techniques, ch. 3.

    Examples
    --------
    >>> round(margin_of_error(100), 3)
    0.098
    >>> margin_of_error(100, population=100)
    0.0
    """
    require_numbers(SamplingError, n=n, p=p, level=level, deff=deff, **given(population=population))
    require(population is None or population >= 1, "population", population, "at least one person")
    require(n > 0, "n", n, "at least one complete")
    require(0 < p < 1, "p", p, "a proportion between 0 and 1")
    require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    require(deff > 0, "deff", deff, "a design effect above 0")
    # Cochran (1977), theorem 3.2: V(p) = p(1-p)/n * (N-n)/(N-1).
    fpc = 1.0 if population is None else max(population - n, 0) / max(population - 1, 1)
    return float(norm.ppf(0.5 + level / 2) * math.sqrt(deff * p * (1 - p) / n * fpc))


def _size(
    variance: float,
    margin: float,
    level: float,
    population: float | None,
    eligibility: float,
    response_rate: float,
    *,
    proportion: bool,
) -> SampleSize:
    require_numbers(
        SamplingError, level=level, eligibility=eligibility, response_rate=response_rate, **given(population=population)
    )
    require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    require(0 < eligibility <= 1, "eligibility", eligibility, "a share above 0, at most 1")
    require(0 < response_rate <= 1, "response_rate", response_rate, "a share above 0, at most 1")
    # Cochran (1977), section 4.4: n_0 = (z/margin)**2 * variance, then n = n_0 / (1 + n_0/N) of a finite population.
    need = (norm.ppf(0.5 + level / 2) / margin) ** 2 * variance
    if population is None:
        exact = need
    else:
        require(population >= 1, "population", population, "at least one person")
        # A proportion's population variance is N/(N-1) p(1-p); a standard deviation is taken as it is.
        n_minus = max(population - 1, 1) if proportion else population
        exact = need * (population / n_minus) / (1 + need / n_minus)
    completes = _whole(exact)
    invitations = _whole(completes / (eligibility * response_rate))
    if population is not None:
        people = math.floor(population)
        return SampleSize(min(completes, people), min(invitations, people), float(exact), invitations >= people)
    return SampleSize(completes, invitations, float(exact), False)


def _whole(x: float) -> int:
    # Guards against 385.0000000001 becoming 386.
    return math.ceil(x - 1e-9)


def given(**values: object) -> dict[str, object]:
    """The values that are not left out."""
    return {name: value for name, value in values.items() if value is not None}


def require(ok: bool, name: str, got: object, expected: str) -> None:
    """Raise for an argument that is out of its range."""
    if not ok:
        raise SamplingError(f"{name} is out of range", got=str(got), expected=expected)
