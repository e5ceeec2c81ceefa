"""Stage: how far the scores and the index would move if those who did not answer differ, or if answers were coached."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.fieldwork import INELIGIBLE
from spi_analysis.params import Instrument, RoundParams, Source
from spi_analysis.scores import (
    LateAnswers,
    SourceRange,
    category_of,
    late_answers,
    person_scores,
    source_range,
    tipping_points,
)
from spi_analysis.scores.conduct import conduct_checks, flagged
from spi_analysis.stages.respondents import Design, item_weights, nonrespondent_count, respondents_design
from spi_analysis.tables import RoundData, eligible_list, require_answers_fit

RANGE_COLUMNS = [
    "measure", "estimate", "ci_low", "ci_high", "low", "high", "informative", "correlation", "response_share", "n",
]  # fmt: skip


@dataclass(frozen=True)
class Sensitivity:
    """Ranges of an institution, only of what its estimates show.

    ``ranges``: one row per source (and "index"): RANGE_COLUMNS; ``low`` and ``high`` are ends of a sensitivity
    range, not of a confidence interval, and missing where no range can be made; ``informative`` is False where the
    far end rests on a proxy so weak that it says little.
    ``by_phi``: measure, phi, estimate, informative. ``tipping``: category, limit, delta.
    ``late``: one row per source with both early and late answers: source, n_early, n_late, difference, se, ci_low,
    ci_high, implied. Late answers and ``response_share`` are missing where they would tell how few did not answer.
    ``categories``: codes of the categories at the ends of the index's range. ``index_per_point``: by how many points
    the index moves if those who did not answer differ by one point from what the weights take them for (missing
    without an index).
    """

    ranges: pd.DataFrame
    by_phi: pd.DataFrame
    tipping: pd.DataFrame
    late: pd.DataFrame
    categories: tuple[str, str] | None
    index_per_point: float = float("nan")

    def row(self, measure: str) -> pd.Series | None:
        """The range of a source or of the index, or None."""
        rows = self.ranges[self.ranges["measure"] == measure]
        return None if rows.empty else rows.iloc[0]


@dataclass(frozen=True)
class SourceSensitivity:
    """One source: its range, the share that answers, and late answers."""

    range: SourceRange
    response_share: float
    late: LateAnswers | None


def sensitivity_round(data: RoundData, estimates: pd.DataFrame | None = None) -> Sensitivity:
    """Ranges of a loaded institution; ``estimates`` (default: those of the store) say what may be shown."""
    table = data.estimates if estimates is None else estimates
    return sensitivity_of(
        table, data.frame, data.responses, data.weights, data.replicates, data.round, data.setup.instrument
    )


def sensitivity_of(
    estimates: pd.DataFrame,
    frame: pd.DataFrame,
    responses: pd.DataFrame,
    weights: pd.DataFrame,
    replicates: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
) -> Sensitivity:
    """Ranges of every probability source whose score is shown, and of the index if it is."""
    scores = estimates[(estimates["measure"] == "source_score") & (estimates["status"] == "shown")].set_index("source")
    parts: dict[str, SourceSensitivity] = {}
    for source in round_.probability_sources:
        if source in scores.index:
            design = respondents_design(source, frame, responses, weights, replicates, round_, instrument)
            assert design is not None
            share = response_share(weights, source, round_)
            estimate = float(scores.loc[source, "estimate"])
            parts[source] = source_sensitivity(source, estimate, design, frame, share, round_, instrument)
    index = estimates[(estimates["measure"] == "index") & (estimates["status"] == "shown")]
    # Where fewer did not answer than may be told, the share that answers would tell how many.
    told = {s: p for s, p in parts.items() if nonrespondent_count(weights, s) >= round_.disclosure.min_cell}
    ranges = [_range_row(source, scores.loc[source], part, source in told) for source, part in parts.items()]
    if len(index) and parts:
        ranges.append(_index_row(index.iloc[0], parts, round_))
    table = pd.DataFrame(ranges, columns=RANGE_COLUMNS)
    return Sensitivity(
        ranges=table,
        by_phi=_by_phi(parts, index, round_),
        tipping=_tipping(index, parts, round_),
        late=_late(told, round_.disclosure.min_cell),
        categories=_end_categories(table, round_),
        index_per_point=sum(_nonrespondent_weights(parts, round_).values())
        if _has_all(index, parts, round_)
        else float("nan"),
    )


def source_sensitivity(
    source: Source,
    estimate: float,
    design: Design,
    frame: pd.DataFrame,
    share: float,
    round_: RoundParams,
    instrument: Instrument,
) -> SourceSensitivity:
    """Range and late answers of one source."""
    params = round_.sensitivity
    persons = person_scores(design.data, item_weights(instrument, source))
    everyone = eligible_list(frame, source)
    found = source_range(estimate, persons, design.data, everyone, list(params.proxy[source]), params)
    late = late_answers(estimate, design, persons, share, round_.fieldwork, params, round_.level)
    return SourceSensitivity(found, share, late)


def response_share(weights: pd.DataFrame, source: Source, round_: RoundParams) -> float:
    """Share of the eligible people that answers: base weights of respondents over the eligible weight."""
    part, params = weights[weights["source"] == source], round_.sources[source].weighting
    assert params is not None
    eligible = part.loc[part["disposition"] != INELIGIBLE, params.eligible_column].sum()
    return float(part.loc[part["weight"] > 0, "base_weight"].sum() / eligible)


def index_shifts(parts: dict[str, SourceSensitivity], round_: RoundParams) -> tuple[float, float]:
    """Ends of the index's range, as shifts: every source at its own end; experts and corrections stay."""
    weights = round_.index.source_weights
    ends = {source: part.range.shift_ends for source, part in parts.items()}
    low = sum(weights[source] * ends[source][0] for source in round_.probability_sources if source in ends)
    high = sum(weights[source] * ends[source][1] for source in round_.probability_sources if source in ends)
    return float(low), float(high)


