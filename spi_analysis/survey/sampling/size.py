"""How many people: sizes for a margin of error or a CV, and the margin that a size buys."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import nct, norm
from scipy.stats import t as student

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.survey.groups import is_number


@dataclass(frozen=True)
class SampleSize:
    """Whole numbers of people; ``exact`` is the real-valued number of completes behind them."""

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
    margin : float   half-width of the interval, as a proportion (0.05 = 5 points of 100)
    level, p, deff, eligibility, response_rate : float   confidence level, anticipated proportion,
        design effect, share of the listed who are eligible, share of the eligible who answer
    population : float or None   people on the list (N); None for a very large list

    References
    ----------
    Cochran (1977), Sampling Techniques, section 4.4; Valliant, Dever & Kreuter (2018), ch. 3.
    """
    _require_numbers(margin=margin, p=p, deff=deff)
    _require(0 < margin < 1, "margin", margin, "a proportion between 0 and 1 (0.05 = 5 points of 100)")
    _require(0 < p < 1, "p", p, "a proportion between 0 and 1")
    _require(deff > 0, "deff", deff, "a design effect above 0")
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
    sd, mean : float   anticipated standard deviation and mean, in the variable's unit
    margin : float     half-width of the interval in the same unit; or
    cv : float         coefficient of variation of the estimated mean (needs ``mean``)

    References
    ----------
    Cochran (1977), section 4.6; Valliant, Dever & Kreuter (2018), ch. 3.
    """
    _require_numbers(sd=sd, margin=margin, cv=cv, mean=mean, level=level, deff=deff)
    _require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    _require(sd > 0, "sd", sd, "a standard deviation above 0")
    _require(deff > 0, "deff", deff, "a design effect above 0")
    if (margin is None) == (cv is None) or (cv is not None and not mean):
        raise SamplingError(
            "the target is unclear", got=f"margin={margin}, cv={cv}, mean={mean}", expected="margin, or cv with mean"
        )
    _require(margin is None or margin > 0, "margin", margin, "a half-width above 0")
    _require(cv is None or cv > 0, "cv", cv, "a coefficient of variation above 0")
    if margin is not None:
        return _size(deff * sd**2, margin, level, population, eligibility, response_rate, proportion=False)
    assert cv is not None
    assert mean is not None
    z = norm.ppf(0.5 + level / 2)
    return _size(deff * sd**2, z * cv * abs(mean), level, population, eligibility, response_rate, proportion=False)


def margin_of_error(
    n: float, p: float = 0.5, level: float = 0.95, population: float | None = None, deff: float = 1.0
) -> float:
    """The margin of error of a proportion that n completes buy; 0 for a full census, as a proportion."""
    _require_numbers(n=n, p=p, level=level, population=population, deff=deff)
    _require(population is None or population >= 1, "population", population, "at least one person")
    _require(n > 0, "n", n, "at least one complete")
    _require(0 < p < 1, "p", p, "a proportion between 0 and 1")
    _require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    _require(deff > 0, "deff", deff, "a design effect above 0")
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
    _require_numbers(level=level, population=population, eligibility=eligibility, response_rate=response_rate)
    _require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    _require(0 < eligibility <= 1, "eligibility", eligibility, "a share above 0, at most 1")
    _require(0 < response_rate <= 1, "response_rate", response_rate, "a share above 0, at most 1")
    need = (norm.ppf(0.5 + level / 2) / margin) ** 2 * variance
    if population is None:
        exact = need
    else:
        _require(population >= 1, "population", population, "at least one person")
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


def _require_numbers(**values: object) -> None:
    """Every value that is given must be a finite number."""
    for name, value in values.items():
        _require(value is None or is_number(value), name, value, "a finite number")


def _require(ok: bool, name: str, got: object, expected: str) -> None:
    if not ok:
        raise SamplingError(f"{name} is out of range", got=str(got), expected=expected)


# How many people it takes to see a difference: between two groups, or between two rounds that share people.

SIDES = {"two-sided": 2, "one-sided": 1}


@dataclass(frozen=True)
class ComparisonSize:
    """Completes of the first and second group or round; ``exact`` is the real-valued number of the first."""

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
    """
    _require(min(sd) >= 0 and max(sd) > 0, "sd", sd, "two standard deviations of 0 or more, one of them above 0")
    _require(
        0 <= overlap <= min(1.0, 1 / ratio if ratio > 0 else 1.0), "overlap", overlap, "a share that fits both samples"
    )
    _require(-1 <= correlation <= 1, "correlation", correlation, "-1 to 1")
    _require(ratio > 0, "ratio", ratio, "above 0")
    return sd[0] ** 2 + ratio * sd[1] ** 2 - 2 * overlap * ratio * correlation * sd[0] * sd[1]


