"""Stage: from weights and answers to every estimate of an institution, already masked for disclosure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from spi_analysis.columns import SOURCES
from spi_analysis.disclosure import hide_small, mask
from spi_analysis.estimation.result import t_interval
from spi_analysis.params import InstitutionInputs, Instrument, RoundParams, Source
from spi_analysis.scores import (
    IndexEstimate,
    Release,
    category_probabilities,
    combine_index,
    composition,
    item_nonresponse,
    probability_at_least,
    release_of,
)
from spi_analysis.stages.change import (
    PublishedFigure,
    ScoredRound,
    change_against_published,
    change_against_round,
    earlier_figure,
    earlier_round,
)
from spi_analysis.stages.draw import eligible_list
from spi_analysis.stages.reliability import reliability_table, weights_table
from spi_analysis.stages.respondents import respondents_design
from spi_analysis.stages.source_rows import FIGURES, GROUPS, Design, source_rows
from spi_analysis.stages.units_model import model_rows
from spi_analysis.stages.weigh import require_weights_fit
from spi_analysis.tables.answer_fit import require_answers_fit
from spi_analysis.tables.contracts import checked
from spi_analysis.tables.round_data import RoundData
from spi_analysis.tables.store import Store


@dataclass(frozen=True)
class Scored:
    """Estimates of one institution (table ``estimates``, masked), and of the sources that are shown: item nonresponse,
    reliability of the dimensions, and other weights of the dimensions.
    """

    estimates: pd.DataFrame
    item_nonresponse: pd.DataFrame
    reliability: pd.DataFrame
    dimension_weights: pd.DataFrame


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
) -> Scored:
    """Every estimate that the report shows, each with interval, n and status.

    Parameters
    ----------
    previous : PublishedFigure or None   the published index of the year before
    earlier : ScoredRound or None        the round of that year with its answers: the change is then estimated from both
    targets : mapping   code (national, local; national_2 where a source contradicts) -> index to be reached this year

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
    parts = [source_rows(source, design, instrument, round_.level) for source, design in known.items()]
    now = ScoredRound(round_, instrument, inputs, frame, known)
    silent = [_groups_without_answers(part, frame, source) for source, part in zip(known, parts, strict=True)]
    tables = [*parts, *silent, _index_rows(parts, now, previous, earlier, targets)]
    estimates = pd.concat([t for t in tables if not t.empty], ignore_index=True)
    estimates = _completed(estimates, inputs.institution_id, round_.level)
    shown = hide_small(estimates, round_.disclosure.min_cell, round_.disclosure.min_panel, list(round_.panels))
    if _release(estimates, known, now).is_withheld:
        shown = mask(shown, pd.Series(True, index=shown.index), "withheld")
    shown = pd.concat([shown, model_rows(shown, round_.small_area, round_.level)], ignore_index=True)
    gaps = pd.concat([_gaps(source, known.get(source), responses, instrument) for source in round_.sources])
    visible = shown.loc[(shown["measure"] == "source_score") & (shown["status"] == "shown"), "source"]
    gaps = gaps[gaps["source"].isin(visible)].reset_index(drop=True)
    about = (known, instrument, round_.level, round_.disclosure.min_cell, shown)
    return Scored(checked("estimates", shown), gaps, reliability_table(*about), weights_table(*about))


