"""Answers by an open link (QR): in no estimate; counted, and read with the sample under a stated assumption."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.disclosure import of_one_mind
from spi_analysis.fieldwork import scored_items_answered
from spi_analysis.params import Instrument, RoundParams, RoundSetup, Source
from spi_analysis.scores import item_scores, score_estimates
from spi_analysis.stages.respondents import item_weights, scored_column
from spi_analysis.stages.score import Scored
from spi_analysis.survey.estimation import SurveyDesign, t_interval
from spi_analysis.tables import RoundData, Store

FIGURES = ["estimate", "ci_low", "ci_high"]
# Columns of the reading: both streams, their difference, both together, and the share of the open stream in that.
READING = [
    "source", "n", "n_open", *FIGURES,
    *(f"{kind}_{figure}" for kind in ("open", "difference", "merged") for figure in FIGURES), "share",
]  # fmt: skip


def open_answer_counts(setup: RoundSetup, store: Store, institution_id: str) -> pd.Series:
    """Answers by open link, by source; of few (``min_cell``) it is only told that there are some (missing)."""
    counts = count_open_answers(setup, store, institution_id)
    return counts.where(counts >= setup.round_for(institution_id).disclosure.min_cell)


def count_open_answers(setup: RoundSetup, store: Store, institution_id: str) -> pd.Series:
    """All answers by open link that count, by source; sources without any are left out."""
    answers = store.read_if_there("open_responses", institution_id)
    if answers is None:
        return pd.Series(dtype=float)
    round_ = setup.round_for(institution_id)
    sizes = {source: len(counting(source, answers, round_, setup.instrument)) for source in round_.populations}
    return pd.Series({source: n for source, n in sizes.items() if n}, dtype=float)


def open_link_reading(data: RoundData, scored: Scored) -> pd.DataFrame:
    """What the open stream says beside the sample, for sources whose score is shown and where enough answered so.

    The merged reading weighs both by their effective numbers of answers, n_open / (n_open + n_eff) to the open stream:
    of two independent unbiased means of the same variance it has the least error (Lohr 2022, ch. 14). Unbiased is what
    nothing vouches for: whoever found the link chose to answer. The difference of the streams is the one check that
    there is (Elliott and Valliant 2017, section 4).

    Returns
    -------
    DataFrame, columns ``READING``: scores in points; intervals at the round's level, by t with the degrees of freedom
    of the sample.
    """
    answers = data.open_responses if data.has("open_responses") else None
    scores = scored.estimates[scored.estimates["measure"] == "source_score"]
    rows = []
    for source in [] if answers is None else data.round.populations:
        shown = scores[(scores["source"] == source) & (scores["status"] == "shown")]
        design = open_design(source, answers, data.round, data.instrument)
        if len(shown) and design is not None and len(design.data) >= data.round.disclosure.min_cell:
            found = score_estimates(design, item_weights(data.instrument, source), data.round.level).table
            opened = found[found["variable"] == "score"].assign(measure="source_score")
            # Of one mind: from such a small error everybody's answer would follow, as of a unit.
            if not of_one_mind(opened, data.round.disclosure.min_points).iloc[0]:
                rows.append(_reading(source, shown.iloc[0], opened.iloc[0], data.round.level))
    return pd.DataFrame(rows, columns=READING)


def open_design(
    source: Source, answers: pd.DataFrame, round_: RoundParams, instrument: Instrument
) -> SurveyDesign | None:
    """The design of a source's answers by open link, each counted once; None of fewer than two."""
    own = counting(source, answers, round_, instrument)
    if len(own) < 2:
        return None
    scores = item_scores(own, instrument, source).rename(columns=scored_column)
    return SurveyDesign(scores.assign(weight=1.0), "weight")


def counting(source: Source, answers: pd.DataFrame, round_: RoundParams, instrument: Instrument) -> pd.DataFrame:
    """The answers of a source that would count in the sample, too: not those that were broken off early."""
    own = answers[answers["source"] == source].reset_index(drop=True)
    enough = scored_items_answered(own, instrument, source) >= round_.dispositions.min_answered_share
    return own[enough].reset_index(drop=True)


def _reading(source: Source, sampled: pd.Series, found: pd.Series, level: float) -> dict[str, object]:
    n, df = float(found["n"]), float(min(sampled["df_design"], found["df_design"]))
    share = n / (n + float(sampled["effective_n"]))
    row = {"source": source, "n": sampled["n"], "n_open": n, "share": share}
    row |= {figure: sampled[figure] for figure in FIGURES} | {f"open_{figure}": found[figure] for figure in FIGURES}
    for kind, own, other in (("difference", -1.0, 1.0), ("merged", 1 - share, share)):
        estimate = own * sampled["estimate"] + other * found["estimate"]
        se = np.hypot(own * sampled["se"], other * found["se"])
        low, high = t_interval(np.array([estimate]), np.array([se]), np.array([df]), level)
        row |= dict(zip((f"{kind}_{figure}" for figure in FIGURES), (estimate, low[0], high[0]), strict=True))
    return row
