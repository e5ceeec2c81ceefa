"""Notebook 20: how far fieldwork has come; never who answered."""

from __future__ import annotations

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
    quota_progress,
    response_rates,
)
from spi_analysis.params import Instrument, RoundParams
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
    ineligible_sentence,
    lines,
    message,
    number,
    percent,
    series_of,
    show,
    written,
)
from spi_analysis.reporting.analyst.score_analysis import in_order
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
    large, small = units[units["size"] >= least], units[units["size"] < least]
    together = small.groupby("source", as_index=False).sum(numeric_only=True)
    together = together[(together["units"] > 1) & (together["size"] >= least)].assign(unit=None)
    hidden = show(lambda words: html_paragraphs([_small_units(small, least, words)], "hidden-figures"))
    rows = pd.concat([large, together], ignore_index=True)
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


def _units(people: pd.DataFrame, events: pd.DataFrame, round_: RoundParams) -> pd.DataFrame:
    """One row per source and unit: people, those of whom the log says each thing, those who answered."""
    who = pd.MultiIndex.from_frame(people[["source", "person_id"]])
    logged = {
        name: who.isin(pd.MultiIndex.from_frame(events.loc[events["event"].isin(named), ["source", "person_id"]]))
        for name, named in LOGGED.items()
    }
    answered = people["disposition"].isin(round_.dispositions.respondents)
    table = people[["source", "unit"]].assign(size=1, answered=answered, **logged)
    return table.groupby(["source", "unit"]).sum().astype(int).reset_index().assign(units=1)


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
