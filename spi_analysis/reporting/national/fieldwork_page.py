"""Fieldwork of all institutions: how far it is, how far it will come, who lags and why; never who answered."""

from __future__ import annotations

from functools import partial

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import (
    MISSING,
    AnyText,
    Shown,
    View,
    Words,
    chart,
    coded,
    count,
    figure_text,
    html_paragraphs,
    in_words,
    interval,
    lines,
    message,
    number,
    percent,
    plain,
    readable,
    series_of,
    show,
    worded,
    written,
)

OUTLOOK = {
    "enough": message("Enough"),
    "open": message("Open"),
    "behind": message("Behind"),
    "unknown": message("No answer yet"),
}
REASON = {
    "wrong_number": message("Wrong numbers"),
    "not_reached": message("Not reached"),
    "silent": message("Reached, no answer"),
}
# Modes of answers to interviewers.
INTERVIEWS = ("telephone", "face_to_face")
# Rows on the page; the files have all.
MOST = 60


def fieldwork_totals_table(progress: pd.DataFrame, setup: RoundSetup, is_synthetic: bool) -> Shown:
    """All institutions together, by source (``progress``: as it may be shown)."""
    told = progress[progress["answered"].notna() & progress["invited"].notna()]
    counts = ["invited", "reached", "answered", "aimed"]
    sums = told.groupby("source")[counts].sum().join(told.groupby("source").size().rename("institutions"))
    table = sums.reindex([s for s in setup.round.sources if s in sums.index]).reset_index()
    table = table.assign(share=table["answered"] / table["aimed"].where(table["aimed"] > 0))
    columns = (
        coded(message("Source"), "source", "part"),
        count(message("Institutions"), "institutions"),
        count(message("Invited"), "invited"),
        count(message("People reached"), "reached"),
        count(message("Answered"), "answered"),
        count(message("Answers aimed for"), "aimed"),
        percent(message("Of the aim"), "share", 0),
    )
    title = _titled(is_synthetic, message("All institutions"), message("All institutions (generated data)"))
    note = partial(_totals_note, setup, _until(progress))
    return View(table, columns, notes=(note,), title=title, name="fieldwork-totals")


def _titled(is_synthetic: bool, real: str, generated: str) -> AnyText:
    return generated if is_synthetic else real


def _until(progress: pd.DataFrame) -> pd.Timestamp | None:
    days = pd.to_datetime(progress["until"]).dropna()
    return None if days.empty else days.max()


def _totals_note(setup: RoundSetup, until: pd.Timestamp | None, words: Words) -> str:
    return words(
        "Fieldwork: {start} to {end}; last entry in the data: {last}. Only institutions whose counts may be shown are "
        "added up: what is kept back must not follow from a sum. Reached: delivered, read, or further.",
        start=words.date(setup.round.fieldwork.start),
        end=words.date(setup.round.fieldwork.end),
        last=MISSING if until is None else words.date(until.date()),
    )


def fieldwork_days_chart(days: pd.DataFrame, progress: pd.DataFrame, setup: RoundSetup) -> Shown:
    """Answers of all institutions by day, cumulated; panels and what is kept back are left out."""
    told = progress.loc[progress["answered"].notna(), ["institution_id", "source"]]
    shown = days.merge(told, on=["institution_id", "source"])
    table = shown.pivot_table(index="day", columns="source", values="answers", aggfunc="sum", fill_value=0)
    if table.empty:
        return show(lambda words: html_paragraphs([words("Nobody has answered yet.")]))
    table = table.reindex(pd.date_range(table.index.min(), table.index.max(), name="day"), fill_value=0).cumsum()
    title = message("Answers of all institutions, cumulated")
    columns = (
        written(message("Day"), ("day",), lambda words, day: day.date().isoformat()),
        *(count(_part(source), source) for source in table.columns),
    )
    table = table.where(table >= setup.round.disclosure.min_cell)
    aimed = progress[progress["answered"].notna()].groupby("source")["aimed"].sum()
    drawn = chart(
        lines,
        series_of(100 * table / aimed[table.columns], "part"),
        "chart-fieldwork-days",
        in_words(title),
        x_label=in_words(message("Day")),
        y_label=in_words(message("Percent of the answers aimed for")),
        decimals=0,
        unit="%",
    )
    return View(table.reset_index(), columns, drawn, title=title, name="fieldwork-days", with_table=False)


def _part(source: str) -> AnyText:
    return lambda words: words.value("part", source)


