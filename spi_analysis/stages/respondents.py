"""The design of a source's respondents, from the tables of the store."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from spi_analysis.disclosure import coarse_spread
from spi_analysis.errors import InputError
from spi_analysis.fieldwork import INELIGIBLE
from spi_analysis.params import DesignParams, DisclosureParams, Instrument, RoundParams, Source
from spi_analysis.scores import (
    answer_counts,
    domain_scores,
    experience_answers,
    experience_rates,
    indirect_rates,
    item_scores,
    item_shares,
    module_columns,
    module_sides,
    satterthwaite,
    score_estimates,
)
from spi_analysis.survey import effective_n, with_unknown_level
from spi_analysis.survey.estimation import Estimate, ReplicateDesign, SurveyDesign, satterthwaite_df, t_interval
from spi_analysis.survey.weighting import ReplicateWeights, kish_deff
from spi_analysis.tables import replicate_values

# Estimates of one source: scores, units and experience rates, before anything is combined or hidden.

Design = SurveyDesign | ReplicateDesign
# Parts of a source that are scored, where its list tells them: measure and column of the list.
GROUPS = {"unit": "unit", "class": "position_class"}
NOMINATORS = ("institution", "commission")
FIGURES = ["estimate", "se", "ci_low", "ci_high", "df_design", "n", "effective_n"]


# Ending of the column of an item's 0-100 score, beside its raw code.
SCORE = "__score"


def scored_column(item: str) -> str:
    """Column of an item's 0-100 score beside its raw code."""
    return f"{item}{SCORE}"


def item_weights(instrument: Instrument, source: Source) -> pd.DataFrame:
    """Item weights under the names of the score columns."""
    return instrument.item_weights(source).rename(index=scored_column)


def source_rows(source: Source, design: Design, instrument: Instrument, level: float) -> pd.DataFrame:
    """Scores of a source, its dimensions and its units, answers to every item, and its experience rates.

    Parameters
    ----------
    design : its data has item codes, their scores (``scored_column``), and ``unit`` where units are to be scored

    Returns
    -------
    DataFrame: measure, source, part, domain, denominator, estimate, se, ci_low, ci_high, df_design, n, effective_n.
    """
    weights = item_weights(instrument, source)
    whole = score_estimates(design, weights, level)
    effective = effective_n(design.weights)
    scores = whole.table.assign(
        measure=lambda table: np.where(table["variable"] == "score", "source_score", "dimension_score"),
        part=lambda table: table["variable"].where(table["variable"] != "score"),
        effective_n=whole.table["n"] * effective / len(design.data),
    )
    tables = [scores[["measure", "part", *FIGURES]]]
    tables += [
        _group_rows(design, kind, column, weights, whole)
        for kind, column in GROUPS.items()
        if column in design.data and design.data[column].notna().any()
    ]
    shares = item_shares(design, instrument, source, level).rename(columns={"item": "part"})
    shares = shares.assign(measure="item_" + shares["answer"], effective_n=shares["n"] * effective / len(design.data))
    tables.append(shares[["measure", "part", *FIGURES]])
    rates = experience_rates(design, instrument, source, level)
    if not rates.empty:
        rates = rates.rename(columns={"item": "part"}).assign(
            measure="experience_rate", effective_n=rates["n"] * effective / len(design.data)
        )
        tables.append(rates[["measure", "part", "denominator", *FIGURES]])
    indirect = indirect_rates(design, instrument, source, level).rename(columns={"item": "part"})
    if len(indirect):
        tables.append(indirect.assign(effective_n=indirect["n"] * effective / len(design.data)))
    return pd.concat(tables, ignore_index=True).assign(source=source)


def _group_rows(design: Design, kind: str, column: str, weights: pd.DataFrame, whole: Estimate) -> pd.DataFrame:
    """Scores of units or classes, and how far each lies from the score of the whole source."""
    table = domain_scores(design, column, weights, whole.level, whole)
    scores = table.assign(measure=f"{kind}_score")
    numbers = (table[name].to_numpy(dtype=float) for name in ("difference", "difference_se", "df_design"))
    low, high = t_interval(*numbers, whole.level)
    apart = table.assign(
        measure=f"{kind}_difference", estimate=table["difference"], se=table["difference_se"], ci_low=low, ci_high=high
    )
    return pd.concat([scores, apart])[["measure", "domain", *FIGURES]]


