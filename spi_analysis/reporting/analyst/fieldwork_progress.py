"""Notebook 20: how far fieldwork has come; never who answered."""

from __future__ import annotations

import pandas as pd

from spi_analysis.disclosure import few_of_either, size_tells
from spi_analysis.fieldwork import (
    INELIGIBLE,
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
    Shown,
    Words,
    chart,
    figures,
    html_paragraphs,
    html_table,
    ineligible_sentence,
    lines,
    phrase,
    series_of,
    show,
    text,
)
from spi_analysis.reporting.analyst.score_analysis import in_order
from spi_analysis.stages import last_day, plan_source

RATES = ("RR1", "RR3", "COOP1", "REF1", "CON1")


def few_nonrespondents_or_panel(answered: pd.Series, nonrespondents: pd.Series, round_: RoundParams) -> pd.Series:
    """Sources (the index) whose size is not told: beside the answers it would tell how few did not answer."""
    panels = answered.index.isin(round_.panels)
    return panels | size_tells(answered, nonrespondents, round_.disclosure.min_cell)


def _answered_and_not(people: pd.DataFrame, round_: RoundParams) -> tuple[pd.Series, pd.Series]:
    answered = people["disposition"].isin(round_.dispositions.respondents)
    nonrespondents = ~answered & (people["disposition"] != INELIGIBLE)
    return answered.groupby(people["source"]).sum(), nonrespondents.groupby(people["source"]).sum()


def _kept_back(least: int, words: Words) -> str:
    return words(
        "A dash: a panel, or a source of which fewer than {least} people answered or fewer than {least} did not; "
        "nothing here tells how many these are.",
        least=least,
    )


def funnel_table(sample: pd.DataFrame, events: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams) -> Shown:
    """From invitation to completion, per source; and up to which day the data reach."""
    until = last_day(events, responses)
    counts = in_order(funnel(sample, events, ["source"], responses))
    odd = log_against_answers(sample, events, responses).reindex(counts.index)
    stages = [stage for stage in counts.columns if stage != "invited"]
    answered, nonrespondents = counts["completed"], counts["invited"] - counts["completed"]
    tells = few_nonrespondents_or_panel(answered, nonrespondents, round_)
    counts = counts.astype(float)
    counts["completed"] = counts["completed"].mask(few_of_either(answered, nonrespondents, round_.disclosure.min_cell))
    counts = counts.mask(tells)
    odd = odd[~tells]

    def make(words: Words) -> str:
        columns = [
            text(words("Source"), (words.value("source", s) for s in counts.index)),
            figures(words("Invited"), (words.number(n, 0) for n in counts["invited"])),
            *(figures(words.value("event", stage), (words.number(n, 0) for n in counts[stage])) for stage in stages),
        ]
        note = words(
            "Each column counts people, and includes those who went further. Fieldwork: {start} to {end}; last entry "
            "in the data: {last}.",
            start=words.date(round_.fieldwork.start),
            end=words.date(round_.fieldwork.end),
            last=MISSING if until is None else words.date(until),
        )
        note = f"{note} {_kept_back(round_.disclosure.min_cell, words)}"
        table = html_table(columns, "table-funnel", words("From invitation to answer"), note=note, words=words)
        return table + html_paragraphs(_disagreements(odd, round_.disclosure.min_cell, words))

    return show(make)


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
    rates = in_order(response_rates(disposition_counts(people, ["source"]))).astype(float)
    answered, nonrespondents = (counts.reindex(rates.index) for counts in _answered_and_not(people, round_))
    tells = few_nonrespondents_or_panel(answered, nonrespondents, round_)
    few = few_of_either(answered, nonrespondents, round_.disclosure.min_cell)
    rates = rates.assign(n=rates["n"].mask(tells), **{name: rates[name].mask(tells | few) for name in (*RATES, "e")})

    def make(words: Words) -> str:
        headings = {
            "COOP1": words("Cooperation (COOP1)"),
            "REF1": words("Refusal (REF1)"),
            "CON1": words("Contact (CON1)"),
        }
        columns = [
            text(words("Source"), (words.value("source", s) for s in rates.index)),
            figures(words("Invited"), (words.number(n, 0) for n in rates["n"])),
            *(figures(headings.get(name, name), (words.percent(r) for r in rates[name])) for name in RATES),
            figures(words("e used in RR3"), (words.number(e, 3) for e in rates["e"])),
        ]
        note = words(
            "AAPOR Standard Definitions (2023). e is the share of eligible people among those whose "
            "eligibility is known. Complete: sent off; a questionnaire broken off late counts as partial and is in "
            "none of RR1 and RR3."
        )
        note = f"{note} {_kept_back(round_.disclosure.min_cell, words)}"
        return html_table(columns, "table-rates", words("Response rates"), note=note, words=words)

    return show(make)


