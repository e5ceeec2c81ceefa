"""Sizes for intervals of a rare share, and for a domain whose members are only found out by asking."""

from __future__ import annotations

import math

from scipy.stats import norm

from spi_analysis.errors import SamplingError, nearest
from spi_analysis.sampling.sizes import _require

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
