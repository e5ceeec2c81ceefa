"""This round's institutions: their indices, and their rank sets among peers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import (
    MISSING,
    AnyText,
    Shown,
    View,
    Words,
    chance,
    count,
    figure_text,
    html_links,
    html_paragraphs,
    interval,
    message,
    number,
    part_label,
    percent,
    plain,
    readable,
    show,
    worded,
    written,
)
from spi_analysis.reporting.institution import WITHHELD
from spi_analysis.reporting.national.explorer_rows import rate_heading
from spi_analysis.reporting.view_columns import Column
from spi_analysis.stages import Comparison, KindsAgree, RoundResult

# More than that, and the page of all institutions serves better.
MOST = 20
ROW = ("institution", "index", "ci_low", "ci_high", "n", "category", "category_chance", "status", "reason", "stale")
STATES = {True: message("out of date"), False: message("up to date")}


def round_table(results: list[RoundResult], setup: RoundSetup, is_synthetic: bool) -> Shown:
    """The institutions of this round, each with a link to its report; reports that are out of date are marked."""

    if not results:
        return show(lambda words: html_paragraphs([words("No institution of this round has been scored yet.")]))
    rates = [f"rate_{source}" for source in setup.round.populations]
    rows = pd.DataFrame([_row(result) for result in results], columns=[*ROW, *rates])
    columns = [
        plain(message("Institution"), "institution"),
        number(message("Index"), "index"),
        interval(message("Interval"), "ci_low", "ci_high"),
        written(message("Category"), ("category", "status", "reason"), partial(_category, setup)),
        chance(message("Chance of this category"), "category_chance"),
        count(message("Answers (n)"), "n"),
        *(percent(partial(rate_heading, source), f"rate_{source}") for source in setup.round.populations),
    ]
    if rows["stale"].any():
        columns.append(worded(message("Report"), "stale", STATES))
    note = message(
        "In the order of the roster, not of the index: the order of institutions with close indices is uncertain."
    )
    title = _of_year(setup, is_synthetic, message("Index {year}"), message("Index {year} (generated data)"))
    table = View(
        rows, tuple(columns), notes=(note, partial(_the_others, len(rows))), title=title, name="round", most=MOST
    )
    links = results if len(results) <= MOST else []
    return table + show(lambda words: html_links(_report_links(links, words), words("Reports")) if links else "")


def _the_others(n: int, words: Words) -> str:
    """Where the institutions are that the page has no room for."""
    return words("The first {most} of {n}; all are on the page above.", most=MOST, n=n) if n > MOST else ""


def _row(result: RoundResult) -> dict[str, Any]:
    rates = {f"rate_{source}": rate for source, rate in result.rates.items()}
    return (
        {"institution": readable(result.institution.name)} | {name: getattr(result, name) for name in ROW[1:]} | rates
    )


def _report_links(results: list[RoundResult], words: Words) -> list[tuple[str, str]]:
    return [
        (readable(r.institution.name), f"{r.institution.institution_id}/report.{words.language}.html") for r in results
    ]


def _of_year(setup: RoundSetup, is_synthetic: bool, real: str, generated: str) -> AnyText:
    """A title with the round's year, which says so where the data are generated."""
    return lambda words: words(generated if is_synthetic else real, year=setup.round.year)


def rank_sets_table(rank_sets: pd.DataFrame, setup: RoundSetup, is_synthetic: bool) -> Shown:
    """Between which places each institution lies among its peers; nothing where nobody has a peer."""
    table = rank_sets[rank_sets["peers"] > 1]
    if table.empty:
        return show(lambda words: html_paragraphs([words("No institution of this round has a peer to compare with.")]))
    columns = (
        written(message("Institution"), ("institution_id",), lambda words, code: readable(setup.roster[code].name)),
        written(message("Peers"), ("institution_id", "peers"), partial(_peers, setup)),
        *rank_set_columns(),
    )
    title = _of_year(
        setup,
        is_synthetic,
        message("Rank sets among peers, {year}"),
        message("Rank sets among peers, {year} (generated data)"),
    )
    note = partial(_rank_sets_note, setup)
    return View(table, columns, notes=(note,), title=title, name="places", programs="tables/places.csv")


