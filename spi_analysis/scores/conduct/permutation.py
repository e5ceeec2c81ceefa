"""What chance does: the same counts with people shuffled between units.

Units are told apart by whole numbers; -1 is a person of no unit. All statistics are (B, units), one row per shuffle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

# Cells of a batch of shuffles times people, so that memory stays small.
BATCH_CELLS = 4_000_000
Statistic = Callable[[np.ndarray], np.ndarray]


def score_blocks(scores: np.ndarray, units: np.ndarray, size: int, most: float) -> np.ndarray:
    """Blocks of people next to each other in the order of their score (n,).

    Units differ honestly in how people judge, and people of the same judgement answer alike. Shuffling only
    inside blocks leaves that in place. A block has at least ``size`` people, and grows until no unit makes up more than
    the share ``most`` of it: where all of a unit answer the same, there must be others to shuffle them with.
    """
    order = np.argsort(scores, kind="stable")
    blocks, number, counts = np.zeros(len(scores), dtype=int), 0, dict[int, int]()
    largest = inside = 0
    for row in order:
        unit = int(units[row])
        counts[unit] = counts.get(unit, 0) + 1
        largest, inside = max(largest, counts[unit]), inside + 1
        blocks[row] = number
        if inside >= size and largest <= most * inside:
            number, counts, largest, inside = number + 1, {}, 0, 0
    if inside and number:
        # What is left over is too few, or too much of one unit: it joins the block before.
        blocks[blocks == number] = number - 1
    return blocks


def shuffled(units: np.ndarray, blocks: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Units (n shuffles, people) with people shuffled inside blocks."""
    order = np.argsort(blocks, kind="stable")
    keys = blocks[order] + rng.random((n, len(units)))
    # Kept person by person, as the statistics read it.
    result = np.empty((len(units), n), dtype=units.dtype)
    result[order] = units[order][np.argsort(keys, axis=1)].T
    return result.T


def with_shuffles(
    statistic: Statistic, units: np.ndarray, blocks: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """The statistic as it is (first row) and in ``n`` shuffles: (1 + n, units)."""
    # Units of an institution fit into two bytes, and are then compared many at a time.
    return np.concatenate([statistic(batch) for batch in _batches(units.astype(np.int16), blocks, n, rng)])


def _batches(units: np.ndarray, blocks: np.ndarray, n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    yield units[None, :]
    step = max(BATCH_CELLS // len(units), 1)
    for start in range(0, n, step):
        yield shuffled(units, blocks, min(step, n - start), rng)


def marks_by_unit(marked: np.ndarray, n_units: int) -> Statistic:
    """Number of marked people by unit."""
    rows = np.flatnonzero(marked)
    return lambda units: _by_unit(np.add, np.ones((len(rows), len(units)), dtype=np.int32), units[:, rows], n_units)


def pairs_by_unit(pairs: np.ndarray, n_units: int) -> Statistic:
    """Number of pairs of which both are of the unit."""
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    rows, begins = np.unique(pairs[:, 0], return_index=True)
    others = np.split(pairs[:, 1], begins)[1:]
    return lambda units: _by_unit(np.add, _of_same_unit(units, rows, others), units[:, rows], n_units)


def bursts_by_unit(minutes: np.ndarray, width: float, n_units: int) -> Statistic:
    """Most answers of a unit within ``width`` minutes (the scan statistic).

    References
    ----------
    Naus (1965), Journal of the American Statistical Association 60.
    """
    rows = np.argsort(minutes, kind="stable")
    rows = rows[~np.isnan(minutes[rows])]
    ends = np.searchsorted(minutes[rows], minutes[rows] + width, side="right")
    # A window begins with an answer: it holds that one, and those of the unit that follow until it ends.
    others = [rows[i + 1 : end] for i, end in enumerate(ends)]
    return lambda units: _by_unit(np.maximum, 1 + _of_same_unit(units, rows, others), units[:, rows], n_units)


def family_wise(statistics: np.ndarray, tested: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What chance gives (mean of the shuffles) and p values that count all tested units.

    The p value of a unit is the share of shuffles (the data as they are among them) in which some tested unit lies
    as far above its own mean, in its own standard deviations.

    Parameters
    ----------
    statistics : array (1 + B, units)   the first row as observed
    tested : array (units,) of bool

    Returns
    -------
    expected, p : arrays (units,); p is missing for units that are not tested.

    References
    ----------
    Westfall & Young (1993), Resampling-Based Multiple Testing (single-step maxT); Phipson & Smyth (2010), Statistical
    Applications in Genetics and Molecular Biology 9 (a permutation p value is never 0).
    """
    expected, variance = statistics.mean(axis=0), statistics.var(axis=0)
    # The 1 keeps a unit in which chance gives next to nothing from standing out with its first case.
    far = (statistics - expected) / np.sqrt(variance + 1)
    p = np.full(statistics.shape[1], np.nan)
    if tested.any():
        most = np.sort(far[:, tested].max(axis=1))
        at_least = len(most) - np.searchsorted(most, far[0, tested] - 1e-12, side="left")
        p[tested] = at_least / len(most)
    return expected, p


def _of_same_unit(units: np.ndarray, rows: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """How many of the ``others`` of every person in ``rows`` are of that person's unit: (rows, B)."""
    by_person = units.T
    counts = np.zeros((len(rows), len(units)), dtype=np.int32)
    for count, row, company in zip(counts, rows, others, strict=True):
        if len(company):
            np.equal(by_person[company], by_person[row]).sum(axis=0, out=count)
    return counts


def _by_unit(gather: np.ufunc, values: np.ndarray, units: np.ndarray, n_units: int) -> np.ndarray:
    """Sum or maximum of ``values`` (people, B) by unit of these people (B, people); those of no unit are left out."""
    shuffles = np.arange(len(units))
    found = np.zeros((n_units + 1, len(units)), dtype=values.dtype)
    gather.at(found.ravel(), ((units.T + 1).astype(np.intp) * len(units) + shuffles).ravel(), values.ravel())
    return found[1:].T.astype(float, order="C")
