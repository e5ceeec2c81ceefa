"""Stage: from weights and answers to every estimate of an institution, already masked for disclosure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd

from spi_analysis.disclosure import ITEM_SHARES, hide_small, widened
from spi_analysis.errors import EstimationError
from spi_analysis.params import (
    InstitutionInputs,
    Instrument,
    RoundParams,
    Source,
)
from spi_analysis.scores import (
    RESPONDENTS,
    History,
    IndexEstimate,
    Release,
    chances,
    combine_index,
    composition,
    data_weights,
    dimension_shares,
    experience_answers,
    item_nonresponse,
    moderated_panels,
    prior_of,
    release_of,
    reliability,
    repeated_interval,
    score_estimates,
    scores_from_shares,
    with_agreement,
)
from spi_analysis.stages.change import (
    PublishedFigure,
    ScoredRound,
    change_against_published,
    change_against_round,
    earlier_figure,
    earlier_round,
    history_of,
    last_results,
    score_changes,
)
from spi_analysis.stages.respondents import (
    FIGURES,
    GROUPS,
    Design,
    drawn_of_list,
    item_weights,
    nominator_rows,
    panel_rows,
    people_cells,
    respondents_design,
    scored_column,
    smaller_sides,
    source_rows,
)
from spi_analysis.stages.unit_scores import model_rows
from spi_analysis.stages.weight import odds_model, require_weights_fit, told_levels
from spi_analysis.survey.estimation import Estimate, t_interval
from spi_analysis.tables import (
    ESTIMATE_KEYS,
    RoundData,
    Store,
    checked,
    eligible_list,
    mask,
    require_answers_fit,
    with_kinds,
)

# Stage: how reliable the dimensions are, and what other weights of the dimensions would make of the source scores.

METHODS = ("pca", "efa")
# A panel has no units or classes.
NO_CELLS = pd.DataFrame(columns=["unit", "position_class", "weight", "answered", "silent"])


def reliability_table(
    designs: Mapping[Source, Design], instrument: Instrument, level: float, min_cell: int, shown: pd.DataFrame
) -> pd.DataFrame:
    """Alpha and omega of every dimension that is shown and has enough people who answered all of its items.

    Returns
    -------
    DataFrame: source, dimension, and the columns of ``scores.reliability``, with level and status.
    """
    visible = set(zip(*(_visible(shown, "dimension_score")[c] for c in ("source", "part")), strict=True))
    rows = [
        {
            "source": source,
            "dimension": dimension.code,
            **reliability(design, [scored_column(item.code) for item in dimension.items], level),
        }
        for source, design in designs.items()
        for dimension in instrument.sources[source].dimensions
        if (source, dimension.code) in visible
    ]
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    few = table["n"] < min_cell
    figures = [column for column in table.columns if column not in ("source", "dimension", "items")]
    table.loc[few, figures] = float("nan")
    return table.assign(level=level, status=few.map({True: "suppressed", False: "shown"}))


def weights_table(
    designs: Mapping[Source, Design], instrument: Instrument, level: float, min_cell: int, shown: pd.DataFrame
) -> pd.DataFrame:
    """Weights of the dimensions as declared and as their correlations would have them, with the source score of each.

    Returns
    -------
    DataFrame, one row per source, method (declared, pca, efa) and dimension: source, method, dimension, weight,
    estimate (source score with these weights), se, ci_low, ci_high, df_design, n, level. A source that is not shown,
    or of which a dimension is not, is left out: its scores would follow from each other.
    """
    hidden = shown[(shown["measure"] == "dimension_score") & (shown["status"] != "shown")]
    sources = set(_visible(shown, "source_score")["source"]) - set(hidden["source"])
    tables = [
        _reliability_of_source(source, design, instrument, level)
        for source, design in designs.items()
        if source in sources and len(instrument.sources[source].dimensions) > 1 and len(design.data) >= min_cell
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _visible(shown: pd.DataFrame, measure: str) -> pd.DataFrame:
    return shown[(shown["measure"] == measure) & (shown["status"] == "shown")]


def _reliability_of_source(source: Source, design: Design, instrument: Instrument, level: float) -> pd.DataFrame:
    items = item_weights(instrument, source)
    dimensions = items.drop(columns="score")
    people = design.data[items.index].astype(float) @ dimensions
    found = {"declared": dimension_shares(items)}
    for method in METHODS:
        try:
            found[method] = data_weights(people, design.weights, method)
        except EstimationError:
            # Too few dimensions or people for this method: the others stand without it.
            continue
    scores = scores_from_shares(design, dimensions, pd.DataFrame(found), level).table.set_index("variable")
    facts = scores.loc[list(found), ["estimate", "se", "ci_low", "ci_high", "df_design", "n"]]
    weights = pd.DataFrame(found).rename_axis("dimension").reset_index()
    rows = weights.melt("dimension", var_name="method", value_name="weight").assign(source=source)
    return rows.assign(level=level).join(facts, on="method")


@dataclass(frozen=True)
class Scored:
    """Estimates of one institution (table ``estimates``, masked), and of the sources that are shown: item nonresponse,
    reliability of the dimensions, and other weights of the dimensions. ``designs``: of the sources that have answers.

    The last two are worked out when they are first asked for: a page for analysts shows them, nothing else needs them.
    """

    estimates: pd.DataFrame
    item_nonresponse: pd.DataFrame
    designs: Mapping[Source, Design]
    round_: RoundParams
    instrument: Instrument

    @cached_property
    def reliability(self) -> pd.DataFrame:
        """As ``reliability_table``."""
        return reliability_table(*self._about)

    @cached_property
    def dimension_weights(self) -> pd.DataFrame:
        """As ``weights_table``."""
        return weights_table(*self._about)

    @property
    def _about(self) -> tuple[Mapping[Source, Design], Instrument, float, int, pd.DataFrame]:
        least = self.round_.disclosure.min_cell
        return self.designs, self.instrument, self.round_.level, least, self.estimates


def score_institution(
    frame: pd.DataFrame,
    responses: pd.DataFrame,
    weights: pd.DataFrame,
    replicates: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
    inputs: InstitutionInputs,
    previous: PublishedFigure | None,
    earlier: ScoredRound | None = None,
    targets: Mapping[str, float] = MappingProxyType({}),
    history: History | None = None,
    last: pd.DataFrame | None = None,
) -> Scored:
    """Every estimate that the report shows, each with interval, n and status.

    Parameters
    ----------
    previous : PublishedFigure or None   the published index of the year before
    earlier : ScoredRound or None        the round of that year with its answers: the change is then estimated from both
    targets : mapping   code (national, local; national_2 where a source contradicts) -> index to be reached this year
    history : History or None   the published years that chances count with; None: every index is as likely beforehand
    last : DataFrame or None   dimensions and questions of the round before as shown (``last_results``)

    Raises
    ------
    InputError   the answers do not fit the instrument: it changed after they came in.
    """
    require_answers_fit(responses, instrument)
    designs = {
        source: respondents_design(source, frame, responses, weights, replicates, round_, instrument)
        for source in round_.sources
    }
    known = {source: design for source, design in designs.items() if design is not None}
    now = ScoredRound(round_, instrument, inputs, frame, known)
    cells = {source: people_cells(frame, weights, source) for source in round_.probability_sources}
    parts = [_rows_of_source(source, now, cells) for source in known]
    nonrespondents = [_groups_without_answers(part, frame, source) for source, part in zip(known, parts, strict=True)]
    tables = [*parts, *nonrespondents, _index_rows(parts, now, previous, earlier, targets, history)]
    estimates = pd.concat([t for t in tables if not t.empty], ignore_index=True)
    estimates = _completed(estimates, inputs.institution_id, round_.level)
    shown = _shown(estimates, cells, now)
    if _release(estimates, known, now).is_withheld:
        shown = mask(shown, pd.Series(True, index=shown.index), "withheld")
    modelled = model_rows(shown, known, frame, weights, round_, instrument)
    changes = pd.DataFrame() if last is None else score_changes(shown, last, round_.level)
    if not changes.empty:
        completed = _completed(changes, inputs.institution_id, round_.level).drop(columns="fewest")
        modelled = pd.concat([modelled, completed])
    shown = pd.concat([shown, modelled], ignore_index=True)
    gaps = pd.concat([_gaps(source, known.get(source), responses, instrument) for source in round_.sources])
    visible = shown.loc[(shown["measure"] == "source_score") & (shown["status"] == "shown"), "source"]
    gaps = gaps[gaps["source"].isin(visible)].reset_index(drop=True)
    return Scored(checked("estimates", shown, sources=round_.sources), gaps, known, round_, instrument)


def _rows_of_source(source: Source, now: ScoredRound, cells: Mapping[Source, pd.DataFrame]) -> pd.DataFrame:
    """Estimates of a source, with what disclosure control needs to know of them (column ``fewest``)."""
    design, round_ = now.designs[source], now.round_
    rows = source_rows(source, design, now.instrument, round_.level)
    fewest = smaller_sides(rows, design, cells.get(source, NO_CELLS), now.instrument, source)
    if source in round_.nominated:
        # Of a panel only the answers to single items: it has no units, and who did not answer is published nowhere.
        fewest = fewest.where(rows["measure"].isin(ITEM_SHARES))
        about = round_.disclosure, round_.level
        rows = panel_rows(rows.assign(fewest=fewest), *about, drawn_of_list(design))
        between = nominator_rows(design, item_weights(now.instrument, source), *about)
        return pd.concat([rows, between.assign(source=source)]) if len(between) else rows
    return rows.assign(fewest=fewest)


def _shown(estimates: pd.DataFrame, cells: Mapping[Source, pd.DataFrame], now: ScoredRound) -> pd.DataFrame:
    """The estimates without what would expose people, or would let it be worked out too closely."""
    limits, panels = now.round_.disclosure, list(now.round_.nominated)
    shown = hide_small(estimates, limits, panels).drop(columns="fewest")
    about = {s: cells.get(s, NO_CELLS) for s in now.designs}, dimension_weights(now.instrument), limits
    wide = widened(shown, *about)
    return mask(wide, _items_of_hidden(wide, now.instrument))


def _items_of_hidden(estimates: pd.DataFrame, instrument: Instrument) -> pd.Series:
    """Answers to the items of a hidden dimension: their shares bound its score, of a yes-or-no scale to the point."""
    rows = estimates[(estimates["measure"] == "dimension_score") & (estimates["status"] != "shown")]
    hidden = set(zip(rows["source"], rows["part"], strict=True))
    items = {
        (source, item.code)
        for source, part in instrument.sources.items()
        for dimension in part.dimensions
        if (source, dimension.code) in hidden
        for item in dimension.items
    }
    keys = zip(estimates["source"], estimates["part"], strict=True)
    return estimates["measure"].isin(ITEM_SHARES) & pd.Series([key in items for key in keys], estimates.index)


def dimension_weights(instrument: Instrument) -> dict[Source, dict[str, float]]:
    """Weight of every dimension in the score of its source."""
    return {source: dimension_shares(item_weights(instrument, source)).to_dict() for source in instrument.sources}


def _groups_without_answers(scored: pd.DataFrame, frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Units and classes of the list in which nobody answered: hidden with the others of few answers.

    Leaving them out would reveal them: a unit that is neither shown nor among the hidden ones has no answers.
    """
    listed = eligible_list(frame, source)
    rows = [
        {"measure": f"{kind}_score", "source": source, "domain": str(group), "n": 0.0}
        for kind, column in GROUPS.items()
        if (there := scored[scored["measure"] == f"{kind}_score"]).size
        for group in sorted(set(listed[column].dropna()) - set(there["domain"]))
    ]
    return pd.DataFrame(rows)