def fieldwork_lag_table(progress: pd.DataFrame, setup: RoundSetup) -> Shown:
    """Institutions and sources whose aim is not sure, the furthest behind first: why, and what could be done."""
    lag = progress[progress["outlook"].isin(["behind", "open"])]
    if lag.empty:
        return show(lambda words: html_paragraphs([words("Every source is expected to reach its aim.")]))
    lag = lag.assign(share=lag["forecast"] / lag["aimed"].where(lag["aimed"] > 0))
    lag = lag.sort_values(["share", "institution_id", "source"], na_position="first", kind="stable")
    columns = (
        _institution(setup),
        coded(message("Source"), "source", "part"),
        count(message("Answered"), "answered", instead="bound"),
        count(message("Answers aimed for"), "aimed"),
        number(message("Expected at the end"), "forecast", 0),
        interval(message("Interval"), "forecast_low", "forecast_high", 0),
        worded(message("Outlook"), "outlook", OUTLOOK),
        worded(message("Why"), "reason", REASON),
        figure_text(message("Next reserve"), ("wave", "reserve"), _reserve),
    )
    note = message(
        "Behind: even the upper limit of the forecast is below the aim; open: the interval of the forecast contains "
        "the aim. A reserve is activated as a whole, and its fieldwork goes to the end (spi activate). A dash: "
        "suppressed, since few people answered or few did not."
    )
    title = message("Who lags, and why")
    return View(lag, columns, notes=(note,), title=title, name="fieldwork-lag", most=MOST)


def _reserve(words: Words, wave: float | None, people: float | None) -> str:
    if not wave or not people:
        return MISSING
    return words("wave {wave}: {people}", wave=int(wave), people=words.number(people, 0))


def _institution(setup: RoundSetup):
    return written(message("Institution"), ("institution_id",), lambda words, code: readable(setup.roster[code].name))


def fieldwork_institutions_table(progress: pd.DataFrame, setup: RoundSetup) -> Shown:
    """Every institution and source: the counts, as far as they may be shown."""
    columns = (
        _institution(setup),
        coded(message("Source"), "source", "part"),
        count(message("Invited"), "invited"),
        count(message("People reached"), "reached"),
        count(message("Wrong number"), "wrong_number"),
        count(message("Not reached"), "not_reached"),
        count(message("Reached, no answer"), "silent"),
        count(message("Answered"), "answered", instead="bound"),
        count(message("Answers aimed for"), "aimed"),
        worded(message("Outlook"), "outlook", OUTLOOK),
        plain(message("Last entry"), "until"),
    )
    note = message(
        "Wrong number, not reached, and reached without an answer count people who have neither answered nor "
        "refused; people who were found ineligible, refused or broke off are in none of these columns."
    )
    title = message("All institutions and sources")
    return View(progress, columns, notes=(note,), title=title, name="fieldwork-all", most=MOST)


def fieldwork_modes_table(progress: pd.DataFrame, setup: RoundSetup) -> Shown:
    """Where interviewers asked, too: answers by mode, as far as they may be told; a sentence where nobody did."""
    asked = progress[(progress[list(INTERVIEWS)] != 0).any(axis=1) & ~progress["source"].isin(setup.round.panels)]
    if asked.empty:
        return show(lambda words: html_paragraphs([words("All answers were given over the web.")]))
    table = asked.assign(web=asked["answered"] - asked[list(INTERVIEWS)].sum(axis=1, skipna=False))
    columns = (
        _institution(setup),
        coded(message("Source"), "source", "part"),
        *(count(partial(_mode, mode), mode) for mode in ("web", *INTERVIEWS)),
    )
    note = message("A dash: fewer than {least} people answered by one of the modes.")
    least = setup.round.disclosure.min_cell
    title = message("Answers by mode")
    return View(
        table, columns, notes=(lambda words: words(note, least=least),), title=title, name="fieldwork-modes", most=MOST
    )


def _mode(mode: str, words: Words) -> str:
    return words.value("mode", mode)


def representativity_table(progress: pd.DataFrame, setup: RoundSetup) -> Shown:
    """R-indicators and coefficients of variation, the least representative first."""
    known = progress[progress["r_indicator"].notna()]
    if known.empty:
        return show(lambda words: html_paragraphs([words("It is too early to tell who answers and who does not.")]))
    columns = (
        _institution(setup),
        coded(message("Source"), "source", "part"),
        number(message("R-indicator"), "r_indicator"),
        number(message("Its standard error"), "r_se"),
        number(message("CV of response"), "cv"),
    )
    note = message(
        "1: all people are equally likely to answer, given the columns of the list that the weights use. The "
        "coefficient of variation bounds the nonresponse bias of a mean (Schouten, Cobben & Bethlehem 2009)."
    )
    known = known.sort_values(["cv", "institution_id", "source"], ascending=[False, True, True], kind="stable")
    title = message("Who answers: representativity so far")
    return View(known, columns, notes=(note,), title=title, name="fieldwork-representativity", most=MOST)
