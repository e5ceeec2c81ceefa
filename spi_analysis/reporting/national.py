"""The national overview: this round's institutions, and the published years recomputed."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting.charts import composition_chart, histogram_chart, line_chart
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.tables import figures, html_links, html_paragraphs, html_table, text
from spi_analysis.reporting.wording import MISSING, Words
from spi_analysis.scores import movers, published_bridge
from spi_analysis.stages.overview import Overview, agreement, disagreements
from spi_analysis.stages.report import RoundResult

MOST = 10


def round_table(results: list[RoundResult], setup: RoundSetup) -> Shown:
    """The institutions of this round, each with a link to its report."""

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), (r.institution.name for r in results)),
            figures(words("Index"), (words.number(r.index) for r in results)),
            figures(words("Interval"), (words.interval(r.ci_low, r.ci_high) for r in results)),
            text(words("Category"), (_category(r, setup, words) for r in results)),
            figures(words("Answers (n)"), (words.number(r.n, 0) for r in results)),
        ]
        note = words("In the order of the roster. Where intervals overlap, no order of two institutions is settled.")
        links = [(r.institution.name, f"{r.institution.institution_id}/report.{words.language}.html") for r in results]
        table = html_table(columns, "table-round", words("This round"), note=note, words=words)
        return table + html_links(links, words("Reports"))

    return show(make)


def agreement_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Per year, how many published indices follow from their parts."""
    table = agreement(overview, setup)

    def make(words: Words) -> str:
        columns = [
            text(words("Year"), table["year"].astype(str)),
            figures(words("Institutions"), (words.number(n, 0) for n in table["n"])),
            figures(words("Agree within {x}", x=words.number(setup.years.tolerance)), map(str, table["agree"])),
            figures(words("Largest difference"), (words.number(x) for x in table["largest"])),
        ]
        note = words("An extra deduction of 2022 was never explained by its owner: it is shown, not forced away.")
        return html_table(columns, "table-agreement", words("Index recomputed from its parts"), note=note, words=words)

    return show(make)


def disagreement_table(overview: Overview) -> Shown:
    """Published indices that do not follow from their parts, the largest difference first."""
    rows = disagreements(overview)
    worst = rows.head(MOST)
    if rows.empty:
        return show(lambda words: html_paragraphs([words("Every published index follows from its parts.")]))

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), worst["institution_id"]),
            text(words("Year"), worst["year"].astype(str)),
            figures(words("Published"), (words.number(x) for x in worst["index"])),
            figures(words("Recomputed"), (words.number(x) for x in worst["recomputed"])),
            figures(words("Difference"), (words.signed(x) for x in worst["difference"])),
        ]
        note = words("{shown} of {all}; the others are in the CSV.", shown=len(worst), all=len(rows))
        title = words("Published index and parts disagree")
        csv = "tables/disagreements.csv"
        return html_table(columns, "table-disagreements", title, note=note, csv=csv, words=words)

    return show(make)


def means_table(overview: Overview) -> Shown:
    """Plain means beside the official national index."""
    table = overview.means

    def make(words: Words) -> str:
        verdict = {True: words("rounding"), False: words("unexplained")}
        columns = [
            text(words("Year"), table["year"].astype(str)),
            figures(words("Institutions"), (words.number(n, 0) for n in table["n"])),
            figures(words("Plain mean"), (words.number(x, 3) for x in table["plain_mean"])),
            figures(words("Official"), (words.number(x) for x in table["official"])),
            figures(words("Gap"), (words.signed(x, 3) for x in table["gap"])),
            text(words("The gap is"), (verdict.get(x, MISSING) for x in table["explained"])),
        ]
        note = words(
            "The national index is the plain mean over all institutions; with only a few of them here no gap is "
            "given. A gap beyond rounding is shown as it is."
        )
        return html_table(columns, "table-means", words("National index"), note=note, words=words)

    return show(make)