def _release(estimates: pd.DataFrame, designs: Mapping[Source, Design], now: ScoredRound) -> Release:
    """Released or not, from the decision on the institution or from its figures."""
    answers = sum(len(designs[source]) for source in now.round_.populations if source in designs)
    return release_of(now.inputs, answers, _half_width(estimates, now), now.round_.release)


def _half_width(estimates: pd.DataFrame, now: ScoredRound) -> float | None:
    """Half of the index's interval with the panels' own errors: what is shown of these is wider for another reason."""
    if estimates.loc[estimates["measure"] == "index", "estimate"].isna().all():
        return None
    scores = estimates[estimates["measure"] == "source_score"].set_index("source")[FIGURES]
    for panel in now.round_.nominated:
        own = score_estimates(now.designs[panel], item_weights(now.instrument, panel), now.round_.level).table
        scores.loc[panel, "se"] = own["se"].iloc[-1]
    low, high = _combined(scores.loc[list(now.round_.index.source_weights)], now).interval(now.round_.level, True)
    return None if np.isnan(high - low) else float(high - low) / 2


def score_round(data: RoundData) -> Scored:
    """Every estimate of a loaded institution.

    Raises
    ------
    InputError   the answers do not fit the instrument, or the weights are older than the answers and events.
    """
    require_answers_fit(data.responses, data.instrument, data.where("responses"))
    require_weights_fit(data)
    institution_id = data.institution.institution_id
    return score_institution(
        data.frame,
        data.responses,
        data.weights,
        data.replicates,
        data.round,
        data.setup.instrument,
        data.setup.inputs[institution_id],
        earlier_figure(data),
        earlier_round(data),
        data.targets,
        history_of(data.published, data.setup, institution_id),
        last_results(data),
    )


