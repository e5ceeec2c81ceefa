"""The four checks of a source, unit by unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from spi_analysis.params import ConductParams, Instrument, Source
from spi_analysis.scores import item_answers, item_scores, person_scores
from spi_analysis.survey import group_counts

# Signs in a single questionnaire. They are counted by unit and never shown person by person.


def straight_liners(answers: np.ndarray, share: float, min_answered: float) -> np.ndarray:
    """Who gave the same code to at least ``share`` of the items answered (n,).

    Parameters
    ----------
    answers : array (n, items)   codes as ticked, not turned: with items of both directions the same tick
        everywhere contradicts itself
    """
    known = ~np.isnan(answers)
    counts = [(answers == code).sum(axis=1) for code in np.unique(answers[known])]
    commonest = np.max(counts, axis=0) if counts else np.zeros(len(answers))
    answered = known.sum(axis=1)
    return (answered >= max(min_answered * answers.shape[1], 1)) & (commonest >= share * answered)


def speeders(minutes: np.ndarray, share: float) -> np.ndarray:
    """Who took less than ``share`` of the median time (n,); the median is not moved by a few who are odd.

    References
    ----------
    Greszki, Meyer & Schoen (2015), Public Opinion Quarterly 79.
    """
    known = ~np.isnan(minutes)
    if not known.any():
        return np.zeros(len(minutes), dtype=bool)
    return known & (np.where(known, minutes, np.inf) < share * np.median(minutes[known]))


# Questionnaires that are nearly the same.


def near_duplicates(answers: np.ndarray, share: float, min_answered: float) -> np.ndarray:
    """Pairs of people who gave the same answer to at least ``share`` of the items that both answered.

    Parameters
    ----------
    answers : array (n, items)   answer codes; missing where there is no answer of substance
    share : float                such as 0.85
    min_answered : float         pairs with fewer items in common (share of all items) are left out

    Returns
    -------
    array (pairs, 2) of row numbers, the smaller first.

    References
    ----------
    Kuriakose & Robbins (2016), Statistical Journal of the IAOS 32 (percent match).
    """
    matches, both = match_counts(answers)
    near = (matches >= share * both - 1e-6) & (both >= max(min_answered * answers.shape[1], 1))
    return np.argwhere(np.triu(near, k=1))


def match_counts(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equal answers, and items answered by both, for every pair of people: (n, n) each.

    A match is a 1 in the same place of two rows of 0 and 1, so the counts are products of matrices; whole numbers
    of this size are exact in single precision.
    """
    known = ~np.isnan(answers)
    matches = np.zeros((len(answers), len(answers)), dtype=np.float32)
    for code in np.unique(answers[known]):
        chosen = (answers == code).astype(np.float32)
        matches += chosen @ chosen.T
    indicator = known.astype(np.float32)
    return matches, indicator @ indicator.T


CHECKS = ("near_duplicates", "straight_lining", "speeding", "bursts")
COLUMNS = ["unit", "n", "check", "observed", "expected", "p_value"]