def proportion_correlation(p: tuple[float, float], both: float) -> float:
    """Correlation of two yes-or-no answers of a person, from the share that says yes both times."""
    low, high = max(0.0, sum(p) - 1), min(p)
    _require(low <= both <= high, "both", both, f"between {low:g} and {high:g}")
    spread = math.prod(math.sqrt(q * (1 - q)) for q in p)
    _require(spread > 0, "p", p, "two shares between 0 and 1")
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

    References
    ----------
    Valliant, Dever & Kreuter (2018), section 4.5; Woodward (1992), The Statistician 41.
    """
    variance = difference_variance(sd, overlap, correlation, ratio)
    _require(difference != 0, "difference", difference, "a difference other than 0")
    _require(deff > 0, "deff", deff, "a design effect above 0")
    allowed = (difference / _z_sum(power, significance, alternative)) ** 2
    if population is not None:
        _require(population >= 1, "population", population, "at least one person")
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
    """The smallest change that n completes in the first round (n / ratio in the second) detect."""
    _require(n > 0, "n", n, "at least one complete")
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

    References
    ----------
    Cohen (1988), Statistical Power Analysis, ch. 2.
    """
    _require(sd > 0, "sd", sd, "a standard deviation above 0")
    _require(difference != 0, "difference", difference, "a difference other than 0")
    about = 2 * (_z_sum(power, significance, alternative) * sd / difference) ** 2
    tail = significance / SIDES[alternative]

    def excess(n: float) -> float:
        df = 2 * (n - 1)
        return float(nct.sf(student.isf(tail, df), df, math.sqrt(n / 2) * abs(difference) / sd)) - power

    low, high = 1 + 1e-6, about + 10.0
    while excess(high) < 0:
        high *= 2
    exact = low if excess(low) >= 0 else float(brentq(excess, low, high, xtol=1e-10, rtol=1e-14))
    n = max(_whole(exact), 2)
    return ComparisonSize(n, n, exact)


def sample_size_two_proportions(
    p: tuple[float, float],
    power: float = 0.8,
    significance: float = 0.05,
    alternative: str = "two-sided",
) -> ComparisonSize:
    """Per group, for the test of two independent shares with the pooled variance (as R's ``power.prop.test``).

    References
    ----------
    Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, ch. 4.
    """
    _require(all(0 < q < 1 for q in p) and p[0] != p[1], "p", p, "two different shares between 0 and 1")
    _z_sum(power, significance, alternative)
    pooled = sum(p) / 2
    apart = sum(q * (1 - q) for q in p)
    z_test, z_power = norm.isf(significance / SIDES[alternative]), norm.ppf(power)
    root = z_test * math.sqrt(2 * pooled * (1 - pooled)) + z_power * math.sqrt(apart)
    exact = float((root / (p[0] - p[1])) ** 2)
    return ComparisonSize(_whole(exact), _whole(exact), exact)


