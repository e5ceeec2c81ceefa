"""Sample sizes to detect a difference between two groups, or between two rounds with overlapping samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import nct, norm
from scipy.stats import t as student

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.survey.groups import is_number, require_numbers
from spi_analysis.survey.sampling.size import _whole, given, require

SIDES = {"two-sided": 2, "one-sided": 1}


@dataclass(frozen=True)
class ComparisonSize:
    """Completes for a comparison of two groups or rounds.

    Parameters
    ----------
    first, second : int   people who must answer in the first and second group or round
    exact : float         the real-valued number of the first

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 4.

    Examples
    --------
    >>> size = sample_size_change(5, sd=(10, 10), ratio=0.5)
    >>> size.first, size.second, round(size.exact, 1)
    (48, 96, 47.1)
    """

    first: int
    second: int
    exact: float


def difference_variance(
    sd: tuple[float, float], overlap: float = 0.0, correlation: float = 0.0, ratio: float = 1.0
) -> float:
    """Variance of a difference of two means, times n of the first: ``S1**2 + r S2**2 - 2 g r rho S1 S2``.

    Parameters
    ----------
    sd : two floats       standard deviations of first and second round
    overlap : float       share g of the first sample that is also in the second
    correlation : float   rho between a person's two answers
    ratio : float         r = n first / n second

    Returns
    -------
    float, in the squared unit of ``sd``.

    Raises
    ------
    SamplingError   an argument is out of its range; an overlap above 1 / ratio does not fit the second sample.

    References
    ----------
    Cochran (1977), ch. 12 (repeated sampling); Valliant, Dever & Kreuter (2018), ch. 4 (overlapping samples).

    Examples
    --------
    >>> difference_variance((10, 10))
    200.0
    >>> difference_variance((10, 10), overlap=1, correlation=0.5)
    100.0
    """
    _require_pair("sd", sd)
    require_numbers(SamplingError, overlap=overlap, correlation=correlation, ratio=ratio)
    require(min(sd) >= 0 and max(sd) > 0, "sd", sd, "two standard deviations of 0 or more, one of them above 0")
    require(
        0 <= overlap <= min(1.0, 1 / ratio if ratio > 0 else 1.0), "overlap", overlap, "a share that fits both samples"
    )
    require(-1 <= correlation <= 1, "correlation", correlation, "-1 to 1")
    require(ratio > 0, "ratio", ratio, "above 0")
    # n V(y1 - y2) = S1**2 + r S2**2 - 2 n Cov(y1, y2), where the g n people in both samples give n Cov = g r rho S1 S2.
    return sd[0] ** 2 + ratio * sd[1] ** 2 - 2 * overlap * ratio * correlation * sd[0] * sd[1]


def proportion_correlation(p: tuple[float, float], both: float) -> float:
    """Correlation of two yes-or-no answers of a person, from the share that says yes both times.

    ``(both - p1 p2) / sqrt(p1 (1 - p1) p2 (1 - p2))``, the phi coefficient.

    Parameters
    ----------
    p : two floats   share that says yes the first and the second time, between 0 and 1
    both : float     share that says yes both times

    Returns
    -------
    float, -1 to 1.

    Raises
    ------
    SamplingError   ``both`` is not possible with these shares; a share is 0 or 1.

    References
    ----------
    Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions.

    Examples
    --------
    >>> proportion_correlation((0.5, 0.5), both=0.25)
    0.0
    >>> proportion_correlation((0.5, 0.5), both=0.5)
    1.0
    """
    _require_pair("p", p)
    require_numbers(SamplingError, both=both)
    low, high = max(0.0, sum(p) - 1), min(p)
    require(low <= both <= high, "both", both, f"between {low:g} and {high:g}")
    spread = math.prod(math.sqrt(q * (1 - q)) for q in p)
    require(spread > 0, "p", p, "two shares between 0 and 1")
    # Fleiss, Levin & Paik (2003): phi = (p12 - p1 p2) / sqrt(p1 q1 p2 q2).
    return (both - p[0] * p[1]) / spread


def sample_size_change(
    difference: float,
    sd: tuple[float, float],
    overlap: float = 0.0,
    correlation: float = 0.0,
    ratio: float = 1.0,
    power: float = 0.8,
    significance: float = 0.05,
    alternative: str = "two-sided",
    deff: float = 1.0,
    population: float | None = None,
) -> ComparisonSize:
    """Completes per round so that a change of ``difference`` is detected with the given power.

    Solves ``difference = (z_sig + z_power) * sqrt(deff V / n - D**2 / N)``: V is ``difference_variance``, and D**2 the
    variance of a person's change (the finite population part where both rounds draw from the same N people).
    For shares use ``sd = sqrt(p (1 - p))`` and ``proportion_correlation``.

    Parameters
    ----------
    difference : float   in the unit of ``sd``
    sd, overlap, correlation, ratio   see ``difference_variance``
    power, significance, alternative  chance to detect it; level of the test; two-sided or one-sided
    deff, population     design effect; people in both rounds, None for very many

    Returns
    -------
    ComparisonSize, in people, never more than ``population``.

    Raises
    ------
    SamplingError   an argument is out of its range; a difference of 0; an unknown alternative.

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 4 (overlapping samples; R's PracTools: nDep2sam).

    Examples
    --------
    >>> sample_size_change(5, sd=(10, 10)).first
    63
    >>> sample_size_change(5, sd=(10, 10), overlap=1, correlation=0.5).first
    32
    """
    require_numbers(SamplingError, difference=difference, deff=deff, **given(population=population))
    variance = difference_variance(sd, overlap, correlation, ratio)
    require(difference != 0, "difference", difference, "a difference other than 0")
    require(deff > 0, "deff", deff, "a design effect above 0")
    # What the sampling variance may be: ((difference / (z_sig + z_power))**2 + D**2 / N), so that n = deff V / allowed.
    allowed = (difference / _z_sum(power, significance, alternative)) ** 2
    if population is not None:
        require(population >= 1, "population", population, "at least one person")
        allowed += (sd[0] ** 2 + sd[1] ** 2 - 2 * correlation * sd[0] * sd[1]) / population
    exact = deff * variance / allowed
    first, second = _whole(exact), _whole(_whole(exact) / ratio)
    if population is not None:
        first, second = min(first, math.floor(population)), min(second, math.floor(population))
    return ComparisonSize(first, second, float(exact))


def detectable_difference(
    n: float,
    sd: tuple[float, float],
    overlap: float = 0.0,
    correlation: float = 0.0,
    ratio: float = 1.0,
    power: float = 0.8,
    significance: float = 0.05,
    alternative: str = "two-sided",
    deff: float = 1.0,
    population: float | None = None,
) -> float:
    """The smallest change that n completes in the first round (n / ratio in the second) detect.

    The equation of ``sample_size_change``, solved for the difference.

    Parameters
    ----------
    n : float   completes of the first round, in people
    sd, overlap, correlation, ratio, power, significance, alternative, deff, population   see ``sample_size_change``

    Returns
    -------
    float, in the unit of ``sd``; 0 where both rounds ask everyone.

    Raises
    ------
    SamplingError   n is not above 0; an argument is out of its range; an unknown alternative.

    References
    ----------
    Valliant, Dever & Kreuter (2018), ch. 4.

    Examples
    --------
    >>> round(detectable_difference(63, sd=(10, 10)), 2)
    4.99
    """
    require_numbers(SamplingError, n=n, deff=deff, **given(population=population))
    require(n > 0, "n", n, "at least one complete")
    require(deff > 0, "deff", deff, "a design effect above 0")
    require(population is None or population >= 1, "population", population, "at least one person")
    # The same equation read the other way: difference = (z_sig + z_power) sqrt(deff V / n - D**2 / N).
    variance = deff * difference_variance(sd, overlap, correlation, ratio) / n
    if population is not None:
        variance -= (sd[0] ** 2 + sd[1] ** 2 - 2 * correlation * sd[0] * sd[1]) / population
    return _z_sum(power, significance, alternative) * math.sqrt(max(variance, 0.0))


def sample_size_two_means(
    difference: float,
    sd: float,
    power: float = 0.8,
    significance: float = 0.05,
    alternative: str = "two-sided",
) -> ComparisonSize:
    """Per group, for the t test of two independent groups of equal size and deviation (as R's ``power.t.test``).

    The power comes from the noncentral t distribution with 2(n - 1) degrees of freedom; the far tail of a two-sided
    test is left out.

    Parameters
    ----------
    difference : float   of the two means
    sd : float           standard deviation in either group, in the same unit
    power, significance, alternative   see ``sample_size_change``

    Returns
    -------
    ComparisonSize: the same number of people in both groups, at least 2.

    Raises
    ------
    SamplingError   an argument is out of its range; a difference of 0; an unknown alternative.

    References
    ----------
    Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, ch. 2.

    Examples
    --------
    >>> size = sample_size_two_means(5, sd=10)
    >>> size.first, round(size.exact, 2)
    (64, 63.77)
    """
    require_numbers(SamplingError, sd=sd, difference=difference)
    require(sd > 0, "sd", sd, "a standard deviation above 0")
    require(difference != 0, "difference", difference, "a difference other than 0")
    # The normal approximation, n = 2 ((z_sig + z_power) sd / difference)**2, gives the range of the search.
    about = 2 * (_z_sum(power, significance, alternative) * sd / difference) ** 2

    def excess(n: float) -> float:
        return _power_of_t(n, abs(difference) / sd, significance / SIDES[alternative]) - power

    # From two in each group on: with hardly a degree of freedom the noncentral t is numerically no probability.
    low, high = 2.0, about + 10.0
    while excess(high) < 0:
        high *= 2
    exact = low if excess(low) >= 0 else float(brentq(excess, low, high, xtol=1e-10, rtol=1e-14))
    n = max(_whole(exact), 2)
    return ComparisonSize(n, n, exact)


def detectable_two_means(
    n: float, sd: float, power: float = 0.8, significance: float = 0.05, alternative: str = "two-sided"
) -> float:
    """The smallest difference of two means that groups of n completes each detect.

    The equation of ``sample_size_two_means``, solved for the difference.

    Parameters
    ----------
    n : float   completes in either group, in people
    sd, power, significance, alternative   see ``sample_size_two_means``

    Returns
    -------
    float, in the unit of ``sd``; NaN with two completes or fewer in each group, with hardly a degree of freedom.

    Raises
    ------
    SamplingError   an argument is out of its range; an unknown alternative.

    References
    ----------
    Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, ch. 2.

    Examples
    --------
    >>> round(detectable_two_means(64, sd=10), 2)
    4.99
    """
    require_numbers(SamplingError, n=n, sd=sd)
    require(sd > 0, "sd", sd, "a standard deviation above 0")
    z_sum = _z_sum(power, significance, alternative)
    if n <= 2:
        return math.nan

    def excess(effect: float) -> float:
        return _power_of_t(n, effect, significance / SIDES[alternative]) - power

    # The normal approximation, (z_sig + z_power) sqrt(2 / n), promises too much: by far with few people.
    about = high = z_sum * math.sqrt(2 / n)
    while excess(high) < 0:
        high *= 2
    return sd * float(brentq(excess, about / 2, high, xtol=1e-10))


def _power_of_t(n: float, effect: float, tail: float) -> float:
    """Power of the t test of two groups of n, for a difference in standard deviations (Cohen 1988, ch. 2)."""
    df = 2 * (n - 1)
    # The noncentrality is sqrt(n/2) |difference| / sd.
    return float(nct.sf(student.isf(tail, df), df, math.sqrt(n / 2) * effect))


def sample_size_two_proportions(
    p: tuple[float, float],
    power: float = 0.8,
    significance: float = 0.05,
    alternative: str = "two-sided",
) -> ComparisonSize:
    """Per group, for the test of two independent shares with the pooled variance (as R's ``power.prop.test``).

    Parameters
    ----------
    p : two floats   the anticipated shares, different, between 0 and 1
    power, significance, alternative   see ``sample_size_change``

    Returns
    -------
    ComparisonSize: the same number of people in both groups.

    Raises
    ------
    SamplingError   the shares are equal or out of range; power or significance out of range; an unknown alternative.

    References
    ----------
    Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, ch. 4.

    Examples
    --------
    >>> sample_size_two_proportions((0.5, 0.75), power=0.9).first
    77
    """
    _require_pair("p", p)
    require(all(0 < q < 1 for q in p) and p[0] != p[1], "p", p, "two different shares between 0 and 1")
    _z_sum(power, significance, alternative)
    pooled = sum(p) / 2
    apart = sum(q * (1 - q) for q in p)
    z_test, z_power = norm.isf(significance / SIDES[alternative]), norm.ppf(power)
    # Fleiss, Levin & Paik (2003), ch. 4: n = (z_sig sqrt(2 p q) + z_power sqrt(p1 q1 + p2 q2))**2 / (p1 - p2)**2.
    root = z_test * math.sqrt(2 * pooled * (1 - pooled)) + z_power * math.sqrt(apart)
    exact = float((root / (p[0] - p[1])) ** 2)
    return ComparisonSize(_whole(exact), _whole(exact), exact)


def _require_pair(name: str, values: object) -> None:
    pair = isinstance(values, Sequence) and len(values) == 2 and all(map(is_number, values))
    require(pair, name, values, "two finite numbers")


def _z_sum(power: float, significance: float, alternative: str) -> float:
    if alternative not in SIDES:
        raise SamplingError(
            "unknown alternative", got=alternative, expected=", ".join(SIDES), hint=nearest(alternative, SIDES)
        )
    require_numbers(SamplingError, power=power, significance=significance)
    require(0 < significance < 1, "significance", significance, "a level between 0 and 1")
    require(
        significance / SIDES[alternative] < power < 1, "power", power, "a chance above the level of the test, below 1"
    )
    return float(norm.isf(significance / SIDES[alternative]) + norm.ppf(power))


# Sizes for intervals of a rare share, and for a domain whose members are identified only in the interview.

INTERVALS = ("wald", "wilson", "logit")
MEASURES = ("mean", "total")


def size_for_interval(margin: float, p: float, interval: str = "wilson", level: float = 0.95) -> float:
    """Completes (real-valued) so that the interval of a share p has the given half-width.

    Near 0 or 1 the Wald interval is unsuitable; the sizes for the other intervals differ.

    Parameters
    ----------
    margin : float     half of the interval's length, as a share (the logit interval is not symmetric)
    p : float          anticipated share, between 0 and 1
    interval : str     wald: ``z**2 pq / e**2``; wilson: ``z**2 (pq - 2e**2 + sqrt(e**2 - pq (4e**2 - pq))) / (2e**2)``;
        logit: ``z**2 / (pq log(x)**2)`` with x so that the limits of ``log(p/q) +- log(x)`` are 2e apart
    level : float      confidence level, between 0 and 1

    Returns
    -------
    float: completes, not rounded.

    Raises
    ------
    SamplingError   an unknown interval; margin (0 to 0.5), p or level out of range.

    References
    ----------
    Wilson (1927), JASA 22; Valliant, Dever & Kreuter (2018), ch. 3 (R's PracTools: nWilson, nLogOdds).

    Examples
    --------
    >>> round(size_for_interval(0.1, p=0.5, interval="wald"), 1)
    96.0
    >>> round(size_for_interval(0.1, p=0.5, interval="wilson"), 1)
    92.2
    """
    if interval not in INTERVALS:
        hint = nearest(interval, INTERVALS)
        raise SamplingError("unknown interval", got=interval, expected=", ".join(INTERVALS), hint=hint)
    require_numbers(SamplingError, margin=margin, p=p, level=level)
    require(0 < margin < 0.5, "margin", margin, "half of an interval inside 0 to 1: below 0.5")
    require(0 < p < 1, "p", p, "a proportion between 0 and 1")
    require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    z, pq = float(norm.ppf(0.5 + level / 2)), p * (1 - p)
    if interval == "wald":
        return z**2 * pq / margin**2
    if interval == "wilson":
        # Wilson's half-width z sqrt(pq/n + z**2/(4 n**2)) / (1 + z**2/n) = margin, a quadratic in n/z**2.
        inner = margin**2 - pq * (4 * margin**2 - pq)
        return z**2 * (pq - 2 * margin**2 + math.sqrt(inner)) / (2 * margin**2)
    # 1/(1 + odds/x) - 1/(1 + odds x) = 2 margin, a quadratic in x; then log(x) = z / sqrt(n p q).
    odds = (1 - p) / p
    wide = margin * (1 + odds**2)
    x = (wide + math.sqrt(wide**2 + odds**2 * (1 - 4 * margin**2))) / (odds * (1 - 2 * margin))
    return z**2 / (pq * math.log(x) ** 2)


def size_for_domain(
    cv: float, cv_population: float, share: float, population: float | None = None, measure: str = "mean"
) -> float:
    """Completes (real-valued) of a whole sample so that a domain's mean or total has the given CV.

    Membership of the domain is known only after the interview: a sample of n holds about ``n * share`` of its members.
    For a total the unknown size of the domain adds variance: its unit CV is ``sqrt(cv**2 + 1 - share)``.

    Parameters
    ----------
    cv, cv_population : float   target; CV of the variable between the domain's members
    share : float               of the population that belongs to the domain
    population : float or None  people on the list; None for very many
    measure : str               mean or total

    Returns
    -------
    float: completes of the whole sample, not rounded.

    Raises
    ------
    SamplingError   an unknown measure; a CV that is not above 0; share or population out of range.

    References
    ----------
    Cochran (1977), section 2.12; Valliant, Dever & Kreuter (2018), section 3.5.

    Examples
    --------
    >>> round(size_for_domain(cv=0.1, cv_population=0.5, share=0.2))
    125
    >>> round(size_for_domain(cv=0.1, cv_population=0.5, share=0.2, measure="total"))
    525
    """
    if measure not in MEASURES:
        raise SamplingError(
            "unknown measure", got=measure, expected=", ".join(MEASURES), hint=nearest(measure, MEASURES)
        )
    require_numbers(SamplingError, cv=cv, cv_population=cv_population, share=share, **given(population=population))
    require(cv > 0, "cv", cv, "a coefficient of variation above 0")
    require(cv_population > 0, "cv_population", cv_population, "a coefficient of variation above 0")
    require(0 < share <= 1, "share", share, "a share above 0, at most 1")
    require(population is None or population >= 1, "population", population, "at least one person")
    # cv**2 = unit (1/(n share) - 1/(N share)), unit the squared unit CV, solved for n.
    unit = cv_population**2 + (1 - share if measure == "total" else 0.0)
    fpc = 0.0 if population is None else unit / (population * share)
    return unit / share / (cv**2 + fpc)