def ineligible_note(
    people: pd.DataFrame, events: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams, instrument: Instrument
) -> Shown:
    """What reports of ineligibility did to answers (``people``: source, person_id, disposition)."""
    reports = ineligible_reports(people, events, responses, round_.dispositions, instrument)
    least = round_.disclosure.min_cell
    return show(lambda words: html_paragraphs([ineligible_sentence(reports, least, words)], "ineligible-reports"))


def quota_table(people: pd.DataFrame, frame: pd.DataFrame, round_: RoundParams) -> Shown:
    """Answers against the answers aimed for; of a panel only whether they are enough to be shown."""
    answered, nonrespondents = _answered_and_not(people, round_)
    aimed = pd.Series({source: plan_source(frame, round_, source).size.completes for source in round_.sources})
    progress = in_order(quota_progress(answered, aimed)).astype(float)
    told = nonrespondents.reindex(progress.index, fill_value=0)
    tells = few_nonrespondents_or_panel(progress["completes"], told, round_)
    # A share of the aim is a count as soon as the aim is known.
    few = progress["completes"] < round_.disclosure.min_cell
    progress = progress.assign(quota=progress["quota"].mask(tells), share=progress["share"].mask(tells | few))

    def make(words: Words) -> str:
        columns = [
            text(words("Source"), (words.value("source", s) for s in progress.index)),
            figures(words("Answered"), _answers(progress["completes"], round_, words)),
            figures(words("Answers aimed for"), (words.number(n, 0) for n in progress["quota"])),
            figures(words("Reached"), (words.percent(share, 0) for share in progress["share"])),
        ]
        note = words(
            "Answered also counts questionnaires that were broken off late; the rates above do not. Reaching "
            "the number aimed for does not stop fieldwork: that would spoil the chances of selection."
        )
        note = f"{note} {_kept_back(round_.disclosure.min_cell, words)}"
        return html_table(columns, "table-quota", words("Progress"), note=note, words=words)

    return show(make)


def _answers(completes: pd.Series, round_: RoundParams, words: Words) -> list[str]:
    """Answers by source; of a panel, which grows by one person, only on which side of its threshold it is."""
    least, panel = round_.disclosure.min_cell, round_.disclosure.min_panel
    texts = []
    for source, n in completes.items():
        if source in round_.probability_sources:
            texts.append(words.number(n, 0) if n >= least else f"< {least}")
        else:
            texts.append(f"≥ {panel}" if n >= panel else f"< {panel}")
    return texts


def daily_chart(sample: pd.DataFrame, responses: pd.DataFrame, round_: RoundParams) -> Shown:
    """Completed questionnaires by day, cumulated; panels are left out."""
    days = in_order(daily_completes(sample, responses).T).T
    days = days[[source for source in days.columns if source in round_.probability_sources]]
    if days.empty:
        return show(lambda words: html_paragraphs([words("Nobody has answered yet.")]))

    drawn = chart(
        lines,
        series_of(days, "part"),
        "chart-daily",
        lambda words: words("Completed questionnaires, cumulated"),
        x_label=phrase(lambda words: words("Day")),
        y_label=phrase(lambda words: words("Completed")),
        decimals=0,
        note=lambda words: words("The panel is not drawn: its line would climb by one person at a time."),
    )
    return show(drawn.html)


def unit_table(people: pd.DataFrame, round_: RoundParams) -> Shown:
    """Invited and answered per unit, in bands, so that nobody is given away by a count or by its change."""
    answered = people["disposition"].isin(round_.dispositions.respondents)
    units = people.assign(answered=answered).groupby(["source", "unit"])["answered"].agg(["size", "sum"]).reset_index()
    least = round_.disclosure.min_cell
    large, small = units[units["size"] >= least], units[units["size"] < least]

    def make(words: Words) -> str:
        counts = zip(large["size"], large["sum"], strict=True)
        columns = [
            text(words("Unit"), large["unit"]),
            text(words("Source"), (words.value("part", s) for s in large["source"])),
            figures(words("Invited"), (words.number(n, 0) for n in large["size"])),
            figures(words("Answered"), (_band(int(n), int(answers), least) for n, answers in counts)),
        ]
        note = words(
            "Answers are given in bands of {n}, and not at all where nearly all answered: a count that grows by one "
            "from day to day would tell who answered.",
            n=least,
        )
        table = html_table(columns, "table-units", words("By unit"), note=note, words=words) if len(large) else ""
        return table + html_paragraphs([_small_units(small, least, words)], "hidden-figures")

    return show(make)


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
