"""Notebook 40: what could be wrong with the scores: silence of those who differ, and coached answers."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import RoundParams
from spi_analysis.reporting import (
    WEAK,
    AnyText,
    Shown,
    View,
    Words,
    chance,
    coded,
    count,
    exact,
    html_paragraphs,
    interval,
    message,
    number,
    odds_columns,
    odds_notes,
    percent,
    plain,
    show,
    signed,
    silence_sentences,
    with_odds,
    worded,
)
from spi_analysis.reporting.view_columns import Column
from spi_analysis.scores import category_of
from spi_analysis.stages import Sensitivity


def ranges_table(found: Sensitivity, round_: RoundParams) -> Shown:
    """Scores and index by log-odds of silence, and what a proxy makes of them, with the correlation it rests on."""
    if found.ranges.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    category = _category(found, round_)
    said = show(lambda words: html_paragraphs(silence_sentences(found, category, round_, words)))
    return said + _odds_table(found) + _phi_table(found, round_)


def _odds_table(found: Sensitivity) -> Shown:
    columns = (
        coded(message("Measure"), "measure", "part"),
        number(message("Estimate"), "estimate"),
        interval(message("Interval"), "ci_low", "ci_high"),
        *odds_columns(found, 2),
        percent(message("Share that answers"), "response_share"),
        count(message("Answers (n)"), "n"),
    )
    title = message("If low scorers answer less often")
    return View(with_odds(found), columns, notes=odds_notes(found), title=title, name="odds")


def _phi_table(found: Sensitivity, round_: RoundParams) -> Shown:
    phis = [phi for phi in round_.sensitivity.phis if phi > 0]
    columns = (
        coded(message("Measure"), "measure", "part"),
        number(message("Estimate"), "estimate"),
        *phi_columns(phis, 2),
        number(message("Correlation of the proxy"), "correlation"),
        number(message("Log-odds that the far end stands for"), "log_odds"),
    )

    def note(words: Words) -> str:
        return words(
            "What the list tells of those who did not answer (proxy pattern-mixture analysis), beside the table above. "
            "phi 0 is the estimate itself: nonresponse depends on the list only; phi 1: on the answer only. Its error "
            "is not worked out and often larger than the shift: judge it by the log-odds that it stands for, of which "
            "more than 0.5 are hardly realistic. {mark}: not informative, the correlation of the proxy (adjusted for "
            "the number of coefficients) is below {least}. A dash: the list tells nothing of the answers.",
            mark=WEAK,
            least=words.number(round_.sensitivity.least_correlation),
        )

    title = message("If nonresponse depends on the answer")
    return View(with_phis(found, phis), columns, notes=(note,), title=title, name="phi")


def _category(found: Sensitivity, round_: RoundParams) -> str | None:
    """Category of the index as reported."""
    index = found.row("index")
    if index is None:
        return None
    return category_of(float(index["estimate"]), round_.categories, round_.index.decimals)


def phi_columns(phis: list[float], decimals: int) -> tuple[Column, ...]:
    """One column of figures per phi (of `with_phis`); what is not informative is marked."""
    return tuple(number(_phi(phi), f"phi_{phi:g}", decimals, mark=f"mark_{phi:g}") for phi in phis)


def _phi(phi: float) -> AnyText:
    return lambda words: words("phi {phi}", phi=words.number(phi, 1))


def with_phis(found: Sensitivity, phis: list[float]) -> pd.DataFrame:
    """The ranges with the estimate under every phi beside them, and the mark of what is not informative."""
    rows = found.ranges
    for phi in phis:
        own = found.by_phi[found.by_phi["phi"] == phi].set_index("measure")
        told = rows["measure"].map(own["informative"]).astype("boolean")
        marks = told.map({True: "", False: WEAK}).fillna("")
        rows = rows.assign(**{f"phi_{phi:g}": rows["measure"].map(own["estimate"]), f"mark_{phi:g}": marks})
    return rows


def tipping_table(found: Sensitivity, round_: RoundParams) -> Shown:
    """How far nonrespondents would have to differ for the category to change."""
    rows = found.tipping

    if rows.empty:
        return show(lambda words: html_paragraphs([words("Without an index there is no category to change.")]))
    columns = (
        coded(message("Category reached"), "category", "category"),
        exact(message("Its limit"), "limit"),
        signed(message("Difference of nonrespondents (points)"), "delta"),
    )
    note = message(
        "Difference between the mean of those who did not answer and the mean that the weights assume for them, the "
        "same in all sources drawn at random. Scores of panels and corrections stay as they are. A dash: no "
        "difference within the scale would change the category."
    )
    return View(rows, columns, notes=(note,), title=message("What would change the category"), name="tipping")


def late_table(found: Sensitivity, round_: RoundParams) -> Shown:
    """Late against early answers, and what the score would be if nonrespondents are like the late."""
    rows = found.late

    if rows.empty:
        return show(lambda words: html_paragraphs([words("Too few early or late answers to compare.")]))
    columns = (
        coded(message("Source"), "source", "part"),
        count(message("Early (n)"), "n_early"),
        count(message("Late (n)"), "n_late"),
        signed(message("Late minus early"), "difference"),
        number(message("Standard error"), "se"),
        interval(message("Interval"), "ci_low", "ci_high"),
        number(message("Score if nonrespondents are like the late"), "implied"),
    )

    def note(words: Words) -> str:
        return words(
            "Late: answered after reminder {n}. Final weights; one score per person over the items answered.",
            n=round_.sensitivity.late_from_reminder,
        )

    return View(rows, columns, notes=(note,), title=message("Early and late answers"), name="late")


# Signs of coached answers. Units and checks only: no counts, nobody's answers.

CHECK_NAMES = {
    "near_duplicates": message("Nearly equal questionnaires"),
    "straight_lining": message("The same answer to all items (straightlining)"),
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
        "A flag asks for a closer look; nothing is deleted and no points are taken off. The chance allows for all "
        "units and all checks of the institution."
    )
    return View(flags, columns, notes=(note,), title=message("Flagged units"), name="conduct") + looked


def _what_was_looked_at(found: pd.DataFrame, round_: RoundParams, words: Words) -> list[str]:
    params = round_.conduct
    return [
        words(
            "{units} units with at least {least} complete answers were looked at. Answers are compared with {n} "
            "random permutations of people between units; nearly equal questionnaires and straightlining are "
            "compared only among people of about the same score.",
            units=words.number(len(found[["source", "unit"]].drop_duplicates()), 0),
            least=round_.disclosure.min_cell,
            n=words.number(params.permutations, 0),
        ),
        words(
            "Nearly equal: at least {near} of the answers the same. Straightlining: at least {line} of the answers "
            "the same. Too fast: less than {fast} of the median time. Short time: {minutes} minutes.",
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