def panel_rows(rows: pd.DataFrame, limits: DisclosureParams, level: float, drawn: Drawn) -> pd.DataFrame:
    """Scores of nominated people with coarse errors, which reveal nobody's answer (``coarse_error``)."""
    n, estimate = rows["n"].to_numpy(dtype=float), rows["estimate"].to_numpy(dtype=float)
    coarse = [coarse_error(*one, limits, drawn) for one in zip(rows["se"].astype(float), n, strict=True)]
    # One expert alone keeps the error that is not known.
    se = np.where((rows["se"].astype(float) >= 0) & (n > 1), coarse, rows["se"])
    low, high = t_interval(estimate, se, rows["df_design"].to_numpy(dtype=float), level)
    return rows.assign(se=se, ci_low=np.maximum(low, 0.0), ci_high=np.minimum(high, 100.0))


class Drawn(NamedTuple):
    """What the design alone makes of a variance of nominated people: ``of_weights`` times ``of_list``.

    ``of_weights``: Kish's design effect; ``of_list``: what the finite population correction leaves, 1 for a panel.
    Neither depends on an answer.
    """

    of_weights: float
    of_list: float


def drawn_of_list(design: Design | None) -> Drawn:
    """A panel counts as drawn from an infinite population; a list has as many people as the sum of its weights."""
    if not isinstance(design, ReplicateDesign):
        return Drawn(1.0, 1.0)
    weights = design.weights[design.weights > 0]
    return Drawn(kish_deff(weights), max(1 - len(weights) / float(weights.sum()), 0.0))


def coarse_error(se: float, n: float, limits: DisclosureParams, drawn: Drawn) -> float:
    """A standard error made from a rounded spread (``coarse_spread``), times what the design alone makes of it."""
    by_design, root = np.sqrt(drawn.of_weights * drawn.of_list), np.sqrt(max(n, 1))
    return float(coarse_spread(se * root / by_design, n, limits) * by_design / root) if by_design > 0 else se


def nominator_rows(design: Design, weights: pd.DataFrame, limits: DisclosureParams, level: float) -> pd.DataFrame:
    """Mean score of the experts that the institution nominated minus that of the commission's experts, in points.

    The two means have rounded errors and count as independent (the groups are strata, or classes of the
    weights), with Satterthwaite's degrees of freedom. Nothing where one of them nominated fewer than ``min_cell`` of
    those who answered.

    References
    ----------
    Satterthwaite (1946), Biometrics Bulletin 2; docs/methods/experts.md.
    """
    if "nominator" not in design.data:
        return pd.DataFrame()
    found = domain_scores(design, "nominator", weights, level).set_index("domain")
    if set(found.index) != set(NOMINATORS) or found["n"].min() < limits.min_cell:
        return pd.DataFrame()
    means = found.loc[list(NOMINATORS)]
    by = {name: drawn_of_list(design.subset(design.data["nominator"] == name)) for name in NOMINATORS}
    se = [coarse_error(row.se, row.n, limits, by[row.Index]) for row in means.itertuples()]
    df = satterthwaite({name: one**2 for name, one in zip(NOMINATORS, se, strict=True)}, means["df_design"].to_dict())
    figures = [means["estimate"].iloc[0] - means["estimate"].iloc[1]], [float(np.hypot(*se))], [df]
    low, high = t_interval(*map(np.array, figures), level)
    row = dict(zip(FIGURES, [*(one[0] for one in (*figures[:2], low, high)), df], strict=False))
    return pd.DataFrame([{"measure": "nominator_difference", **row, **means[["n", "effective_n"]].sum()}])