def _groups_without_answers(scored: pd.DataFrame, frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Units and classes of the list in which nobody answered: hidden with the others of few answers.

    Left out they would be told: a unit that is neither shown nor named among the hidden ones is one without answers.
    """
    listed = eligible_list(frame, source)
    rows = [
        {"measure": f"{kind}_score", "source": source, "domain": str(group), "n": 0.0}
        for kind, column in GROUPS.get(source, {}).items()
        if (there := scored.loc[scored["measure"] == f"{kind}_score", "domain"]).size
        for group in sorted(set(listed[column].dropna()) - set(there))
    ]
    return pd.DataFrame(rows)


def _release(estimates: pd.DataFrame, designs: Mapping[Source, Design], now: ScoredRound) -> Release:
    """Released or not, from the decision on the institution or from its figures."""
    answers = sum(len(designs[source]) for source in now.round_.probability_sources if source in designs)
    index = estimates.loc[estimates["measure"] == "index"].iloc[0]
    width = index["ci_high"] - index["ci_low"]
    return release_of(now.inputs, answers, None if np.isnan(width) else width / 2, now.round_.release)


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
        earlier_figure(data.setup, institution_id),
        earlier_round(data),
        data.setup.targets.values(institution_id, data.round.year),
    )


def save_estimates(store: Store, institution_id: str, scored: Scored) -> None:
    """Write the table ``estimates``."""
    store.write("estimates", institution_id, scored.estimates)


def _index_rows(
    parts: list[pd.DataFrame],
    now: ScoredRound,
    previous: PublishedFigure | None,
    earlier: ScoredRound | None,
    targets: Mapping[str, float],
) -> pd.DataFrame:
    round_, inputs = now.round_, now.inputs
    scores = pd.concat(parts) if parts else pd.DataFrame(columns=["measure", "source"])
    scores = scores[scores["measure"] == "source_score"].set_index("source")
    if set(scores.index) != set(SOURCES) or scores["estimate"].isna().any():
        return pd.DataFrame([{"measure": "index"}])
    scores = scores.loc[list(SOURCES)]
    weights = round_.index.source_weights
    index = combine_index(scores, weights, inputs.corrections, list(round_.panels), inputs.correction_se)
    n = {"n": float(scores["n"].sum()), "effective_n": float(scores["effective_n"].sum())}
    rows = [
        {"measure": "index", **_figures(index, round_.level, True), **n},
        {"measure": "index_without_panel_variance", **_figures(index, round_.level, False), **n},
    ]
    rows += [{"measure": "index_variance_share", "source": s, "estimate": v} for s, v in index.variance_shares.items()]
    made = pd.DataFrame(rows + _category_rows(index, round_, targets))
    change = pd.DataFrame()
    if earlier is not None:
        change = change_against_round(earlier, now, round_.level)
    elif previous is not None:
        change = change_against_published(previous, scores, now.rule, round_.level)
    return pd.concat([made, _part_rows(scores, round_, inputs), change], ignore_index=True)


def _part_rows(scores: pd.DataFrame, round_: RoundParams, inputs: InstitutionInputs) -> pd.DataFrame:
    """Points of every part of the index, each with the error of its score or correction."""
    parts = composition(scores["estimate"].to_dict(), round_.index.source_weights, inputs.corrections)
    parts = parts.rename(columns={"part": "dimension", "points": "estimate"}).set_index("dimension")
    weights = pd.Series(round_.index.source_weights)
    parts["se"] = (scores["se"] * weights).combine_first(pd.Series(inputs.correction_se))
    parts = parts.join(scores[["df_design", "n", "effective_n"]])
    parts["df_design"] = parts["df_design"].fillna(np.inf)
    low, high = t_interval(*(parts[c].to_numpy(dtype=float) for c in ("estimate", "se", "df_design")), round_.level)
    return parts.assign(ci_low=low, ci_high=high, measure="index_part").reset_index()


def _figures(index: IndexEstimate, level: float, with_panel: bool) -> dict[str, float]:
    low, high = index.interval(level, with_panel)
    se, df = (index.se, index.df) if with_panel else (index.se_without_panel, index.df_without_panel)
    return {"estimate": index.estimate, "se": se, "ci_low": low, "ci_high": high, "df_design": df}


def _category_rows(index: IndexEstimate, round_: RoundParams, targets: Mapping[str, float]) -> list[dict[str, object]]:
    levels, decimals = round_.categories, round_.index.decimals
    chances = category_probabilities(index.estimate, index.se, index.df, levels, decimals)
    rows: list[dict[str, object]] = [
        {"measure": "category_probability", "domain": code, "estimate": chance} for code, chance in chances.items()
    ]
    rows += [
        {
            "measure": "target_probability",
            "domain": name,
            "estimate": probability_at_least(target, index.estimate, index.se, index.df, decimals),
        }
        for name, target in targets.items()
    ]
    return rows


def _completed(estimates: pd.DataFrame, institution_id: str, level: float) -> pd.DataFrame:
    """All columns of the contract; a figure that could not be computed says so."""
    names = ["measure", "source", "dimension", "domain"]
    table = estimates.reindex(columns=[*names, *FIGURES]).assign(institution_id=institution_id, level=level)
    # Of a column that no row has (as the domain, while only experts have answered) pandas would make numbers.
    table[names] = table[names].astype("str")
    table[FIGURES] = table[FIGURES].astype(float)
    table["status"] = np.where(table["estimate"].isna(), "no_answers", "shown")
    return table


def _gaps(source: Source, design: Design | None, responses: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """Item nonresponse of those who count as respondents of a source."""
    answers = responses.iloc[:0] if design is None else design.data
    return item_nonresponse(answers, instrument, source).assign(source=source)
