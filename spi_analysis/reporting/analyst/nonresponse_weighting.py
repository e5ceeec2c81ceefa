"""Notebook 30: what every weighting step did, and whether it mended what it should."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.disclosure import hidden_rates, small_cells
from spi_analysis.fieldwork import INELIGIBLE
from spi_analysis.params import RoundParams, Source
from spi_analysis.reporting import (
    Shown,
    Together,
    View,
    Words,
    chart,
    coded,
    count,
    counted,
    estimate,
    html_paragraphs,
    in_words,
    interval,
    intervals,
    message,
    number,
    percent,
    phrase,
    phrases,
    show,
    signed,
    spread,
    written,
)
from spi_analysis.stages import Representativity, WeightedSample, Weighting, nonrespondent_count, response_model
from spi_analysis.survey import UNKNOWN_LEVEL
from spi_analysis.survey.estimation import Estimate, SurveyDesign, estimate_proportion, t_interval
from spi_analysis.survey.weighting import WeightingRun, balance
from spi_analysis.tables import eligible_list, replicate_values

WORST = 15
# The CV of propensities of which one half is twice the other: with p/1.5 and 2p/1.5 they lie p/3 from their mean p.
TWICE_AS_OFTEN = 1 / 3
TOO_FEW = message("There are no answers, or too few, to compare with the list.")


def steps_table(weighted: WeightedSample, round_: RoundParams) -> Shown:
    """Sum, design effect and range of the weights after every step; a source without answers has no weights.

    Only of sources whose cases may be told: not of a panel, whose answers all count the same, nor of a source in which
    few answered or few did not.
    """
    weights, report = weighted.weights, weighted.report
    empty = list(dict.fromkeys(report.loc[report["cases"] == 0, "source"]))
    told = [source for source in round_.populations if not _tells(weights, source, round_)]
    report = report[report["source"].isin(told) & (report["cases"] > 0)]
    report = report.assign(cv=(report["kish_deff"] - 1).clip(lower=0) ** 0.5)
    if report.empty and not empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))

    said = show(lambda words: html_paragraphs(_nobody_yet(empty, words)))
    if report.empty:
        return said
    columns = (
        written(message("Weight after the step"), ("column",), Words.column),
        coded(message("Source"), "source", "part"),
        count(message("Cases"), "cases"),
        number(message("Sum (people)"), "sum", 1),
        number(message("Kish design effect"), "kish_deff", 3),
        number(message("CV of the weights"), "cv", 3),
        count(message("Effective answers"), "effective_n"),
        interval(message("Smallest to largest"), "smallest", "largest"),
    )

    def note(words: Words) -> str:
        return words(
            "Left out: a panel, whose answers all count the same, and a source of which fewer than {least} people "
            "answered or fewer than {least} did not.",
            least=round_.disclosure.min_cell,
        )

    return View(report, columns, notes=(note,), title=message("The weighting, step by step"), name="steps") + said


def _nobody_yet(sources: list[Source], words: Words) -> list[str]:
    """Which sources have no answer and so no weights."""
    names = words.listed(words.value("source", source) for source in sources)
    return [words("Nobody has answered yet, so there are no weights: {sources}.", sources=names)] if sources else []


def _tells(weights: pd.DataFrame, source: Source, round_: RoundParams) -> bool:
    """Whether the cases of a source would tell of few answers, or of few nonrespondents."""
    answered = int(((weights["source"] == source) & (weights["weight"] > 0)).sum())
    return min(answered, nonrespondent_count(weights, source)) < round_.disclosure.min_cell


# Of a step whose groups are not merged.
SHRUNKEN = "shrunken"


def recipe_table(round_: RoundParams) -> View:
    """The recipe of every source that is drawn at random: groups, least answers and limit of each step (`trim`)."""
    rows = [
        {
            "source": source,
            "column": step.column,
            "groups": ",".join(getattr(step, "needs", ())),
            "rates": getattr(step, "rates", "observed"),
            "least": getattr(step, "min_respondents", None),
            "k": getattr(step, "k", None),
        }
        for source in round_.populations
        if (weighting := round_.sources[source].weighting)
        for step in weighting.recipe
        if step.column
    ]
    columns = (
        written(message("Weight after the step"), ("column",), Words.column),
        coded(message("Source"), "source", "part"),
        written(message("Groups of the list"), ("groups", "rates"), _groups),
        count(message("Least answers of a group"), "least"),
        number(message("Limit (median plus so many interquartile ranges)"), "k", 1),
    )
    table = pd.DataFrame(rows, columns=["source", "column", "groups", "rates", "least", "k"]).astype(
        {"least": float, "k": float}
    )

    def note(words: Words) -> str:
        if not (table["rates"] == SHRUNKEN).any():
            return ""
        return words(
            "Response rates drawn towards that of all: no group is merged; the fewer were invited in it, the more its "
            "rate counts as chance. The least answers are then those of the groups inside which replicates are drawn."
        )

    return View(table, columns, notes=(note,), title=message("The recipe of the weights"), name="recipe")


def _groups(words: Words, groups: str, rates: str) -> str:
    names = words.listed(words.column(name) for name in groups.split(",")) if groups else ""
    return words("{groups} (response rates drawn towards that of all)", groups=names) if rates == SHRUNKEN else names


def classes_note(started: Weighting) -> Shown:
    """How many classes every source has inside which weight moves, and replicates draw."""

    def of(source: Source, run: WeightingRun, words: Words) -> str:
        sizes = run.sample["nr_class"].value_counts()
        return words(
            "{source}: {n} classes, with {people} people invited in one of them on average.",
            source=words.value("source", source),
            n=words.number(len(sizes), 0),
            people=words.number(sizes.mean(), 1),
        )

    return _of_each_run(started, of)


def effect_note(before: Weighting, after: Weighting) -> Shown:
    """What the steps between two moments of the weighting did to the weights of every source."""

    def of(source: Source, run: WeightingRun, words: Words) -> str:
        rows = run.so_far.report.table
        first = before.runs[source]
        assert first is not None
        if len(rows) == len(first.rows):
            return words("{source}: no such step.", source=words.value("source", source))
        was, now = rows.iloc[len(first.rows) - 1], rows.iloc[-1]
        return words(
            "{source}: {cases} people have weight, for {sum} in all; coefficient of variation {cv_before}, now {cv}; "
            "effective number {n_before}, now {n}.",
            source=words.value("source", source),
            cases=words.number(now["cases"], 0),
            sum=words.number(now["sum"], 0),
            cv_before=words.number(_cv(was), 2),
            cv=words.number(_cv(now), 2),
            n_before=words.number(was["effective_n"], 0),
            n=words.number(now["effective_n"], 0),
        )

    return _of_each_run(after, of)


def replicates_note(started: Weighting, weighted: WeightedSample) -> Shown:
    """How many replicates went through the steps, and how far the number of people is known by them."""

    def of(source: Source, run: WeightingRun, words: Words) -> str:
        part = weighted.replicates[weighted.replicates["source"] == source]
        totals, factor = replicate_values(part).sum(axis=0), float(part["variance_factor"].max())
        own = weighted.weights["weight"][weighted.weights["source"] == source].sum()
        return words(
            "{source}: {n} replicates; {people} people, with a standard error of {se}. Variances are multiplied by "
            "{factor}, since the answers were fitted to the totals.",
            source=words.value("source", source),
            n=words.number(len(totals), 0),
            people=words.number(own, 0),
            se=words.number(float(np.sqrt(factor * ((totals - own) ** 2).mean())), 1),
            factor=words.number(factor, 2),
        )

    return _of_each_run(started, of)


def _cv(row: pd.Series) -> float:
    """Coefficient of variation of weights: Kish's design effect is 1 + CV**2."""
    return math.sqrt(max(row["kish_deff"] - 1, 0.0))


