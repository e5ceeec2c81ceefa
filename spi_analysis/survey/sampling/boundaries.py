"""Where to cut a numeric variable into strata."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from spi_analysis.errors import SamplingError
from spi_analysis.survey.groups import ROUNDING

# Up to so many sets of boundaries all are tried; beyond, boundaries are moved one at a time from several starts.
MOST_TRIED = 20_000
# A boundary may lie between so many different values; more are thinned to quantiles.
MOST_PLACES = 2_000


@dataclass(frozen=True)
class StratumBoundaries:
    """Strata of a numeric variable, and the sample they need.

    Parameters
    ----------
    boundaries : array (L - 1,)   a value up to the first belongs to the first stratum
    table : DataFrame (L rows)    index ``stratum``: N (people), mean, sd, n (real-valued), take_all
    n : float                     people in the sample, the sum over the strata

    References
    ----------
    Lavallee & Hidiroglou (1988), Survey Methodology 14.

    Examples
    --------
    >>> found = lavallee_hidiroglou([1, 2, 3, 100], strata=2, cv=0.1)
    >>> found.boundaries.tolist(), found.table["N"].tolist(), found.table["take_all"].tolist()
    ([3.0], [3, 1], [False, True])
    """

    boundaries: np.ndarray
    table: pd.DataFrame
    n: float


def cumulative_root_f(values: ArrayLike, strata: int, bins: int = 100) -> np.ndarray:
    """Dalenius and Hodges' boundaries: equal steps on the cumulated square root of the frequencies.

    Parameters
    ----------
    values : array (N,)   the stratifier for everyone on the list
    strata : int          how many strata
    bins : int            classes of equal width over the range

    Returns
    -------
    array (strata - 1,): upper ends of classes; a value up to the first belongs to the first stratum. Close to optimal
    for Neyman allocation where the density is smooth inside strata.

    Raises
    ------
    SamplingError   a value is missing; fewer classes or different values than strata; a stratum would be empty.

    References
    ----------
    Dalenius & Hodges (1959), JASA 54; Cochran (1977), section 5A.7.

    Examples
    --------
    Frequencies 4, 1, 1 have the roots 2, 1, 1: half of their sum is reached at the end of the first class.

    >>> cumulative_root_f([0, 0, 0, 0, 4, 6], strata=2, bins=3).tolist()
    [2.0]
    """
    x = _usable(values, strata)
    if bins < strata:
        raise SamplingError("fewer classes than strata", got=str(bins), expected=f"at least {strata}")
    counts, edges = np.histogram(x, bins)
    # Dalenius & Hodges (1959): cut the cumulated sqrt(f) into equal parts.
    root = np.cumsum(np.sqrt(counts))
    steps = root[-1] * np.arange(1, strata) / strata
    # The class whose end is nearest to the step, the lower of two that are as near; two steps in one class would leave
    # a stratum empty.
    distance = np.abs(root[None, :] - steps[:, None])
    nearest_end = (distance <= distance.min(axis=1, keepdims=True) + ROUNDING * root[-1]).argmax(axis=1)
    boundaries = edges[1:][nearest_end]
    inside = np.unique(np.concatenate([[x.min() - 1], boundaries, [x.max()]]))
    if len(inside) < strata + 1 or np.histogram(x, np.nextafter(inside, np.inf))[0].min() == 0:
        raise SamplingError(
            "the values pile up, so that a stratum would be empty",
            got=f"{strata} strata, {bins} classes",
            hint="take fewer strata or more classes",
        )
    return boundaries


def lavallee_hidiroglou(values: ArrayLike, strata: int, cv: float, take_all: bool = True) -> StratumBoundaries:
    """Boundaries with the smallest sample that gives the mean a CV, as a rule with a top stratum that is taken whole.

    With Neyman allocation over the other strata ``n = N_top + (sum N_h S_h)**2 / ((cv Y)**2 + sum N_h S_h**2)``.

    Parameters
    ----------
    values : array (N,)   the stratifier for everyone on the list, not negative as a rule (a skewed size)
    strata : int          how many strata, the one taken whole included
    cv : float            target CV of the mean of ``values``
    take_all : bool       whether the top stratum is taken whole; if not, check that its n does not exceed its N

    Returns
    -------
    StratumBoundaries. The best of all where there are few candidates; otherwise the best found by moving one
    boundary at a time from three starts (cumulated root f, equal numbers, equal steps).

    Raises
    ------
    SamplingError   too few different values, a missing one, a mean of 0, or a CV that is not above 0.

    References
    ----------
    Lavallee & Hidiroglou (1988), Survey Methodology 14; Baillargeon & Rivest (2011), Survey Methodology 37.

    Examples
    --------
    The large one is taken whole; of the others ``(3 * 1)**2 / ((0.1 * 106)**2 + 3)`` = 0.08 are needed.

    >>> found = lavallee_hidiroglou([1, 2, 3, 100], strata=2, cv=0.1)
    >>> found.boundaries.tolist(), round(found.n, 2)
    ([3.0], 1.08)
    """
    x = np.sort(_usable(values, strata))
    if not cv > 0 or x.sum() == 0:
        raise SamplingError(
            "the target CV cannot be met",
            got=f"cv={cv}, mean={x.mean():g}",
            expected="a CV above 0 of a mean other than 0",
        )
    search = _Search(x, (cv * x.sum()) ** 2, take_all)
    places = search.places()
    if comb(len(places), strata - 1) <= MOST_TRIED:
        cuts = np.array(list(combinations(places, strata - 1)), dtype=int).reshape(-1, strata - 1)
    else:
        cuts = np.array([search.moved(start, places) for start in search.starts(places, strata)])
    best = cuts[int(np.argmin(search.size(cuts)))]
    return StratumBoundaries(x[best - 1], search.table(best), float(search.size(best[None, :])[0]))


class _Search:
    """Sample sizes for cuts: positions in the sorted values where the next stratum begins."""

    def __init__(self, x: np.ndarray, allowed: float, take_all: bool) -> None:
        self.x, self.allowed, self.take_all = x, allowed, take_all
        # Centred for numerical precision.
        centred = x - x.mean()
        self.sum1, self.sum2 = (np.concatenate([[0.0], np.cumsum(v)]) for v in (centred, centred**2))

    def places(self) -> np.ndarray:
        found = np.flatnonzero(np.diff(self.x) > 0) + 1
        if len(found) <= MOST_PLACES:
            return found
        return np.unique(found[np.linspace(0, len(found) - 1, MOST_PLACES).round().astype(int)])

    def starts(self, places: np.ndarray, strata: int) -> list[np.ndarray]:
        shares = np.arange(1, strata) / strata
        root = np.cumsum(np.sqrt(np.diff(np.concatenate([[0], places]))))
        aims = [
            np.searchsorted(root, root[-1] * shares),
            np.searchsorted(places, len(self.x) * shares),
            np.searchsorted(self.x[places], self.x[0] + (self.x[-1] - self.x[0]) * shares),
        ]
        return [places[_apart(aim, len(places))] for aim in aims]

    def sizes_and_sds(self, cuts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ends = np.column_stack([np.zeros(len(cuts), int), cuts, np.full(len(cuts), len(self.x))])
        people = np.diff(ends, axis=1)
        first, second = np.diff(self.sum1[ends], axis=1), np.diff(self.sum2[ends], axis=1)
        # Sum of squares about the stratum's own mean, sum x**2 - (sum x)**2 / N_h.
        squares = np.maximum(second - first**2 / np.maximum(people, 1), 0)
        return people, np.sqrt(squares / np.maximum(people - 1, 1))

    def size(self, cuts: np.ndarray) -> np.ndarray:
        """The sample (real-valued) that each row of cuts needs."""
        people, sd = self.sizes_and_sds(cuts)
        some = slice(0, -1) if self.take_all else slice(None)
        # n = N_top + (sum N_h S_h)**2 / ((cv Y)**2 + sum N_h S_h**2), as Neyman allocation has it.
        product, spread = (people * sd)[:, some].sum(axis=1), (people * sd**2)[:, some].sum(axis=1)
        return product**2 / (self.allowed + spread) + (people[:, -1] if self.take_all else 0)

    def moved(self, cuts: np.ndarray, places: np.ndarray) -> np.ndarray:
        """Move one boundary after another to its best position, until none moves."""
        cuts, size = cuts.copy(), np.inf
        while True:
            for i in range(len(cuts)):
                low = cuts[i - 1] if i else 0
                high = cuts[i + 1] if i + 1 < len(cuts) else len(self.x)
                options = places[(places > low) & (places < high)]
                tried = np.repeat(cuts[None, :], len(options), axis=0)
                tried[:, i] = options
                cuts = tried[int(np.argmin(self.size(tried)))]
            now = float(self.size(cuts[None, :])[0])
            if now >= size - 1e-9:
                return cuts
            size = now

    def table(self, cuts: np.ndarray) -> pd.DataFrame:
        people, sd = (part[0] for part in self.sizes_and_sds(cuts[None, :]))
        whole = np.zeros(len(people), dtype=bool)
        whole[-1] = self.take_all
        share = np.where(whole, 0.0, people * sd)
        # Neyman: n_h = N_h S_h sum(N_h S_h) / ((cv Y)**2 + sum N_h S_h**2).
        below = (people * sd**2)[~whole].sum() + self.allowed
        n = np.where(whole, people, share * share.sum() / below)
        parts = np.split(self.x, cuts)
        table = {"N": people, "mean": [part.mean() for part in parts], "sd": sd, "n": n, "take_all": whole}
        return pd.DataFrame(table, index=pd.RangeIndex(1, len(people) + 1, name="stratum"))


def stratum_of(values: ArrayLike, boundaries: ArrayLike) -> np.ndarray:
    """The stratum (1, 2, ...) of every value: up to the first boundary is 1.

    Parameters
    ----------
    values : array (n,)           in the unit of the stratifier
    boundaries : array (L - 1,)   ascending, as ``cumulative_root_f`` or ``lavallee_hidiroglou`` finds them

    Returns
    -------
    array (n,) of int, 1 to L.

    Raises
    ------
    SamplingError   a value is no number.

    Examples
    --------
    >>> stratum_of([1, 3, 4, 100], [3, 50]).tolist()
    [1, 1, 2, 3]
    """
    return np.searchsorted(_numbers(boundaries), _numbers(values), side="left") + 1


def _numbers(values: ArrayLike) -> np.ndarray:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise SamplingError("a value is no number", got=str(error), expected="numbers") from error


def _apart(at: np.ndarray, count: int) -> np.ndarray:
    """Indices below ``count`` that all differ and rise."""
    out = np.clip(at, 0, count - 1)
    for i in range(1, len(out)):
        out[i] = max(out[i], out[i - 1] + 1)
    for i in range(len(out) - 1, -1, -1):
        out[i] = min(out[i], count - len(out) + i)
    return out


def _usable(values: ArrayLike, strata: int) -> np.ndarray:
    x = _numbers(values)
    bad = ~np.isfinite(x)
    if bad.any():
        raise SamplingError(
            "a value of the stratifier is missing", row=int(bad.argmax()) + 1, got=f"{int(bad.sum())} missing"
        )
    different = len(np.unique(x))
    if int(strata) != strata or not 2 <= strata <= different:
        raise SamplingError(
            "the number of strata does not fit the values",
            got=str(strata),
            expected=f"2 to {different}, the number of different values",
        )
    return x
