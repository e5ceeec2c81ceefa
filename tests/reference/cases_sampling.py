"""Unequal probabilities, and sizes beyond one proportion or mean: figures of R's sampling, PracTools and stats.

R's ``power.*`` functions stop their root search early; told to go on (``tol = 1e-13``; R 4.2.2) they agree with us
to 12 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np

from spi_analysis.survey.sampling import (
    horvitz_thompson,
    inclusion_probabilities,
    proportion_correlation,
    sample_size_change,
    sample_size_two_means,
    sample_size_two_proportions,
    size_for_domain,
    size_for_interval,
)
from spi_analysis.survey.sampling.comparison_sizes import ComparisonSize
from spi_analysis.survey.sampling.inclusion import (
    joint_inclusion_elimination,
    joint_inclusion_systematic,
)
from tests.reference.bench import Bench


def towns(b: Bench) -> np.ndarray:
    """Population of 284 Swedish municipalities in 1975, the size measure of the figures."""
    return b.figures.data("MU284")["P75"].to_numpy(dtype=float)


def summary_of_40(b: Bench) -> dict[str, Any]:
    p = inclusion_probabilities(towns(b), 40)
    return {"sum": p.sum(), "max": p.max(), "n_certain": (p == 1).sum(), "first5": p[:5], "sumsq": (p**2).sum()}


def total_of_every_seventh(b: Bench) -> float:
    at = np.arange(2, 284, 7)
    revenue = b.figures.data("MU284")["RMT85"].to_numpy(dtype=float)
    return horvitz_thompson(revenue[at], inclusion_probabilities(towns(b), 40)[at]).estimate


def both(size: ComparisonSize) -> list[int]:
    return [size.first, size.second]


CASES: dict[str, Callable[[Bench], Any]] = {
    "incl.pps40": summary_of_40,
    "incl.tille_pi2_10": lambda b: joint_inclusion_elimination(inclusion_probabilities(towns(b)[:10], 4)),
    "incl.systematic_pi2_10": lambda b: joint_inclusion_systematic(inclusion_probabilities(towns(b)[:10], 4)),
    "HT.total": total_of_every_seventh,
    "power.t.test": lambda b: sample_size_two_means(3, 15).exact,
    "power.prop.test": lambda b: sample_size_two_proportions((0.6, 0.65), power=0.9).exact,
    "size.nProp2sam": lambda b: both(
        sample_size_change(0.05, (0.5, sqrt(0.55 * 0.45)), 0.5, proportion_correlation((0.5, 0.55), 0.45))
    ),
    "size.nDep2sam": lambda b: both(sample_size_change(5, (sqrt(200), sqrt(200)), 0.75, 0.9, alternative="one-sided")),
    "size.nWilson": lambda b: size_for_interval(0.03, 0.04, "wilson"),
    "size.nLogOdds": lambda b: size_for_interval(0.03, 0.04, "logit"),
    "size.nDomain_mean": lambda b: size_for_domain(0.05, 1, 0.2, 10000),
    "size.nDomain_total": lambda b: size_for_domain(0.05, 1, 0.2, 10000, "total"),
}
