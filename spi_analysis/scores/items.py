"""From answer codes to scores: of a person, and of the parts of an institution.

The worst answer is 0, the best 100, whatever the direction of the question.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import ContactItem, ExperienceItem, Instrument, ModuleQuestion, Scale, Source
from spi_analysis.scores.index import answerers, score_estimates, score_influence
from spi_analysis.survey import effective_n
from spi_analysis.survey.estimation import (
    RESULT_COLUMNS,
    Estimate,
    ReplicateDesign,
    SurveyDesign,
    crosswise,
    estimate_mean,
    list_checks,
    list_experiment,
    proportion_interval,
)
from spi_analysis.tables import misfits

MISSING_KINDS = ("dont_know", "refused", "not_applicable")
# Below this a difference is one of rounding: a unit that holds everybody differs from nothing.
ROUNDING = 1e-9
# So many levels are estimated at once: the covariance of all items in all of them grows with the square.
AT_ONCE = 30
PART_COLUMNS = ["domain", *RESULT_COLUMNS, "effective_n", "difference", "difference_se"]


def item_scores(responses: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """Scores 0-100 of the source's items; "don't know", refusals and empty cells are missing.

    Parameters
    ----------
    responses : DataFrame (n, ...)   answer codes, one column per item

    Returns
    -------
    DataFrame (n, items), index of ``responses``.

    Raises
    ------
    InputError   an item without a column, or a code that its scale does not have.
    """
    items = instrument.items(source)
    if problems := misfits(responses, items, instrument):
        raise InputError(*problems)
    answers, limits = item_answers(responses, instrument, source), _limits(instrument, source)
    shares = (answers - limits[0]) / (limits[1] - limits[0])
    positive = [item.direction == "positive" for item in items]
    scores = 100 * np.where(positive, shares, 1 - shares)
    return pd.DataFrame(scores, responses.index, [item.code for item in items])


def item_answers(responses: pd.DataFrame, instrument: Instrument, source: Source) -> np.ndarray:
    """Substantive answers to the source's items as ticked, (n, items) of float; everything else missing."""
    codes = responses[[item.code for item in instrument.items(source)]].to_numpy(dtype=float, na_value=np.nan)
    lowest, highest = _limits(instrument, source)
    return np.where((codes >= lowest) & (codes <= highest), codes, np.nan)


def _limits(instrument: Instrument, source: Source) -> np.ndarray:
    """Lowest and highest answer of substance of every item: (2, items)."""
    scales = [instrument.scales[item.scale] for item in instrument.items(source)]
    return np.array([[scale.minimum for scale in scales], [scale.maximum for scale in scales]], dtype=float)


def valid_answers(column: pd.Series, scale: Scale) -> pd.Series:
    """Substantive answers as floats; everything else missing."""
    values = column.astype(float)
    return values.where(values.between(scale.minimum, scale.maximum))