@dataclass(frozen=True)
class ExperienceModel:
    """Who had an experience: log odds ratios by what the list tells, and the ``levels`` (m, ...) in the model."""

    item: str
    model: Estimate
    levels: pd.DataFrame


def experience_models(
    scored: Scored, instrument: Instrument, round_: RoundParams
) -> dict[Source, ExperienceModel | None]:
    """For every source that is drawn at random the most frequent of its shown experiences, by a logistic regression.

    The model takes the columns of the list that the weighting looks at; levels in which few said yes, or few did not,
    are merged. None where nothing could be told then.
    """
    return {source: _experience_model(source, scored, instrument, round_) for source in round_.populations}


def _experience_model(
    source: Source, scored: Scored, instrument: Instrument, round_: RoundParams
) -> ExperienceModel | None:
    rates = _visible(scored.estimates, "experience_rate")
    rates = rates[(rates["source"] == source) & (rates["denominator"] == RESPONDENTS)]
    weighting = round_.sources[source].weighting
    if rates.empty or weighting is None:
        return None
    design, item = scored.designs[source], str(rates.loc[rates["estimate"].astype(float).idxmax(), "part"])
    yes = experience_answers(design.data, instrument, source)[f"{item}|{RESPONDENTS}"]
    known = yes.notna()
    levels = told_levels(design.data[known], yes[known] == 1, weighting.columns, round_.disclosure.min_cell)
    if levels.empty:
        return None
    return ExperienceModel(item, odds_model(design.subset(known), yes[known], levels, round_.level), levels)


