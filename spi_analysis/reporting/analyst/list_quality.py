"""Notebook 10, first part: who is on the lists, and what the institution should put right in them."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import RoundParams
from spi_analysis.reporting import (
    Shown,
    Words,
    csv_link,
    figures,
    html_paragraphs,
    html_table,
    panel_note,
    show,
    text,
    without_panel_counts,
)
from spi_analysis.stages import FrameAudit, audit_frame, save_audit
from spi_analysis.tables import RoundData

TASKS_CSV, UNITS_CSV = "frame/tasks.csv", "frame/units.csv"
# Longer lists of things to do are not read; the CSV has them all.
MOST_TASKS = 25


def audited(data: RoundData) -> FrameAudit:
    """The audit of an institution's lists; its figures are written beside the page."""
    audit = audit_frame(data.setup, data.store, data.institution_id)
    save_audit(data.setup, data.institution_id, audit)
    return audit


def sources_table(audit: FrameAudit, round_: RoundParams) -> Shown:
    """The lists in figures: people, contacts, people on two lists, coverage where a total is known."""
    rows = without_panel_counts(audit.sources, round_)

    def make(words: Words) -> str:
        headings = {
            "listed": words("On the list"),
            "eligible": words("Eligible"),
            "flagged": words("Flagged"),
            "no_whatsapp": words("Without WhatsApp"),
            "no_email": words("Without e-mail"),
            "also_listed": words("Also on another list"),
        }
        columns = [
            text(words("Source"), (words.value("source", s) for s in rows["source"])),
            *(figures(head, (words.number(n, 0) for n in rows[name])) for name, head in headings.items()),
            figures(words("Share of known people"), (words.percent(share, 0) for share in rows["share"])),
        ]
        note = words(
            "A dash: not known, or fewer than {least} people. Only people on lists; those who registered themselves "
            "are no part of the draw.",
            least=round_.disclosure.min_cell,
        )
        note = f"{note} {panel_note(round_, words)}"
        return html_table(columns, "table-frame", words("People on the lists"), note=note, words=words)

    return show(make)


def tasks_table(audit: FrameAudit, round_: RoundParams) -> Shown:
    """What to put right, where, and for how many people."""
    tasks = audit.tasks.head(MOST_TASKS)
    left = len(audit.tasks) - len(tasks)
    if tasks.empty:
        return show(lambda words: html_paragraphs([words("Nothing has to be put right.")]))

    def make(words: Words) -> str:
        least = round_.disclosure.min_cell
        fewer = words("fewer than {least}", least=least)
        people = (fewer if pd.isna(n) else words.number(n, 0) for n in tasks["people"])
        columns = [
            text(words("What"), (words.value("task", task) for task in tasks["task"])),
            text(words("Where"), (unit or words("the whole list") for unit in tasks["unit"])),
            text(words("Source"), (words.value("part", s) for s in tasks["source"])),
            figures(words("People or rows"), people),
        ]
        note = words(
            "Row by row, for the institution only, in frame_problems.xlsx. No number under {least} is given.",
            least=least,
        )
        note += " " + words("{n} more are in the CSV.", n=left) if left else ""
        return html_table(columns, "table-tasks", words("What to put right"), note=note, csv=TASKS_CSV, words=words)

    return show(make)


def units_table(audit: FrameAudit, round_: RoundParams) -> Shown:
    """Units of which something can be said: coverage, or people without a channel; the CSV has all."""
    units = audit.units
    units = units[units["share"].notna() | (units["no_whatsapp"] > 0) | (units["no_email"] > 0)]
    if units.empty:
        return show(
            lambda words: (
                html_paragraphs([words("No unit has a known total, or enough people without a channel to show.")])
                + csv_link(UNITS_CSV, words("Lists by unit"), words)
            )
        )

    def make(words: Words) -> str:
        columns = [
            text(words("Unit"), units["unit"]),
            text(words("Source"), (words.value("part", s) for s in units["source"])),
            figures(words("On the list"), (words.number(n, 0) for n in units["people"])),
            figures(words("Without WhatsApp"), (words.number(n, 0) for n in units["no_whatsapp"])),
            figures(words("Without e-mail"), (words.number(n, 0) for n in units["no_email"])),
            figures(words("Share of known people"), (words.percent(share, 0) for share in units["share"])),
        ]
        note = words(
            "Not shown: units of fewer than {least} people, counts under {least}, and what would give these away. "
            "Units of which nothing can be said are in the CSV only.",
            least=round_.disclosure.min_cell,
        )
        return html_table(columns, "table-units", words("Lists by unit"), note=note, csv=UNITS_CSV, words=words)

    return show(make)
