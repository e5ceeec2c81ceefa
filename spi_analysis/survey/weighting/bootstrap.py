"""Rao-Wu-Yue rescaled bootstrap, as a rule that makes replicate weights whenever they are needed.

References
----------
Rao, Wu & Yue (1992), Survey Methodology 18; Salmon et al. (2011), Parallel random numbers: as easy as 1, 2, 3 (the
streams); Lemire (2019), ACM Transactions on Modeling and Computer Simulation 29 (uniform choices).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from spi_analysis.errors import WeightingError
from spi_analysis.survey.groups import group_counts, require_columns, weights_of
from spi_analysis.survey.weighting.inputs import INELIGIBLE, RESPONDENT, ReplicateWeights, classify, is_whole
from spi_analysis.survey.weighting.replicates import PrimaryUnits, primary_units
from spi_analysis.threads import np, pd

# How often each unit is drawn in a bootstrap: generated from counter-based seeds, a few strata at a time.
#
# Every stratum has a stream of its own (Philox with the key [seed, stratum]). Its integers are
# turned into uniform choices by Lemire's exact method with our own arithmetic, so that the
# draws depend on neither platform, version, order of work nor the number of replicates asked for.

# Numbers of one block: 2 MB as floats, which the processor's cache can hold.
BLOCK = 2**18
# Draws from at most this many units use 16 random bits (fewer than 1 in 16 is rejected), others 32.
SMALL = 2**12


@dataclass(frozen=True)
class Draws:
    """How often each primary unit is drawn: n_h - 1 draws with replacement per stratum and replicate.

    ``sizes`` (H,) units per stratum; ``active`` (H,) False where nothing is drawn (a lone unit, a
    census); ``counts`` (U, R) uint8: the draws themselves, when kept, one byte each.
    """

    sizes: np.ndarray
    active: np.ndarray
    n_replicates: int
    seed: int
    counts: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not is_whole(self.seed) or not 0 <= self.seed < 2**64:
            raise WeightingError("the seed is out of range", got=str(self.seed), expected="a whole number below 2**64")
        if not is_whole(self.n_replicates) or self.n_replicates < 1:
            raise WeightingError(
                "there are no replicates", got=str(self.n_replicates), expected="a whole number above 0"
            )

    def chunks(self) -> Iterator[Chunk]:
        """Consecutive strata, as many as fit into one block (at least one)."""
        ends = np.concatenate([[0], np.cumsum(self.sizes)])
        start = 0
        while start < len(self.sizes):
            room = ends[start] + max(BLOCK // self.n_replicates, 1)
            stop = max(int(np.searchsorted(ends, room, side="right")) - 1, start + 1)
            yield Chunk(self, range(start, stop), slice(int(ends[start]), int(ends[stop])))
            start = stop

    def kept(self) -> Draws:
        """The same draws, held in memory: one byte per unit and replicate."""
        counts = np.empty((int(self.sizes.sum()), self.n_replicates), dtype=np.uint8)
        for chunk in self.chunks():
            for replicates, block in chunk.blocks(np.uint8):
                counts[chunk.units, replicates] = block
        return replace(self, counts=counts)


@dataclass(frozen=True)
class Chunk:
    """Some consecutive strata; ``units`` is the range of their primary units."""

    draws: Draws
    strata: range
    units: slice

    def blocks(self, dtype: type = float) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of replicates, with the draws (units, replicates) in each; one block unless a stratum is huge."""
        n_units, n_replicates = self.units.stop - self.units.start, self.draws.n_replicates
        width = min(max(BLOCK // n_units, 8), n_replicates)
        streams = [
            _Stream(self.draws.seed, h, int(self.draws.sizes[h])) if self.draws.active[h] else None
            for h in self.strata
            if self.draws.counts is None
        ]
        for start in range(0, n_replicates, width):
            replicates = slice(start, min(start + width, n_replicates))
            if self.draws.counts is not None:
                yield replicates, self.draws.counts[self.units, replicates].astype(dtype)
            else:
                yield replicates, self._drawn(streams, replicates.stop - start, dtype)

    def _drawn(self, streams: list[_Stream | None], width: int, dtype: type) -> np.ndarray:
        block = np.zeros((self.units.stop - self.units.start, width), dtype=dtype)
        at = 0
        for h, stream in zip(self.strata, streams, strict=True):
            size = int(self.draws.sizes[h])
            if stream is not None:
                block[at : at + size] = stream.counts(width)
            at += size
        return block


class _Stream:
    """Uniform choices among ``size`` units of one stratum, one after another."""

    def __init__(self, seed: int, stratum: int, size: int) -> None:
        self.size = size
        self.bits = np.random.Philox(key=np.array([seed, stratum], dtype=np.uint64))
        # How many random bits a choice takes, and the types of the bits and of their product with the size.
        self.width, narrow, wide = (16, np.uint16, np.uint32) if size <= SMALL else (32, np.uint32, np.uint64)
        self.narrow, self.wide = np.dtype(narrow), np.dtype(wide)
        self.left = np.empty(0, dtype=wide)

    def counts(self, n_replicates: int) -> np.ndarray:
        """How often each unit is drawn in the next replicates: (size, n_replicates)."""
        places = self._take(n_replicates * (self.size - 1)).reshape(n_replicates, self.size - 1)
        places *= places.dtype.type(n_replicates)
        places += np.arange(n_replicates, dtype=places.dtype)[:, None]
        flat = places.ravel().astype(np.intp)
        return group_counts(flat, self.size * n_replicates).reshape(self.size, n_replicates)

    def _take(self, n: int) -> np.ndarray:
        parts, found = [self.left], len(self.left)
        while found < n:
            parts.append(self._choices(n - found))
            found += len(parts[-1])
        drawn = np.concatenate(parts) if len(parts[0]) or len(parts) > 2 else parts[-1]
        self.left = drawn[n:].copy()
        return drawn[:n]

    def _choices(self, n: int) -> np.ndarray:
        """About ``n`` choices, a few more or fewer, from whole 64-bit numbers of the stream."""
        rejected = 2**self.width % self.size
        needed = n + n * rejected // 2**self.width
        raw = self.bits.random_raw(needed * self.width // 64 + 16).astype("<u8", copy=False)
        # Lemire (2019): of random bits times size the high half is a choice from 0 to size - 1.
        scaled = raw.view(self.narrow.newbyteorder("<")).astype(self.wide)
        scaled *= self.wide.type(self.size)
        if rejected:
            # The low bits of a product show whether it has to be rejected, since it would favour some units.
            scaled = _without(scaled, np.flatnonzero(scaled.astype(self.narrow) < rejected))
        scaled >>= self.wide.type(self.width)
        return scaled


def _without(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values without those at a few places, copied in long pieces."""
    if 64 * len(places) > len(values):
        return np.delete(values, places)
    ends, starts = [*places, len(values)], [0, *(places + 1)]
    return np.concatenate([values[start:end] for start, end in zip(starts, ends, strict=True)])


# Replicate weights made of the draws.


@dataclass(frozen=True)
class CellFactors:
    """Factors of a later step, the same for all rows of a cell.

    ``cells`` (n,) cell of every row; ``main`` (M,) factor of the weight itself; ``replicates``
    (M, R) factor in every replicate.
    """

    cells: np.ndarray
    main: np.ndarray
    replicates: np.ndarray


@dataclass(frozen=True)
class BootstrapReplicates:
    """R bootstrap replicates of n weights that are not stored: every pass generates the same numbers again.

    Unit i, drawn t times, gets ``weight * (start_i + step_i * t)``, times the factor of its cell
    where the replicates have been raked (``raked_replicates``).

    Parameters
    ----------
    weights : ndarray (n,)         base weights, in persons
    units : PrimaryUnits           what is resampled
    draws : Draws                  how often each unit is drawn
    factors : CellFactors or None  of a later step

    References
    ----------
    Rao, Wu & Yue (1992), Survey Methodology 18.

    Examples
    --------
    Of two units one is drawn: it stands for both.

    >>> pair = pd.DataFrame({"w": [10.0, 10.0]})
    >>> plan = bootstrap_plan(pair, "w", n_replicates=4, seed=1)
    >>> np.sort(plan.values, axis=0).tolist(), plan.scale, plan.df
    ([[0.0, 0.0, 0.0, 0.0], [20.0, 20.0, 20.0, 20.0]], 0.25, 1.0)
    """

    weights: np.ndarray
    units: PrimaryUnits
    draws: Draws
    factors: CellFactors | None = None
    method: Literal["bootstrap"] = "bootstrap"

    @property
    def scale(self) -> float:
        """1/R."""
        return 1 / self.draws.n_replicates

    @property
    def rscales(self) -> np.ndarray:
        """(R,), all 1."""
        return np.ones(self.draws.n_replicates)

    @cached_property
    def step(self) -> np.ndarray:
        """What one draw adds to the factor of a unit (U,)."""
        # L n_h / (n_h - 1), with L = sqrt(1 - f) and n_h - 1 draws.
        n = self.units.sizes[self.units.stratum]
        step = np.sqrt(1 - self.units.fraction) * (n / np.maximum(n - 1, 1))
        return np.where(self.draws.active[self.units.stratum], step, 0.0)

    @cached_property
    def start(self) -> np.ndarray:
        """The factor of a unit that is not drawn (U,)."""
        # 1 - L.
        active = self.draws.active[self.units.stratum]
        return np.where(active, 1 - np.sqrt(1 - self.units.fraction), 1.0)

    @property
    def df(self) -> float:
        """Degrees of freedom: units minus strata, where anything varies; at most R - 1."""
        # sum_h min(units that vary, n_h - 1), n_h - 1 the independent draws of a stratum.
        free = np.minimum(self.units.varying, self.units.sizes - 1).sum()
        return float(min(free, self.draws.n_replicates - 1))

    def df_by(self, codes: np.ndarray, n_groups: int) -> np.ndarray:
        """Degrees of freedom (n_groups,) of the rows that ``codes`` (n,) put into groups, -1 into none; without a later
        step. They are the rank of the rows' replicates minus 1.

        Rows of one unit are multiples of each other. Units that vary are linearly independent, except in a stratum that
        lies completely in the group: the draws of its units add up to n_h - 1, so that they span the vector of ones. So
        does a unit whose weight never changes. One such vector is subtracted at the end; with F complete strata among V
        units that vary the rank is V - F, plus 1 if the vector of ones is among them, but at most R. (Where R is about
        as small as V, replicates may coincide by chance; then the rank is smaller.)
        """
        found = np.unique(np.where((codes >= 0) & (self.weights > 0), codes * len(self.step) + self.units.codes, -1))
        group, unit = np.divmod(found[found >= 0], len(self.step))
        moves = self.step[unit] > 0
        cells = group * len(self.units.sizes) + self.units.stratum[unit]
        inside = group_counts(cells[moves], n_groups * len(self.units.sizes)).reshape(n_groups, -1)
        varying = inside.sum(axis=1)
        whole = (self.draws.active & (inside == self.units.sizes)).sum(axis=1)
        ones = (whole > 0) | (group_counts(group[~moves], n_groups) > 0)
        return np.clip(varying - whole - 1 + ones, 0, self.draws.n_replicates - 1).astype(float)

    @property
    def main(self) -> np.ndarray:
        """The weights (n,) themselves, with the later step."""
        return self.weights if self.factors is None else self.weights * self.factors.main[self.factors.cells]

    @property
    def values(self) -> np.ndarray:
        """All replicate weights (n, R), made now: 8 n R bytes."""
        return self.values_of(np.arange(len(self.weights)))

    def values_of(self, rows: np.ndarray) -> np.ndarray:
        """Replicate weights (m, R) of some rows (their places, each once)."""
        values = np.empty((len(rows), self.draws.n_replicates))
        place = np.full(len(self.weights), -1)
        place[rows] = np.arange(len(rows))
        for chunk in self.draws.chunks():
            inside = self.units.rows(chunk.units)
            inside = inside[place[inside] >= 0]
            for replicates, block in self.blocks(chunk, inside) if len(inside) else ():
                block *= self.weights[inside, None]
                values[place[inside], replicates] = block
        return values

    def kept(self) -> BootstrapReplicates:
        """The same replicates with their draws held in memory, one byte each: later passes are faster."""
        return replace(self, draws=self.draws.kept())

    def blocks(self, chunk: Chunk, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of replicates, with the factors (rows, replicates) of rows that lie in the chunk."""
        units = self.units.codes[rows]
        for replicates, block in self.times(chunk, rows):
            block *= self.step[units, None]
            block += self.start[units, None]
            if self.factors is not None:
                block *= self.factors.replicates[self.factors.cells[rows], replicates]
            yield replicates, block

    def times(self, chunk: Chunk, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of replicates, with how often the unit of each row is drawn (rows, replicates)."""
        local = self.units.codes[rows] - chunk.units.start
        alike = len(rows) == chunk.units.stop - chunk.units.start and (local[1:] > local[:-1]).all()
        for replicates, block in chunk.blocks():
            yield replicates, block if alike else block[local]


def bootstrap_plan(
    df: pd.DataFrame,
    weight: str,
    stratum: str | None = None,
    psu: str | None = None,
    pop_size: str | None = None,
    n_replicates: int = 500,
    seed: int = 1,
    fraction: str | None = None,
) -> BootstrapReplicates:
    """The bootstrap of ``bootstrap_replicates`` without the table: sums over its replicates need a few megabytes.

    Parameters
    ----------
    df, weight, stratum, psu, pop_size, n_replicates, seed, fraction   as in ``bootstrap_replicates``

    Returns
    -------
    BootstrapReplicates, whose ``values`` (n, R) are the numbers of ``bootstrap_replicates``, in persons.

    Raises
    ------
    WeightingError   as ``bootstrap_replicates``.

    References
    ----------
    Rao, Wu & Yue (1992), Survey Methodology 18; Rao & Wu (1988), JASA 83.

    Examples
    --------
    >>> people = pd.DataFrame({"stratum": ["a", "a", "b", "b"], "w": [10.0, 10.0, 20.0, 20.0]})
    >>> plan = bootstrap_plan(people, "w", "stratum", n_replicates=3, seed=1)
    >>> plan.values[:2].sum(axis=0).tolist(), plan.values[2:].sum(axis=0).tolist()
    ([20.0, 20.0, 20.0], [40.0, 40.0, 40.0])
    """
    weights = weights_of(df, weight)
    units = primary_units(df, stratum, psu, pop_size, fraction)
    active = (units.sizes > 1) & (units.varying > 0)
    return BootstrapReplicates(weights, units, Draws(units.sizes, active, n_replicates, seed))


def bootstrap_replicates(
    df: pd.DataFrame,
    weight: str,
    stratum: str | None = None,
    psu: str | None = None,
    pop_size: str | None = None,
    n_replicates: int = 500,
    seed: int = 1,
    fraction: str | None = None,
) -> ReplicateWeights:
    """Rescaled bootstrap of Rao, Wu and Yue with finite population correction.

    In every stratum n_h - 1 of the n_h primary units are drawn with replacement; unit i,
    drawn t_i times, gets ``weight * (1 - L + L * n_h/(n_h-1) * t_i)`` with L = sqrt(1 - f).
    Base weights of any kind are kept; a stratum with one unit keeps its weight.

    The table takes 8 n R bytes. Where only sums, means and their variances are wanted, use
    ``bootstrap_plan`` with ``replicate_sums`` or ``estimation.bootstrap_means``.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per sampled person
    weight : str              base weight, in persons
    stratum, psu : str or None   columns; without ``psu`` every row is a primary unit
    pop_size : str or None    column with the primary units N_h of the stratum, f = n_h/N_h; None: f = 0
    fraction : str or None    column with f of the unit itself, instead of ``pop_size``. The correction belongs to the
        sampling phase only: where response is a second random phase, f is the share of the
        population that was *observed* (respondents/N per class), never n/N.
    n_replicates, seed : int  R, and the seed; each stratum has its own counter-based stream, so the first
        replicates are the same whatever R is

    Returns
    -------
    ReplicateWeights, values (n, R), scale 1/R.

    Raises
    ------
    WeightingError   no rows; a column, a weight or a label is missing; both ``pop_size`` and ``fraction``; a fraction
        outside 0 to 1; population sizes that differ inside a stratum, or fractions inside a unit; fewer than one
        replicate; a seed outside 0 to 2**64 - 1.

    References
    ----------
    Rao, Wu & Yue (1992), Survey Methodology 18; Rao & Wu (1988), JASA 83.

    Examples
    --------
    Of the two people of each stratum one is drawn: with L = 1 it gets twice its weight, the other 0.

    >>> people = pd.DataFrame({"stratum": ["a", "a", "b", "b"], "w": [10.0, 10.0, 20.0, 20.0]})
    >>> bootstrap_replicates(people, "w", "stratum", n_replicates=3, seed=1).values.tolist()
    [[0.0, 20.0, 0.0], [20.0, 0.0, 20.0], [0.0, 40.0, 40.0], [40.0, 0.0, 0.0]]

    Two of eight people were sampled, f = 1/4, L = 0.866: the weight of 4 becomes 4 * (1 + L) or 4 * (1 - L).

    >>> pair = pd.DataFrame({"w": [4.0, 4.0], "N": 8})
    >>> replicates = bootstrap_replicates(pair, "w", pop_size="N", n_replicates=3, seed=1)
    >>> np.sort(replicates.values, axis=0).round(3).tolist()
    [[0.536, 0.536, 0.536], [7.464, 7.464, 7.464]]
    """
    plan = bootstrap_plan(df, weight, stratum, psu, pop_size, n_replicates, seed, fraction)
    return ReplicateWeights(plan.values, plan.scale, plan.rscales, plan.method)


# Bootstrap of a sample with nonresponse: respondents are resampled inside classes.


def two_phase_replicates(
    sample: pd.DataFrame,
    by: str,
    n_replicates: int,
    seed: int,
    *,
    weight: str = "base_weight",
    status: str = "disposition",
) -> ReplicateWeights:
    """Bootstrap of a sample with nonresponse, whose recipe then repeats every step.

    Response inside a class is treated as the second random phase: inside each class the people found (respondents and
    known ineligible) are resampled as a simple random sample of the class, with f = respondents/N of the class and Rao
    and Wu's factor, which is unbiased for any number of them. Everybody else keeps the base weight, which the recipe
    redistributes.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    by : str                      column of nonresponse classes (see ``weighting_classes``)
    n_replicates, seed : int      R, and the seed, as in ``bootstrap_replicates``
    weight, status : str          columns: base weight (persons), final disposition

    Returns
    -------
    ReplicateWeights, values (n, R) of the base weight, in persons; scale 1/R.

    Raises
    ------
    WeightingError   as ``bootstrap_replicates``; a column is missing; a status is not known.

    References
    ----------
    Rao & Wu (1988), JASA 83; Sarndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, section 15.6 (response
    homogeneity groups).

    Examples
    --------
    The nonrespondent keeps the base weight; the two respondents, of a class of three people and so with f = 2/3, get
    1 - L + 2 L t for t = 0 or 1 draws, L = sqrt(1/3), and keep their sum:

    >>> sample = pd.DataFrame({"unit": "a", "base_weight": 1.0, "disposition": ["I", "I", "R"]})
    >>> replicates = two_phase_replicates(sample, "unit", n_replicates=4, seed=1)
    >>> replicates.values[2].tolist(), replicates.values[:2].sum(axis=0).round(6).tolist()
    ([1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0])
    """
    require_columns(sample, [by, weight, status])
    found = np.isin(classify(sample[status]), (RESPONDENT, INELIGIBLE))
    fraction = observed_fraction(sample, by, weight, status)
    people = sample[[weight, by]][found].assign(observed_fraction=fraction[found])
    drawn = bootstrap_replicates(
        people, weight, stratum=by, fraction="observed_fraction", n_replicates=n_replicates, seed=seed
    )
    values = np.repeat(weights_of(sample, weight)[:, None], n_replicates, axis=1)
    values[found] = drawn.values
    return ReplicateWeights(values, drawn.scale, drawn.rscales, drawn.method)


def observed_fraction(
    sample: pd.DataFrame, by: str, weight: str = "base_weight", status: str = "disposition"
) -> pd.Series:
    """Share of the population that was observed, per class: respondents / sum of base weights.

    The finite population correction of a sample with nonresponse: response is a second
    random phase without a correction of its own, so f is respondents/N, not n/N.

    Parameters
    ----------
    sample : DataFrame (n, ...)   one row per sampled person
    by : str                      column of nonresponse classes
    weight, status : str          columns: base weight (persons), final disposition

    Returns
    -------
    Series (n,), name ``observed_fraction``, in [0, 1].

    Raises
    ------
    WeightingError   a column is missing; a status is not known.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, section 15.6.

    Examples
    --------
    >>> sample = pd.DataFrame({"unit": ["a", "a", "b"], "base_weight": 2.0, "disposition": ["I", "R", "I"]})
    >>> observed_fraction(sample, "unit").tolist()
    [0.25, 0.25, 0.5]
    """
    require_columns(sample, [by, weight, status])
    respondents = pd.Series((classify(sample[status]) == RESPONDENT).astype(float), index=sample.index)
    people = sample[weight].groupby(sample[by]).transform("sum")
    return (respondents.groupby(sample[by]).transform("sum") / people).clip(upper=1.0).rename("observed_fraction")
