"""Stage: the change of an index and its contributions, against the round or the published year before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from spi_analysis.columns import PUBLISHED_SOURCES
from spi_analysis.params import (
    CORRECTIONS,
    InstitutionInputs,
    Instrument,
    RoundParams,
    RoundSetup,
    Source,
)
from spi_analysis.scores import (
    History,
    IndexRule,
    SourcePair,
    SourceRound,
    change_between,
    dimension_shares,
    index_from_scores,
    published_parts,
    satterthwaite,
    score_estimates,
    score_influence,
)
from spi_analysis.scores.years import Noise, published_noise
from spi_analysis.stages.respondents import (
    FIGURES,
    Design,
    coarse_error,
    drawn_of_list,
    item_weights,
    respondents_design,
)
from spi_analysis.survey import with_unknown_level
from spi_analysis.survey.estimation import Calibration, Linearised, capped_se, overlap_covariance, t_interval
from spi_analysis.survey.weighting import auxiliary_of
from spi_analysis.tables import (
    LAST_COLUMNS,
    PUBLISHED_PARTS,
    RoundData,
    eligible_list,
    load_round,
    require_answers_fit,
)

MEASURES = {
    "index": "index_change",
    "source": "change_source",
    "dimension": "change_dimension",
    "weights": "change_weights",
    "correction": "change_correction",
    "component": "change_component",
    "unexplained": "change_unexplained",
}
# Differences below this, in points, are rounding errors.
ROUNDING = 1e-9
NEEDED = ("frame", "responses", "weights", "replicates", "estimates")


@dataclass(frozen=True)
class PublishedFigure:
    """A published index of an earlier year; ``parts`` (scores, corrections) and ``weights`` where they are known.

    ``noise``: of the sources' scores by their own errors, where these are known; of the index and of the sources by the
    model of the published years, where the year's survey had another design than the institution's has now; what has
    none counts as uncertain as this round's own figure.
    """

    year: int
    index: float
    parts: Mapping[str, float] | None = None
    weights: Mapping[str, float] | None = None
    noise: Mapping[str, Noise] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredRound:
    """What a comparison needs of a round: rules, lists, designs; ``estimates`` as shown (of the earlier round only)."""

    round_: RoundParams
    instrument: Instrument
    inputs: InstitutionInputs
    frame: pd.DataFrame
    designs: Mapping[Source, Design]
    estimates: pd.DataFrame | None = None

    @property
    def rule(self) -> IndexRule:
        index = self.round_.index
        points = {one.component: index.weights[one.component] * one.score for one in self.inputs.components}
        return IndexRule(index.source_weights, self.inputs.corrections, self.inputs.correction_se, components=points)


def earlier_figure(data: RoundData) -> PublishedFigure | None:
    """The published index of the year before, if there is one; its parts where they are those of this round's index."""
    published, setup, institution_id = data.published, data.setup, data.institution_id
    year = setup.round.previous_year
    rows = published[(published["institution_id"] == institution_id) & (published["year"] == year)]
    if rows.empty:
        return None
    alike = set(setup.round.index.weights) == set(PUBLISHED_SOURCES)
    # Experts drawn of a list, by an institution's own parameters, are no panel as those of the year before.
    same = setup.years.same_design(year) and data.round.panels == setup.round.panels
    row, noise = rows.iloc[0], {} if same else _noise(published, setup, institution_id, year)
    unknown = row[PUBLISHED_PARTS].isna().any()
    if unknown:
        last = data.generated_last_results
        known, noise = _generated_parts(last), _errors_of_sources(last) or noise
    else:
        known = published_parts(row, year, setup.years)
    weights = setup.years.weights(year) if alike else None
    return PublishedFigure(year, float(row["index"]), known if alike else None, weights, noise)


def _noise(published: pd.DataFrame, setup: RoundSetup, institution_id: str, year: int) -> dict[str, Noise]:
    return published_noise(published, setup.years, setup.roster[institution_id].type, year)


def history_of(published: pd.DataFrame, setup: RoundSetup, institution_id: str) -> History | None:
    """An institution's published indices, and how its type lies and moves; None where no parameters of chances are."""
    params = setup.years.chances
    if params is None:
        return None
    own = published[published["institution_id"] == institution_id].set_index("year")["index"].dropna()
    spread = params.types.get(setup.roster[institution_id].type)
    return History(own.to_dict(), spread, params, setup.years.model.persistence)


