"""Notebook 40: signs of coached answers. Units and checks only: no counts, nobody's answers."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import RoundParams
from spi_analysis.reporting import Shown, View, Words, chance, coded, html_paragraphs, message, plain, show, worded

CHECK_NAMES = {
    "near_duplicates": message("Nearly equal questionnaires"),
    "straight_lining": message("The same tick everywhere"),
    "speeding": message("Filled in too fast"),
    "bursts": message("Many within a short time"),
}


def flags_table(found: pd.DataFrame, round_: RoundParams) -> Shown:
    """The flagged units, how many were looked at, and how often honest answers are flagged."""
    flags = found[found["flagged"].astype(bool)].sort_values(["source", "unit", "p_value"])

    looked = show(lambda words: html_paragraphs(_what_was_looked_at(found, round_, words)))
    if flags.empty:
        none = message("No unit is flagged. This is no proof that nobody was coached.")
        return show(lambda words: html_paragraphs([words(none)])) + looked
    columns = (
        plain(message("Unit"), "unit"),
        coded(message("Source"), "source", "part"),
        worded(message("Check"), "check", CHECK_NAMES),
        chance(message("Chance with honest answers"), "p_value"),
    )
    note = message(
        "A flag asks for a closer look; nothing is deleted and no points are taken off. The chance counts all "
        "units and checks of the institution."
    )
    return View(flags, columns, notes=(note,), title=message("Flagged units"), name="conduct") + looked


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
