"""The published years: recomputed, compared, their largest changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import (
    MISSING,
    Shown,
    Words,
    category_limits,
    chart,
    composition,
    figures,
    html_paragraphs,
    html_table,
    institution_names,
    lines,
    message,
    phrase,
    phrases,
    readable,
    series_of,
    show,
    spread,
    text,
)
from spi_analysis.scores import corrections_by_year, movers, published_bridge
from spi_analysis.stages import Overview, agreement, disagreements

MOST = 10
SPREAD = {message("Lowest"): "lowest", message("Mean"): "mean", message("Highest"): "highest"}


def agreement_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Per year, how many published indices follow from their parts."""
    table = agreement(overview, setup)
    if table.empty:
        return show(lambda words: html_paragraphs([words("No published year here carries its parts.")]))

    def make(words: Words) -> str:
        columns = [
            text(words("Year"), table["year"].astype(str)),
            figures(words("Institutions"), (words.number(n, 0) for n in table["n"])),
            figures(words("Agree within {x}", x=words.number(setup.years.tolerance)), map(str, table["agree"])),
            figures(words("Largest difference"), (words.number(x) for x in table["largest"])),
        ]
        note = _source(setup, words)
        known = setup.years.years
        if years := [str(y) for y in table["year"] if int(y) in known and known[int(y)].other_correction]:
            extra = words(
                "In {years} some institutions carry a third correction that the commission did not name: it is shown, "
                "not forced away.",
                years=", ".join(years),
            )
            note = f"{extra} {note}"
        return html_table(columns, "table-agreement", words("Index recomputed from its parts"), note=note, words=words)

    return show(make)


def corrections_table(overview: Overview, setup: RoundSetup) -> Shown:
    """How much was taken off in every year, beside the commission's own figures where there are any."""
    table = corrections_by_year(overview.published, setup.years)
    official = {year: known.official_correction for year, known in setup.years.years.items()}
    if table.empty:
        return show(lambda words: "")

    def make(words: Words) -> str:
        columns = [
            text(words("Year"), table["year"].astype(str)),
            figures(words("Institutions"), (words.number(n, 0) for n in table["n"])),
            *(figures(words(name), (words.number(x) for x in table[key])) for name, key in SPREAD.items()),
            figures(words("With the third correction"), (words.number(n, 0) for n in table["n_other"].astype(float))),
        ]
        said = [_official_sentence(int(y), official[int(y)], words) for y in table["year"] if official.get(int(y))]
        note = words(
            "Weighted scores minus the published index, in points. A dash: all of a year's corrections were named."
        )
        title = words("Corrections in all")
        return html_table(columns, "table-corrections", title, note=" ".join([note, *said]), words=words)

    return show(make)


def _official_sentence(year: int, official: Any, words: Words) -> str:
    return words(
        "KPK's own figures for {year}: {lowest} / {mean} / {highest} ({source}).",
        year=year,
        lowest=words.number(official.total.lowest),
        mean=words.number(official.total.mean),
        highest=words.number(official.total.highest),
        source=words.pick(official.cite),
    )


def disagreement_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Published indices that do not follow from their parts, the largest difference first."""
    names = institution_names(overview.published, setup.roster)
    rows = disagreements(overview)
    worst = rows.head(MOST)
    if rows.empty:
        return show(lambda words: html_paragraphs([words("Every published index follows from its parts.")]))

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), worst["institution_id"].map(names)),
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


def means_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Plain means of the institutions that are here, beside the official national index."""
    table = overview.means
    too_few = bool((table["n"] < setup.years.min_national).any())

    def make(words: Words) -> str:
        reason = {True: words("rounding"), False: words("unexplained")}
        columns = [
            text(words("Year"), table["year"].astype(str)),
            figures(words("Institutions here"), (words.number(n, 0) for n in table["n"])),
            figures(words("Their plain mean"), (words.number(x) for x in table["plain_mean"])),
            figures(words("Official national index"), (words.number(x) for x in table["official"])),
            figures(words("Gap"), (words.signed(x) for x in table["gap"])),
            text(words("The gap is"), (reason.get(x, MISSING) for x in table["explained"])),
        ]
        note = words(
            "The national index is the plain mean over all institutions. A gap beyond rounding is shown as it is."
        )
        if too_few:
            few = words(
                "A mean over fewer than {n} institutions is theirs alone and no national index, so no gap is given.",
                n=setup.years.min_national,
            )
            note = f"{note} {few}"
        title = words("Published means beside the official index (KPK)")
        return html_table(columns, "table-means", title, note=f"{note} {_source(setup, words)}", words=words)

    return show(make)


def types_chart(overview: Overview) -> Shown:
    """Mean index by type over the years."""
    table = overview.types.pivot(index="year", columns="type", values="mean")
    latest = overview.types[overview.types["year"] == overview.years[-1]].set_index("type")["n"]

    def names(words: Words) -> list[str]:
        return [f"{words.value('type', t)} (n = {words.number(latest.get(t, 0), 0)})" for t in table]

    table = table.set_axis(phrases(names), axis=1)
    drawn = chart(
        lines,
        series_of(table),
        "chart-types",
        lambda words: words("Mean published index (KPK) by type of institution"),
        x_label=phrase(lambda words: words("Year")),
        y_label=phrase(lambda words: words("Index")),
        from_zero=False,
        note=lambda words: words("n: institutions of that type here in {year}.", year=overview.years[-1]),
    )
    return show(drawn.html)


