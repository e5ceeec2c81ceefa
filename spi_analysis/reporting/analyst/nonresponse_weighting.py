"""Notebook 30: what every weighting step did, and whether it mended what it should."""

from __future__ import annotations

import pandas as pd

from spi_analysis.columns import LABELS
from spi_analysis.disclosure import hidden_rates, small_cells
from spi_analysis.params import RoundParams, Source
from spi_analysis.reporting import (
    Shown,
    Words,
    chart,
    figures,
    html_paragraphs,
    html_table,
    intervals,
    message,
    phrase,
    phrases,
    show,
    spread,
    text,
)
from spi_analysis.stages import WeightedSample, nonrespondent_count
from spi_analysis.survey import UNKNOWN_LEVEL
from spi_analysis.survey.estimation import SurveyDesign, estimate_proportion
from spi_analysis.survey.weighting import balance
from spi_analysis.tables import eligible_list

WORST = 15
TOO_FEW = message("There are no answers, or too few, to compare with the list.")


def steps_table(weighted: WeightedSample, round_: RoundParams) -> Shown:
    """Sum, design effect and range of the weights after every step; a source without answers has no weights.

    Only of sources whose cases may be told: not of a panel, whose answers all count the same, nor of a source in which
    few answered or few did not.
    """
    weights, report = weighted.weights, weighted.report
    empty = list(dict.fromkeys(report.loc[report["cases"] == 0, "source"]))
    told = [source for source in round_.probability_sources if not _tells(weights, source, round_)]
    report = report[report["source"].isin(told) & (report["cases"] > 0)]
    ranges = list(zip(report["smallest"], report["largest"], strict=True))
    if report.empty and not empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))

    def make(words: Words) -> str:
        columns = [
            text(words("Weight after the step"), (variable_label(words, column) for column in report["column"])),
            text(words("Source"), (words.value("part", s) for s in report["source"])),
            figures(words("Cases"), (words.number(n, 0) for n in report["cases"])),
            figures(words("Sum (people)"), (words.number(total, 1) for total in report["sum"])),
            figures(words("Kish design effect"), (words.number(d, 3) for d in report["kish_deff"])),
            figures(words("Effective answers"), (words.number(n, 0) for n in report["effective_n"])),
            figures(words("Smallest to largest"), (words.interval(low, high) for low, high in ranges)),
        ]
        names = words.listed(words.value("source", source) for source in empty)
        said = [words("Nobody has answered yet, so there are no weights: {sources}.", sources=names)] if empty else []
        note = words(
            "Left out: a panel, whose answers all count the same, and a source of which fewer than {least} people "
            "answered or fewer than {least} did not.",
            least=round_.disclosure.min_cell,
        )
        table = html_table(columns, "table-steps", words("The weighting, step by step"), note=note, words=words)
        return (table if len(report) else "") + html_paragraphs(said)

    return show(make)


def _tells(weights: pd.DataFrame, source: Source, round_: RoundParams) -> bool:
    """Whether the cases of a source would tell of few answers, or of few nonrespondents."""
    answered = int(((weights["source"] == source) & (weights["weight"] > 0)).sum())
    return min(answered, nonrespondent_count(weights, source)) < round_.disclosure.min_cell


def merged_table(weighted: WeightedSample) -> Shown:
    """How many levels were merged because too few answered; not which, for that would say where few did."""
    steps = weighted.report[weighted.report["column"] == "cal_weight"]
    parts = [
        (source, m.variable, len(m.levels))
        for source, ms in zip(steps["source"], steps["merged"], strict=True)
        for m in ms
    ]
    if not parts:
        return show(lambda words: html_paragraphs([words("Nothing had to be merged.")]))
    merged = pd.DataFrame(parts, columns=["source", "variable", "levels"])
    rows = merged.groupby(["source", "variable"], sort=False)["levels"].agg(["sum", "size"]).reset_index()

    def make(words: Words) -> str:
        columns = [
            text(words("Variable"), (variable_label(words, name) for name in rows["variable"])),
            text(words("Source"), (words.value("part", source) for source in rows["source"])),
            figures(words("Levels merged"), (words.number(n, 0) for n in rows["sum"])),
            figures(words("Into groups"), (words.number(n, 0) for n in rows["size"])),
        ]
        note = words("Which levels these are is not shown: it would tell where few answered.")
        return html_table(columns, "table-merged", words("Merged levels"), note=note, words=words)

    return show(make)


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
    columns = params.rake.margins
    people = _respondents(weighted, columns, source)
    if people.empty:
        return pd.DataFrame()
    listed = eligible_list(frame, source)[columns].fillna(UNKNOWN_LEVEL)
    weights = {"before": people["base_weight"].to_numpy(), "after": people["weight"].to_numpy()}
    table, kept = balance(people, listed, columns, weights), []
    for variable, part in table.groupby("variable", sort=False):
        counts = people[str(variable)].value_counts().reindex(part["level"]).fillna(0)
        kept.append(part[~small_cells(counts, round_.disclosure.min_cell).to_numpy()])
    return pd.concat(kept)