def conduct_checks(
    answers: pd.DataFrame,
    units: pd.Series,
    instrument: Instrument,
    source: Source,
    params: ConductParams,
    min_cell: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Counts of each check in every unit with at least ``min_cell`` answers, and what chance gives.

    Parameters
    ----------
    answers : DataFrame (n, ...)   item codes, started_at, completed_at
    units : Series (n,)            unit of every respondent; missing: of none. All of them are shuffled

    Returns
    -------
    DataFrame of COLUMNS, one row per unit and check. ``p_value`` counts all units of this check, not yet
    the other checks.
    """
    codes, names = pd.factorize(units, sort=True)
    sizes = group_counts(codes, len(names))
    tested = sizes >= min_cell
    if not tested.any():
        return pd.DataFrame(columns=COLUMNS)
    items = item_answers(answers, instrument, source)
    minutes = _minutes(answers)
    pairs = near_duplicates(items, params.near_duplicate, params.min_answered_share)
    straight = straight_liners(items, params.straight_line, params.min_answered_share)
    statistics = {
        "near_duplicates": pairs_by_unit(pairs, len(names)),
        "straight_lining": marks_by_unit(straight, len(names)),
        "speeding": marks_by_unit(speeders(minutes["took"], params.speeder_share), len(names)),
        "bursts": bursts_by_unit(minutes["at"], params.burst_minutes, len(names)),
    }
    blocks = score_blocks(_scores(answers, instrument, source), codes, params.score_block, params.most_of_one_unit)
    anybody = np.zeros(len(codes), dtype=int)
    found = []
    for check, statistic in statistics.items():
        # What people think goes with their unit; when and how fast they answer is compared with everybody's.
        among = blocks if check in ("near_duplicates", "straight_lining") else anybody
        counts = with_shuffles(statistic, codes, among, params.permutations, rng)
        expected, p = family_wise(counts, tested)
        found.append(
            pd.DataFrame(
                {"unit": names, "n": sizes, "check": check, "observed": counts[0], "expected": expected, "p_value": p}
            )[tested]
        )
    return pd.concat(found, ignore_index=True)


def flagged(tables: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """All sources' checks with p values that count all of them, and which are flagged.

    Bonferroni over the checks and sources: the chance of any flag in an institution with honest answers is
    at most ``alpha``.
    """
    families = len(tables[["source", "check"]].drop_duplicates())
    p = (tables["p_value"] * max(families, 1)).clip(upper=1.0)
    return tables.assign(p_value=p, flagged=p <= alpha)


def _scores(answers: pd.DataFrame, instrument: Instrument, source: Source) -> np.ndarray:
    scores = person_scores(item_scores(answers, instrument, source), instrument.item_weights(source))
    return scores.fillna(scores.median()).to_numpy()


def _minutes(answers: pd.DataFrame) -> dict[str, np.ndarray]:
    """When people started (minutes), and how long they took; missing where a time is."""
    started, completed = (pd.to_datetime(answers[column]) for column in ("started_at", "completed_at"))
    at = (started - pd.Timestamp(0)) / pd.Timedelta(minutes=1)
    took = (completed - started) / pd.Timedelta(minutes=1)
    return {"at": at.to_numpy(dtype=float), "took": took.to_numpy(dtype=float)}


# What simulated rounds say of the checks: false alarms and hits.

HONEST, COACHED = "honest", "coached"


def conduct_summary(results: pd.DataFrame) -> pd.DataFrame:
    """False alarms and hits, with the number of cases behind each.

    Parameters
    ----------
    results : DataFrame   one row per simulated institution, tested unit and check: institution_id, seed, answers
        ("honest" or "coached"), source, unit, check, flagged, is_coached

    Returns
    -------
    DataFrame: what, check ("any" or one), cases, flagged, share. ``what``: "honest_institutions" (share with any
    flag: the false-alarm rate), "other_units" (honest ones of coached institutions), "coached_units" (the power).
    """
    honest = results[results["answers"] == HONEST]
    coached = results[results["answers"] == COACHED]
    rows = []
    groups = {
        "honest_institutions": (honest, ["institution_id", "seed"]),
        "other_units": (coached[~coached["is_coached"]], ["institution_id", "seed", "source", "unit"]),
        "coached_units": (coached[coached["is_coached"]], ["institution_id", "seed", "source", "unit"]),
    }
    for what, (table, by) in groups.items():
        if table.empty:
            continue
        for check in ("any", *table["check"].unique()):
            part = table if check == "any" else table[table["check"] == check]
            hit = part.groupby(by)["flagged"].any()
            share = float(hit.mean())
            rows.append({"what": what, "check": check, "cases": len(hit), "flagged": int(hit.sum()), "share": share})
    return pd.DataFrame(rows)


# What chance does: the same counts with people shuffled between units.

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