def rank_set_columns() -> tuple[Column, ...]:
    """Sets of ranks in words: of all institutions together, and of one alone (columns best, worst, peers)."""
    return (
        figure_text(message("Rank set, all together"), ("best", "worst", "peers"), _rank_set),
        figure_text(message("Rank set, this one alone"), ("best_alone", "worst_alone", "peers"), _rank_set),
    )


def kinds_note(found: KindsAgree, setup: RoundSetup) -> Shown:
    """How much experts of one kind agree, learnt from all panels of the round."""

    def said(words: Words) -> str:
        least = setup.round.disclosure.min_cell
        if found.panels < least:
            return words(
                "How much experts of one kind agree is learnt from {least} institutions on; here are {panels}.",
                least=least,
                panels=found.panels,
            )
        return words(
            "Scores of experts of one kind have the correlation {correlation} ({low} to {high} at {level} confidence, "
            "learnt from {panels} institutions). The larger it is, the less a panel says; the page of the scores "
            "(notebook 40) assumes {assumed}.",
            correlation=words.number(found.correlation, 2),
            low=words.number(found.ci_low, 2),
            high=words.number(found.ci_high, 2),
            level=words.percent(setup.round.level, 0),
            panels=found.panels,
            assumed=MISSING if setup.years.experts is None else words.exact(setup.years.experts.kinds_agree),
        )

    return show(lambda words: html_paragraphs([said(words)]))


def experiences_table(table: pd.DataFrame, setup: RoundSetup, is_synthetic: bool) -> Shown:
    """In how many institutions an experience was reported (`round_experiences`)."""
    if table.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    columns = (
        written(
            message("Experience"), ("source", "item"), lambda words, *part: part_label(setup.instrument, *part, words)
        ),
        number(message("Institutions with a report"), "estimate", 0, "%"),
        interval(message("Interval"), "ci_low", "ci_high", 0, "%"),
        count(message("Institutions"), "n"),
        count(message("People with contact"), "people"),
    )

    def note(words: Words) -> str:
        return words(
            "Institutions in which at least one person with contact reported it, among those whose rate may be shown. "
            "This share grows with the number of people asked, so it cannot be compared with shares of people. "
            "Interval: Wilson, {level}, as if the institutions had been drawn.",
            level=words.percent(setup.round.level, 0),
        )

    def hidden(words: Words) -> str:
        return words(
            "Of experiences for which some institution's own rate is hidden the number of people is rounded down, and "
            "the share is left out unless at least two such institutions have a report: it would tell of one."
        )

    title = _of_year(
        setup,
        is_synthetic,
        message("Institutions in which an experience was reported, {year}"),
        message("Institutions in which an experience was reported, {year} (generated data)"),
    )
    return View(table, columns, notes=(note, hidden), title=title, name="experiences")


NOT_COMPARED = message(
    "Whether a whole institution was coached can be asked only by comparing it with the others of its round. That "
    "takes at least {institutions} institutions with {answers} answers each; this round has fewer."
)
COMPARED = message(
    "In each of {n} institutions the answers were compared with those in all other institutions: do people answer "
    "like people elsewhere whose own score is about the same, or as if they had been told what to answer? If nobody "
    "had been told, at least {sure} of surveys like this would end without a single flag."
)
ONE_ORDER = message(
    "Whether people ticked the boxes they were told, whatever stood there, can be asked only where the questionnaire "
    "is given by lot in two orders. In this round no institution has enough answers in two orders."
)
TWO_ORDERS = message(
    "A second check, where everybody was given the questionnaire by lot either in the usual order or with its "
    "questions and answers from the last to the first (number of institutions: {n}). Honest answers hardly change "
    "with the order. Whoever was told which boxes to tick ('question 1: the first box') gives other answers when the "
    "order is reversed. If nobody had been told, at least {sure} of surveys like this would end without a single "
    "flag."
)
FLAGGED = message("{flagged} institutions are flagged. On average at most about one flag in {each} is a false alarm.")
FEW_FLAGGED = message(
    "How many are flagged is not said, so that nobody can guess which: fewer than {least}, perhaps none."
)
MOST_FLAGGED = message("How many are flagged is not shown, since it would tell of those few that are not.")
QUESTION = message(
    "A flag means that the institution is asked about it. It proves nothing: no points are taken off, and no "
    "institution is named on this page."
)