def earlier_round(data: RoundData) -> ScoredRound | None:
    """The round before, where its answers are here and its index was shown."""
    name = data.setup.round.previous_round
    if name is None:
        return None
    past = load_round(name, data.institution_id, data.setup.workspace)
    if not all(past.has(table) for table in NEEDED) or not _is_shown(past.estimates, "index"):
        return None
    return scored_round(past)


def scored_round(data: RoundData) -> ScoredRound:
    """A round as its tables are stored."""
    require_answers_fit(data.responses, data.instrument, data.where("responses"))
    tables = (data.frame, data.responses, data.weights, data.replicates)
    designs = {s: respondents_design(s, *tables, data.round, data.instrument) for s in data.round.sources}
    known = {source: design for source, design in designs.items() if design is not None}
    inputs = data.setup.inputs[data.institution_id]
    return ScoredRound(data.round, data.instrument, inputs, data.frame, known, data.estimates)


def change_against_round(before: ScoredRound, after: ScoredRound, level: float) -> pd.DataFrame:
    """Rows of the table ``estimates``: the change and its contributions, from the answers of both rounds.

    A source of which a dimension was hidden in the round before has no contributions of dimensions.
    """
    pairs = {source: _pair(source, before, after, level) for source in after.designs}
    rows = change_between(pairs, before.rule, after.rule, level)
    hidden = _sources_with_hidden_dimensions(before)
    rows = rows[~((rows["kind"] == "dimension") & rows["source"].isin(hidden))]
    assert before.estimates is not None
    index = before.estimates[before.estimates["measure"] == "index"]
    previous = index[FIGURES].assign(measure="index_previous", reference_year=before.round_.year)
    return pd.concat([previous, _as_estimates(rows, before.round_.year)], ignore_index=True)


def change_against_published(
    before: PublishedFigure, scores: pd.DataFrame, after: IndexRule, level: float
) -> pd.DataFrame:
    """The same against a published index, which has no standard error but is no more certain than this round's.

    Its scores count with the errors of this round's own (the survey of a year of the same design: of a difference the
    SE is root 2 times that of a score), or with the noise of the model of the published years, or with their own
    (``before.noise``, of the index or of sources only). Row ``index_previous_noise``: the standard error that the
    published index has by this, and by which of the three (``part``: same_design, model, own).

    Parameters
    ----------
    scores : DataFrame, index source; estimate, se, df_design, n, effective_n of this round
    """
    parts = before.parts
    earlier = scores["estimate"].to_dict() if parts is None else {s: parts[s] for s in scores.index}
    pairs = {s: _published_pair(earlier[s], row, before.noise.get(str(s))) for s, row in scores.iterrows()}
    weights = before.weights or after.weights
    corrections = after.corrections if parts is None else {name: parts[name] for name in CORRECTIONS if name in parts}
    beside = sum(after.components.values())
    made = index_from_scores({str(s): earlier[s] for s in weights}, weights, corrections.values()) + beside
    rule = IndexRule(
        weights, corrections, {}, before.index - made, before.noise.get("index"), components=after.components
    )
    rows = change_between(pairs, rule, after, level)
    # Published are whole sources, so there are no contributions of dimensions; without published parts there are none
    # at all.
    kept = rows["kind"] == "index" if parts is None else rows["kind"] != "dimension"
    assumed = _noise_row(rule, pairs, before)
    return pd.concat([assumed, _as_estimates(rows[kept], before.year)], ignore_index=True)


def _noise_row(rule: IndexRule, pairs: Mapping[str, SourcePair], before: PublishedFigure) -> pd.DataFrame:
    """The standard error that a published index counts with, in points, and where it comes from."""
    of_parts = sum(rule.weights[s] ** 2 * float(pair.before.covariance[0, 0]) for s, pair in pairs.items())
    kind = "model" if rule.noise is not None else "own" if before.noise else "same_design"
    error = float((of_parts if rule.noise is None else rule.noise[0]) ** 0.5)
    row = {"measure": "index_previous_noise", "part": kind, "reference_year": before.year, "estimate": error}
    return pd.DataFrame([row])


