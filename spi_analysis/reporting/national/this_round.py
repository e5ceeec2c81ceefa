"""This round's institutions: their indices, and their rank sets among peers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import (
    MISSING,
    Shown,
    Words,
    figures,
    html_links,
    html_paragraphs,
    html_table,
    part_label,
    readable,
    show,
    text,
)
from spi_analysis.reporting.institution import WITHHELD
from spi_analysis.stages import RoundResult


def round_table(results: list[RoundResult], setup: RoundSetup, is_synthetic: bool) -> Shown:
    """The institutions of this round, each with a link to its report; reports that are out of date are marked."""

    def make(words: Words) -> str:
        names = [readable(r.institution.name) for r in results]
        if not results:
            return html_paragraphs([words("No institution of this round has been scored yet.")])
        columns = [
            text(words("Institution"), names),
            figures(words("Index"), (words.number(r.index) for r in results)),
            figures(words("Interval"), (words.interval(r.ci_low, r.ci_high) for r in results)),
            text(words("Category"), (_category(r, setup, words) for r in results)),
            figures(words("Chance of this category"), (words.chance(r.category_chance) for r in results)),
            figures(words("Answers (n)"), (words.number(r.n, 0) for r in results)),
        ]
        if any(r.stale for r in results):
            states = (words("out of date") if r.stale else words("up to date") for r in results)
            columns.append(text(words("Report"), states))
        note = words(
            "In the order of the roster, not of the index: the order of institutions that lie close together is not "
            "settled."
        )
        pages = [f"{r.institution.institution_id}/report.{words.language}.html" for r in results]
        links = list(zip(names, pages, strict=True))
        year = setup.round.year
        title = words("Index {year} (generated data)", year=year) if is_synthetic else words("Index {year}", year=year)
        table = html_table(columns, "table-round", title, note=note, words=words)
        return table + html_links(links, words("Reports"))

    return show(make)


def rank_sets_table(rank_sets: pd.DataFrame, setup: RoundSetup, is_synthetic: bool) -> Shown:
    """Between which places each institution lies among its peers; nothing where nobody has a peer."""
    table = rank_sets[rank_sets["peers"] > 1]
    if table.empty:
        return show(lambda words: html_paragraphs([words("No institution of this round has a peer to compare with.")]))
    names = [readable(setup.roster[code].name) for code in table["institution_id"]]

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), names),
            text(words("Peers"), (_peers(row, setup, words) for row in table.itertuples())),
            figures(
                words("Rank set, all together"), rank_set_cells(table["best"], table["worst"], table["peers"], words)
            ),
            figures(
                words("Rank set, this one alone"),
                rank_set_cells(table["best_alone"], table["worst_alone"], table["peers"], words),
            ),
        ]
        year = setup.round.year
        title = (
            words("Rank sets among peers, {year} (generated data)", year=year)
            if is_synthetic
            else words("Rank sets among peers, {year}", year=year)
        )
        return html_table(columns, "table-places", title, note=_rank_sets_note(setup, words), csv="tables/places.csv",
                          words=words)  # fmt: skip

    return show(make)


def experiences_table(table: pd.DataFrame, setup: RoundSetup, is_synthetic: bool) -> Shown:
    """In how many institutions an experience was reported (`round_experiences`)."""
    if table.empty:
        return show(lambda words: html_paragraphs([words("There is nothing to show.")]))
    parts = list(zip(table["source"], table["item"], strict=True))
    limits = list(zip(table["ci_low"], table["ci_high"], strict=True))

    def make(words: Words) -> str:
        columns = [
            text(words("Experience"), (part_label(setup.instrument, source, item, words) for source, item in parts)),
            figures(words("Institutions with a report"), (words.number(x, 0) + "%" for x in table["estimate"])),
            figures(words("Interval"), (words.interval(low, high, 0, "%") for low, high in limits)),
            figures(words("Institutions"), (words.number(n, 0) for n in table["n"])),
            figures(words("People with contact"), (words.number(n, 0) for n in table["people"])),
        ]
        note = words(
            "Institutions in which at least one person with contact reported it, among those whose rate may be shown. "
            "The more people are asked the larger this share: it is not to be compared with shares of people. "
            "Interval: Wilson, {level}, as if the institutions had been drawn.",
            level=words.percent(setup.round.level, 0),
        )
        year = setup.round.year
        title = (
            words("Institutions in which an experience was reported, {year} (generated data)", year=year)
            if is_synthetic
            else words("Institutions in which an experience was reported, {year}", year=year)
        )
        return html_table(columns, "table-experiences", title, note=note, words=words)

    return show(make)


def _rank_set(best: float, worst: float, peers: float, words: Words) -> str:
    """A set of ranks in words."""
    if pd.isna(best):
        return MISSING
    if best == worst:
        return words("{place} of {n}", place=int(best), n=int(peers))
    return words("between {best} and {worst} of {n}", best=int(best), worst=int(worst), n=int(peers))


def rank_set_cells(best: pd.Series, worst: pd.Series, peers: pd.Series, words: Words) -> list[str]:
    """Sets of ranks in words, row by row."""
    return [_rank_set(*row, words) for row in zip(best, worst, peers, strict=True)]


def _rank_sets_note(setup: RoundSetup, words: Words) -> str:
    return words(
        "Rank 1 has the highest index. All together: with {level} confidence every set of the group holds the true "
        "rank. This one alone: for a reader who cares for one institution chosen beforehand. Hidden and withheld "
        "indices are in no comparison. Method: Mogstad, Romano, Shaikh and Wilhelm (2024), with {draws} draws.",
        level=words.percent(setup.round.level, 0),
        draws=words.number(setup.round.ranks.draws, 0),
    )


def _peers(row: Any, setup: RoundSetup, words: Words) -> str:
    institution = setup.roster[row.institution_id]
    parts = [words.value(by, getattr(institution, by) or MISSING) for by in setup.round.ranks.peers]
    return f"{', '.join(parts)} (n = {words.number(row.peers, 0)})"


def _category(result: RoundResult, setup: RoundSetup, words: Words) -> str:
    labels = {level.code: level.label for level in setup.round.categories.levels}
    if result.category:
        return words.pick(labels[result.category])
    status = words.value("status", result.status)
    return f"{status}: {words(WITHHELD[result.reason])}" if result.reason else status