def item_nonresponse(responses: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """How many gave no usable answer to each item, by kind.

    Returns
    -------
    DataFrame, one row per item: item, respondents, n (substantive answers), and the shares of all respondents that
    said dont_know, refused, not_applicable, or left_empty; with n / respondents they sum to 1.
    """
    answers, rows = item_answers(responses, instrument, source), []
    for item, known in zip(instrument.items(source), (~np.isnan(answers)).sum(axis=0), strict=True):
        codes = responses[item.code].to_numpy(dtype=float, na_value=np.nan)
        kinds = instrument.scales[item.scale].missing
        shares = {
            kind: _share(np.isin(codes, [code for code, meaning in kinds.items() if meaning == kind]))
            for kind in MISSING_KINDS
        }
        left_empty = _share(np.isnan(codes))
        rows.append({"item": item.code, "respondents": len(codes), "n": int(known), **shares, "left_empty": left_empty})
    return pd.DataFrame(rows)


def _share(rows: np.ndarray) -> float:
    return float(rows.mean()) if len(rows) else float("nan")


# One score per person.


def person_scores(data: pd.DataFrame, item_weights: pd.DataFrame, score: str = "score") -> pd.Series:
    """Score of every person: weighted mean of the items answered; missing without any answer.

    Parameters
    ----------
    data : DataFrame (n, ...)              one 0-100 column per row of ``item_weights``
    item_weights : DataFrame (items, ...)  weights of the items in every score
    score : str                            which one: a dimension, or "score" for the whole source
    """
    weights = item_weights[score].to_numpy(dtype=float)
    values = data[item_weights.index].to_numpy(dtype=float)
    known = ~np.isnan(values)
    total = known @ weights
    top = np.where(known, values, 0.0) @ weights
    return pd.Series(np.divide(top, total, out=np.full(len(data), np.nan), where=total > 0), index=data.index)


# Favourable, neutral and unfavourable answers to a question.

FAVOURABLE, NEUTRAL, UNFAVOURABLE = "favourable", "neutral", "unfavourable"


def item_shares(
    design: SurveyDesign | ReplicateDesign, instrument: Instrument, source: Source, level: float
) -> pd.DataFrame:
    """Shares in percent of favourable, neutral and unfavourable answers to every score item, with Wilson intervals.

    Favourable are the best answers after the item's direction, as many as ``Instrument.ends`` says, unfavourable as
    many of the worst, neutral the rest. "Don't know", refusals and empty cells are in no denominator.

    Parameters
    ----------
    design : its data has the raw answer codes of the items

    Returns
    -------
    DataFrame, one row per item and kind of answer that its scale has: item, answer, estimate, se, ci_low, ci_high
    (percent), df_design, n.

    Raises
    ------
    InputError   an item without a column, or a code that its scale does not have.
    """
    kinds = _answer_kinds(design.data, instrument, source)
    result = estimate_mean(design.with_columns(kinds), list(kinds.columns), level=level)
    low, high = proportion_interval(result.table, "wilson", level, cap_effective_n=True)
    keys = [name.split("|") for name in result.table["variable"]]
    table = result.table.assign(ci_low=low, ci_high=high, item=[k[0] for k in keys], answer=[k[1] for k in keys])
    table[["estimate", "se", "ci_low", "ci_high"]] *= 100
    return table[["item", "answer", "estimate", "se", "ci_low", "ci_high", "df_design", "n"]]


def answer_counts(data: pd.DataFrame, instrument: Instrument, source: Source) -> pd.Series:
    """How many people gave each kind of answer: "item|kind" -> people."""
    return _answer_kinds(data, instrument, source).sum()


def _answer_kinds(data: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """0/1 columns "item|kind"; missing without an answer of substance."""
    scores, columns = item_scores(data, instrument, source), {}
    for item in instrument.items(source):
        score, steps = scores[item.code].to_numpy(dtype=float), instrument.scales[item.scale].width - 1
        # Answers from the worst (0) to the best, whatever the direction; rounding undoes the division by the width.
        place, ends = np.round(score / 100 * steps), instrument.ends(item)
        kinds = {FAVOURABLE: place > steps - ends, UNFAVOURABLE: place < ends}
        if steps + 1 > 2 * ends:
            kinds[NEUTRAL] = ~kinds[FAVOURABLE] & ~kinds[UNFAVOURABLE]
        answered = ~np.isnan(score)
        columns |= {f"{item.code}|{kind}": np.where(answered, said, np.nan) for kind, said in kinds.items()}
    return pd.DataFrame(columns, index=data.index)


# Experience rates: what people saw, were asked or paid, with the denominator always named.

RESPONDENTS, CONTACTS = "respondents", "contacts"


def experience_rates(
    design: SurveyDesign | ReplicateDesign, instrument: Instrument, source: Source, level: float
) -> pd.DataFrame:
    """Rates in percent for every experience item of a source, with Wilson intervals that count at most n answers.

    Parameters
    ----------
    design : its data has the raw answer codes of the experience and contact items

    Returns
    -------
    DataFrame, one row per item and denominator: item, denominator, estimate, se, ci_low, ci_high (percent),
    df_design, n. ``denominator`` is "respondents" (all who answered; without contact counts as no)
    or "contacts" (those with at least one contact: the SDG 16.5.1 kind of rate).

    Raises
    ------
    InputError   a question without a column, or a code that its scale does not have.
    """
    answers = experience_answers(design.data, instrument, source)
    if not answers.columns.any():
        return pd.DataFrame()
    with_answers = design.with_columns(answers)
    result = estimate_mean(with_answers, list(answers.columns), level=level)
    low, high = proportion_interval(result.table, "wilson", level, cap_effective_n=True)
    table = result.table.assign(ci_low=low, ci_high=high)
    keys = [name.split("|") for name in table["variable"]]
    table = table.assign(item=[k[0] for k in keys], denominator=[k[1] for k in keys])
    table[["estimate", "se", "ci_low", "ci_high"]] *= 100
    return table[["item", "denominator", "estimate", "se", "ci_low", "ci_high", "df_design", "n"]]


def institutions_reporting(rates: pd.DataFrame, level: float) -> pd.DataFrame:
    """Share of institutions in which at least one person with contact reported an experience.

    The third denominator, never to be mixed with shares of people: it grows with the number of people asked.

    Parameters
    ----------
    rates : DataFrame   rows "experience_rate" of the tables ``estimates``; hidden ones are left out

    Returns
    -------
    DataFrame: source, item, estimate (percent), ci_low, ci_high (Wilson, institutions as if drawn), n (institutions),
    people (those with contact asked there, in all).

    References
    ----------
    Wilson (1927), JASA 22.
    """
    rows = rates[(rates["denominator"] == CONTACTS) & (rates["status"] == "shown")]
    groups = rows.assign(reported=rows["estimate"] > 0).groupby(["source", "part"], sort=False)
    table = groups.agg(estimate=("reported", "mean"), n=("reported", "size"), people=("n", "sum")).reset_index()
    table = table.assign(se=np.nan, df_design=np.inf)
    low, high = proportion_interval(table, "wilson", level)
    table = table.assign(ci_low=low, ci_high=high).rename(columns={"part": "item"})
    table[["estimate", "ci_low", "ci_high"]] *= 100
    return table[["source", "item", "estimate", "ci_low", "ci_high", "n", "people"]]


def experience_answers(data: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """0/1 columns "item|denominator"; missing outside the denominator."""
    part = instrument.sources[source]
    if problems := misfits(data, [*part.contacts, *part.experiences], instrument):
        raise InputError(*problems)
    contacts = {contact.code: said_yes(data, contact, instrument) for contact in part.contacts}
    columns = {}
    for item in part.experiences:
        yes, had_contact = said_yes(data, item, instrument), contacts[item.contact]
        columns[f"{item.code}|{RESPONDENTS}"] = yes.where(had_contact != 0, 0.0)
        columns[f"{item.code}|{CONTACTS}"] = yes.where(had_contact == 1)
    return pd.DataFrame(columns, index=data.index)


def said_yes(data: pd.DataFrame, question: ContactItem | ExperienceItem, instrument: Instrument) -> pd.Series:
    """1 for yes, 0 for no, missing without a substantive answer."""
    answers = valid_answers(data[question.code], instrument.scales[question.scale])
    return (answers >= instrument.yes_from(question)).astype(float).where(answers.notna())


# Asked indirectly: by lists of which only the number is told, and by a crossed question; and questions on reporting.

ARM = "arm"
COUNT, LONG, SAME, SAID = "list_count", "list_long", "crosswise_same", "(asked directly)"
# Fewer people than this in a group have no spread.
LEAST_IN_GROUP = 2
CLIMATE = "climate_rate"
RATE_COLUMNS = ["measure", "item", "estimate", "se", "ci_low", "ci_high", "df_design", "n"]


def module_columns(data: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """What the indirect questions of a source gave: list_count, list_long (1: long list) and crosswise_same.

    A person's answers to questions of another arm are left out; "prefer not to answer" is missing, as no answer is.

    Parameters
    ----------
    data : DataFrame (n, ...)   arm and the columns of the modules; without arm there is nothing to tell
    """
    found, modules = pd.DataFrame(index=data.index), instrument.sources[source].modules
    if ARM not in data:
        return found
    if (listed := modules.list_experiment) is not None:
        arms = {question.arm: _arm_answers(data, question, instrument) for question in listed.questions}
        found[COUNT] = arms["list_long"].fillna(arms["list_short"])
        found[LONG] = data[ARM].map({"list_long": 1.0, "list_short": 0.0})
    if (crossed := modules.crosswise) is not None:
        found[SAME] = _arm_answers(data, crossed.questions[0], instrument)
    return found


def _arm_answers(data: pd.DataFrame, question: ModuleQuestion, instrument: Instrument) -> pd.Series:
    """Answers of those who were asked; missing for all others."""
    if question.code not in data:
        return pd.Series(np.nan, data.index)
    answers = valid_answers(data[question.code], instrument.scales[question.scale])
    return answers.where(data[ARM] == question.arm if question.arm else data[ARM].notna())


def indirect_rates(
    design: SurveyDesign | ReplicateDesign, instrument: Instrument, source: Source, level: float
) -> pd.DataFrame:
    """Rates in percent as told by indirect questions, and what of them is not said when asked directly.

    Parameters
    ----------
    design : its data has arm, the columns of the modules, and those of ``experience_answers``

    Returns
    -------
    DataFrame: measure (list_rate, list_gap, crosswise_rate, crosswise_gap, climate_rate), item (the experience asked
    about, or the question on reporting), estimate, se, ci_low, ci_high (percent), df_design, n. A rate or gap may lie
    below 0. No rows where nobody was asked.
    """
    tables = [pd.DataFrame(columns=RATE_COLUMNS)]
    if ARM not in design.data or not design.data[ARM].notna().any():
        return tables[0]
    # Of several institutions taken together only those that were asked so are compared.
    design = design.subset(design.data[ARM].notna())
    asked, modules = module_columns(design.data, instrument, source), instrument.sources[source].modules
    whole = design.with_columns(asked)
    if (listed := modules.list_experiment) is not None and _group_sizes(asked).min() >= LEAST_IN_GROUP:
        wide = whole.with_columns(_said(design.data, listed.experience, instrument, source))
        found = list_experiment(wide, COUNT, LONG, SAID, level=level)
        tables.append(_named(found, {"combined": "list_rate", "gap": "list_gap"}, listed.experience))
    if (crossed := modules.crosswise) is not None and SAME in asked and asked[SAME].count() >= LEAST_IN_GROUP:
        wide = whole.with_columns(_said(design.data, crossed.experience, instrument, source))
        found = crosswise(wide, SAME, crossed.share, SAID, level=level)
        tables.append(_named(found, {"crosswise": "crosswise_rate", "gap": "crosswise_gap"}, crossed.experience))
    climate = _climate_answers(design.data, instrument, source)
    if climate.notna().any(axis=None):
        result = estimate_mean(design.with_columns(climate), list(climate.columns), level=level)
        low, high = proportion_interval(result.table, "wilson", level, cap_effective_n=True)
        rates = result.table.assign(ci_low=low, ci_high=high, item=result.table["variable"], measure=CLIMATE)
        tables.append(_in_percent(rates))
    return pd.concat([table for table in tables if len(table)] or tables, ignore_index=True)


def indirect_checks(
    design: SurveyDesign | ReplicateDesign, instrument: Instrument, source: Source, min_cell: int
) -> pd.DataFrame:
    """What speaks against the list experiment of a source (``survey.list_checks``), as it may be shown.

    Returns
    -------
    DataFrame: check, estimate, p_value, n. Of the tests the p value alone; of floor and ceiling the share, where
    at least ``min_cell`` people are on either side of it. No rows where a list has fewer people than that.
    """
    asked, listed = module_columns(design.data, instrument, source), instrument.sources[source].modules.list_experiment
    columns = ["check", "estimate", "p_value", "n"]
    if listed is None or _group_sizes(asked).min() < min_cell:
        return pd.DataFrame(columns=columns)
    wide = design.with_columns(asked).with_columns(_said(design.data, listed.experience, instrument, source))
    found = list_checks(wide, COUNT, LONG, len(listed.items), SAID)
    short = asked.loc[asked[LONG] == 0, COUNT].dropna()
    people = found["check"].map({"floor": (short == 0).sum(), "ceiling": (short == len(listed.items)).sum()})
    told = people.between(min_cell, len(short) - min_cell)
    shown = found.assign(estimate=found["estimate"].where(told))[columns]
    return shown[shown["p_value"].notna() | told].reset_index(drop=True)


def module_sides(data: pd.DataFrame, instrument: Instrument, source: Source) -> dict[tuple[str, str], int]:
    """The people in the smaller group of each measure and item of ``indirect_rates``."""
    asked, modules = module_columns(data, instrument, source), instrument.sources[source].modules
    sides: dict[tuple[str, str], int] = {}
    if COUNT in asked and modules.list_experiment is not None:
        least = int(_group_sizes(asked).min())
        sides |= {(measure, modules.list_experiment.experience): least for measure in ("list_rate", "list_gap")}
    if SAME in asked and modules.crosswise is not None:
        least = int(min((asked[SAME] == answer).sum() for answer in (0, 1)))
        sides |= {(measure, modules.crosswise.experience): least for measure in ("crosswise_rate", "crosswise_gap")}
    climate = _climate_answers(data, instrument, source)
    return sides | {(CLIMATE, code): int(min((said == 0).sum(), (said == 1).sum())) for code, said in climate.items()}


def _group_sizes(asked: pd.DataFrame) -> np.ndarray:
    """People with a number, of the short and of the long list."""
    if COUNT not in asked:
        return np.zeros(2)
    return np.array([(asked[COUNT].notna() & (asked[LONG] == arm)).sum() for arm in (0, 1)])


def _said(data: pd.DataFrame, item: str, instrument: Instrument, source: Source) -> pd.DataFrame:
    """Who says so when asked directly, as the rate of all respondents counts it."""
    return experience_answers(data, instrument, source)[[f"{item}|{RESPONDENTS}"]].set_axis([SAID], axis=1)


def _climate_answers(data: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    questions = instrument.sources[source].modules.climate if ARM in data else ()
    answers = {question.code: _arm_answers(data, question, instrument) for question in questions}
    return pd.DataFrame(answers, index=data.index, dtype=float)


def _named(found: Estimate, measures: dict[str, str], item: str) -> pd.DataFrame:
    rows = found.table[found.table["variable"].isin(measures)]
    return _in_percent(rows.assign(measure=rows["variable"].map(measures), item=item))


def _in_percent(table: pd.DataFrame) -> pd.DataFrame:
    figures = ["estimate", "se", "ci_low", "ci_high"]
    return table.assign(**{name: 100 * table[name] for name in figures})[RATE_COLUMNS]


def domain_scores(
    design: SurveyDesign | ReplicateDesign,
    by: str,
    item_weights: pd.DataFrame,
    level: float,
    whole: Estimate | None = None,
) -> pd.DataFrame:
    """The source score in every level of ``by``, and its difference from that of everybody; the full design kept.

    Degrees of freedom are those of the level's own rows, as everywhere (``design.df_by``): a unit of twelve answers
    has eleven, whatever the size of the rest.

    Parameters
    ----------
    whole : Estimate or None   ``score_estimates`` of everybody, where they are there already

    Returns
    -------
    DataFrame, one row per level: domain, estimate, se, ci_low, ci_high, df_design, n, effective_n, difference,
    difference_se (with the covariance between the two scores: everybody includes the unit); n and effective_n are
    of those who answered.
    """
    column, whole = design.data[by], whole or score_estimates(design, item_weights, level)
    names = sorted(column[design.in_domain].dropna().unique())
    parts = [
        _some_scores(design, by, names[i : i + AT_ONCE], whole, item_weights, level)
        for i in range(0, len(names), AT_ONCE)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PART_COLUMNS)


def _some_scores(
    design: SurveyDesign | ReplicateDesign,
    by: str,
    names: list[str],
    whole: Estimate,
    item_weights: pd.DataFrame,
    level: float,
) -> pd.DataFrame:
    """``domain_scores`` of some of the levels."""
    column = design.data[by]
    parts = score_estimates(design.subset(column.isin(names).to_numpy()), item_weights, level, by)
    table = parts.table[parts.table["variable"] == "score"].rename(columns={by: "domain"}).reset_index(drop=True)
    inside = np.column_stack([(column == name).to_numpy() for name in table["domain"]])
    answered = inside & answerers(design, item_weights)[:, [list(item_weights.columns).index("score")]]
    table = table.assign(
        effective_n=[effective_n(design.weights[rows]) for rows in answered.T],
        difference=table["estimate"] - whole.table["estimate"].iloc[-1],
        difference_se=_difference_se(design, inside, parts, whole, item_weights),
    )[PART_COLUMNS]
    table.loc[table["se"].isna(), "difference_se"] = np.nan
    return table


def _difference_se(
    design: SurveyDesign | ReplicateDesign, inside: np.ndarray, parts: Estimate, whole: Estimate, weights: pd.DataFrame
) -> np.ndarray:
    """Standard errors (D,) of the domains' source scores minus that of everybody; ``inside`` (n, D) of bool."""
    if isinstance(design, ReplicateDesign):
        assert parts.replicates is not None
        assert whole.replicates is not None
        scores = parts.table["estimate"].to_numpy()[-inside.shape[1] :]
        repeated = parts.replicates[:, -inside.shape[1] :] - whole.replicates[:, -1:]
        covariance = design.covariance_of(scores - whole.table["estimate"].iloc[-1], repeated)
    else:
        own = [score_influence(design.subset(rows), weights)[:, -1] for rows in inside.T]
        covariance = design.covariance(np.column_stack(own) - score_influence(design, weights)[:, -1:])
    variance = np.diag(covariance)
    se = np.sqrt(np.where(np.isfinite(variance), np.maximum(variance, 0.0), np.nan))
    return np.where(se < ROUNDING, 0.0, se)