# How the experts' score may be read: as on the report, and beside it.
READINGS = ("drawn", "panel", "kinds")


def expert_readings(scored: Scored, round_: RoundParams, agree: float | None) -> pd.DataFrame:
    """The score of nominated people as drawn from their list, as a panel, and as a panel whose kinds agree.

    As a panel they stand for all who could have been asked, each by himself; where experts of one kind agree, with the
    correlation ``agree`` (None: not assumed), they say less. All errors are made from the rounded one that is shown.

    Returns
    -------
    DataFrame: source, reading (of READINGS), estimate, se, ci_low, ci_high, df_design, n; of shown scores.
    """
    scores = _visible(scored.estimates, "source_score").set_index("source")
    nominated = [source for source in round_.nominated if source in scores.index]
    rows = [row for source in nominated for row in _readings(source, scores.loc[source], scored, round_, agree)]
    return pd.DataFrame(rows, columns=["source", "reading", "estimate", "se", "ci_low", "ci_high", "df_design", "n"])


def _readings(
    source: Source, score: pd.Series, scored: Scored, round_: RoundParams, agree: float | None
) -> Iterator[tuple[object, ...]]:
    se, df, design = float(score["se"]), float(score["df_design"]), scored.designs[source]
    errors = {} if source in round_.panels else {"drawn": (se, df)}
    left = drawn_of_list(design).of_list
    if left > 0:
        errors["panel"] = (se / left**0.5, df)
        kinds = design.data["expert_group"]
        if agree is not None and kinds.notna().all() and kinds.nunique() > 1:
            found = with_agreement(errors["panel"][0], kinds.to_numpy(), agree)
            errors["kinds"] = (found.se, min(found.df, df))
    for reading, (error, degrees) in errors.items():
        figures = (np.array([one]) for one in (float(score["estimate"]), error, degrees))
        low, high = t_interval(*figures, round_.level)
        yield source, reading, score["estimate"], error, max(low[0], 0.0), min(high[0], 100.0), degrees, score["n"]