def _of_each_run(weighting: Weighting, say: Callable[[Source, WeightingRun, Words], str]) -> Shown:
    """A sentence for every source of which the cases may be told."""
    told = {source: run for source, run in weighting.runs.items() if run is not None and _may_tell(run, weighting)}

    def said(words: Words) -> str:
        return html_paragraphs([say(source, run, words) for source, run in told.items()] or [words(TOO_FEW)])

    return show(said)


def _may_tell(run: WeightingRun, weighting: Weighting) -> bool:
    """Whether enough answered, and enough did not, for the cases of a source to be told."""
    people = run.sample
    answered = people["status"] == "respondent"
    silent = ~answered & (people["disposition"] != INELIGIBLE)
    return min(answered.sum(), silent.sum()) >= weighting.round_.disclosure.min_cell


def merged_table(weighted: WeightedSample) -> Shown:
    """How many levels were merged because too few answered; not which, for that would say where few did."""
    steps = weighted.report
    found = dict.fromkeys(
        (source, m.variable, frozenset(m.levels))
        for source, ms in zip(steps["source"], steps["merged"], strict=True)
        for m in ms
    )
    # Two steps may merge the same levels of a variable, or a later one more of them: counted once, as they end.
    parts = [
        (*where, len(levels))
        for *where, levels in found
        if not any(where == other and levels < larger for *other, larger in found)
    ]
    if not parts:
        return show(lambda words: html_paragraphs([words("Nothing had to be merged.")]))
    merged = pd.DataFrame(parts, columns=["source", "variable", "levels"])
    rows = merged.groupby(["source", "variable"], sort=False)["levels"].agg(["sum", "size"]).reset_index()

    columns = (
        written(message("Variable"), ("variable",), Words.column),
        coded(message("Source"), "source", "part"),
        count(message("Levels merged"), "sum"),
        count(message("Into groups"), "size"),
    )
    note = message("Which levels these are is not shown: it would tell where few answered.")
    return View(rows, columns, notes=(note,), title=message("Merged levels"), name="merged")


