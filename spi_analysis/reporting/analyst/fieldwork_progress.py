"""Notebook 20: how far fieldwork has come; never who answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spi_analysis.disclosure import few_of_either, size_tells
from spi_analysis.fieldwork import (
    INELIGIBLE,
    answers_by_mode,
    daily_completes,
    disposition_counts,
    funnel,
    ineligible_reports,
    log_against_answers,
    person_numbers,
    quota_progress,
    response_rates,
)
from spi_analysis.params import Instrument, RoundParams, Source
from spi_analysis.reporting import (
    MISSING,
    AnyText,
    Chart,
    Shown,
    Together,
    View,
    Words,
    chart,
    coded,
    count,
    figure_text,
    heatmap,
    html_paragraphs,
    in_words,
    ineligible_sentence,
    lines,
    message,
    number,
    percent,
    phrases,
    series_of,
    show,
    written,
)
from spi_analysis.reporting.analyst.score_analysis import with_steps
from spi_analysis.stages import last_day, plan_source
from spi_analysis.tables import MODES, WEB

# What the log of messages says, by the events that say it: who has read a message got it.
LOGGED = {"delivered": ("delivered", "read"), "read": ("read",), "invalid_number": ("invalid_number",)}
RATES = {
    "RR1": "RR1",
    "RR3": "RR3",
    "COOP1": message("Cooperation (COOP1)"),
    "REF1": message("Refusal (REF1)"),
    "CON1": message("Contact (CON1)"),
}


def in_order(table: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """Rows by source, in the order of the round, as all pages name them; those that are there."""
    return table.reindex([source for source in round_.sources if source in table.index])


def few_nonrespondents_or_panel(answered: pd.Series, nonrespondents: pd.Series, round_: RoundParams) -> pd.Series:
    """Sources (the index) whose size is not told: beside the answers it would tell how few did not answer."""
    panels = answered.index.isin(round_.nominated)
    return panels | size_tells(answered, nonrespondents, round_.disclosure.min_cell)


def _answered_and_not(people: pd.DataFrame, round_: RoundParams) -> tuple[pd.Series, pd.Series]:
    answered = people["disposition"].isin(round_.dispositions.respondents)
    nonrespondents = ~answered & (people["disposition"] != INELIGIBLE)
    return answered.groupby(people["source"]).sum(), nonrespondents.groupby(people["source"]).sum()


def _kept_back(round_: RoundParams) -> AnyText:
    return lambda words: words(
        "A dash: a panel, or a source of which fewer than {least} people answered or fewer than {least} did not; no "
        "figure here reveals how many these are.",
        least=round_.disclosure.min_cell,
    )


def funnel_table(sample: pd.DataFrame, events: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams) -> Shown:
    """From invitation to completion, per source; and up to which day the data reach."""
    until = last_day(events, responses)
    counts = in_order(funnel(sample, events, ["source"], responses), round_)
    odd = log_against_answers(sample, events, responses).reindex(counts.index)
    stages = [stage for stage in counts.columns if stage != "invited"]
    answered, nonrespondents = counts["completed"], counts["invited"] - counts["completed"]
    tells = few_nonrespondents_or_panel(answered, nonrespondents, round_)
    counts = counts.astype(float)
    counts["completed"] = counts["completed"].mask(few_of_either(answered, nonrespondents, round_.disclosure.min_cell))
    counts = counts.mask(tells)
    odd = odd[~tells]
    columns = (
        coded(message("Source"), "source", "source"),
        count(message("Invited"), "invited"),
        *(count(_event(stage), stage) for stage in stages),
    )

    def note(words: Words) -> str:
        return words(
            "Each column counts people, and includes those who reached a later step. Fieldwork: {start} to {end}; "
            "last entry in the data: {last}.",
            start=words.date(round_.fieldwork.start),
            end=words.date(round_.fieldwork.end),
            last=MISSING if until is None else words.date(until),
        )

    title = message("From invitation to answer")
    table = View(_by_source(counts), columns, notes=(note, _kept_back(round_)), title=title, name="funnel")
    return table + show(lambda words: html_paragraphs(_disagreements(odd, round_.disclosure.min_cell, words)))


def _by_source(table: pd.DataFrame) -> pd.DataFrame:
    """The sources as a column."""
    return table.rename_axis("source").reset_index()


def _event(stage: str) -> AnyText:
    return lambda words: words.value("event", stage)


def _disagreements(odd: pd.DataFrame, least: int, words: Words) -> list[str]:
    """What the log of contacts and the answers say differently of who completed; no number below ``least``."""
    messages = {
        "answers_only": words(
            "The log of contacts and the answers disagree. Answers sent off by people who are not logged as completed: "
            "{people}. The answers count."
        ),
        "log_only": words(
            "The log of contacts and the answers disagree. Logged as completed, but no answers sent off are here: "
            "{people}. They count as started; look whether all answers were imported."
        ),
    }
    return [
        message.format(people=words.listed(_people(n, source, least, words) for source, n in counts.items()))
        for kind, message in messages.items()
        if len(counts := odd.loc[odd[kind] > 0, kind])
    ]


def _people(n: int, source: object, least: int, words: Words) -> str:
    number = words.number(n, 0) if n >= least else words("fewer than {least}", least=least)
    return f"{number} ({words.value('part', source)})"


def rates_table(people: pd.DataFrame, round_: RoundParams) -> Shown:
    """AAPOR rates per source (``people``: source, disposition); none of a panel, nor of few people."""
    rates = in_order(response_rates(disposition_counts(people, ["source"])), round_).astype(float)
    answered, nonrespondents = (counts.reindex(rates.index) for counts in _answered_and_not(people, round_))
    tells = few_nonrespondents_or_panel(answered, nonrespondents, round_)
    few = few_of_either(answered, nonrespondents, round_.disclosure.min_cell)
    rates = rates.assign(n=rates["n"].mask(tells), **{name: rates[name].mask(tells | few) for name in (*RATES, "e")})

    columns = (
        coded(message("Source"), "source", "source"),
        count(message("Invited"), "n"),
        *(percent(heading, name) for name, heading in RATES.items()),
        number(message("e used in RR3"), "e", 3),
    )
    note = message(
        "AAPOR Standard Definitions (2023). e is the share of eligible people among those whose eligibility is known. "
        "Complete: sent off; a questionnaire broken off late counts as partial and is in none of RR1 and RR3."
    )
    title = message("Response rates")
    return View(_by_source(rates), columns, notes=(note, _kept_back(round_)), title=title, name="rates")


def ineligible_note(
    people: pd.DataFrame, events: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams, instrument: Instrument
) -> Shown:
    """What reports of ineligibility did to answers (``people``: source, person_id, disposition)."""
    reports = ineligible_reports(people, events, responses, round_.dispositions, instrument)
    least = round_.disclosure.min_cell
    return show(lambda words: html_paragraphs([ineligible_sentence(reports, least, words)], "ineligible-reports"))


def modes_table(people: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams) -> Shown:
    """Who answered by which mode (``people``: source, person_id, disposition); a sentence where all did by one."""
    respondents = people[people["disposition"].isin(round_.dispositions.respondents)]
    if not responses["mode"].ne(WEB).any():
        return show(lambda words: html_paragraphs([words("All answers were given over the web.")], "modes"))
    counts = in_order(answers_by_mode(respondents, responses, round_.disclosure.min_cell), round_).astype(float)
    counts.loc[counts.index.isin(round_.nominated)] = float("nan")
    columns = (
        coded(message("Source"), "source", "source"),
        *(count(_mode(mode), mode) for mode in MODES),
    )
    note = message(
        "All answers are weighted together, whatever their mode: the weights know the mode of those who answered only. "
        "What the mode does to the scores stands on the page of the scores."
    )
    title = message("Answers by mode")
    return View(_by_source(counts), columns, notes=(note, _few_by_mode(round_)), title=title, name="modes")


def _mode(mode: str) -> AnyText:
    return lambda words: words.value("mode", mode)


def _few_by_mode(round_: RoundParams) -> AnyText:
    return lambda words: words(
        "A dash: a panel, or a source in which fewer than {least} people answered by one of the modes.",
        least=round_.disclosure.min_cell,
    )


def open_link_note(counts: pd.Series, round_: RoundParams) -> Shown:
    """Answers by open link, which are in no count of the page (``counts``: by source, missing where they are few)."""
    return show(lambda words: html_paragraphs([_open_link(counts, round_, words)], "open-link"))


def _open_link(counts: pd.Series, round_: RoundParams, words: Words) -> str:
    if counts.empty:
        return words("No answers came by an open link (QR).")
    few = words("fewer than {least}", least=round_.disclosure.min_cell)
    told = [f"{words.value('source', source)}: {few if n != n else words.number(n, 0)}" for source, n in counts.items()]
    return words(
        "Answers by open link (QR): {counts}. They are in none of the counts on this page.", counts=words.listed(told)
    )


def quota_table(people: pd.DataFrame, frame: pd.DataFrame, round_: RoundParams) -> Shown:
    """Answers against the answers aimed for; of a panel only whether they are enough to be shown."""
    answered, nonrespondents = _answered_and_not(people, round_)
    aimed = pd.Series({source: plan_source(frame, round_, source).size.completes for source in round_.sources})
    progress = in_order(quota_progress(answered, aimed), round_).astype(float)
    told = nonrespondents.reindex(progress.index, fill_value=0)
    tells = few_nonrespondents_or_panel(progress["completes"], told, round_)
    # A share of the aim is a count as soon as the aim is known.
    few = progress["completes"] < round_.disclosure.min_cell
    progress = progress.assign(quota=progress["quota"].mask(tells), share=progress["share"].mask(tells | few))
    columns = (
        coded(message("Source"), "source", "source"),
        count(message("Answered"), "completes", instead="bound"),
        count(message("Answers aimed for"), "quota"),
        percent(message("Reached"), "share", 0),
    )
    note = message(
        "Answered also counts questionnaires that were broken off late; the rates above do not. Reaching the number "
        "aimed for does not stop fieldwork: that would spoil the chances of selection."
    )
    shown = _by_source(_bounded(progress, round_))
    return View(shown, columns, notes=(note, _kept_back(round_)), title=message("Progress"), name="quota")


def _bounded(progress: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """Counts of answers that may be told; of others a bound (column ``bound``), on which side of it they are.

    Of a panel, which grows by one person, no number is told.
    """
    least, panel = round_.disclosure.min_cell, round_.disclosure.min_panel
    sampled = progress.index.isin(round_.populations)
    told = sampled & (progress["completes"] >= least)
    bounds = [
        f"< {least}" if is_sampled else f"≥ {panel}" if n >= panel else f"< {panel}"
        for is_sampled, n in zip(sampled, progress["completes"], strict=True)
    ]
    return progress.assign(completes=progress["completes"].where(told), bound=bounds)


def daily_chart(sample: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams) -> Shown:
    """Completed questionnaires by day, cumulated; panels are left out."""
    days = in_order(daily_completes(sample, responses).T, round_).T
    days = days[[source for source in days.columns if source in round_.populations]]
    if days.empty:
        return show(lambda words: html_paragraphs([words("Nobody has answered yet.")]))

    title = message("Completed questionnaires, cumulated")
    columns = (
        written(message("Day"), ("day",), lambda words, day: day.date().isoformat()),
        *(count(_part(source), source) for source in days.columns),
    )
    # As in the funnel, few completes are not told.
    table = days.where(days >= round_.disclosure.min_cell).rename_axis("day").reset_index()
    drawn = chart(
        lines,
        series_of(days, "part"),
        "chart-daily",
        in_words(title),
        x_label=in_words(message("Day")),
        y_label=in_words(message("Completed")),
        decimals=0,
        note=in_words(message("The panel is not drawn: its line would climb by one person at a time.")),
    )
    return View(table, columns, drawn, title=title, name="daily", with_table=False)


def _part(source: str) -> AnyText:
    return lambda words: words.value("part", source)


def unit_table(people: pd.DataFrame, events: pd.DataFrame, round_: RoundParams) -> Shown:
    """Per unit whom messages reached, and in bands who answered: nobody is given away by a count or by its change.

    Units of fewer people than may be shown stand in one row per source, if they are several and together enough.
    """
    least, units = round_.disclosure.min_cell, _units(people, events, round_)
    small, rows = units[units["size"] < least], _told_units(units, least)
    hidden = show(lambda words: html_paragraphs([_small_units(small, least, words)], "hidden-figures"))
    if rows.empty:
        return hidden
    rows["band"] = [
        _band(int(n), int(answers), least) for n, answers in zip(rows["size"], rows["answered"], strict=True)
    ]
    columns = (
        written(message("Unit"), ("unit", "units"), _unit_name),
        coded(message("Source"), "source", "part"),
        count(message("Invited"), "size"),
        count(_event("delivered"), "delivered"),
        count(_event("read"), "read"),
        count(_event("invalid_number"), "invalid_number"),
        figure_text(message("Answered"), ("band",), lambda words, band: band),
    )

    def note(words: Words) -> str:
        return words(
            "Answers are given in bands of {n}, and not at all where nearly all answered: a count that grows by one "
            "from day to day would tell who answered. Delivered, read and invalid numbers come from the log of "
            "messages alone and do not depend on who answered.",
            n=least,
        )

    return View(rows, columns, notes=(note,), title=message("By unit"), name="units") + hidden


def _told_units(units: pd.DataFrame, least: int) -> pd.DataFrame:
    """Units with enough invited people, then per source the smaller ones together."""
    large, small = units[units["size"] >= least], units[units["size"] < least]
    together = small.groupby("source", as_index=False).sum(numeric_only=True)
    together = together[(together["units"] > 1) & (together["size"] >= least)].assign(unit=None)
    return pd.concat([large, together], ignore_index=True)


def _units(people: pd.DataFrame, events: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """One row per source and unit: people, those of whom the log says each thing, those who answered."""
    who, log = person_numbers(people, events)
    logged = {name: np.isin(who, log[events["event"].isin(named)]) for name, named in LOGGED.items()}
    return _summed(people, {"answered": people["disposition"].isin(round_.dispositions.respondents), **logged})


def _summed(people: pd.DataFrame, marks: dict[Any, Any]) -> pd.DataFrame:
    """One row per source and unit: its people (size), and how many of them have each mark."""
    table = people[["source", "unit"]].assign(size=1).join(pd.DataFrame(marks, people.index))
    return table.groupby(["source", "unit"]).sum().astype(int).reset_index().assign(units=1)


# Where the colour of a cell changes: the share of those invited who answered at least, in percent.
SHARES = (10, 25, 40)
# Units in a picture, so that it fits a page; letters that fit beside each other into a row of cells.
MOST_UNITS, LETTERS_ACROSS = 15, 36


def unit_weeks_chart(people: pd.DataFrame, events: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams) -> Shown:
    """Who had answered by the end of each week, per unit, in the bands of ``unit_table``; a picture for every source.

    A cell says what the table by unit said at the end of that week, and nothing that it did not say.
    """
    until = last_day(events, responses)
    rows = _unit_weeks(people, responses, round_, _week(pd.Series([pd.Timestamp(until)]), round_)[0]) if until else None
    if rows is None or rows.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    told = [source for source in round_.populations if source in set(rows["source"])]
    return Together(tuple(_weeks_view(source, rows[rows["source"] == source]) for source in told))


def _weeks_view(source: Source, rows: pd.DataFrame) -> View:
    columns = (
        written(message("Unit"), ("unit", "units"), _unit_name),
        count(message("Week of fieldwork"), "week"),
        count(message("Invited"), "size"),
        figure_text(message("Answered by the end of the week"), ("band",), lambda words, band: band),
    )

    def title(words: Words) -> str:
        return words("Answers by unit and week: {source}", source=words.value("source", source))

    picture = _weeks_picture(rows, f"chart-unit-weeks-{source}", title)
    return View(rows, columns, picture, title=title, name=f"unit-weeks-{source}", with_table=False)


def _weeks_picture(rows: pd.DataFrame, chart_id: str, title: AnyText) -> Chart:
    """The units of most invited people; as many weeks as there is room for, the last one always among them."""
    last = rows["week"].max()
    few = -(-last * (rows["band"].str.len().max() + 1) // LETTERS_ACROSS)
    told = rows.assign(share=100 * pd.to_numeric(rows["band"].str.partition("–")[0], errors="coerce") / rows["size"])
    largest = told[told["week"] == last].nlargest(MOST_UNITS, "size")["unit"]
    drawn = told[told["unit"].isin(largest) & ((last - told["week"]) % few == 0)]
    names = list(drawn[["unit", "units"]].itertuples(index=False, name=None))
    note = message(
        "In every cell: how many had answered by the end of the week, all weeks before included. The stronger the "
        "colour, the larger the share of those invited; it changes at {low}, {middle} and {high}. A dash: nearly all "
        "answered, so their number is not shown. At most {n} units are drawn, the largest; the files have all units "
        "and weeks."
    )
    return chart(
        heatmap,
        drawn.assign(
            label=phrases(lambda words: [_unit_name(words, *name) for name in names]),
            series=drawn["week"].map(str),
            estimate=drawn["share"],
            text=drawn["band"],
        ),
        chart_id,
        in_words(title),
        decimals=0,
        steps=SHARES,
        x_label=in_words(message("Week of fieldwork")),
        note=with_steps(note, SHARES, n=MOST_UNITS),
    )


def _week(times: pd.Series, round_: RoundParams) -> pd.Series:
    """The week of fieldwork, from 1; what came later belongs to the last."""
    start, end = pd.Timestamp(round_.fieldwork.start), pd.Timestamp(round_.fieldwork.end)
    return (times.sub(start).dt.days // 7 + 1).clip(1, (end - start).days // 7 + 1)


def _unit_weeks(people: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams, last: float) -> pd.DataFrame:
    """A row per unit that is told and week up to the last: the band of those who had answered."""
    least, who = round_.disclosure.min_cell, ["source", "person_id"]
    times = responses.assign(at=responses["completed_at"].fillna(responses["started_at"])).groupby(who)["at"].min()
    # An answer without a time is known by the last day of the data.
    week = _week(pd.to_datetime(people[who].join(times, on=who)["at"]), round_).fillna(last)
    answered = people["disposition"].isin(round_.dispositions.respondents)
    weeks = range(1, int(last) + 1)
    told = _told_units(_summed(people, {n: answered & (week <= n) for n in weeks}), least)
    rows = told.melt(["source", "unit", "units", "size"], list(weeks), "week", "answered", ignore_index=False)
    rows = rows.sort_index(kind="stable")
    bands = [_band(int(n), int(answers), least) for n, answers in zip(rows["size"], rows["answered"], strict=True)]
    return rows.drop(columns="answered").assign(band=bands)


def _unit_name(words: Words, unit: str | None, units: int) -> str:
    return unit or words("Smaller units together ({n})", n=int(units))


def _small_units(small: pd.DataFrame, least: int, words: Words) -> str:
    if small.empty:
        return ""
    labels = sorted(f"{row.unit} ({words.value('part', row.source)})" for row in small.itertuples())
    return words(
        "Units with fewer than {least} invited ({n}): {names}.", least=least, n=len(labels), names=words.listed(labels)
    )


def _band(invited: int, answered: int, width: int) -> str:
    """The band of ``width`` that holds the answers; nothing where it would tell of nearly everyone."""
    low = answered // width * width
    return MISSING if invited < width or invited - low < width else f"{low}–{low + width - 1}"
