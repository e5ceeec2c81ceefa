"""Stage: from weights and answers to every estimate of an institution, already masked for disclosure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.disclosure import hide_small, mask
from spi_analysis.errors import InputError
from spi_analysis.estimation import ReplicateDesign, SurveyDesign, satterthwaite_df
from spi_analysis.params import InstitutionInputs, Instrument, RoundParams, RoundSetup, Source
from spi_analysis.scores import (
    IndexEstimate,
    category_probabilities,
    change_from_published,
    combine_index,
    composition,
    domain_scores,
    experience_rates,
    history,
    item_nonresponse,
    item_scores,
    probability_at_least,
    score_estimates,
)
from spi_analysis.stages.published import published_results
from spi_analysis.stages.weigh import replicate_weights
from spi_analysis.tables.contracts import checked
from spi_analysis.tables.round_data import RoundData
from spi_analysis.tables.store import Store
from spi_analysis.weighting import effective_n

Design = SurveyDesign | ReplicateDesign
UNIT_COLUMNS = {"internal": "unit", "external": "unit"}
FIGURES = ["estimate", "se", "ci_low", "ci_high", "df_design", "n", "effective_n"]


@dataclass(frozen=True)
class PublishedFigure:
    """A published index of an earlier year."""

    year: int
    index: float


@dataclass(frozen=True)
class Scored:
    """Estimates of one institution (table ``estimates``, masked) and item nonresponse per source that is shown."""

    estimates: pd.DataFrame
    item_nonresponse: pd.DataFrame


def score_institution(
    frame: pd.DataFrame,
    responses: pd.DataFrame,
    weights: pd.DataFrame,
    replicates: pd.DataFrame,
    round_: RoundParams,
    instrument: Instrument,
    inputs: InstitutionInputs,
    previous: PublishedFigure | None,
) -> Scored:
    """Every estimate that the report shows, each with interval, n and status."""
    designs = {
        source: respondents_design(source, frame, responses, weights, replicates, round_, instrument)
        for source in round_.sources
    }
    parts = [
        _source_rows(source, design, round_, instrument) for source, design in designs.items() if design is not None
    ]
    tables = [*parts, _index_rows(parts, round_, inputs, previous)]
    estimates = pd.concat([t for t in tables if not t.empty], ignore_index=True)
    estimates = _completed(estimates, inputs.institution_id, round_.level)
    panels = [s for s in round_.sources if round_.sources[s].nature == "panel"]
    shown = hide_small(estimates, round_.disclosure.min_cell, round_.disclosure.min_panel, panels)
    if inputs.release == "withheld":
        shown = mask(shown, pd.Series(True, index=shown.index), "withheld")
    gaps = pd.concat([_item_nonresponse(source, responses, weights, instrument) for source in round_.sources])
    visible = shown.loc[(shown["measure"] == "source_score") & (shown["status"] == "shown"), "source"]
    return Scored(checked("estimates", shown), gaps[gaps["source"].isin(visible)].reset_index(drop=True))


def score_round(data: RoundData) -> Scored:
    """Every estimate of a loaded institution."""
    institution_id = data.institution.institution_id
    return score_institution(
        data.frame,
        data.responses,
        data.weights,
        data.replicates,
        data.round,
        data.setup.instrument,
        data.setup.inputs[institution_id],
        previous_figure(data.setup, institution_id),
    )


def save_estimates(store: Store, institution_id: str, scored: Scored) -> None:
    """Write the table ``estimates``."""
    store.write("estimates", institution_id, scored.estimates)


def previous_figure(setup: RoundSetup, institution_id: str) -> PublishedFigure | None:
    """The published index of the year before, if there is one."""
    past = history(published_results(setup), institution_id)
    rows = past[past["year"] == setup.round.previous_year]
    return None if rows.empty else PublishedFigure(int(rows["year"].iloc[0]), float(rows["index"].iloc[0]))


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
    df = satterthwaite_df(data["weight"].to_numpy(), data["nr_class"])
    return ReplicateDesign(
        data, "weight", repeated.values[rows], "bootstrap", scale=repeated.scale, rscales=repeated.rscales, df_design=df
    )


def _require_all(missing: int, source: Source, where: str) -> None:
    if missing:
        raise InputError(
            f"people with a weight are not in {where}",
            key=source,
            got=f"{missing} people",
            expected="the tables that the weights were made from",
            hint="make the weights again: spi run --notebook 30",
        )


def scored_column(item: str) -> str:
    """Column of an item's 0-100 score beside its raw code."""
    return f"{item}__score"


def item_weights(instrument: Instrument, source: Source) -> pd.DataFrame:
    """Item weights under the names of the score columns."""
    return instrument.item_weights(source).rename(index=scored_column)