def _respondents(weighted: WeightedSample, columns: list[str], source: Source) -> pd.DataFrame:
    """Those whose answers count, with their weights and what the list says of them."""
    weights, sample = weighted.weights, weighted.sample
    counts = (weights["source"] == source) & (weights["weight"] > 0)
    answered = weights[["person_id", "base_weight", "weight"]][counts]
    people = answered.merge(sample[["person_id", *columns]][sample["source"] == source], on="person_id")
    people[columns] = people[columns].fillna(UNKNOWN_LEVEL)
    return people


def shown_balance(weighted: WeightedSample, frame: pd.DataFrame, round_: RoundParams, source: Source) -> pd.DataFrame:
    """Shares in the list, among respondents with base weights, and with final weights.

    Levels in which few answered are left out, and those from which their number would follow: a share of the
    respondents is a count as soon as the number of respondents is known. Nobody answered: an empty table.
    """
    params = round_.sources[source].weighting
    assert params is not None
    columns = params.margins or params.columns
    people = _respondents(weighted, columns, source)
    if people.empty:
        return pd.DataFrame()
    listed = eligible_list(frame, source, columns).fillna(UNKNOWN_LEVEL)
    weights = {"before": people["base_weight"].to_numpy(), "after": people["weight"].to_numpy()}
    table, kept = balance(people, listed, columns, weights), []
    for variable, part in table.groupby("variable", sort=False):
        counts = people[str(variable)].value_counts().reindex(part["level"]).fillna(0)
        kept.append(part[~small_cells(counts, round_.disclosure.min_cell).to_numpy()])
    return pd.concat(kept)


def balance_table(weighted: WeightedSample, frame: pd.DataFrame, round_: RoundParams, source: Source) -> Shown:
    """Differences from the list before and after weighting, as a Love plot and a table; the largest first."""
    table = shown_balance(weighted, frame, round_, source)
    if table.empty:
        return show(lambda words: html_paragraphs([_balance_title(source, words) + ".", words(TOO_FEW)]))
    order = table["before_std_diff"].abs().sort_values(ascending=False).index
    worst = table.loc[order].head(WORST)
    columns = (
        written(message("Group"), ("variable", "level"), _group),
        percent(message("List"), "frame"),
        percent(message("Respondents"), "before"),
        percent(message("Weighted"), "after"),
        signed(message("Difference before"), "before_std_diff", 3),
        signed(message("Difference after"), "after_std_diff", 3),
    )

    def note(words: Words) -> str:
        return words(
            "Difference: share minus share in the list, in standard deviations. The {n} largest before weighting. "
            "Groups with fewer than {least} answers, and those from which their number would follow, are left out.",
            n=WORST,
            least=round_.disclosure.min_cell,
        )

    title = partial(_balance_title, source)
    drawn = chart(
        intervals,
        _love_rows(worst),
        f"chart-balance-{source}",
        title,
        decimals=3,
        x_label=in_words(message("Standardised difference from the list")),
        reference=(0.0, ""),
    )
    return View(worst, columns, drawn, (note,), title, name=f"balance-{source}")