def people_cells(frame: pd.DataFrame, weights: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Respondents, nonrespondents and the respondents' weight in every unit and position class of a source.

    Returns
    -------
    DataFrame: unit, position_class (missing where the list does not tell), weight, answered, silent. People who were
    found ineligible are left out.
    """
    part = weights[(weights["source"] == source) & (weights["disposition"] != INELIGIBLE)]
    listed = _rows_of(part["person_id"], frame, source, "the frame")[list(GROUPS.values())]
    answers = part["weight"].to_numpy() > 0
    people = listed.assign(weight=part["weight"].to_numpy(), answered=answers, silent=~answers)
    return people.groupby(list(GROUPS.values()), dropna=False).sum().reset_index()


def smaller_sides(
    rows: pd.DataFrame, design: Design, cells: pd.DataFrame, instrument: Instrument, source: Source
) -> pd.Series:
    """The people on the smaller side of each row.

    Of a rate those who said yes, or no; of a unit or class its nonrespondents; of a share of the answers to an item
    those who gave them.

    Parameters
    ----------
    rows : DataFrame    rows of a source, as ``source_rows`` gives them
    cells : DataFrame   as ``people_cells`` gives them
    """
    answers = experience_answers(design.data, instrument, source)
    yes = answers.sum()
    sides = {("experience_rate", name): least for name, least in np.minimum(yes, answers.count() - yes).items()}
    for kind, column in GROUPS.items():
        silent = cells.groupby(column)["silent"].sum()
        sides |= {(f"{kind}_score", str(group)): people for group, people in silent.items()}
    kinds = answer_counts(design.data, instrument, source)
    sides |= {(f"item_{kind}", item): n for (item, kind), n in zip(map(_split, kinds.index), kinds, strict=True)}
    names = rows.reindex(columns=["domain", "part", "denominator"]).astype(object)
    rates = names["part"].map(str) + "|" + names["denominator"].map(str)
    places = names["domain"].where(rows["measure"] != "experience_rate", rates)
    places = places.where(~rows["measure"].str.startswith("item_"), names["part"])
    modules = module_sides(design.data, instrument, source)
    places = places.where(~rows["measure"].isin({measure for measure, _ in modules}), names["part"])
    sides |= modules
    keys = zip(rows["measure"], places, strict=True)
    return pd.Series([sides.get(key, np.nan) for key in keys], rows.index, dtype=float)


def _split(column: str) -> tuple[str, str]:
    item, _, kind = column.partition("|")
    return item, kind


def nonrespondent_count(weights: pd.DataFrame, source: Source) -> int:
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
    others = [code for code in codes_of_others(instrument, source) if code in answers]
    scores = item_scores(answers, instrument, source).rename(columns=scored_column)
    answers = answers.drop(columns=others)
    listed = _rows_of(people, frame, source, "the frame")
    modules = module_columns(answers, instrument, source)
    data = pd.concat([part.reset_index(drop=True), listed, answers, scores, modules], axis=1)
    if round_.sources[source].nature == "panel":
        # A panel stands for all who could have been asked, not for units: it has no parts.
        data = data.drop(columns=list(GROUPS.values()), errors="ignore")
        # One expert alone: a score without a known error (its degrees of freedom are 0).
        return SurveyDesign(data, "weight", lonely_psu="fail" if len(data) > 1 else "certainty")
    repeated_people, repeated = replicate_weights(replicates, source)
    rows = pd.Index(repeated_people).get_indexer(people)
    _require_all(int((rows < 0).sum()), source, "the replicate weights")
    return ReplicateDesign(
        data, "weight", repeated.values[rows], "bootstrap", scale=repeated.scale, rscales=repeated.rscales,
        df_design=_degrees(data, round_.sources[source].design),
    )  # fmt: skip


def codes_of_others(instrument: Instrument, source: Source) -> set[str]:
    """Columns of questions that only other sources are asked."""
    own = set(instrument.codes(source))
    return {code for other in instrument.sources for code in instrument.codes(other)} - own


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
    return float(with_unknown_level(data[design.two_stage.unit]).nunique() - 1)


def _require_all(missing: int, source: Source, where: str) -> None:
    if missing:
        raise InputError(
            f"people with a weight are not in {where}",
            key=source,
            got=f"{missing} people",
            expected="the tables that the weights were made from",
            hint="make the weights again: spi run --notebook 30",
        )


def replicate_weights(replicates: pd.DataFrame, source: Source) -> tuple[pd.Series, ReplicateWeights]:
    """Person ids and replicate weights of one source, as stored; their scale counts the totals they were fitted to."""
    part = replicates[replicates["source"] == source]
    values = replicate_values(part)
    n, factor = values.shape[1], part["variance_factor"].max() if len(part) else 1.0
    return part["person_id"], ReplicateWeights(values, factor / max(n, 1), np.ones(n), "bootstrap")
