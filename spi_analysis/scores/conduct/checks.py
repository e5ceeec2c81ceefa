"""The four checks of a source, unit by unit."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import Instrument, Source
from spi_analysis.params.sensitivity import ConductParams
from spi_analysis.scores.conduct.marks import speeders, straight_liners
from spi_analysis.scores.conduct.matches import near_duplicates
from spi_analysis.scores.conduct.permutation import (
    bursts_by_unit,
    family_wise,
    marks_by_unit,
    pairs_by_unit,
    score_blocks,
    with_shuffles,
)
from spi_analysis.scores.items import item_answers, item_scores
from spi_analysis.scores.persons import person_scores

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
    sizes = np.bincount(codes + 1, minlength=len(names) + 1)[1:]
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
