"""The published years: recomputed, compared, their largest changes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import pandas as pd

from spi_analysis.params import RoundSetup, Text
from spi_analysis.reporting import (
    MISSING,
    AnyText,
    Shown,
    View,
    Words,
    category_limits,
    chart,
    coded,
    composition,
    count,
    counted,
    html_paragraphs,
    in_words,
    institution_names,
    interval,
    lines,
    message,
    number,
    phrases,
    plain,
    readable,
    series_of,
    show,
    signed,
    spread,
    worded,
    years,
)
from spi_analysis.scores import corrections_by_year, movers, published_bridge
from spi_analysis.stages import Overview, agreement, disagreements
from spi_analysis.tables import PUBLISHED_PARTS

MOST = 10
SPREAD = {"lowest": message("Lowest"), "mean": message("Mean"), "highest": message("Highest")}


def agreement_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Per year, how many published indices follow from their parts."""
    table = agreement(overview, setup)
    if table.empty:
        return show(lambda words: html_paragraphs([words("No published year here carries its parts.")]))

    columns = (
        years(message("Year"), "year"),
        count(message("Institutions"), "n"),
        count(lambda words: words("Agree within {x}", x=words.number(setup.years.tolerance)), "agree"),
        number(message("Largest difference"), "largest"),
    )

    def third(words: Words) -> str:
        known = setup.years.years
        with_third = [str(y) for y in table["year"] if int(y) in known and known[int(y)].other_correction]
        said = message(
            "In {years} some institutions carry a third correction that the commission did not name: it is shown as "
            "a correction of its own."
        )
        return words(said, years=", ".join(with_third)) if with_third else ""

    notes = (third, partial(_source, setup))
    return View(table, columns, notes=notes, title=message("Index recomputed from its parts"), name="agreement")


def corrections_table(overview: Overview, setup: RoundSetup) -> Shown:
    """How much was taken off in every year, beside the commission's own figures where there are any."""
    table = corrections_by_year(overview.published, setup.years)
    official = {year: known.official_correction for year, known in setup.years.years.items()}
    if table.empty:
        return show(lambda words: "")

    columns = (
        years(message("Year"), "year"),
        count(message("Institutions"), "n"),
        *(number(heading, name) for name, heading in SPREAD.items()),
        count(message("With the third correction"), "n_other"),
    )
    note = message(
        "Weighted scores minus the published index, in points. A dash: all of a year's corrections were named."
    )
    said = [partial(_official_sentence, int(y), official[int(y)]) for y in table["year"] if official.get(int(y))]
    return View(table, columns, notes=(note, *said), title=message("Corrections in all"), name="corrections")


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
    if rows.empty:
        return show(lambda words: html_paragraphs([words("Every published index follows from its parts.")]))

    columns = (
        plain(message("Institution"), "name"),
        years(message("Year"), "year"),
        number(message("Published"), "index"),
        number(message("Recomputed"), "recomputed"),
        signed(message("Difference"), "difference"),
    )

    def note(words: Words) -> str:
        return words("{shown} of {all}; the others are in the CSV.", shown=min(MOST, len(rows)), all=len(rows))

    return View(
        rows.assign(name=rows["institution_id"].map(names)),
        columns,
        notes=(note,),
        title=message("Published index and parts disagree"),
        name="disagreements",
        most=MOST,
        programs="tables/disagreements.csv",
    )


def means_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Plain means of the institutions that are here, beside the official national index."""
    table = overview.means
    too_few = bool((table["n"] < setup.years.min_national).any())

    columns = (
        years(message("Year"), "year"),
        count(message("Institutions here"), "n"),
        number(message("Their plain mean"), "plain_mean"),
        number(message("Official national index"), "official"),
        signed(message("Gap"), "gap"),
        worded(message("The gap is"), "explained", {True: message("rounding"), False: message("unexplained")}),
    )
    note = message(
        "The national index is the plain mean over all institutions. A gap beyond rounding is shown as it is."
    )

    def few(words: Words) -> str:
        said = message(
            "A mean over fewer than {n} institutions describes these institutions only and is no national index, so "
            "no gap is given."
        )
        return words(said, n=setup.years.min_national) if too_few else ""

    title = message("Published means beside the official index (KPK)")
    return View(table, columns, notes=(note, few, partial(_source, setup)), title=title, name="means")


def types_chart(overview: Overview) -> Shown:
    """Mean index by type over the years."""
    table = overview.types.pivot(index="year", columns="type", values="mean")
    latest = overview.types[overview.types["year"] == overview.years[-1]].set_index("type")["n"]

    title = message("Mean published index (KPK) by type of institution")

    def name(kind: str, words: Words) -> str:
        return f"{words.value('type', kind)} (n = {words.number(latest.get(kind, 0), 0)})"

    drawn = chart(
        lines,
        series_of(table.set_axis(phrases(lambda words: [name(kind, words) for kind in table]), axis=1)),
        "chart-types",
        in_words(title),
        x_label=in_words(message("Year")),
        y_label=in_words(message("Index")),
        from_zero=False,
        note=lambda words: words("n: institutions of that type here in {year}.", year=overview.years[-1]),
    )
    columns = (years(message("Year"), "year"), *(number(partial(name, kind), kind) for kind in table.columns))
    return View(table.reset_index(), columns, drawn, title=title, name="chart-types", with_table=False)


def categories_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Institutions by category and year, each year by its own rule."""
    table, labels = overview.categories, setup.years.category_labels

    columns = (years(message("Year"), "year"), *(count(_picked(labels[code]), code) for code in table.columns))

    def note(words: Words) -> str:
        return words(
            "Each year by its own rule, applied to the index as it was published (a dash: the year has no such "
            "category)."
        )

    def rules(words: Words) -> str:
        return " ".join(_rule_sentences(overview.years, setup, words))

    rows = table.rename_axis("year").reset_index()
    title = message("Institutions by category of the published index (KPK)")
    return View(rows, columns, notes=(note, rules), title=title, name="categories")


