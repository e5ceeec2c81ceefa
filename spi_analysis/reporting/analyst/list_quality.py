"""Notebook 10, first part: who is on the lists, and what the institution should put right in them."""

from __future__ import annotations

from functools import partial

from spi_analysis.params import RoundParams
from spi_analysis.reporting import (
    Shown,
    View,
    Words,
    coded,
    count,
    csv_link,
    html_paragraphs,
    message,
    panel_note,
    percent,
    plain,
    show,
    without_panel_counts,
    written,
)
from spi_analysis.stages import FrameAudit

TASKS_CSV, UNITS_CSV = "frame/tasks.csv", "frame/units.csv"
# Longer lists of things to do are not read; the CSV has them all.
MOST_TASKS = 25
COUNTED = {
    "listed": message("On the list"),
    "eligible": message("Eligible"),
    "flagged": message("Flagged"),
    "no_whatsapp": message("Without WhatsApp"),
    "no_email": message("Without e-mail"),
    "also_listed": message("Also on another list"),
}


def sources_table(audit: FrameAudit, round_: RoundParams) -> Shown:
    """The lists in figures: people, contacts, people on two lists, coverage where a total is known."""
    rows = without_panel_counts(audit.sources, round_)

    columns = (
        coded(message("Source"), "source", "source"),
        *(count(heading, name) for name, heading in COUNTED.items()),
        percent(message("Share of known people"), "share", 0),
    )

    def note(words: Words) -> str:
        return words(
            "A dash: not known, or fewer than {least} people. Only people on lists; those who registered themselves "
            "are no part of the draw.",
            least=round_.disclosure.min_cell,
        )

    notes = (note, partial(panel_note, round_))
    return View(rows, columns, notes=notes, title=message("People on the lists"), name="frame")


def tasks_table(audit: FrameAudit, round_: RoundParams) -> Shown:
    """What to put right, where, and for how many people."""
    tasks, least = audit.tasks, round_.disclosure.min_cell
    left = len(tasks) - MOST_TASKS
    if tasks.empty:
        return show(lambda words: html_paragraphs([words("Nothing has to be put right.")]))

    columns = (
        coded(message("What"), "task", "task"),
        written(message("Where"), ("unit",), lambda words, unit: unit or words("the whole list")),
        coded(message("Source"), "source", "part"),
        count(message("People or rows"), "people", lambda words: words("fewer than {least}", least=least)),
    )

    def note(words: Words) -> str:
        said = words(
            "Row by row, for the institution only, in frame_problems.xlsx. No number under {least} is given.",
            least=least,
        )
        return said + (" " + words("{n} more are in the CSV.", n=left) if left > 0 else "")

    return View(
        tasks,
        columns,
        notes=(note,),
        title=message("What to put right"),
        name="tasks",
        most=MOST_TASKS,
        programs=TASKS_CSV,
    )


def units_table(audit: FrameAudit, round_: RoundParams) -> Shown:
    """Units of which something can be said: coverage, or people without a channel; the CSV has all."""
    units = audit.units
    said = units["share"].notna() | (units["no_whatsapp"] > 0) | (units["no_email"] > 0)
    units = units[said]
    if units.empty:
        return show(
            lambda words: (
                html_paragraphs(
                    [words("No unit has a known total, or enough people without a contact channel to be shown.")]
                )
                + csv_link(UNITS_CSV, words("Lists by unit"), words)
            )
        )

    columns = (
        plain(message("Unit"), "unit"),
        coded(message("Source"), "source", "part"),
        count(message("On the list"), "people"),
        count(message("Without WhatsApp"), "no_whatsapp"),
        count(message("Without e-mail"), "no_email"),
        percent(message("Share of known people"), "share", 0),
    )

    def note(words: Words) -> str:
        return words(
            "Not shown: units of fewer than {least} people, counts under {least}, and what would give these away. "
            "Units of which nothing can be said are in the CSV only.",
            least=round_.disclosure.min_cell,
        )

    title = message("Lists by unit")
    return View(units, columns, notes=(note,), title=title, name="units", programs=UNITS_CSV)