def coaching_text(found: Comparison, setup: RoundSetup) -> Shown:
    """How many institutions were compared, and how many are flagged where that names nobody."""
    return show(lambda words: html_paragraphs([_coaching(found, setup, words)]))


def _coaching(found: Comparison, setup: RoundSetup, words: Words) -> str:
    params = setup.round.coaching
    if params is None:
        return words("There is nothing to show.")
    if found.rows.empty:
        return words(NOT_COMPARED, institutions=params.min_institutions, answers=params.min_answers)
    return _flags(COMPARED, found, params.false_discovery, params.false_discovery, setup, words)


def forms_text(found: Comparison, setup: RoundSetup) -> Shown:
    """How many institutions got the questionnaire in two orders, and in how many answers followed their place."""
    return show(lambda words: html_paragraphs([_forms(found, setup, words)]))


def _forms(found: Comparison, setup: RoundSetup, words: Words) -> str:
    params, forms = setup.round.coaching, setup.round.forms
    if params is None or forms is None or found.rows.empty:
        return words(ONE_ORDER)
    return _flags(TWO_ORDERS, found, forms.any_flag, params.false_discovery, setup, words)


def _flags(
    said: str, found: Comparison, any_flag: float, false_discovery: float, setup: RoundSetup, words: Words
) -> str:
    """What was compared, how many are flagged where that names nobody, and what a flag is.

    ``any_flag``: share of honest rounds with any flag.
    """
    flagged, least = int(found.flagged["institution_id"].nunique()), setup.round.disclosure.min_cell
    sure, each = words.percent(1 - any_flag, 0), words.number(1 / false_discovery, 0)
    few = MOST_FLAGGED if found.looked_at - flagged < least else FEW_FLAGGED if flagged < least else FLAGGED
    parts = (
        words(said, n=words.number(found.looked_at, 0), sure=sure),
        words(few, flagged=words.number(flagged, 0), each=each, least=least),
        words(QUESTION),
    )
    return " ".join(parts)


def _rank_set(words: Words, best: float | None, worst: float | None, peers: float) -> str:
    """A set of ranks in words."""
    if best is None or worst is None:
        return MISSING
    if best == worst:
        return words("{place} of {n}", place=int(best), n=int(peers))
    return words("between {best} and {worst} of {n}", best=int(best), worst=int(worst), n=int(peers))


def _rank_sets_note(setup: RoundSetup, words: Words) -> str:
    return words(
        "Rank 1 has the highest index. All together: with {level} confidence every set of the group contains the "
        "true rank. This one alone: for a reader interested in one institution chosen beforehand. Hidden and "
        "withheld indices are not compared. Method: Mogstad, Romano, Shaikh and Wilhelm (2024), with {draws} draws.",
        level=words.percent(setup.round.level, 0),
        draws=words.number(setup.round.ranks.draws, 0),
    )


def _peers(setup: RoundSetup, words: Words, institution_id: str, peers: float) -> str:
    institution = setup.roster[institution_id]
    parts = [words.value(by, getattr(institution, by) or MISSING) for by in setup.round.ranks.peers]
    return f"{', '.join(parts)} (n = {words.number(peers, 0)})"


def _category(setup: RoundSetup, words: Words, category: str | None, status: str, reason: str | None) -> str:
    labels = {level.code: level.label for level in setup.round.categories.levels}
    if category:
        return words.pick(labels[category])
    said = words.value("status", status)
    return f"{said}: {words(WITHHELD[reason])}" if reason else said
