"""Notebook 40: signs of coached answers. Units and checks only: no counts, nobody's answers."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import RoundParams
from spi_analysis.reporting import Shown, Words, figures, html_paragraphs, html_table, message, show, text

CHECK_NAMES = {
    "near_duplicates": message("Nearly equal questionnaires"),
    "straight_lining": message("The same tick everywhere"),
    "speeding": message("Filled in too fast"),
    "bursts": message("Many within a short time"),
}


def flags_table(found: pd.DataFrame, round_: RoundParams) -> Shown:
    """The flagged units, how many were looked at, and how often honest answers are flagged."""
    flags = found[found["flagged"].astype(bool)].sort_values(["source", "unit", "p_value"])

    def make(words: Words) -> str:
        looked = html_paragraphs(_what_was_looked_at(found, round_, words))
        if flags.empty:
            return html_paragraphs([words("No unit is flagged. This is no proof that nobody was coached.")]) + looked
        columns = [
            text(words("Unit"), flags["unit"]),
            text(words("Source"), (words.value("part", s) for s in flags["source"])),
            text(words("Check"), (words(CHECK_NAMES[c]) for c in flags["check"])),
            figures(words("Chance with honest answers"), (words.chance(p) for p in flags["p_value"])),
        ]
        note = words(
            "A flag asks for a closer look; nothing is deleted and no points are taken off. The chance counts all "
            "units and checks of the institution."
        )
        return html_table(columns, "table-conduct", words("Flagged units"), note=note, words=words) + looked

    return show(make)


def _what_was_looked_at(found: pd.DataFrame, round_: RoundParams, words: Words) -> list[str]:
    params = round_.conduct
    return [
        words(
            "{units} units with at least {least} complete answers were looked at. Answers are compared with {n} "
            "shuffles of people between units, nearly equal questionnaires and equal ticks only among people of about "
            "the same score.",
            units=words.number(len(found[["source", "unit"]].drop_duplicates()), 0),
            least=round_.disclosure.min_cell,
            n=words.number(params.permutations, 0),
        ),
        words(
            "Nearly equal: at least {near} of the answers the same. Same tick: at least {line} of the answers. Too "
            "fast: less than {fast} of the median time. Short time: {minutes} minutes.",
            near=words.percent(params.near_duplicate, 0),
            line=words.percent(params.straight_line, 0),
            fast=words.percent(params.speeder_share, 0),
            minutes=params.burst_minutes,
        ),
        words(
            "False alarms: of 1,000 institutions with honest answers, at most about {n} would have any unit flagged.",
            n=words.number(1000 * params.alpha, 0),
        ),
    ]
