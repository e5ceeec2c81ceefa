"""One draw of a design: how many of each stratum, and who, wave by wave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.survey.groups import group_counts, group_sums, merged_codes
from spi_analysis.survey.sampling import allocate, wave_sizes
from spi_analysis.survey.simulation.candidate import Design
from spi_analysis.survey.simulation.population import Cells, Population


@dataclass(frozen=True)
class Drawing:
    """A design prepared for a population.

    ``stratum`` (N,) of everyone; ``pop_size`` (H,); ``ends`` (W, H): people activated of a stratum after each wave;
    ``completes``: answers at which no further wave is activated.
    """

    stratum: np.ndarray
    pop_size: np.ndarray
    ends: np.ndarray
    completes: float

    def activated(self, numbers: np.ndarray, answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Who is invited in the end.

        Parameters
        ----------
        numbers : array (N,)   random numbers; the smallest of a stratum are drawn, in their order activated
        answers : array (N,) of bool   who answers if invited

        Returns
        -------
        invited (N,) of bool, and the people activated per stratum (H,).
        """
        rank = self._ranks(numbers)
        for ends in self.ends:
            invited = rank < ends[self.stratum]
            if (invited & answers).sum() >= self.completes:
                break
        return invited, ends

    def _ranks(self, numbers: np.ndarray) -> np.ndarray:
        """Place of everyone in the stratum's order of random numbers, from 0."""
        order = np.lexsort((numbers, self.stratum))
        starts = np.concatenate([[0], np.cumsum(self.pop_size)[:-1]]).astype(int)
        rank = np.empty(len(numbers), dtype=int)
        rank[order] = np.arange(len(numbers)) - starts[self.stratum[order]]
        return rank


def prepare_draws(design: Design, people: Population) -> Drawing:
    """Strata, sizes and waves of a design on a population.

    Raises
    ------
    InputError, SamplingError   a column that is not there; sizes that do not fit the strata.
    """
    people.require(design.columns, f"design {design.label}")
    cells = people.cells(design.strata)
    group = merged_codes(cells.values, cells.people, design.min_stratum_people)
    stratum = group[cells.codes]
    pop_size = group_counts(stratum)
    n = _sizes(design, people, stratum, pop_size, cells)
    shares = design.waves.shares if design.waves else (1.0,)
    ends = np.cumsum([wave_sizes(int(one), shares) for one in n], axis=1).T
    return Drawing(stratum, pop_size, ends, design.waves.completes if design.waves else np.inf)


def _sizes(design: Design, people: Population, stratum: np.ndarray, pop_size: np.ndarray, cells: Cells) -> np.ndarray:
    if design.n is None:
        return pop_size
    if isinstance(design.n, Mapping):
        return _given(design, design.n, pop_size, cells)
    least = design.allocation.min_n
    total = max(min(design.n, len(people)), int(np.minimum(pop_size, least).sum()))
    # Every rule is "in proportion to a measure, within N_h"; Neyman's takes the measure as N_h times anything.
    strata = pd.DataFrame({"N": pop_size, "sd": _shares(design, people, stratum, pop_size) / pop_size})
    return allocate(strata, total, "neyman", min_n=least).to_numpy()


def _shares(design: Design, people: Population, stratum: np.ndarray, pop_size: np.ndarray) -> np.ndarray:
    """What the invitations of a stratum are proportional to."""
    rule = design.allocation
    share = np.ones(len(pop_size)) if rule.method == "equal" else pop_size.astype(float)
    if rule.method == "neyman":
        share = share * _spread(_numbers(design, people, str(rule.spread)), stratum, pop_size)
    if rule.response:
        mean = group_sums(stratum, _numbers(design, people, rule.response)) / pop_size
        if mean.min() <= 0:
            raise SamplingError("a stratum is expected not to answer at all", column=rule.response, expected="above 0")
        # The least of sum N_h**2 S_h**2 / (r_h n_h) has n_h in proportion to N_h S_h / sqrt(r_h).
        share = share / (np.sqrt(mean) if rule.method == "neyman" else mean)
    return share


def _spread(values: np.ndarray, stratum: np.ndarray, pop_size: np.ndarray) -> np.ndarray:
    """Standard deviation in every stratum, divisor N_h - 1; 0 for a person alone."""
    deviation = values - (group_sums(stratum, values) / pop_size)[stratum]
    return np.sqrt(group_sums(stratum, deviation**2) / np.maximum(pop_size - 1, 1))


def _numbers(design: Design, people: Population, name: str) -> np.ndarray:
    values = pd.to_numeric(people.frame[name], errors="coerce").to_numpy(dtype=float)
    if not np.isfinite(values).all():
        key = f"design {design.label}"
        raise SamplingError("a value is no number", column=name, key=key, expected="a number for everyone")
    return values


def _given(design: Design, sizes: Mapping[str, int], pop_size: np.ndarray, cells: Cells) -> np.ndarray:
    """Sizes by name of the stratum, which must all be there."""
    if len(pop_size) != len(cells.labels):
        raise SamplingError("sizes by stratum do not go with merging of strata", key=f"design {design.label}")
    people = dict(zip(cells.labels, pop_size, strict=True))
    problems = [
        Problem("no such stratum", key=f"design {design.label}", got=name, hint=nearest(name, people))
        for name in sizes
        if name not in people
    ]
    problems += [
        Problem(
            "a stratum's size does not fit",
            key=f"design {design.label}, stratum {name}",
            got=str(sizes.get(name, "no size")),
            expected=f"a whole number, 0 to {count}",
        )
        for name, count in people.items()
        if not 0 <= sizes.get(name, -1) <= count or sizes[name] % 1
    ]
    if problems:
        raise SamplingError(*problems)
    return np.array([int(sizes[name]) for name in cells.labels])
