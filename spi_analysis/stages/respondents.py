"""The design of a source's respondents, from the tables of the store."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.estimation import ReplicateDesign, SurveyDesign, satterthwaite_df
from spi_analysis.fieldwork import INELIGIBLE
from spi_analysis.params import Instrument, RoundParams, Source
from spi_analysis.params.sources import DesignParams
from spi_analysis.sampling import known_levels
from spi_analysis.scores import item_scores
from spi_analysis.stages.source_rows import Design, scored_column
from spi_analysis.stages.weigh import replicate_weights


def silent_count(weights: pd.DataFrame, source: Source) -> int:
    """People of a source who did not answer, though nobody found them ineligible."""
    part = weights[weights["source"] == source]
    return int(((part["weight"] == 0) & (part["disposition"] != INELIGIBLE)).sum())


def respondents_design(
    source: Source,
    frame: pd.DataFrame,
    responses: pd.DataFrame,
    weights: pd.DataFrame,
    replicates: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
) -> Design | None:
    """The design of a source's respondents: list columns, answers, item scores. None without respondents.

    A probability source brings its bootstrap replicates. A panel is analysed as if its members were
    exchangeable draws from the experts that it stands for: a model statement, not a sampling one.
    """
    part = weights[(weights["source"] == source) & (weights["weight"] > 0)]
    if part.empty:
        return None
    people = part["person_id"]
    answers = _rows_of(people, responses, source, "the responses")
    scores = item_scores(answers, instrument, source).rename(columns=scored_column)
    listed = _rows_of(people, frame, source, "the frame")
    data = pd.concat([part.reset_index(drop=True), listed, answers, scores], axis=1)
    if round_.sources[source].nature == "panel":
        # One expert alone: a score without a known error (its degrees of freedom are 0).
        return SurveyDesign(data, "weight", lonely_psu="fail" if len(data) > 1 else "certainty")
    repeated_people, repeated = replicate_weights(replicates, source)
    rows = pd.Index(repeated_people).get_indexer(people)
    _require_all(int((rows < 0).sum()), source, "the replicate weights")
    return ReplicateDesign(
        data, "weight", repeated.values[rows], "bootstrap", scale=repeated.scale, rscales=repeated.rscales,
        df_design=_degrees(data, round_.sources[source].design),
    )  # fmt: skip


def _rows_of(people: pd.Series, table: pd.DataFrame, source: Source, where: str) -> pd.DataFrame:
    """What a table says of these people (of one source), in their order, without the columns that say who they are."""
    rows = np.flatnonzero(table["source"] == source)
    found = pd.Index(table["person_id"].iloc[rows]).get_indexer(people)
    _require_all(int((found < 0).sum()), source, where)
    columns = table.columns.drop(["institution_id", "person_id", "source"])
    return table[columns].take(rows[found]).reset_index(drop=True)


def _degrees(data: pd.DataFrame, design: DesignParams | None) -> float:
    """Degrees of freedom of what the replicates resample: units of one stratum, else people inside classes."""
    if design is None or design.two_stage is None:
        return satterthwaite_df(data["weight"].to_numpy(), data["nr_class"])
    return float(known_levels(data[design.two_stage.unit]).nunique() - 1)


def _require_all(missing: int, source: Source, where: str) -> None:
    if missing:
        raise InputError(
            f"people with a weight are not in {where}",
            key=source,
            got=f"{missing} people",
            expected="the tables that the weights were made from",
            hint="make the weights again: spi run --notebook 30",
        )