def _published_pair(before: float, after: pd.Series, noise: Noise | None) -> SourcePair:
    """A source whose earlier score was published: it has the noise of a model, or the error of this round's score."""
    own = [float(after[name]) for name in ("df_design", "n", "effective_n")]
    variance, df = (float(after["se"]) ** 2, own[0]) if noise is None else noise
    shares, sizes = pd.Series([1.0], ["score"]), (np.inf, np.inf)
    first = SourceRound(pd.Series([before], ["score"]), np.array([[variance]]), shares, df, *sizes)
    second = SourceRound(pd.Series([after["estimate"]], ["score"]), np.array([[after["se"] ** 2]]), shares, *own)
    return SourcePair(first, second, np.zeros((1, 1)), same_error=noise is None)


def _pair(source: Source, before: ScoredRound, after: ScoredRound, level: float) -> SourcePair:
    (first, first_linear), (second, second_linear) = (_linearised(source, side, level) for side in (before, after))
    cells = _cells(source, before, after)
    between = overlap_covariance(first_linear, second_linear, cells)
    if source in after.round_.nominated:
        # The errors that their scores are shown with: they tell of no expert's answer.
        factors = [_coarsening(one, side, source) for one, side in ((first, before), (second, after))]
        first, second = (_with_errors(one, factor) for one, factor in zip((first, second), factors, strict=True))
        between = between * np.outer(*factors)
    return SourcePair(first, second, between)


def _coarsening(panel: SourceRound, side: ScoredRound, source: Source) -> np.ndarray:
    """By how much the error of every dimension grows; 0 where the answers did not differ at all."""
    errors = np.sqrt(np.diag(panel.covariance))
    about = side.round_.disclosure, drawn_of_list(side.designs[source])
    coarse = [coarse_error(error, panel.n, *about) for error in errors]
    return np.divide(coarse, errors, out=np.zeros(len(errors)), where=errors > 0)


def _with_errors(panel: SourceRound, factors: np.ndarray) -> SourceRound:
    return replace(panel, covariance=panel.covariance * np.outer(factors, factors))


def _linearised(source: Source, side: ScoredRound, level: float) -> tuple[SourceRound, Linearised]:
    """Dimension scores of a source in a round, and the same as sums over its respondents."""
    design, weights = side.designs[source], item_weights(side.instrument, source)
    result = score_estimates(design, weights, level)
    dimensions, whole = result.table.iloc[:-1], result.table.iloc[-1]
    scores = dimensions.set_index("variable")["estimate"]
    n = float(whole["n"])
    effective = n * float(design.weights.sum() ** 2 / (design.weights**2).sum()) / len(design.data)
    made = SourceRound(
        scores, result.covariance[:-1, :-1], dimension_shares(weights), float(whole["df_design"]), n, effective
    )
    weighted = score_influence(design, weights)[:, :-1] * design.weights[:, None]
    params = side.round_.sources[source].weighting
    margins = [] if params is None else params.margins
    return made, Linearised(pd.Index(design.data["person_id"]), _residuals(weighted, design, margins))


def _residuals(weighted: np.ndarray, design: Design, margins: list[str]) -> np.ndarray:
    """What raking to known margins leaves of the influence values."""
    if not margins:
        return weighted
    levels = pd.DataFrame({column: with_unknown_level(design.data[column]) for column in margins})
    counts = {column: levels[column].value_counts().to_dict() for column in margins}
    auxiliary, _ = auxiliary_of(levels, counts)
    return Calibration(auxiliary, design.weights, design.weights).residuals(weighted)


def _cells(source: Source, before: ScoredRound, after: ScoredRound) -> pd.Series | None:
    """The people on both lists, with the group inside which this round's weights were made; None for a panel."""
    params = after.round_.sources[source].weighting
    if params is None or not params.classes:
        return None
    now = eligible_list(after.frame, source).set_index("person_id")
    then = eligible_list(before.frame, source)["person_id"]
    return with_unknown_level(now[params.classes[0]])[now.index.isin(then)]


def _sources_with_hidden_dimensions(before: ScoredRound) -> set[str]:
    assert before.estimates is not None
    rows = before.estimates[before.estimates["measure"] == "dimension_score"]
    return set(rows.loc[rows["status"] != "shown", "source"])


def _is_shown(estimates: pd.DataFrame, measure: str) -> bool:
    return bool((estimates.loc[estimates["measure"] == measure, "status"] == "shown").all())


