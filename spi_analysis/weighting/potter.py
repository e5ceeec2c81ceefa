"""Where to cut extreme weights: the cut-off with the least estimated mean square error (Potter 1990).

For a cut-off c the weights above c are set to c and the excess is spread over the others in
proportion. Sorted by size, those cut are a prefix of the list and all others grow by one factor, so
running sums give every moment at every cut-off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Cutoff(NamedTuple):
    """The chosen cap on one person's weight (inf: nothing is cut), and its MSE relative to no trimming."""

    cap: float
    relative_mse: float


@dataclass(frozen=True)
class _Sorted:
    """People with weight, the heaviest first: weight of one copy, number of copies, both (n,)."""

    single: np.ndarray
    copies: np.ndarray

    @property
    def total(self) -> float:
        return float(self.single @ self.copies)

    def cut_and_growth(self, caps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many are cut at each cap (T,), and the factor by which the others grow (T,)."""
        weight = self.single * self.copies
        before = np.concatenate([[0.0], np.cumsum(self.copies)])
        rest = np.concatenate([np.cumsum(weight[::-1])[::-1], [0.0]])
        # The cap at which this person, the next in line, is just reached.
        reached = self.total * self.single / (rest[:-1] + self.single * before[:-1])
        cut = np.searchsorted(-reached, -caps, side="left")
        return cut, (self.total - caps * before[cut]) / np.maximum(rest[cut], 1e-300)


def potter_cutoff(weights: np.ndarray, multiplicity: np.ndarray, outcomes: np.ndarray, levels: int = 50) -> Cutoff:
    """The cap with the least mean relative MSE of the weighted means of the outcomes.

    At every cap t and for every outcome, with m_t and m_0 the means after and before trimming,
    ``MSE_t = V(m_t) + max(0, (m_t - m_0)**2 - V(m_t - m_0))``: the squared bias is what the difference
    shows beyond its own chance. Variances are those of linearised means drawn with replacement.

    Parameters
    ----------
    weights : ndarray (n,)        persons; 0: does not count
    multiplicity : ndarray (n,)   how often each person stands in the replicate (1 in the sample itself)
    outcomes : ndarray (n, V)     values; nan: not asked or not answered, left out of that outcome's mean
    levels : int                  caps tried, evenly from the largest weight (nothing cut) towards the mean weight

    Returns
    -------
    Cutoff. Where several caps are equally good the highest is taken.

    References
    ----------
    Potter (1990), Proceedings of the ASA Survey Research Methods Section, 225-230; Cox & McGrath (1981),
    Proceedings of the ASA Survey Research Methods Section (the estimator of MSE).
    """
    counts = (weights > 0) & (multiplicity > 0)
    single = weights[counts] / multiplicity[counts]
    order = np.argsort(-single, kind="stable")
    people = _Sorted(single[order], multiplicity[counts][order])
    mean = people.total / max(people.copies.sum(), 1e-300)
    largest = float(people.single[0]) if len(order) else 0.0
    if largest <= mean * (1 + 1e-12):
        return Cutoff(np.inf, 1.0)
    # The first cap is the largest weight itself: no trimming.
    caps = mean + (largest - mean) * np.arange(levels, 0, -1) / levels
    cut, growth = people.cut_and_growth(caps)
    relative = [
        mse / mse[0] for values in outcomes[counts][order].T if (mse := _mse(people, values, caps, cut, growth))[0] > 0
    ]
    if not relative:
        return Cutoff(np.inf, 1.0)
    score = np.mean(relative, axis=0)
    best = int(np.flatnonzero(score <= score.min() * (1 + 1e-12))[0])
    return Cutoff(np.inf if best == 0 else float(caps[best]), float(score[best]))


def _mse(people: _Sorted, values: np.ndarray, caps: np.ndarray, cut: np.ndarray, growth: np.ndarray) -> np.ndarray:
    """Estimated MSE of the mean of one outcome at every cap (T,)."""
    known = np.isfinite(values)
    copies, single = np.where(known, people.copies, 0.0), people.single
    n = copies.sum()
    if n <= 1 or not known.any():
        return np.zeros(len(caps))
    # Centred first, so that squares lose no digits.
    y = np.where(known, values - (single * copies) @ np.where(known, values, 0.0) / (single @ copies), 0.0)

    def cut_and_rest(j: int, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Sums of single**j * y**k over the copies of those cut at each cap, and of the others: (T,) each."""
        terms = copies * single**j * y**k
        forward, backward = np.cumsum(terms), np.cumsum(terms[::-1])[::-1]
        return np.append(0.0, forward)[cut], np.append(backward, 0.0)[cut]

    of_cut = {(j, k): cut_and_rest(j, k)[0] for j in (0, 1) for k in (0, 1, 2)}
    of_rest = {(j, k): cut_and_rest(j, k)[1] for j in (1, 2) for k in (0, 1, 2)}
    size = caps * of_cut[0, 0] + growth * of_rest[1, 0]
    mean = (caps * of_cut[0, 1] + growth * of_rest[1, 1]) / size
    about = {0: mean**2, 1: -2 * mean, 2: np.ones_like(mean)}
    squares = sum(about[k] * (caps**2 * of_cut[0, k] + growth**2 * of_rest[2, k]) for k in about)
    products = sum(
        part * (caps * of_cut[1, k] + growth * of_rest[2, k]) for k, part in ((1, -mean), (2, np.ones_like(mean)))
    )
    total, factor = float(single @ copies), n / (n - 1)
    at_start = float((copies * single**2) @ y**2) / total**2
    variance = factor * squares / size**2
    of_difference = variance + factor * (at_start - 2 * products / (size * total))
    return variance + np.maximum(mean**2 - of_difference, 0.0)
