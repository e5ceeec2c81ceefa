"""How many people it takes to see a difference: between two groups, or between two rounds that share people."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.optimize import brentq
from scipy.stats import nct, norm
from scipy.stats import t as student

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.sampling.sizes import _require, _whole

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