def _range_row(measure: str, score: pd.Series, part: SourceSensitivity, is_told: bool) -> dict[str, object]:
    low, high = part.range.shift_ends if part.range.correlation > 0 else (np.nan, np.nan)
    return {
        "measure": measure, "estimate": score["estimate"], "ci_low": score["ci_low"], "ci_high": score["ci_high"],
        "low": score["estimate"] + low, "high": score["estimate"] + high,
        "informative": bool(part.range.by_phi["informative"].all()), "correlation": part.range.correlation,
        "response_share": part.response_share if is_told else np.nan, "n": score["n"],
    }  # fmt: skip


def _index_row(index: pd.Series, parts: dict[str, SourceSensitivity], round_: RoundParams) -> dict[str, object]:
    usable = set(round_.probability_sources) == {s for s, part in parts.items() if part.range.correlation > 0}
    low, high = index_shifts(parts, round_) if usable else (np.nan, np.nan)
    return {
        "measure": "index", "estimate": index["estimate"], "ci_low": index["ci_low"], "ci_high": index["ci_high"],
        "low": index["estimate"] + low, "high": index["estimate"] + high,
        "informative": all(part.range.by_phi["informative"].all() for part in parts.values()), "correlation": np.nan,
        "response_share": np.nan, "n": index["n"],
    }  # fmt: skip