def types_chart(overview: Overview) -> Shown:
    """Mean index by type over the years."""
    table = overview.types.pivot(index="year", columns="type", values="mean")

    def make(words: Words) -> str:
        drawn = table.rename(columns=lambda t: words.value("type", t))
        title = words("Mean index by type of institution")
        return line_chart(
            drawn, "chart-types", title, words=words, x_label=words("Year"), y_label=words("Index"), from_zero=False
        )

    return show(make)


def categories_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Institutions by category and year."""
    table = overview.categories

    def make(words: Words) -> str:
        levels = setup.round.categories.levels
        columns = [
            text(words("Year"), table.index.astype(str)),
            *(figures(words.pick(level.label), (words.number(n, 0) for n in table[level.code])) for level in levels),
        ]
        note = words("By the thresholds of this round: {source}.", source=words.pick(setup.round.categories.cite))
        return html_table(columns, "table-categories", words("Institutions by category"), note=note, words=words)

    return show(make)


def distribution_chart(overview: Overview) -> Shown:
    """How the indices of the latest published year are spread."""
    year = overview.years[-1]
    rows = overview.published
    values = rows.loc[(rows["year"] == year) & (rows["type"] != "nasional"), "index"]

    def make(words: Words) -> str:
        title = words("Published indices of {year}", year=year)
        return histogram_chart(values, "chart-distribution", title, words=words, x_label=words("Index"))

    return show(make)


def movers_table(overview: Overview) -> Shown:
    """The largest published moves between the last two years."""
    if len(overview.years) < 2:
        return show(lambda words: html_paragraphs([words("There is only one published year.")]))
    before, after = overview.years[-2:]
    table = movers(overview.published, before, after, MOST // 2)

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), table["institution"].str.title()),
            figures(str(before), (words.number(x) for x in table["before"])),
            figures(str(after), (words.number(x) for x in table["after"])),
            figures(words("Change"), (words.signed(x) for x in table["change"])),
        ]
        note = words("Published figures carry no interval: a large move is not a proven one.")
        return html_table(columns, "table-movers", words("Largest moves"), note=note, words=words)

    return show(make)


def bridge_view(overview: Overview, setup: RoundSetup, institution_id: str) -> Shown:
    """What an institution's published change between the last two years with parts is made of."""
    rows = overview.published[overview.published["institution_id"] == institution_id].dropna(subset=["internal"])
    years = sorted(int(year) for year in rows["year"])[-2:]
    if len(years) < 2:
        return show(
            lambda words: html_paragraphs(
                [words("The parts of two years are not known here; import the published results to see this.")]
            )
        )
    parts = published_bridge(overview.published, institution_id, years[0], years[1], setup.years)

    def make(words: Words) -> str:
        drawn = pd.DataFrame({"label": [words.value("part", p) for p in parts["part"]], "points": parts["points"]})
        title = words(
            "{name}: from {before} to {after}", name=setup.roster[institution_id].name, before=years[0], after=years[1]
        )
        total = float(parts["points"].sum())
        return composition_chart(drawn, total, "chart-bridge", title, words=words,
                                 total_label=words("Change of the index"), x_label=words("Points"))  # fmt: skip

    return show(make)


def unjoined_table(overview: Overview) -> Shown:
    """Institutions that are not there in every year."""
    table = overview.unjoined
    if table.empty:
        return show(lambda words: html_paragraphs([words("Every institution is there in every year.")]))

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), table["institution_id"]),
            text(words("Years"), table["years"]),
            text(words("Missing"), table["missing_years"]),
            text(words("Nearest name"), table["nearest"]),
        ]
        note = words("A nearest name is a suggestion only; a renaming on record belongs into params/aliases.yaml.")
        return html_table(columns, "table-unjoined", words("Not in every year"), note=note, words=words)

    return show(make)


def _category(result: RoundResult, setup: RoundSetup, words: Words) -> str:
    labels = {level.code: level.label for level in setup.round.categories.levels}
    return words.pick(labels[result.category]) if result.category else words.value("status", result.status)