def _source_rows(source: Source, design: Design, round_: RoundParams, instrument: Instrument) -> pd.DataFrame:
    weights = item_weights(instrument, source)
    scores = score_estimates(design, weights, round_.level).table
    effective = effective_n(design.weights)
    scores = scores.assign(
        measure=np.where(scores["variable"] == "score", "source_score", "dimension_score"),
        dimension=scores["variable"].where(scores["variable"] != "score"),
        effective_n=scores["n"] * effective / len(design.data),
    )
    tables = [scores[["measure", "dimension", *FIGURES]]]
    if source in UNIT_COLUMNS:
        units = domain_scores(design, UNIT_COLUMNS[source], weights, round_.level)
        tables.append(units.assign(measure="unit_score")[["measure", "domain", *FIGURES]])
    rates = experience_rates(design, instrument, source, round_.level)
    if not rates.empty:
        rates = rates.rename(columns={"item": "dimension"}).assign(
            measure="experience_rate", effective_n=rates["n"] * effective / len(design.data)
        )
        tables.append(rates[["measure", "dimension", "domain", *FIGURES]])
    return pd.concat(tables, ignore_index=True).assign(source=source)


def _index_rows(
    parts: list[pd.DataFrame], round_: RoundParams, inputs: InstitutionInputs, previous: PublishedFigure | None
) -> pd.DataFrame:
    scores = pd.concat(parts) if parts else pd.DataFrame(columns=["measure", "source"])
    scores = scores[scores["measure"] == "source_score"].set_index("source")
    if set(scores.index) != set(SOURCES) or scores["estimate"].isna().any():
        return pd.DataFrame([{"measure": "index"}])
    scores = scores.loc[list(SOURCES)]
    weights = round_.index.source_weights
    corrections = {
        name: getattr(inputs, name) for name in ("correction_conduct", "correction_facts", "mode_adjustment")
    }
    panels = [s for s in round_.sources if round_.sources[s].nature == "panel"]
    index = combine_index(scores, weights, corrections, panels)
    n = {"n": float(scores["n"].sum()), "effective_n": float(scores["effective_n"].sum())}
    rows = [
        {"measure": "index", **_figures(index, round_.level, True), **n},
        {"measure": "index_without_panel_variance", **_figures(index, round_.level, False), **n},
    ]
    rows += [{"measure": "index_variance_share", "source": s, "estimate": v} for s, v in index.variance_shares.items()]
    rows += [
        {"measure": "index_part", "dimension": row.part, "estimate": row.points}
        for row in composition(scores["estimate"].to_dict(), weights, corrections).itertuples()
    ]
    return pd.DataFrame(rows + _category_rows(index, round_, inputs) + _change_rows(index, round_, previous))


def _figures(index: IndexEstimate, level: float, with_panel: bool) -> dict[str, float]:
    low, high = index.interval(level, with_panel)
    se, df = (index.se, index.df) if with_panel else (index.se_without_panel, index.df_without_panel)
    return {"estimate": index.estimate, "se": se, "ci_low": low, "ci_high": high, "df_design": df}


def _category_rows(index: IndexEstimate, round_: RoundParams, inputs: InstitutionInputs) -> list[dict[str, object]]:
    levels, decimals = round_.categories, round_.index.decimals
    chances = category_probabilities(index.estimate, index.se, index.df, levels, decimals)
    rows: list[dict[str, object]] = [
        {"measure": "category_probability", "domain": code, "estimate": chance} for code, chance in chances.items()
    ]
    targets = {"national": round_.target.national, "local": inputs.local_target}
    rows += [
        {
            "measure": "target_probability",
            "domain": name,
            "estimate": probability_at_least(target, index.estimate, index.se, index.df, decimals),
        }
        for name, target in targets.items()
        if target is not None
    ]
    return rows


def _change_rows(
    index: IndexEstimate, round_: RoundParams, previous: PublishedFigure | None
) -> list[dict[str, object]]:
    if previous is None:
        return []
    change = change_from_published(index.estimate, index.se, index.df, previous.index, previous.year, round_.level)
    return [
        {
            "measure": "index_change",
            "domain": str(previous.year),
            "estimate": change.estimate,
            "se": change.se,
            "ci_low": change.ci_low,
            "ci_high": change.ci_high,
            "df_design": index.df,
        }
    ]


def _completed(estimates: pd.DataFrame, institution_id: str, level: float) -> pd.DataFrame:
    """All columns of the contract; a figure that could not be computed says so."""
    columns = ["measure", "source", "dimension", "domain", *FIGURES]
    table = estimates.reindex(columns=columns).assign(institution_id=institution_id, level=level)
    table[FIGURES] = table[FIGURES].astype(float)
    table["status"] = np.where(table["estimate"].isna(), "no_answers", "shown")
    return table


def _item_nonresponse(
    source: Source, responses: pd.DataFrame, weights: pd.DataFrame, instrument: Instrument
) -> pd.DataFrame:
    people = weights.loc[(weights["source"] == source) & (weights["weight"] > 0), "person_id"]
    answers = responses[(responses["source"] == source) & responses["person_id"].isin(people)]
    return item_nonresponse(answers, instrument, source).assign(source=source)