def _picked(text: Text) -> AnyText:
    return lambda words: words.pick(text)


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
    values = rows.loc[(rows["year"] == year) & (rows["type"] != "nasional"), "index"].dropna()
    if values.empty:
        return show(lambda words: "")

    def title(words: Words) -> str:
        return words("Published indices (KPK) of {year}", year=year)

    data, index, institutions = counted(values), message("Index"), message("Number of institutions")
    drawn = chart(
        spread,
        data,
        "chart-distribution",
        title,
        decimals=0,
        x_label=in_words(index),
        y_label=in_words(institutions),
        note=lambda words: words("{n} institutions.", n=words.number(len(values), 0)),
    )
    columns = interval(index, "low", "high"), count(institutions, "estimate")
    return View(data, columns, drawn, title=title, name="chart-distribution", with_table=False)


def movers_table(overview: Overview, setup: RoundSetup) -> Shown:
    """The largest published moves between the last two years."""
    names = institution_names(overview.published, setup.roster)
    if len(overview.years) < 2:
        return show(lambda words: html_paragraphs([words("There is only one published year.")]))
    before, after = overview.years[-2:]
    table = movers(overview.published, before, after, MOST // 2)

    columns = (
        plain(message("Institution"), "name"),
        number(lambda words: str(before), "before"),
        number(lambda words: str(after), "after"),
        signed(message("Change"), "change"),
    )
    note = message("Published figures carry no interval: even a large change may be chance.")
    title = message("Largest changes of the published index (KPK)")
    rows = table.assign(name=table["institution_id"].map(names))
    return View(rows, columns, notes=(note,), title=title, name="movers")


def bridge_view(overview: Overview, setup: RoundSetup, institution_id: str) -> Shown:
    """What an institution's published change between the last two years with parts is made of; else nothing."""
    rows = overview.published[overview.published["institution_id"] == institution_id].dropna(subset=PUBLISHED_PARTS[:1])
    both = sorted(int(year) for year in rows["year"])[-2:]
    if len(both) < 2:
        # The sentence before the chart is left out with it.
        return show(lambda words: "")
    parts = published_bridge(overview.published, institution_id, both[0], both[1], setup.years)

    def title(words: Words) -> str:
        name, (before, after) = readable(setup.roster[institution_id].name), both
        said = message("{name}: published index (KPK) from {before} to {after}")
        return words(said, name=name, before=before, after=after)

    whole = message("Change of the index")
    labels = phrases(lambda words: [*(words.value("part", part) for part in parts["part"]), words(whole)])
    drawn = chart(
        composition,
        pd.DataFrame({"label": labels, "estimate": [*parts["points"], parts["points"].sum()]}),
        "chart-bridge",
        title,
        x_label=in_words(message("Points")),
    )
    columns = (coded(message("Part"), "part", "part"), signed(message("Points"), "points"))
    return View(parts, columns, drawn, title=title, name="chart-bridge", with_table=False)


def unjoined_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Institutions that are not there in every year; the nearest name where there is one."""
    table, names = overview.unjoined, institution_names(overview.published, setup.roster)
    if table.empty:
        return show(lambda words: html_paragraphs([words("Every institution is there in every year.")]))

    nearest = table["nearest"].map(lambda code: names.get(code, MISSING))
    has_nearest = bool((table["nearest"] != "").any())
    columns = (
        plain(message("Institution"), "name"),
        plain(message("Years"), "years"),
        plain(message("Missing"), "missing_years"),
        *((plain(message("Nearest name"), "nearest_name"),) if has_nearest else ()),
    )
    suggestion = message("The nearest name is only a suggestion; a documented renaming belongs in params/aliases.yaml.")
    nothing = message(
        "None of them has a similar name in exactly the years in which it is missing: nothing here looks like a "
        "renaming."
    )
    rows = table.assign(name=table["institution_id"].map(names), nearest_name=nearest)
    note = suggestion if has_nearest else nothing
    return View(rows, columns, notes=(note,), title=message("Not in every year"), name="unjoined")


def _source(setup: RoundSetup, words: Words) -> str:
    return words("Source of published figures: {source}.", source=words.pick(setup.years.cite))