def _by_phi(parts: dict[str, SourceSensitivity], index: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """Every source and the index (the same phi in all sources) under every phi."""
    usable = {source: part.range.by_phi for source, part in parts.items() if part.range.correlation > 0}
    tables = [table.assign(measure=source) for source, table in usable.items()]
    if len(index) and set(usable) == set(round_.probability_sources):
        shift = sum(round_.index.source_weights[source] * table["shift"] for source, table in usable.items())
        informative = np.logical_and.reduce([table["informative"] for table in usable.values()])
        estimate = float(index["estimate"].iloc[0]) + shift
        whole = {"measure": "index", "phi": round_.sensitivity.phis, "estimate": estimate, "informative": informative}
        tables.append(pd.DataFrame(whole))
    columns = ["measure", "phi", "estimate", "informative"]
    return pd.concat([t[columns] for t in tables], ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _tipping(index: pd.DataFrame, parts: dict[str, SourceSensitivity], round_: RoundParams) -> pd.DataFrame:
    if not _has_all(index, parts, round_):
        return pd.DataFrame(columns=["category", "limit", "delta"])
    nonrespondents = _nonrespondent_weights(parts, round_)
    return tipping_points(float(index["estimate"].iloc[0]), nonrespondents, round_.categories, round_.index.decimals)


def _has_all(index: pd.DataFrame, parts: dict[str, SourceSensitivity], round_: RoundParams) -> bool:
    return len(index) > 0 and set(parts) == set(round_.probability_sources)


def _nonrespondent_weights(parts: dict[str, SourceSensitivity], round_: RoundParams) -> dict[str, float]:
    """Weight in the index of those who did not answer, by source."""
    return {s: round_.index.source_weights[s] * (1 - part.response_share) for s, part in parts.items()}


def _late(parts: dict[str, SourceSensitivity], min_cell: int) -> pd.DataFrame:
    """Sources with enough early and enough late answers to be shown."""
    rows = [
        {"source": source, **vars(part.late)}
        for source, part in parts.items()
        if part.late is not None and min(part.late.n_early, part.late.n_late) >= min_cell
    ]
    columns = ["source", "n_early", "n_late", "difference", "se", "ci_low", "ci_high", "implied"]
    return pd.DataFrame(rows, columns=columns)


def _end_categories(ranges: pd.DataFrame, round_: RoundParams) -> tuple[str, str] | None:
    ends = ranges.loc[ranges["measure"] == "index", ["low", "high"]].dropna()
    if ends.empty:
        return None
    low, high = (category_of(float(x), round_.categories, round_.index.decimals) for x in ends.iloc[0])
    return low, high


# The conduct checks of an institution: were answers coached?

CONDUCT_COLUMNS = ["source", "unit", "n", "check", "observed", "expected", "p_value", "flagged"]


def conduct_round(data: RoundData) -> pd.DataFrame:
    """The checks of a loaded institution (see ``conduct_of``)."""
    return conduct_of(data.frame, data.responses, data.round, data.setup.instrument)


def conduct_of(
    frame: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams, instrument: Instrument
) -> pd.DataFrame:
    """Every check in every unit with enough answers, of all probability sources.

    Returns
    -------
    DataFrame of CONDUCT_COLUMNS: ``observed`` and ``expected`` are counts (pairs, people, most answers in a window),
    for the analyst's eyes only; ``p_value`` counts all units, checks and sources of the institution.
    """
    require_answers_fit(responses, instrument)
    parts = []
    for source in round_.probability_sources:
        answers = responses[(responses["source"] == source) & responses["completed_at"].notna()]
        answers = answers.sort_values("person_id", ignore_index=True)
        if answers.empty:
            continue
        listed = frame[frame["source"] == source].set_index("person_id")["unit"]
        units = answers["person_id"].map(listed)
        name = f"{answers['institution_id'].iloc[0]}/{source}"
        rng = np.random.default_rng([round_.conduct.seed, zlib.crc32(name.encode())])
        least = round_.disclosure.min_cell
        table = conduct_checks(answers, units, instrument, source, round_.conduct, least, rng)
        parts.append(table.assign(source=source))
    if not any(len(part) for part in parts):
        return pd.DataFrame(columns=CONDUCT_COLUMNS)
    return flagged(pd.concat(parts, ignore_index=True), round_.conduct.alpha)[CONDUCT_COLUMNS]