def _z_sum(power: float, significance: float, alternative: str) -> float:
    if alternative not in SIDES:
        raise SamplingError(
            "unknown alternative", got=alternative, expected=", ".join(SIDES), hint=nearest(alternative, SIDES)
        )
    _require(0 < significance < 1, "significance", significance, "a level between 0 and 1")
    _require(
        significance / SIDES[alternative] < power < 1, "power", power, "a chance above the level of the test, below 1"
    )
    return float(norm.isf(significance / SIDES[alternative]) + norm.ppf(power))


# Sizes for intervals of a rare share, and for a domain whose members are only found out by asking.

INTERVALS = ("wald", "wilson", "logit")
MEASURES = ("mean", "total")


def size_for_interval(margin: float, p: float, interval: str = "wilson", level: float = 0.95) -> float:
    """Completes (real-valued) so that the interval of a share p has the given half-width.

    Near 0 or 1 the Wald interval is not the one to be shown; sizes for the others differ.

    Parameters
    ----------
    margin : float     half of the interval's length, as a share (the logit interval is not symmetric)
    interval : str     wald: ``z**2 pq / e**2``; wilson: ``z**2 (pq - 2e**2 + sqrt(e**2 - pq (4e**2 - pq))) / (2e**2)``;
        logit: ``z**2 / (pq log(x)**2)`` with x so that the limits of ``log(p/q) +- log(x)`` are 2e apart

    References
    ----------
    Wilson (1927), JASA 22; Valliant, Dever & Kreuter (2018), section 3.2; Korn (1986), Statistics in Medicine 5.
    """
    if interval not in INTERVALS:
        hint = nearest(interval, INTERVALS)
        raise SamplingError("unknown interval", got=interval, expected=", ".join(INTERVALS), hint=hint)
    _require(0 < margin < 0.5, "margin", margin, "half of an interval inside 0 to 1: below 0.5")
    _require(0 < p < 1, "p", p, "a proportion between 0 and 1")
    _require(0 < level < 1, "level", level, "a confidence level between 0 and 1")
    z, pq = float(norm.ppf(0.5 + level / 2)), p * (1 - p)
    if interval == "wald":
        return z**2 * pq / margin**2
    if interval == "wilson":
        inner = margin**2 - pq * (4 * margin**2 - pq)
        return z**2 * (pq - 2 * margin**2 + math.sqrt(inner)) / (2 * margin**2)
    odds = (1 - p) / p
    wide = margin * (1 + odds**2)
    x = (wide + math.sqrt(wide**2 + odds**2 * (1 - 4 * margin**2))) / (odds * (1 - 2 * margin))
    return z**2 / (pq * math.log(x) ** 2)


def size_for_domain(
    cv: float, cv_population: float, share: float, population: float | None = None, measure: str = "mean"
) -> float:
    """Completes (real-valued) of a whole sample so that a domain's mean or total has the given CV.

    Who belongs to the domain is only known once asked: a sample of n holds about ``n * share`` of its members. A total
    also suffers from not knowing how many they are: its unit CV is ``sqrt(cv**2 + 1 - share)``.

    Parameters
    ----------
    cv, cv_population : float   target; CV of the variable between the domain's members
    share : float               of the population that belongs to the domain
    population : float or None  people on the list; None for very many
    measure : str               mean or total

    References
    ----------
    Cochran (1977), section 2.12; Valliant, Dever & Kreuter (2018), section 3.5.
    """
    if measure not in MEASURES:
        raise SamplingError(
            "unknown measure", got=measure, expected=", ".join(MEASURES), hint=nearest(measure, MEASURES)
        )
    _require(cv > 0, "cv", cv, "a coefficient of variation above 0")
    _require(cv_population > 0, "cv_population", cv_population, "a coefficient of variation above 0")
    _require(0 < share <= 1, "share", share, "a share above 0, at most 1")
    _require(population is None or population >= 1, "population", population, "at least one person")
    unit = cv_population**2 + (1 - share if measure == "total" else 0.0)
    fpc = 0.0 if population is None else unit / (population * share)
    return unit / share / (cv**2 + fpc)