def categories_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Institutions by category and year, each year by its own rule."""
    table, labels = overview.categories, setup.years.category_labels

    def make(words: Words) -> str:
        columns = [
            text(words("Year"), table.index.astype(str)),
            *(
                figures(words.pick(labels[code]), (words.number(n, 0) for n in table[code].astype(float)))
                for code in table.columns
            ),
        ]
        note = " ".join([
            words("Each year by its own rule, applied to the index as it was published (a dash: the year has no such "
                  "category)."),
            *_rule_sentences(overview.years, setup, words),
        ])  # fmt: skip
        title = words("Institutions by category of the published index (KPK)")
        return html_table(columns, "table-categories", title, note=note, words=words)

    return show(make)


def _rule_sentences(published: list[int], setup: RoundSetup, words: Words) -> list[str]:
    """The rule of every published year and its source; years of which none is known."""
    known = {rule.first: rule for year in published if (rule := setup.years.category_rule(year)) is not None}
    said = [
        f"{_listed(filter(rule.holds, published))}: {category_limits(rule, words)} ({words.pick(rule.cite)})."
        for rule in known.values()
    ]
    without = [year for year in published if setup.years.category_rule(year) is None]
    if without:
        said.append(words("Which rule held for {years} is not known here.", years=_listed(without)))
    return said


def _listed(years: Iterable[int]) -> str:
    return ", ".join(str(year) for year in years)


def distribution_chart(overview: Overview) -> Shown:
    """How the indices of the latest published year are spread."""
    year = overview.years[-1]
    rows = overview.published
    values = rows.loc[(rows["year"] == year) & (rows["type"] != "nasional"), "index"]

    drawn = chart(
        spread,
        values.to_frame("estimate"),
        "chart-distribution",
        lambda words: words("Published indices (KPK) of {year}", year=year),
        x_label=phrase(lambda words: words("Index")),
        y_label=phrase(lambda words: words("Number of institutions")),
        note=lambda words: words("{n} institutions.", n=words.number(len(values), 0)),
    )
    return show(drawn.html)


def movers_table(overview: Overview, setup: RoundSetup) -> Shown:
    """The largest published moves between the last two years."""
    names = institution_names(overview.published, setup.roster)
    if len(overview.years) < 2:
        return show(lambda words: html_paragraphs([words("There is only one published year.")]))
    before, after = overview.years[-2:]
    table = movers(overview.published, before, after, MOST // 2)

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), table["institution_id"].map(names)),
            figures(str(before), (words.number(x) for x in table["before"])),
            figures(str(after), (words.number(x) for x in table["after"])),
            figures(words("Change"), (words.signed(x) for x in table["change"])),
        ]
        note = words("Published figures carry no interval: a large move is not a proven one.")
        return html_table(
            columns, "table-movers", words("Largest changes of the published index (KPK)"), note=note, words=words
        )

    return show(make)


def bridge_view(overview: Overview, setup: RoundSetup, institution_id: str) -> Shown:
    """What an institution's published change between the last two years with parts is made of; else nothing."""
    rows = overview.published[overview.published["institution_id"] == institution_id].dropna(subset=["internal"])
    years = sorted(int(year) for year in rows["year"])[-2:]
    if len(years) < 2:
        # The sentence before the chart is left out with it.
        return show(lambda words: "")
    parts = published_bridge(overview.published, institution_id, years[0], years[1], setup.years)
    labels = phrases(lambda words: [words.value("part", part) for part in parts["part"]])
    drawn = chart(
        composition,
        pd.DataFrame({"label": labels, "estimate": parts["points"].to_numpy()}),
        "chart-bridge",
        lambda words: words(
            "{name}: published index (KPK) from {before} to {after}",
            name=readable(setup.roster[institution_id].name),
            before=years[0],
            after=years[1],
        ),
        total=float(parts["points"].sum()),
        total_label=phrase(lambda words: words("Change of the index")),
        x_label=phrase(lambda words: words("Points")),
    )
    return show(drawn.html)


def unjoined_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Institutions that are not there in every year; the nearest name where there is one."""
    table, names = overview.unjoined, institution_names(overview.published, setup.roster)
    if table.empty:
        return show(lambda words: html_paragraphs([words("Every institution is there in every year.")]))

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), table["institution_id"].map(names)),
            text(words("Years"), table["years"]),
            text(words("Missing"), table["missing_years"]),
        ]
        if (table["nearest"] != "").any():
            columns.append(text(words("Nearest name"), (names.get(code, MISSING) for code in table["nearest"])))
            note = words("A nearest name is a suggestion only; a renaming on record belongs into params/aliases.yaml.")
        else:
            note = words(
                "For none of them is there a similar name in just the years where this one is missing: nothing here "
                "looks like a renaming."
            )
        return html_table(columns, "table-unjoined", words("Not in every year"), note=note, words=words)

    return show(make)


def _source(setup: RoundSetup, words: Words) -> str:
    return words("Source of published figures: {source}.", source=words.pick(setup.years.cite))