def save_estimates(store: Store, institution_id: str, scored: Scored) -> None:
    """Write the table ``estimates``."""
    store.write("estimates", institution_id, scored.estimates)


def _index_rows(
    parts: list[pd.DataFrame],
    now: ScoredRound,
    previous: PublishedFigure | None,
    earlier: ScoredRound | None,
    targets: Mapping[str, float],
    history: History | None,
) -> pd.DataFrame:
    round_, inputs = now.round_, now.inputs
    scores = pd.concat(parts) if parts else pd.DataFrame(columns=["measure", "source"])
    scores = scores[scores["measure"] == "source_score"].set_index("source")
    if set(scores.index) != set(round_.sources) or scores["estimate"].isna().any():
        return pd.DataFrame([{"measure": "index"}])
    scores = scores.loc[list(round_.index.source_weights), FIGURES].astype(float)
    index = _combined(scores, now)
    moderated = scores if history is None else moderated_panels(scores, round_.nominated, history.params, _drawn(now))
    n = {"n": float(scores["n"].sum()), "effective_n": float(scores["effective_n"].sum())}
    rows = [
        {"measure": "index", **_figures(index, round_.level, True), **n},
        {"measure": "index_without_panel_variance", **_figures(index, round_.level, False), **n},
    ]
    if drawn := [source for source in round_.nominated if source not in round_.panels]:
        reading = combine_index(
            _with_components(_read_as_panels(scores, drawn, now), inputs),
            round_.index.weights, inputs.corrections, drawn, inputs.correction_se,
        )  # fmt: skip
        rows.append({"measure": "index_panel_reading", **_figures(reading, round_.level, True), **n})
    rows += [
        {"measure": "index_variance_share", "part": part, "part_kind": _kind(part, round_), "estimate": share}
        for part, share in index.variance_shares.items()
    ]
    made = pd.DataFrame(rows)
    change = pd.DataFrame()
    if earlier is not None:
        change = change_against_round(earlier, now, round_.level)
    elif previous is not None:
        # The panel of the published year was another one: of how much its members differed, all panels tell more.
        change = change_against_published(previous, moderated, now.rule, round_.level)
    likely = _chance_rows(index, moderated, now, targets, _with_earlier(history, earlier), not change.empty)
    made_of = _with_components(scores, inputs)
    return pd.concat([made, likely, _part_rows(made_of, round_, inputs), change], ignore_index=True)


def _drawn(now: ScoredRound) -> dict[Source, float]:
    """Of sources with nominated people: what the design alone makes of a variance (``Drawn``)."""
    drawn = {source: drawn_of_list(now.designs[source]) for source in now.round_.nominated}
    return {source: one.of_weights * one.of_list for source, one in drawn.items()}


def _read_as_panels(scores: pd.DataFrame, drawn: list[Source], now: ScoredRound) -> pd.DataFrame:
    """Scores with the errors of drawn experts as if their list were a sample of ever so many who could have been asked.

    Without the finite population correction, which is known: no more is told of the answers.
    """
    left = pd.Series({source: drawn_of_list(now.designs[source]).of_list for source in drawn}).reindex(scores.index)
    errors = scores["se"] / np.sqrt(left.fillna(1.0).clip(lower=0))
    return scores.assign(se=errors.where(np.isfinite(errors), scores["se"]))


def _with_components(scores: pd.DataFrame, inputs: InstitutionInputs) -> pd.DataFrame:
    """Scores of the sources, and below them those that no answers make: known, unless a standard error is given."""
    if not inputs.components:
        return scores
    facts = {one.component: {"estimate": one.score, "se": one.se or 0.0} for one in inputs.components}
    return pd.concat([scores, pd.DataFrame.from_dict(facts, orient="index").assign(df_design=np.inf)])


def _kind(part: str, round_: RoundParams) -> str:
    """What a part of the index is."""
    return "source" if part in round_.sources else "component" if part in round_.index.components else "correction"