def _as_estimates(rows: pd.DataFrame, year: int) -> pd.DataFrame:
    """Contributions in the columns of the table ``estimates``; one that is 0 without an error is left out."""
    kept = rows[(rows["kind"] == "index") | (rows["estimate"].abs() > ROUNDING) | (rows["se"] > 0)]
    return kept.drop(columns="kind").assign(measure=kept["kind"].map(MEASURES), reference_year=year)


# What rose, fell and stayed since the last round: dimensions and questions, one by one.

CHANGED = {"dimension_score": "dimension_change", "item_favourable": "item_change"}
LAST_KEYS = ["measure", "source", "part"]
LAST_FIGURES = ["estimate", "se", "df_design", "n"]
CORRECTION = "correction"


def _generated_parts(table: pd.DataFrame) -> dict[str, float] | None:
    """Source scores and corrections of the generated round before; None where there is none."""
    rows = table[table["measure"].isin(["source_score", CORRECTION])]
    return dict(zip(rows["part"].fillna(rows["source"]), rows["estimate"], strict=True)) or None


def _errors_of_sources(table: pd.DataFrame) -> dict[str, Noise]:
    """Variances and degrees of freedom of the source scores of the generated round before."""
    rows = table[table["measure"] == "source_score"]
    found = zip(rows["source"], rows["se"].astype(float), rows["df_design"].astype(float), strict=True)
    return {source: Noise(se**2, df) for source, se, df in found}


def last_results(data: RoundData) -> pd.DataFrame:
    """Dimensions and questions of the round before as they were shown (LAST_COLUMNS); no row where none are known."""
    name = data.setup.round.previous_round
    if name is None:
        return data.generated_last_results
    past = load_round(name, data.institution_id, data.setup.workspace)
    if not past.has("estimates"):
        return pd.DataFrame(columns=LAST_COLUMNS)
    shown = past.estimates[past.estimates["status"] == "shown"]
    return shown.assign(reference_year=past.round.year)[LAST_COLUMNS]


def score_changes(shown: pd.DataFrame, last: pd.DataFrame, level: float) -> pd.DataFrame:
    """Rows of the table ``estimates``: the change of every dimension and question that both rounds show.

    Of figures that are shown, so the change tells no more than they do. The two rounds count as independent: people who
    were asked in both, and answered alike, make the interval wider than it need be. Of a question one answer of each
    kind is added before its standard error is taken, which is at least that of n answers drawn one by one: a share of
    0 or 100 % is not certain.

    Parameters
    ----------
    shown : DataFrame   table ``estimates`` of this round
    last : DataFrame    LAST_COLUMNS
    level : float       of the intervals

    References
    ----------
    Agresti & Caffo (2000), The American Statistician 54; Satterthwaite (1946), Biometrics Bulletin 2.
    """
    now = shown[(shown["status"] == "shown") & shown["measure"].isin(CHANGED)]
    both = now[[*LAST_KEYS, *LAST_FIGURES]].merge(last, on=LAST_KEYS, suffixes=("", "_before"))
    if both.empty:
        return pd.DataFrame()
    errors = {"now": _error(both, ""), "before": _error(both, "_before")}
    variances = pd.DataFrame(errors) ** 2
    df = both[["df_design", "df_design_before"]].set_axis(["now", "before"], axis=1)
    pairs = zip(variances.to_dict("records"), df.to_dict("records"), strict=True)
    table = both[["source", "part"]].assign(
        measure=both["measure"].map(CHANGED),
        reference_year=both["reference_year"],
        estimate=both["estimate"] - both["estimate_before"],
        se=np.sqrt(variances.sum(axis=1)),
        df_design=[satterthwaite(*pair) for pair in pairs],
        n=both[["n", "n_before"]].min(axis=1),
    )
    low, high = t_interval(*(table[name].to_numpy(dtype=float) for name in ("estimate", "se", "df_design")), level)
    return table.assign(ci_low=low, ci_high=high)


def _error(both: pd.DataFrame, side: str) -> pd.Series:
    """Standard errors of one round: those of scores as they are, those of shares no smaller than n answers give."""
    share, se, n = (both[f"{name}{side}"].astype(float) for name in ("estimate", "se", "n"))
    counted = (share / 100 * n + 1) / (n + 2)
    of_shares = 100 * capped_se(counted.to_numpy(), se.to_numpy() / 100, n.to_numpy())
    return se.where(both["measure"] != "item_favourable", of_shares)
