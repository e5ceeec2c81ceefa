"""The design of a source's respondents, from the tables of the store."""

from __future__ import annotations

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
    answers = responses[responses["source"] == source].drop(columns=["institution_id", "source"])
    listed = frame[frame["source"] == source].drop(columns=["institution_id", "source"])
    data = part.merge(listed, on="person_id", validate="1:1").merge(answers, on="person_id", validate="1:1")
    _require_all(len(part) - len(data), source, "the frame or the responses")
    scores = item_scores(data, instrument, source)
    data = data.assign(**{scored_column(code): scores[code] for code in scores})
    if round_.sources[source].nature == "panel":
        # One expert alone: a score without a known error (its degrees of freedom are 0).
        return SurveyDesign(data, "weight", lonely_psu="fail" if len(data) > 1 else "certainty")
    people, repeated = replicate_weights(replicates, source)
    rows = pd.Index(people).get_indexer(data["person_id"])
    _require_all(int((rows < 0).sum()), source, "the replicate weights")
    return ReplicateDesign(
        data, "weight", repeated.values[rows], "bootstrap", scale=repeated.scale, rscales=repeated.rscales,
        df_design=_degrees(data, round_.sources[source].design),
    )  # fmt: skip


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
