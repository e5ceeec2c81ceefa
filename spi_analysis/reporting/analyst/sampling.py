"""Notebook 10: who is on the list, what precision each choice buys, who is invited (counts only)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd

from spi_analysis.params import RoundParams, Source
from spi_analysis.reporting.analyst.order import in_order
from spi_analysis.reporting.charts import line_chart
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.tables import figures, html_paragraphs, html_table, text
from spi_analysis.reporting.wording import Words
from spi_analysis.sampling import margin_of_error
from spi_analysis.stages.draw import SourcePlan, plan_source

RATES = [0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6]
Plans = Mapping[Source, SourcePlan]


def source_plans(frame: pd.DataFrame, round_: RoundParams) -> dict[Source, SourcePlan]:
    """The plan of every source."""
    return {source: plan_source(frame, round_, source) for source in round_.sources}


def frame_table(frame: pd.DataFrame) -> Shown:
    """People on the lists, by source: eligible, not eligible, flagged."""
    facts = frame.assign(
        flagged=frame["frame_status"].eq("flagged"), whatsapp=frame["channels"].str.contains("whatsapp")
    )
    people = in_order(
        facts.groupby("source").agg(
            listed=("is_eligible", "size"),
            eligible=("is_eligible", "sum"),
            flagged=("flagged", "sum"),
            whatsapp=("whatsapp", "mean"),
        )
    )

    def make(words: Words) -> str:
        columns = [
            text(words("Source"), (words.value("source", s) for s in people.index)),
            figures(words("On the list"), (words.number(n, 0) for n in people["listed"])),
            figures(words("Eligible"), (words.number(n, 0) for n in people["eligible"])),
            figures(words("Not eligible"), (words.number(n, 0) for n in people["listed"] - people["eligible"])),
            figures(words("Flagged"), (words.number(n, 0) for n in people["flagged"])),
            figures(words("With WhatsApp"), (words.percent(share) for share in people["whatsapp"])),
        ]
        return html_table(columns, "table-frame", words("People on the lists"), words=words)

    return show(make)


def plan_table(plans: Plans, round_: RoundParams) -> Shown:
    """Answers needed, invitations and the margin of error they buy."""
    designs = [round_.sources[source].design for source in plans]

    def make(words: Words) -> str:
        columns = [
            text(words("Source"), (words.value("source", s) for s in plans)),
            figures(words("Eligible"), (words.number(p.population, 0) for p in plans.values())),
            figures(words("Answers needed"), (words.number(p.size.completes, 0) for p in plans.values())),
            figures(words("Invitations"), (words.number(_invited(p), 0) for p in plans.values())),
            text(
                words("Who is invited"),
                (_who_is_invited(p, words) for p in plans.values()),
            ),
            figures(words("Strata"), (words.number(len(p.strata), 0) for p in plans.values())),
            figures(words("Anticipated response"), (words.percent(d.response_rate if d else None, 0) for d in designs)),
            figures(words("Expected margin of error"), (words.percent(p.margin) for p in plans.values())),
        ]
        note = words(
            "The margin of error is for a share of one half at {level} confidence. A panel is invited whole; "
            "it has no margin of error in the sense of sampling.",
            level=words.percent(round_.level, 0),
        )
        return html_table(columns, "table-plan", words("What is planned"), note=note, words=words)

    return show(make)


def margin_chart(plans: Plans, round_: RoundParams) -> Shown:
    """The margin of error that the invitations buy, for response rates from low to high."""
    curves = {source: _margins(plan, round_) for source, plan in plans.items() if round_.sources[source].design}

    def make(words: Words) -> str:
        table = pd.DataFrame(curves, index=[100 * rate for rate in RATES])
        return line_chart(
            table.rename(columns=lambda source: words.value("part", source)),
            "chart-margin",
            words("Margin of error by response rate"),
            words=words,
            x_label=words("Response rate (percent)"),
            y_label=words("Margin of error (points of 100)"),
            note=words("A higher response rate narrows the margin; it does not by itself remove the bias of silence."),
        )

    return show(make)


def strata_table(plans: Plans) -> Shown:
    """Strata with people and invitations; the note counts the cells that were merged."""
    strata = pd.concat([plan.strata.assign(source=source) for source, plan in plans.items()])
    merged = sum(int(plan.cells["merged"].sum()) for plan in plans.values())

    def make(words: Words) -> str:
        columns = [
            text(words("Stratum"), (words.cell(label) for label in strata["stratum"])),
            text(words("Source"), (words.value("part", s) for s in strata["source"])),
            figures(words("Eligible"), (words.number(n, 0) for n in strata["pop_size"])),
            figures(words("Invitations"), (words.number(n, 0) for n in strata["invited"])),
        ]
        note = words("{n} cells too small to stand alone were merged; a stratum's name tells how many.", n=merged)
        return html_table(columns, "table-strata", words("Strata and invitations"), note=note, words=words)

    return show(make)


def record_table(record: Mapping[str, Any] | None, round_: RoundParams) -> Shown:
    """The public part of the draw record."""
    if record is None:
        return show(lambda words: html_paragraphs([words("Nothing has been drawn yet.")]))
    parts = record["sources"]
    first = next(iter(parts.values()))
    # The record keeps the name as it was when the sample was drawn, in the round's first language.
    names = round_.draw.public_value_name
    known = names[round_.languages[0]] == first["public_value_name"]

    def make(words: Words) -> str:
        columns = [
            text(words("Source"), (words.value("part", source) for source in parts)),
            figures(words("Eligible"), (words.number(p["pop_size"], 0) for p in parts.values())),
            figures(words("Drawn"), (words.number(p["sample_size"], 0) for p in parts.values())),
            text(words("Commitment of the secret"), (p["secret_commitment"][:16] + "…" for p in parts.values())),
            figures(words("Shift"), (words.number(p["shift"], 6) for p in parts.values())),
        ]
        note = words(
            "Public value that fixes the shift: {name} ({value}, {date}). Check the draw with: spi verify-draw.",
            name=words.pick(names) if known else first["public_value_name"],
            value=first["public_value"],
            date=words.date(dt.date.fromisoformat(first["public_value_date"])),
        )
        return html_table(columns, "table-record", words("The draw"), note=note, words=words)

    return show(make)


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
