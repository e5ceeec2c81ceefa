"""Notebook 10: what precision each choice buys, who is invited (counts only), how the draw is checked."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from spi_analysis.params import RoundParams, Source
from spi_analysis.reporting import (
    Shown,
    Words,
    chart,
    count_of,
    figures,
    html_paragraphs,
    html_table,
    is_panel,
    lines,
    panel_dash,
    phrase,
    series_of,
    show,
    text,
)
from spi_analysis.stages import SourcePlan, activation_table, drawn_of, log_of, plan_source, response_history
from spi_analysis.survey.sampling import compared_allocations, margin_of_error
from spi_analysis.tables import RoundData

# Answers for the curve: from the least that a source aims at up to everyone, evenly on the page.
CURVE_POINTS = 40
# Of a commitment: enough to compare it by eye with what was published.
SHOWN_DIGITS = 16
METHODS = ("proportional", "equal", "power", "neyman")
RATES = [0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6]
Plans = Mapping[Source, SourcePlan]


def source_plans(data: RoundData) -> dict[Source, SourcePlan]:
    """The plan of every source, with the response that earlier rounds tell of."""
    setup, store, institution_id = data.setup, data.store, data.institution_id
    return {
        source: plan_source(data.frame, data.round, source, response_history(setup, store, institution_id, source))
        for source in data.round.sources
    }


def plan_table(plans: Plans, round_: RoundParams) -> Shown:
    """Answers needed, invitations and the margin of error they buy."""

    def make(words: Words) -> str:
        columns = [
            text(words("Source"), (words.value("source", s) for s in plans)),
            figures(words("Eligible"), (count_of(s, p.population, round_, words) for s, p in plans.items())),
            figures(words("Answers needed"), (count_of(s, p.size.completes, round_, words) for s, p in plans.items())),
            figures(words("Invitations"), (count_of(s, _invited(p), round_, words) for s, p in plans.items())),
            text(
                words("Who is invited"),
                (_who_is_invited(p, words) for p in plans.values()),
            ),
            figures(words("Strata"), (count_of(s, len(p.strata), round_, words) for s, p in plans.items())),
            figures(words("Expected answers"), (_expected(p, words) for p in plans.values())),
            figures(words("Expected margin of error"), (words.percent(p.margin) for p in plans.values())),
        ]
        note = words(
            "The margin of error is for a share of {share}, or for the spread of the last round's answers where that "
            "is known, at {level} confidence. A panel is invited whole; it has no margin of error in the sense of "
            "sampling.",
            share=_shares(round_, words),
            level=words.percent(round_.level, 0),
        )
        note = f"{note} {panel_dash(round_, words)}"
        missed = [source for source, plan in plans.items() if not plan.margin_met]
        if missed:
            said = words(
                "Everyone who may be invited is too few for the margin aimed for: {names}.", names=_names(missed, words)
            )
            note = f"{note} {said}"
        return html_table(columns, "table-plan", words("What is planned"), note=note, words=words)

    return show(make)


def _shares(round_: RoundParams, words: Words) -> str:
    """The shares that sizes are planned for, each once."""
    planned = {source.design.p for source in round_.sources.values() if source.design}
    return words.listed([words.percent(p, 0) for p in sorted(planned)])


def margin_chart(plans: Plans, round_: RoundParams) -> Shown:
    """The margin of error that the invitations buy, for response rates from low to high."""
    curves = {source: _margins(plan, round_) for source, plan in plans.items() if round_.sources[source].design}
    table = pd.DataFrame(curves, index=[100 * rate for rate in RATES])
    drawn = chart(
        lines,
        series_of(table, "part"),
        "chart-margin",
        lambda words: words("Margin of error by response rate"),
        x_label=phrase(lambda words: words("Response rate (percent)")),
        y_label=phrase(lambda words: words("Margin of error (points of 100)")),
        decimals=1,
        note=lambda words: words(
            "A higher response rate narrows the margin; it does not by itself remove nonresponse bias."
        ),
    )
    return show(drawn.html)


def size_chart(plans: Plans, round_: RoundParams) -> Shown:
    """The margin of error for every number of answers, from few to everyone on the list."""
    drawn = {source: plan for source, plan in plans.items() if round_.sources[source].design}
    most = max(plan.population for plan in drawn.values())
    least = min(min(round_.sources[source].design.min_completes for source in drawn), most)  # type: ignore[union-attr]
    answers = sorted({int(n) for n in np.geomspace(least, most, CURVE_POINTS)})
    curves = {source: [_margin_of(n, plan, round_) for n in answers] for source, plan in drawn.items()}
    table = pd.DataFrame(curves, index=[float(n) for n in answers])
    drawn = chart(
        lines,
        series_of(table, "part"),
        "chart-size",
        lambda words: words("Margin of error by number of answers"),
        x_label=phrase(lambda words: words("Answers")),
        y_label=phrase(lambda words: words("Margin of error (points of 100)")),
        decimals=1,
        note=lambda words: words(
            "For a share of {share} in a simple random sample, at {level} confidence.",
            share=_shares(round_, words),
            level=words.percent(round_.level, 0),
        ),
    )
    return show(drawn.html)


def allocation_table(plans: Plans, round_: RoundParams) -> Shown:
    """What the same invitations buy, shared out in other ways; nothing to compare where everyone is invited."""
    parts = {source: _compared(plan, round_) for source, plan in plans.items() if _has_a_choice(plan, round_)}
    everyone = [s for s in plans if round_.sources[s].design and plans[s].size.census]
    stages = [s for s in plans if (design := round_.sources[s].design) and design.two_stage is not None]

    def make(words: Words) -> str:
        below = [
            (
                everyone,
                words("Everyone is invited, so there is nothing to share out: {names}.", names=_names(everyone, words)),
            ),
            (
                stages,
                words("Units are drawn first, so strata share out nothing: {names}.", names=_names(stages, words)),
            ),
        ]
        said = html_paragraphs([sentence for sources, sentence in below if sources])
        if not parts:
            return said
        rows = pd.concat([part.assign(source=source) for source, part in parts.items()], ignore_index=True)
        methods = _method_in_words(words)
        chosen = [round_.sources[s].design.allocation == m for s, m in zip(rows["source"], rows["method"], strict=True)]
        columns = [
            text(
                words("Shared out"),
                (methods[m] + (" ✓" if ours else "") for m, ours in zip(rows["method"], chosen, strict=True)),
            ),
            text(words("Source"), (words.value("part", s) for s in rows["source"])),
            figures(words("Invitations"), (words.number(n, 0) for n in rows["invited"])),
            figures(words("Expected answers"), (words.number(n, 0) for n in rows["completes"])),
            figures(words("Margin of the source"), (words.percent(m) for m in rows["margin"])),
            figures(words("Answers in a median stratum"), (words.number(n, 1) for n in rows["stratum_completes"])),
        ]
        note = words(
            "✓ marks the round's choice. The same number of invitations each time. As long as the spread of answers is "
            "not known by stratum, Neyman's rule is the proportional one."
        )
        table = html_table(
            columns, "table-allocations", words("Ways to share out the invitations"), note=note, words=words
        )
        return table + said

    return show(make)


def strata_table(plans: Plans, round_: RoundParams) -> Shown:
    """Strata with people, invitations, reserves and expected answers; the note counts the cells that were merged.

    A panel is no stratum: it is invited whole.
    """
    drawn = {source: plan for source, plan in plans.items() if not is_panel(source, round_)}
    strata = pd.concat([plan.strata.assign(source=source) for source, plan in drawn.items()])
    merged = sum(int(plan.cells["merged"].sum()) for plan in drawn.values())

    def make(words: Words) -> str:
        columns = [
            text(words("Stratum"), (words.cell(label) for label in strata["stratum"])),
            text(words("Source"), (words.value("part", s) for s in strata["source"])),
            figures(words("Eligible"), (words.number(n, 0) for n in strata["pop_size"])),
            figures(words("Invitations"), (words.number(n, 0) for n in strata["invited"])),
            figures(words("In reserve"), (words.number(n, 0) for n in strata["drawn"] - strata["invited"])),
            figures(words("Expected answers"), (words.number(n, 0) for n in strata["completes"])),
        ]
        note = words(
            "{n} cells too small to stand alone were merged; a stratum's name tells how many. Expected answers are "
            "planned from response rates, not counted.",
            n=merged,
        )
        return html_table(columns, "table-strata", words("Strata and invitations"), note=note, words=words)

    return show(make)


def record_table(data: RoundData) -> Shown:
    """The public part of the draw record, and what was activated of it."""
    record, round_ = data.store.read_record("draw", data.institution_id), data.round
    if record is None:
        return show(lambda words: html_paragraphs([words("Nothing has been drawn yet.")]))
    parts = {source: record["sources"][source] for source in round_.sources if source in record["sources"]}
    first = next(iter(parts.values()))
    drawn, activations = drawn_of(data.store, data.institution_id), log_of(data.store, data.institution_id)
    invited = activation_table(drawn, activations).set_index("source")
    # The record keeps the name as it was when the sample was drawn, in the round's first language.
    names = round_.draw.public_value_name
    known = names[round_.languages[0]] == first["public_value_name"]

    def make(words: Words) -> str:
        methods = {
            "srs": words("by random numbers"),
            "systematic": words("systematic"),
            "two_stage": words("units, then people"),
        }
        columns = [
            text(words("Source"), (words.value("part", source) for source in parts)),
            text(
                words("Method"),
                (
                    methods[p["method"]["name"]] if round_.sources[s].design else words("everyone")
                    for s, p in parts.items()
                ),
            ),
            figures(words("Eligible"), (count_of(s, p["pop_size"], round_, words) for s, p in parts.items())),
            figures(words("Drawn"), (count_of(s, p["sample_size"], round_, words) for s, p in parts.items())),
            figures(words("Invited"), (count_of(s, invited.loc[s, "invited"], round_, words) for s in parts)),
            figures(words("In reserve"), (count_of(s, invited.loc[s, "reserve"], round_, words) for s in parts)),
            figures(words("Starting point"), (words.number(p["shift"], 6) for p in parts.values())),
        ]
        note = words(
            "Public value that fixes the start: {name} ({value}, {date}). Commitment of the secret: {commitment}… "
            "Activations after the first: {releases}.",
            name=words.pick(names) if known else first["public_value_name"],
            value=first["public_value"],
            date=words.date(dt.date.fromisoformat(first["public_value_date"])),
            commitment=first["secret_commitment"][:SHOWN_DIGITS],
            releases=words.number(len(activations), 0),
        )
        note = f"{note} {panel_dash(round_, words)}"
        return html_table(columns, "table-record", words("The draw"), note=note, words=words)

    return show(make)


def checks_table(institution_id: str) -> Shown:
    """Who can check what of the draw, and with which command."""

    def make(words: Words) -> str:
        rows = [
            (words("anybody"), words("the public record"),
             words("the start follows from the public value; the counts add up"), "--record-only"),
            (words("the institution, the Inspektorat"), words("record and list"),
             words("the list is still the one drawn from, and the sample what was drawn and activated"),
             "--without-secret"),
            (words("an auditor, after fieldwork"), words("record, list and secret"),
             words("everybody drawn follows from the draw, in the right wave and with the right chance"), ""),
        ]  # fmt: skip
        columns = [
            text(words("Who"), (row[0] for row in rows)),
            text(words("With"), (row[1] for row in rows)),
            text(words("Can be sure that"), (row[2] for row in rows)),
            text(words("Command"), (f"spi verify-draw {institution_id} {row[3]}".strip() for row in rows)),
        ]
        return html_table(columns, "table-checks", words("Who can check what"), words=words)

    return show(make)


def _names(sources: list[Source], words: Words) -> str:
    return words.listed(words.value("part", source) for source in sources)


def _method_in_words(words: Words) -> dict[str, str]:
    return {
        "proportional": words("in proportion to people"),
        "equal": words("the same answers in each stratum"),
        "power": words("by the root of people (between the two)"),
        "neyman": words("by people and spread (Neyman)"),
    }


def _has_a_choice(plan: SourcePlan, round_: RoundParams) -> bool:
    design = round_.sources[plan.source].design
    return design is not None and design.two_stage is None and not plan.size.census


def _compared(plan: SourcePlan, round_: RoundParams) -> pd.DataFrame:
    design = round_.sources[plan.source].design
    assert design is not None
    return compared_allocations(
        plan.strata, _invited(plan), METHODS, level=round_.level, deff=design.deff, min_invited=design.min_per_stratum
    )


def _expected(plan: SourcePlan, words: Words) -> str:
    """A panel's answers are not planned for."""
    return words.number(None if math.isnan(plan.margin) else float(plan.strata["completes"].sum()), 0)


def _margin_of(answers: float, plan: SourcePlan, round_: RoundParams) -> float:
    """In points; nothing where there are not so many people."""
    design = round_.sources[plan.source].design
    if design is None or answers > plan.population:
        return float("nan")
    return 100 * margin_of_error(answers, design.p, round_.level, plan.population, design.deff)


def _who_is_invited(plan: SourcePlan, words: Words) -> str:
    return words("everyone") if plan.size.census else words("a sample")


def _invited(plan: SourcePlan) -> int:
    return int(plan.strata["invited"].sum())


def _margins(plan: SourcePlan, round_: RoundParams) -> list[float]:
    design = round_.sources[plan.source].design
    assert design is not None
    people = _invited(plan) * design.eligibility_rate
    answers = [max(people * rate, 1) for rate in RATES]
    return [100 * margin_of_error(n, design.p, round_.level, plan.population, design.deff) for n in answers]