def _part_rows(scores: pd.DataFrame, round_: RoundParams, inputs: InstitutionInputs) -> pd.DataFrame:
    """Points of every part of the index, each with the error of its score or correction."""
    parts = composition(scores["estimate"].to_dict(), round_.index.weights, inputs.corrections)
    parts = parts.rename(columns={"points": "estimate"}).set_index("part")
    weights = pd.Series(round_.index.weights)
    parts["se"] = (scores["se"] * weights).combine_first(pd.Series(inputs.correction_se))
    parts = parts.join(scores[["df_design", "n", "effective_n"]])
    parts["df_design"] = parts["df_design"].fillna(np.inf)
    low, high = t_interval(*(parts[c].to_numpy(dtype=float) for c in ("estimate", "se", "df_design")), round_.level)
    kinds = [_kind(part, round_) for part in parts.index]
    return parts.assign(ci_low=low, ci_high=high, measure="index_part", part_kind=kinds).reset_index()


def _figures(index: IndexEstimate, level: float, with_panel: bool) -> dict[str, float]:
    low, high = index.interval(level, with_panel)
    se, df = (index.se, index.df) if with_panel else (index.se_without_panel, index.df_without_panel)
    return {"estimate": index.estimate, "se": se, "ci_low": low, "ci_high": high, "df_design": df}


def _with_earlier(history: History | None, earlier: ScoredRound | None) -> History | None:
    """The published years, with the index of the round before where its answers are here."""
    if history is None or earlier is None or earlier.estimates is None:
        return history
    index = earlier.estimates.loc[earlier.estimates["measure"] == "index", "estimate"].iloc[0]
    return replace(history, own={**history.own, earlier.round_.year: float(index)})


def _chance_rows(
    index: IndexEstimate,
    moderated: pd.DataFrame,
    now: ScoredRound,
    targets: Mapping[str, float],
    history: History | None,
    compared: bool,
) -> pd.DataFrame:
    """Chances of categories and targets, and with a prior of a rise; the interval if the survey were done again."""
    round_, decimals = now.round_, now.round_.index.decimals
    years = (round_.year, round_.previous_year)
    known = _combined(moderated, now)
    prior = None if history is None else prior_of(history, years, known.se)
    found = chances(known, prior, round_.categories.levels, targets, decimals)
    rows = [{"measure": "category_probability", "part": code, "estimate": p} for code, p in found.categories.items()]
    rows += [{"measure": "target_probability", "part": name, "estimate": p} for name, p in found.targets.items()]
    if prior is not None and np.isfinite(index.se):
        low, high = repeated_interval(index, prior, round_.level)
        error = {"se": max(prior.passing, index.se), "df_design": float("inf")}
        counts = moderated[["n", "effective_n"]].sum().to_dict()
        limits = {"estimate": index.estimate, "ci_low": low, "ci_high": high}
        rows.append({"measure": "index_repeated", **limits, **error, **counts})
    if found.rise is not None and compared:
        rows.append({"measure": "change_probability", "estimate": found.rise, "reference_year": years[1]})
    return pd.DataFrame(rows)


def _combined(scores: pd.DataFrame, now: ScoredRound) -> IndexEstimate:
    weights, inputs = now.round_.index.weights, now.inputs
    made_of = _with_components(scores, inputs)
    return combine_index(made_of, weights, inputs.corrections, list(now.round_.panels), inputs.correction_se)


def _completed(estimates: pd.DataFrame, institution_id: str, level: float) -> pd.DataFrame:
    """All columns of the contract; a figure that could not be computed says so."""
    table = with_kinds(estimates).reindex(columns=[*ESTIMATE_KEYS, *FIGURES, "fewest"])
    table = table.assign(institution_id=institution_id, level=level)
    table[FIGURES] = table[FIGURES].astype(float)
    table["status"] = np.where(table["estimate"].isna(), "no_answers", "shown")
    return table


def _gaps(source: Source, design: Design | None, responses: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Item nonresponse of those who count as respondents of a source."""
    answers = responses.iloc[:0] if design is None else design.data
    return item_nonresponse(answers, instrument, source).assign(source=source)


def sources_without_score(estimates: pd.DataFrame, round_: RoundParams) -> list[Source]:
    """Sources of the round that have no shown score in the table ``estimates``, in the order of the round."""
    shown = estimates[(estimates["measure"] == "source_score") & (estimates["status"] == "shown")]
    return [source for source in round_.sources if source not in set(shown["source"])]
