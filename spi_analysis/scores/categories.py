"""Category of an index, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from spi_analysis.params.published import PublishedYears
from spi_analysis.params.round import CategoryLevel, CategoryParams


def category_of(index: float, levels: CategoryParams | Sequence[CategoryLevel], decimals: int = 2) -> str:
    """Code of the category that holds the index, rounded first to its published decimals.

    Of a published year: `category_in_year`, since every year has its own rule.
    """
    rounded = round(index, decimals)
    for level in _levels(levels):
        if level.below is None or rounded < level.below:
            return level.code
    raise AssertionError("the last category has no limit")


def category_in_year(index: float, year: int, years: PublishedYears) -> str | None:
    """Code of the category of a published index by the rule of its year; None where no rule of that year is known.

    The index is rounded first to the decimals in which that year was published: 77.5 was Terjaga in 2022, and has been
    Waspada since 2023.
    """
    rule = years.category_rule(year)
    return None if rule is None else category_of(index, rule, years.decimals(year))


def category_probabilities(
    estimate: float, se: float, df: float, levels: CategoryParams | Sequence[CategoryLevel], decimals: int = 2
) -> dict[str, float]:
    """Probability of each category if the true index lies around the estimate as the t distribution says."""
    return dict(zip((level.code for level in _levels(levels)),
                    np.diff([0.0, *(_below(level.below, estimate, se, df, decimals) for level in _levels(levels))]),
                    strict=True))  # fmt: skip


def probability_at_least(target: float, estimate: float, se: float, df: float, decimals: int = 2) -> float:
    """Probability that the true index, rounded to its published decimals, reaches a target."""
    return 1.0 - _below(target, estimate, se, df, decimals)


def _below(limit: float | None, estimate: float, se: float, df: float, decimals: int) -> float:
    if limit is None:
        return 1.0
    # An index is below the limit if it rounds to something below it.
    edge = limit - 0.5 * 10.0**-decimals
    if se == 0:
        return float(estimate < edge)
    return float(student.cdf((edge - estimate) / se, df))


def _levels(levels: CategoryParams | Sequence[CategoryLevel]) -> Sequence[CategoryLevel]:
    return levels.levels if isinstance(levels, CategoryParams) else levels
