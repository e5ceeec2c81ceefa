"""Stage: how far the scores and the index would move if those who did not answer differ, or if answers were coached."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.fieldwork import INELIGIBLE
from spi_analysis.params import Instrument, RoundParams, RoundSetup, Source
from spi_analysis.scores import (
    LateAnswers,
    SourceRange,
    category_of,
    late_answers,
    nonresponse_range,
    person_scores,
    source_range,
    tipping_points,
)
from spi_analysis.scores.conduct import (
    compared,
    conduct_checks,
    flagged,
    form_effects,
    form_signs,
    institution_signs,
    round_answers,
)
from spi_analysis.stages.respondents import Design, item_weights, nonrespondent_count, respondents_design
from spi_analysis.survey.estimation import logit_interval, t_interval
from spi_analysis.tables import RoundData, Store, eligible_list, require_answers_fit

RANGE_COLUMNS = [
    "measure", "estimate", "ci_low", "ci_high", "low", "high", "informative", "correlation", "log_odds",
    "response_share", "heaviest", "n",
]  # fmt: skip
ODDS_COLUMNS = ["measure", "log_odds", "estimate", "shift", "shift_se", "ci_low", "ci_high"]


@dataclass(frozen=True)
class Sensitivity:
    """Ranges of an institution, only of what its estimates show.

    ``by_odds``: measure, log_odds (not to answer, per standard deviation that somebody's score is lower), estimate
    under it, shift (from the score as reported), shift_se, ci_low, ci_high (of the estimate). Sources of which fewer
    did not answer than may be told have no rows, and the index takes them as they are reported.
    ``ranges``: one row per source (and "index"): RANGE_COLUMNS; ``low`` and ``high`` are ends of the range of the
    proxy (``by_phi``), not of a confidence interval, and missing where the proxy makes none; ``informative`` is False
    where the far end rests on a proxy so weak that it says little, and ``log_odds`` says what the far end stands for;
    ``heaviest``: share of the people that the ``min_cell`` answers that count most stand for.
    ``by_phi``: measure, phi, estimate, informative. ``tipping``: category, limit, delta.
    ``late``: one row per source with both early and late answers: source, n_early, n_late, difference, se, ci_low,
    ci_high, implied. Late answers and ``response_share`` are missing where they would tell how few did not answer.
    ``category``: code of the index's category under the largest log-odds. ``index_per_point``: by how many points
    the index moves if those who did not answer differ by one point from what the weights take them for (missing
    without an index).
    """

    by_odds: pd.DataFrame
    ranges: pd.DataFrame
    by_phi: pd.DataFrame
    tipping: pd.DataFrame
    late: pd.DataFrame
    category: str | None
    index_per_point: float = float("nan")

    def row(self, measure: str) -> pd.Series | None:
        """The range of a source or of the index, or None."""
        rows = self.ranges[self.ranges["measure"] == measure]
        return None if rows.empty else rows.iloc[0]

    @property
    def worst(self) -> pd.DataFrame:
        """The rows of the largest log-odds."""
        return self.by_odds[self.by_odds["log_odds"] == self.by_odds["log_odds"].max()]


@dataclass(frozen=True)
class SourceSensitivity:
    """One source: the range of its proxy, its scores by log-odds, the share that answers, and late answers.

    ``heaviest``: share of the people that the answers that count most stand for.
    """

    range: SourceRange
    by_odds: pd.DataFrame
    response_share: float
    heaviest: float
    late: LateAnswers | None

    @property
    def log_odds(self) -> float:
        """What the largest shift of the proxy's range stands for, taken as proportional; missing without a range."""
        last = self.by_odds.iloc[-1]
        low, high = self.range.shift_ends
        farthest = low if -low > high else high
        if self.range.correlation == 0 or last["shift"] == 0:
            return float("nan")
        return float(last["log_odds"] * farthest / last["shift"])


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
    for source in round_.populations:
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
    by_odds = _by_odds(told, scores, index, parts, round_)
    return Sensitivity(
        by_odds=by_odds,
        ranges=pd.DataFrame(ranges, columns=RANGE_COLUMNS),
        by_phi=_by_phi(parts, index, round_),
        tipping=_tipping(index, parts, told, round_),
        late=_late(told, round_.disclosure.min_cell),
        category=_worst_category(by_odds, round_),
        index_per_point=sum(_nonrespondent_weights(told, round_).values())
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
    by_odds = nonresponse_range(estimate, design, persons, share, params, round_.level)
    return SourceSensitivity(found, by_odds, share, _heaviest(design.weights, round_.disclosure.min_cell), late)


def _heaviest(weights: np.ndarray, answers: int) -> float:
    """Share of the people that so many answers, those with the largest weights, stand for."""
    return float(np.sort(weights)[-answers:].sum() / weights.sum())


def _by_odds(
    told: dict[str, SourceSensitivity],
    scores: pd.DataFrame,
    index: pd.DataFrame,
    parts: dict[str, SourceSensitivity],
    round_: RoundParams,
) -> pd.DataFrame:
    """Scores and index under every log-odds, with intervals that count the error of the shift."""
    tables = [
        _with_limits(part.by_odds.assign(measure=source), scores.loc[[source]].iloc[0], round_.level)
        for source, part in told.items()
    ]
    if told and _has_all(index, parts, round_):
        tables.append(_with_limits(_index_by_odds(told, round_), index.iloc[0], round_.level))
    return pd.concat(tables, ignore_index=True)[ODDS_COLUMNS] if tables else pd.DataFrame(columns=ODDS_COLUMNS)


def _index_by_odds(told: dict[str, SourceSensitivity], round_: RoundParams) -> pd.DataFrame:
    """Shifts of the index: sources are independent, so that variances add up; experts and corrections stay."""
    weights = round_.index.source_weights
    shift = sum(weights[source] * part.by_odds["shift"] for source, part in told.items())
    variance = sum(weights[source] ** 2 * part.by_odds["shift_se"] ** 2 for source, part in told.items())
    added = sum(weights[source] ** 2 * part.by_odds["added_variance"] for source, part in told.items())
    table = pd.DataFrame({"measure": "index", "log_odds": round_.sensitivity.log_odds, "shift": shift})
    return table.assign(shift_se=np.sqrt(variance), added_variance=added)


def _with_limits(table: pd.DataFrame, reported: pd.Series, level: float) -> pd.DataFrame:
    """The figures under every log-odds, with limits of the same kind as the reported figure's."""
    estimate = (float(reported["estimate"]) + table["shift"]).clip(0, 100).to_numpy(dtype=float)
    se = np.sqrt((float(reported["se"]) ** 2 + table["added_variance"].to_numpy(dtype=float)).clip(min=0))
    df = np.full(len(table), float(reported["df_design"]))
    limits = t_interval if reported["measure"] == "index" else logit_interval
    low, high = limits(estimate, se, df, level)
    return table.assign(estimate=estimate, ci_low=np.clip(low, 0, 100), ci_high=np.clip(high, 0, 100))


def response_share(weights: pd.DataFrame, source: Source, round_: RoundParams) -> float:
    """Share of the eligible people that answers: base weights of respondents over the eligible weight."""
    part, params = weights[weights["source"] == source], round_.sources[source].weighting
    assert params is not None
    eligible = part.loc[part["disposition"] != INELIGIBLE, params.eligible_column].sum()
    return float(part.loc[part["weight"] > 0, "base_weight"].sum() / eligible)


def _index_shifts(parts: dict[str, SourceSensitivity], round_: RoundParams) -> tuple[float, float]:
    """Ends of the index's range, as shifts: every source at its own end; experts and corrections stay."""
    weights = round_.index.source_weights
    ends = {source: part.range.shift_ends for source, part in parts.items()}
    low = sum(weights[source] * ends[source][0] for source in round_.populations if source in ends)
    high = sum(weights[source] * ends[source][1] for source in round_.populations if source in ends)
    return float(low), float(high)


def _range_row(measure: str, score: pd.Series, part: SourceSensitivity, is_told: bool) -> dict[str, object]:
    low, high = part.range.shift_ends if part.range.correlation > 0 else (np.nan, np.nan)
    return {
        "measure": measure, "estimate": score["estimate"], "ci_low": score["ci_low"], "ci_high": score["ci_high"],
        "low": score["estimate"] + low, "high": score["estimate"] + high,
        "informative": bool(part.range.by_phi["informative"].all()), "correlation": part.range.correlation,
        "log_odds": part.log_odds if is_told else np.nan, "n": score["n"],
        "response_share": part.response_share if is_told else np.nan, "heaviest": part.heaviest if is_told else np.nan,
    }  # fmt: skip


def _index_row(index: pd.Series, parts: dict[str, SourceSensitivity], round_: RoundParams) -> dict[str, object]:
    usable = set(round_.populations) == {s for s, part in parts.items() if part.range.correlation > 0}
    low, high = _index_shifts(parts, round_) if usable else (np.nan, np.nan)
    return {
        "measure": "index", "estimate": index["estimate"], "ci_low": index["ci_low"], "ci_high": index["ci_high"],
        "low": index["estimate"] + low, "high": index["estimate"] + high,
        "informative": all(part.range.by_phi["informative"].all() for part in parts.values()), "n": index["n"],
    }  # fmt: skip


def _by_phi(parts: dict[str, SourceSensitivity], index: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """Every source and the index (the same phi in all sources) under every phi."""
    usable = {source: part.range.by_phi for source, part in parts.items() if part.range.correlation > 0}
    tables = [table.assign(measure=source) for source, table in usable.items()]
    if len(index) and set(usable) == set(round_.populations):
        shift = sum(round_.index.source_weights[source] * table["shift"] for source, table in usable.items())
        informative = np.logical_and.reduce([table["informative"] for table in usable.values()])
        estimate = float(index["estimate"].iloc[0]) + shift
        whole = {"measure": "index", "phi": round_.sensitivity.phis, "estimate": estimate, "informative": informative}
        tables.append(pd.DataFrame(whole))
    columns = ["measure", "phi", "estimate", "informative"]
    return pd.concat([t[columns] for t in tables], ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _tipping(
    index: pd.DataFrame, parts: dict[str, SourceSensitivity], told: dict[str, SourceSensitivity], round_: RoundParams
) -> pd.DataFrame:
    if not _has_all(index, parts, round_):
        return pd.DataFrame(columns=["category", "limit", "delta"])
    nonrespondents = _nonrespondent_weights(told, round_)
    return tipping_points(float(index["estimate"].iloc[0]), nonrespondents, round_.categories, round_.index.decimals)


def _has_all(index: pd.DataFrame, parts: dict[str, SourceSensitivity], round_: RoundParams) -> bool:
    return len(index) > 0 and set(parts) == set(round_.populations)


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


def _worst_category(by_odds: pd.DataFrame, round_: RoundParams) -> str | None:
    index = by_odds.loc[by_odds["measure"] == "index", "estimate"]
    if index.empty:
        return None
    return category_of(float(index.iloc[-1]), round_.categories, round_.index.decimals)


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
    for source in round_.populations:
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


# Institutions compared with each other: was one coached as a whole?


@dataclass(frozen=True)
class Comparison:
    """``rows``: one per institution and source (institution_id and what ``compared`` or ``form_effects`` gives), none
    where too few can be compared; ``enough``: number of institutions with enough answers of a source, of the source
    that has most.
    """

    rows: pd.DataFrame
    enough: int

    @property
    def flagged(self) -> pd.DataFrame:
        """Rows of the institutions to look at, the least likely by chance first."""
        return self.rows[self.rows["flagged"].astype(bool)]

    @property
    def looked_at(self) -> int:
        """How many institutions were compared."""
        return int(self.rows["institution_id"].nunique())


def compare_institutions(setup: RoundSetup, store: Store) -> Comparison:
    """Every institution's answers beside those of all others of the round at equal score.

    Names are for those who run the survey: a flag is a question, no finding, and stands on no page.
    """
    params, found = setup.round.coaching, {}
    if params is None:
        return Comparison(pd.DataFrame(columns=["institution_id", "flagged"]), 0)
    there = [code for code in setup.institution_ids if store.has("responses", code)]
    enough = _with_enough_answers(store, there, params.min_answers)
    for source in setup.round.populations:
        if enough.get(source, 0) >= params.min_institutions:
            answers = _answers_of_all(setup, store, there, source)
            found[source] = institution_signs(round_answers(answers, setup.instrument, source), params)
    rows = compared(found, params)
    return Comparison(_named(rows, there), max(enough.values(), default=0))


def compare_forms(setup: RoundSetup, store: Store) -> Comparison:
    """Every institution's answers by the two forms of the questionnaire that the draw gave: do they follow the place?

    Names are for those who run the survey, as in ``compare_institutions``.
    """
    forms, params, found = setup.round.forms, setup.round.coaching, {}
    if forms is None or params is None:
        return Comparison(pd.DataFrame(columns=["institution_id", "flagged"]), 0)
    there = [code for code in forms.institutions if store.has("responses", code)]
    there = [code for code in there if "form" in store.read("sample", code)]
    for source in forms.sources if there else ():
        answers = _answers_of_all(setup, store, there, source, ["form"])
        # Somebody without a form was invited otherwise than by the draw.
        answers = answers[answers["form"].notna()].reset_index(drop=True)
        is_reversed = (answers["form"] == "reversed").to_numpy()
        of_round = round_answers(answers, setup.instrument, source)
        found[source] = form_signs(of_round, is_reversed, params.min_answers, setup.round.level)
    rows = form_effects(found, params.false_discovery)
    return Comparison(_named(rows, there), len(there))


def _named(rows: pd.DataFrame, institutions: list[str]) -> pd.DataFrame:
    """The rows with the codes of the institutions in the place of their numbers."""
    names = pd.Series(institutions, dtype=str).reindex(rows["institution"]).to_numpy()
    return rows.drop(columns="institution").assign(institution_id=names)


def _with_enough_answers(store: Store, institutions: list[str], least: int) -> dict[Source, int]:
    """Per source, how many institutions have enough complete answers."""
    counts: dict[Source, int] = {}
    for code in institutions:
        answers = store.read("responses", code, ["source", "completed_at"]).dropna(subset=["completed_at"])
        for source, n in answers["source"].value_counts().items():
            counts[str(source)] = counts.get(str(source), 0) + (int(n) >= least)
    return counts


def _answers_of_all(
    setup: RoundSetup, store: Store, institutions: list[str], source: Source, more: Sequence[str] = ()
) -> pd.DataFrame:
    """Complete answers of a source in all institutions, with the number of each."""
    items = [item.code for item in setup.instrument.items(source)]
    parts = []
    for number, code in enumerate(institutions):
        answers = store.read("responses", code, ["source", "started_at", "completed_at", *more, *items])
        complete = (answers["source"] == source) & answers["completed_at"].notna()
        parts.append(answers.loc[complete, ["started_at", *more, *items]].assign(institution=number))
    return pd.concat(parts, ignore_index=True)