def _love_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The differences before and after weighting, group by group."""
    groups = zip(table["variable"], table["level"], strict=True)
    labels = [phrase(partial(_group, variable=variable, level=level)) for variable, level in groups]
    parts = {"before_std_diff": message("before weighting"), "after_std_diff": message("after weighting")}
    return pd.concat(
        pd.DataFrame({"label": labels, "series": in_words(text), "estimate": table[name].to_numpy()})
        for name, text in parts.items()
    ).assign(ci_low=math.nan, ci_high=math.nan)


def _group(words: Words, variable: str, level: str) -> str:
    return f"{words.column(variable)}: {words.value(variable, level)}"


def _balance_title(source: Source, words: Words) -> str:
    return words("Balance: {source}", source=words.value("source", source))


def weight_chart(weighted: WeightedSample, source: Source) -> Shown:
    """How the final weights are spread."""
    weights = weighted.weights
    values = weights.loc[(weights["source"] == source) & (weights["weight"] > 0), "weight"]
    if values.empty:
        return show(lambda words: html_paragraphs([words("Nobody has answered yet.")]))

    def title(words: Words) -> str:
        return words("Final weights: {source}", source=words.value("source", source))

    data, people, answers = counted(values), message("People per answer"), message("Number of answers")
    named = {"x_label": in_words(people), "y_label": in_words(answers)}
    drawn = chart(spread, data, f"chart-weights-{source}", title, decimals=0, **named)
    columns = interval(people, "low", "high"), count(answers, "estimate")
    return View(data, columns, drawn, title=title, name=f"weights-{source}", with_table=False)


def of_each_source(round_: RoundParams, make: Callable[[Source], Shown]) -> Shown:
    """What there is to show of every source that is drawn at random, one below the other."""
    return Together(tuple(make(source) for source in round_.populations))


def response_charts(people: pd.DataFrame, round_: RoundParams) -> Shown:
    """Response of every source, by the last of its weighting classes."""

    def of(source: Source) -> Shown:
        weighting = round_.sources[source].weighting
        assert weighting is not None
        return response_chart(people, round_, source, (weighting.classes or weighting.columns)[-1])

    return of_each_source(round_, of)


def balance_tables(weighted: WeightedSample, frame: pd.DataFrame, round_: RoundParams) -> Shown:
    """List and answers of every source, before and after weighting."""
    return of_each_source(round_, lambda source: balance_table(weighted, frame, round_, source))


def weight_charts(weighted: WeightedSample, round_: RoundParams) -> Shown:
    """Weights of every source."""
    return of_each_source(round_, lambda source: weight_chart(weighted, source))


def response_chart(sample: pd.DataFrame, round_: RoundParams, source: Source, by: str) -> Shown:
    """Response by group, with Wilson intervals; groups of which too few, or nearly all, answered are only named.

    What may be shown is judged by answers, not by invitations: a rate and the number invited give the answers.
    """
    people = sample[["base_weight", "disposition", by]][sample["source"] == source]
    answered = people["disposition"].isin(round_.dispositions.respondents)
    groups = answered.groupby(people[by]).agg(["size", "sum"])
    least = round_.disclosure.min_cell
    hidden = hidden_rates(groups["sum"], groups["size"] - groups["sum"], least)
    drawn = _response_rates(people.assign(answered=answered), by, groups.index[~hidden], round_.level)

    def title(words: Words) -> str:
        group, name = words.column(by).lower(), words.value("source", source)
        return words("Response by {group}: {source}", group=group, source=name)

    note = partial(_not_shown, by, list(groups.index[hidden]), least)
    if drawn.empty:
        few = message("There are too few answers to show any rate.")
        return show(lambda words: html_paragraphs([f"{title(words)}.", words(few), note(words)]))
    columns = (
        coded(lambda words: words.column(by), by, by),
        estimate(message("Percent who answered"), "estimate", "ci_low", "ci_high", 1),
    )
    picture = chart(
        intervals,
        drawn.assign(label=phrases(lambda words: [words.value(by, level) for level in drawn[by]])),
        f"chart-response-{source}-{by}",
        title,
        decimals=1,
        unit="%",
        x_label=in_words(message("Percent who answered")),
    )
    view = View(drawn, columns, picture, title=title, name=f"response-{source}-{by}", with_table=False)
    return view + show(lambda words: html_paragraphs([note(words)] if hidden.any() else [], "hidden-figures"))


def _not_shown(by: str, levels: Sequence[str], least: int, words: Words) -> str:
    """Which groups have no rate."""
    names = sorted(words.value(by, level) for level in levels)
    return words(
        "Not shown ({n}), since fewer than {least} people answered, or fewer than {least} did not, or since another "
        "hidden figure could be worked out with its help: {names}.",
        n=len(names),
        least=least,
        names=words.listed(names),
    )


def _response_rates(people: pd.DataFrame, by: str, shown: pd.Index, level: float) -> pd.DataFrame:
    """Rates in percent of the groups that may be shown, lowest first."""
    inside = people[people[by].isin(shown)]
    if inside.empty:
        return pd.DataFrame(columns=[by, "estimate", "ci_low", "ci_high"])
    design = SurveyDesign(inside.assign(answered=inside["answered"].map({True: "yes", False: "no"})), "base_weight")
    shares = estimate_proportion(design, "answered", by=by, level=level, interval="wilson", cap_effective_n=True).table
    shares = shares[shares["category"] == "yes"].sort_values("estimate")
    return shares.assign(**{c: 100 * shares[c] for c in ("estimate", "ci_low", "ci_high")})


# How evenly people answered: R-indicator, coefficient of variation, and which variables they come from.

Found = Mapping[Source, Representativity | None]


def representativity_table(found: Found, round_: RoundParams) -> Shown:
    """The R-indicator and the coefficient of variation of the propensities to answer, a row per source."""
    rows = [_representativity_row(source, one, round_) for source, one in found.items() if one is not None]
    if not rows:
        return _none_told(found, round_)
    columns = (
        coded(message("Source"), "source", "part"),
        percent(message("Response"), "response"),
        estimate(message("R-indicator"), "r", "r_low", "r_high", 2),
        estimate(message("CV of the propensities"), "cv", "cv_low", "cv_high", 2),
    )

    def note(words: Words) -> str:
        least = min(row["response"] for row in rows)
        return words(
            "R is 1 where all are equally likely to answer. The lower the response rate, the closer R stays to 1: at "
            "a rate of {rate} it would be {r} even if half of the people answered twice as often as the other half. "
            "So read the CV: in that case it would be {cv}, whatever the response rate. Where answering depends on "
            "the list alone, the nonresponse bias of a mean is at most CV standard deviations of the answers.",
            rate=words.percent(least, 1),
            r=words.number(1 - 2 * TWICE_AS_OFTEN * least, 2),
            cv=words.number(TWICE_AS_OFTEN, 2),
        )

    title = message("How evenly people answered")
    view = View(pd.DataFrame(rows), columns, notes=(note,), title=title, name="representativity")
    return view + _none_told({s: one for s, one in found.items() if one is None}, round_)


def _representativity_row(source: Source, one: Representativity, round_: RoundParams) -> dict[str, Any]:
    """Both measures without the bias of small samples, with their intervals."""
    r, limits = one.found, []
    for value, se, low, high in ((r.value, r.se, -1.0, 1.0), (r.cv_adjusted, r.cv_se, 0.0, math.inf)):
        ends = t_interval(np.array([value]), np.array([se]), np.array([math.inf]), round_.level)
        limits.append([float(min(max(end[0], low), high)) for end in ends])
    return {
        "source": source, "response": r.response_rate, "r": r.value, "r_low": limits[0][0], "r_high": limits[0][1],
        "cv": r.cv_adjusted, "cv_low": limits[1][0], "cv_high": limits[1][1],
    }  # fmt: skip


def partials_table(found: Found, round_: RoundParams) -> Shown:
    """The part of every variable in the coefficient of variation; the largest first."""
    parts = [
        one.found.partials.assign(source=source, rate=one.found.response_rate)
        for source, one in found.items()
        if one is not None
    ]
    if not parts:
        return _none_told(found, round_)
    table = pd.concat(parts, ignore_index=True)
    rows = pd.DataFrame(
        {
            "variable": table["variable"],
            "source": table["source"],
            "between": table["unconditional"] / table["rate"],
            "within": table["conditional"] / table["rate"],
        }
    ).sort_values(["source", "between"], ascending=[False, False], ignore_index=True)
    columns = (
        written(message("Variable"), ("variable",), Words.column),
        coded(message("Source"), "source", "part"),
        number(message("CV between its groups"), "between", 2),
        number(message("CV within groups alike in all else"), "within", 2),
    )

    def note(words: Words) -> str:
        return words(
            "The first CV is unconditional (this variable alone); the second is conditional (what the variable adds "
            "to the others). Groups in which fewer than {least} people answered, or fewer than {least} did not, are "
            "taken together with others.",
            least=round_.disclosure.min_cell,
        )

    return View(rows, columns, notes=(note,), title=message("Where the differences lie"), name="partials")


def response_model_tables(found: Found, round_: RoundParams) -> Shown:
    """Odds to answer against those of the largest group, all else alike: a table per source, the clearest first."""
    told = {source: one for source, one in found.items() if one is not None}
    tables = [_odds_table(source, response_model(one, round_.level), one) for source, one in told.items()]
    return Together((*tables, _none_told({s: one for s, one in found.items() if one is None}, round_)))


def _odds_table(source: Source, model: Estimate, one: Representativity) -> Shown:
    def title(words: Words) -> str:
        return words("Who answered, all else alike: {source}", source=words.value("source", source))

    return odds_table(model, one.levels, message("Odds ratio of answering"), title, f"response-model-{source}")


def odds_table(model: Estimate, levels: pd.DataFrame, heading: str, title: Callable[[Words], str], name: str) -> Shown:
    """Odds ratios of a model with their intervals, the clearest first.

    Parameters
    ----------
    model : log odds ratios against the most frequent level of each column (``variable``, ``category``)
    levels : DataFrame (m, ...)   what the list tells of the people in the model
    """
    limits = ["estimate", "ci_low", "ci_high"]
    table = model.table.assign(t=(model.table["estimate"] / model.table["se"]).abs())
    rows = table.sort_values("t", ascending=False).assign(**np.exp(table[limits]))
    columns = (
        written(message("Group"), ("variable", "category"), _merged_group),
        estimate(heading, *limits, 2),
    )
    compared = [(str(variable), values.mode()[0]) for variable, values in levels.items()]

    def note(words: Words) -> str:
        return words(
            "Compared with: {groups}. The {n} clearest on the page, all in the files.",
            groups=words.listed(_merged_group(words, *pair) for pair in compared),
            n=WORST,
        )

    return View(rows, columns, notes=(note,), title=title, name=name, most=WORST)


def _merged_group(words: Words, variable: str, category: str) -> str:
    """A level, or several that were taken together, which are called by the largest and the number of the others."""
    level, mark, others = category.partition(" (+")
    return _group(words, variable, level) + mark + others


def _none_told(found: Found, round_: RoundParams) -> Shown:
    """Which sources are too small, or answered too seldom, for any of this."""

    def said(words: Words) -> str:
        names = words.listed(words.value("source", source) for source in found)
        text = message(
            "Too few answered, or too few did not, to tell groups of at least {least} of both apart: {sources}."
        )
        return html_paragraphs([words(text, sources=names, least=round_.disclosure.min_cell)] if found else [])

    return show(said)
