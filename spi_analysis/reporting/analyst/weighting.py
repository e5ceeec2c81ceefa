"""Notebook 30: what every weighting step did, and whether it mended what it should."""

from __future__ import annotations

import pandas as pd

from spi_analysis.columns import LABELS
from spi_analysis.disclosure.suppression import small_cells
from spi_analysis.estimation import SurveyDesign, estimate_proportion
from spi_analysis.params import RoundParams, Source
from spi_analysis.reporting.charts import histogram_chart, interval_chart
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.tables import figures, html_paragraphs, html_table, text
from spi_analysis.reporting.wording import Words
from spi_analysis.stages.draw import eligible_list
from spi_analysis.stages.weigh import UNKNOWN_LEVEL, WeightedSample
from spi_analysis.weighting import balance

WORST = 15


def steps_table(weighted: WeightedSample) -> Shown:
    """Sum, design effect and range of the weights after every step."""
    report = weighted.report
    ranges = list(zip(report["smallest"], report["largest"], strict=True))

    def make(words: Words) -> str:
        columns = [
            text(words("Weight after the step"), report["column"]),
            text(words("Source"), (words.value("part", s) for s in report["source"])),
            figures(words("Cases"), (words.number(n, 0) for n in report["cases"])),
            figures(words("Sum (people)"), (words.number(total, 1) for total in report["sum"])),
            figures(words("Kish design effect"), (words.number(d, 3) for d in report["kish_deff"])),
            figures(words("Effective answers"), (words.number(n, 0) for n in report["effective_n"])),
            figures(words("Smallest to largest"), (words.interval(low, high) for low, high in ranges)),
        ]
        return html_table(columns, "table-steps", words("The weighting, step by step"), words=words)

    return show(make)


def merged_table(weighted: WeightedSample) -> Shown:
    """How many levels were merged because too few answered; not which, for that would say where few did."""
    steps = weighted.report[weighted.report["column"] == "cal_weight"]
    rows = [(source, part) for source, parts in zip(steps["source"], steps["merged"], strict=True) for part in parts]

    def make(words: Words) -> str:
        columns = [
            text(words("Variable"), (variable_label(words, part.variable) for _, part in rows)),
            text(words("Source"), (words.value("part", source) for source, _ in rows)),
            figures(words("Levels merged into one"), (words.number(len(part.levels), 0) for _, part in rows)),
        ]
        note = words("Which levels these are is not shown: it would tell where few answered.")
        return html_table(columns, "table-merged", words("Merged levels"), note=note, words=words)

    return show(make)


def _respondents(weighted: WeightedSample, columns: list[str], source: Source) -> pd.DataFrame:
    """Those whose answers count, with their weights and what the list says of them."""
    answered = weighted.weights[(weighted.weights["source"] == source) & (weighted.weights["weight"] > 0)]
    people = answered.merge(weighted.sample[["source", "person_id", *columns]], on=["source", "person_id"])
    people[columns] = people[columns].fillna(UNKNOWN_LEVEL)
    return people


def balance_of(weighted: WeightedSample, frame: pd.DataFrame, round_: RoundParams, source: Source) -> pd.DataFrame:
    """Shares in the list, among respondents with base weights, and with final weights."""
    params = round_.sources[source].weighting
    assert params is not None
    columns = params.rake.margins
    people = _respondents(weighted, columns, source)
    listed = eligible_list(frame, source)[columns].fillna(UNKNOWN_LEVEL)
    weights = {"before": people["base_weight"].to_numpy(), "after": people["weight"].to_numpy()}
    return balance(people, listed, columns, weights)


def shown_balance(weighted: WeightedSample, frame: pd.DataFrame, round_: RoundParams, source: Source) -> pd.DataFrame:
    """The balance without levels in which few answered, and without those from which their number would follow.

    A share of the respondents is a count as soon as the number of respondents is known.
    """
    table = balance_of(weighted, frame, round_, source)
    people = _respondents(weighted, list(table["variable"].unique()), source)
    kept = []
    for variable, part in table.groupby("variable", sort=False):
        counts = people[str(variable)].value_counts().reindex(part["level"]).fillna(0)
        kept.append(part[~small_cells(counts, round_.disclosure.min_cell).to_numpy()])
    return pd.concat(kept)


def balance_table(weighted: WeightedSample, frame: pd.DataFrame, round_: RoundParams, source: Source) -> Shown:
    """Differences from the list before and after weighting; the largest first."""
    table = shown_balance(weighted, frame, round_, source)
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
        title = words("Balance: {source}", source=words.value("source", source))
        note = words(
            "Difference: share minus share in the list, in standard deviations. The {n} largest before weighting. "
            "Groups with fewer than {least} answers, and those from which their number would follow, are left out.",
            n=WORST,
            least=round_.disclosure.min_cell,
        )
        return html_table(columns, f"table-balance-{source}", title, note=note, words=words)

    return show(make)


def weight_chart(weighted: WeightedSample, source: Source) -> Shown:
    """How the final weights are spread."""
    weights = weighted.weights
    values = weights.loc[(weights["source"] == source) & (weights["weight"] > 0), "weight"]

    def make(words: Words) -> str:
        title = words("Final weights: {source}", source=words.value("source", source))
        return histogram_chart(
            values, f"chart-weights-{source}", title, words=words, x_label=words("People per answer")
        )

    return show(make)


def response_chart(weighted: WeightedSample, round_: RoundParams, source: Source, by: str) -> Shown:
    """Response by group, with Wilson intervals; groups in which few answered, or all but a few, are left out."""
    people = weighted.sample[weighted.sample["source"] == source]
    answered = people["disposition"].isin(round_.dispositions.respondents)
    counts = answered.groupby(people[by]).agg(["sum", "size"])
    least = round_.disclosure.min_cell
    hidden = small_cells(counts["sum"], least) | small_cells(counts["size"] - counts["sum"], least)
    large = people[by].isin(hidden.index[~hidden])
    if not large.any():
        return show(lambda words: html_paragraphs([words("Too few answered in every group to show them.")]))
    design = SurveyDesign(people[large].assign(answered=answered[large].map({True: "yes", False: "no"})), "base_weight")
    shares = estimate_proportion(design, "answered", by=by, level=round_.level, interval="wilson").table
    shares = shares[shares["category"] == "yes"].sort_values("estimate")
    drawn = shares.assign(**{c: 100 * shares[c] for c in ("estimate", "ci_low", "ci_high")})

    def make(words: Words) -> str:
        rows = drawn.assign(label=[words.value(by, level) for level in drawn[by]])
        title = words(
            "Response by {group}: {source}",
            group=variable_label(words, by).lower(),
            source=words.value("source", source),
        )
        chart = f"chart-response-{source}-{by}"
        return interval_chart(rows, chart, title, words=words, x_label=words("Percent who answered"))

    return show(make)


def variable_label(words: Words, name: str) -> str:
    """Human words for a column."""
    label = LABELS[name]
    return label.id if words.language == "id" else label.en