def balance_table(weighted: WeightedSample, frame: pd.DataFrame, round_: RoundParams, source: Source) -> Shown:
    """Differences from the list before and after weighting; the largest first."""
    table = shown_balance(weighted, frame, round_, source)
    if table.empty:
        return show(lambda words: html_paragraphs([_balance_title(source, words) + ".", words(TOO_FEW)]))
    order = table["before_std_diff"].abs().sort_values(ascending=False).index
    worst = table.loc[order].head(WORST)
    groups = list(zip(worst["variable"], worst["level"], strict=True))

    def make(words: Words) -> str:
        columns = [
            text(words("Group"), (f"{variable_label(words, v)}: {words.value(v, level)}" for v, level in groups)),
            figures(words("List"), (words.percent(x) for x in worst["frame"])),
            figures(words("Respondents"), (words.percent(x) for x in worst["before"])),
            figures(words("Weighted"), (words.percent(x) for x in worst["after"])),
            figures(words("Difference before"), (words.signed(x, 3) for x in worst["before_std_diff"])),
            figures(words("Difference after"), (words.signed(x, 3) for x in worst["after_std_diff"])),
        ]
        note = words(
            "Difference: share minus share in the list, in standard deviations. The {n} largest before weighting. "
            "Groups with fewer than {least} answers, and those from which their number would follow, are left out.",
            n=WORST,
            least=round_.disclosure.min_cell,
        )
        title = _balance_title(source, words)
        return html_table(columns, f"table-balance-{source}", title, note=note, words=words)

    return show(make)


def _balance_title(source: Source, words: Words) -> str:
    return words("Balance: {source}", source=words.value("source", source))


def weight_chart(weighted: WeightedSample, source: Source) -> Shown:
    """How the final weights are spread."""
    weights = weighted.weights
    values = weights.loc[(weights["source"] == source) & (weights["weight"] > 0), "weight"]
    if values.empty:
        return show(lambda words: html_paragraphs([words("Nobody has answered yet.")]))

    drawn = chart(
        spread,
        values.to_frame("estimate"),
        f"chart-weights-{source}",
        lambda words: words("Final weights: {source}", source=words.value("source", source)),
        x_label=phrase(lambda words: words("People per answer")),
        y_label=phrase(lambda words: words("Number of answers")),
    )
    return show(drawn.html)


def response_chart(weighted: WeightedSample, round_: RoundParams, source: Source, by: str) -> Shown:
    """Response by group, with Wilson intervals; groups of which too few, or nearly all, answered are only named.

    What may be shown is judged by answers, not by invitations: a rate and the number invited give the answers.
    """
    sample = weighted.sample
    people = sample[["base_weight", "disposition", by]][sample["source"] == source]
    answered = people["disposition"].isin(round_.dispositions.respondents)
    groups = answered.groupby(people[by]).agg(["size", "sum"])
    least = round_.disclosure.min_cell
    hidden = hidden_rates(groups["sum"], groups["size"] - groups["sum"], least)
    drawn = _response_rates(people.assign(answered=answered), by, groups.index[~hidden], round_.level)

    def title(words: Words) -> str:
        group = variable_label(words, by).lower()
        return words("Response by {group}: {source}", group=group, source=words.value("source", source))

    picture = chart(
        intervals,
        drawn.assign(label=phrases(lambda words: [words.value(by, level) for level in drawn[by]])),
        f"chart-response-{source}-{by}",
        title,
        decimals=1,
        unit="%",
        x_label=phrase(lambda words: words("Percent who answered")),
    )

    def make(words: Words) -> str:
        names = sorted(words.value(by, level) for level in groups.index[hidden])
        note = words(
            "Not shown ({n}), since fewer than {least} people answered, or fewer than {least} did not, or since "
            "another hidden figure could be worked out with its help: {names}.",
            n=len(names),
            least=least,
            names=words.listed(names),
        )
        if drawn.empty:
            return html_paragraphs([f"{title(words)}.", words("There are too few answers to show any rate."), note])
        return picture.html(words) + html_paragraphs([note] if names else [], "hidden-figures")

    return show(make)


def _response_rates(people: pd.DataFrame, by: str, shown: pd.Index, level: float) -> pd.DataFrame:
    """Rates in percent of the groups that may be shown, lowest first."""
    inside = people[people[by].isin(shown)]
    if inside.empty:
        return pd.DataFrame(columns=[by, "estimate", "ci_low", "ci_high"])
    design = SurveyDesign(inside.assign(answered=inside["answered"].map({True: "yes", False: "no"})), "base_weight")
    shares = estimate_proportion(design, "answered", by=by, level=level, interval="wilson", cap_effective_n=True).table
    shares = shares[shares["category"] == "yes"].sort_values("estimate")
    return shares.assign(**{c: 100 * shares[c] for c in ("estimate", "ci_low", "ci_high")})


def variable_label(words: Words, name: str) -> str:
    """Human words for a column."""
    label = LABELS[name]
    return label.id if words.language == "id" else label.en
