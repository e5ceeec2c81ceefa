"""Moves of the published years that stand out from noise, and the last year predicted."""

from __future__ import annotations

from functools import partial

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import (
    Shown,
    View,
    Words,
    coded,
    html_paragraphs,
    institution_names,
    message,
    number,
    p_value,
    percent,
    plain,
    show,
    signed,
    written,
)
from spi_analysis.reporting.national.lasting_levels import NOISE_NOTE
from spi_analysis.reporting.view_columns import Column
from spi_analysis.scores.years import METHODS, SERIES
from spi_analysis.stages import Overview

MOST = 10
METHOD_WORDS = {
    "model": message("the model"),
    "same_as_last_year": message("same as last year"),
    "type_mean": message("mean of the type"),
}


def moves_table(overview: Overview, setup: RoundSetup) -> Shown:
    """The moves between the last two years that noise does not explain; else nothing."""
    moves = overview.model.moves
    if moves.empty:
        return show(lambda words: "")
    names = institution_names(overview.published, setup.roster)
    clear = moves[moves["stands_out"]].assign(order=lambda t: t["series"].map(SERIES.index))
    shown = clear.sort_values(["order", "p_value", "institution_id"]).groupby("order").head(MOST)
    before, after = overview.years[-2:]

    def summary(words: Words) -> str:
        said = html_paragraphs([words("Moves that stand out: {counts}.", counts=_counts(moves, words))])
        return said + (html_paragraphs([_moves_note(setup, words)], "note") if shown.empty else "")

    if shown.empty:
        return show(summary)
    columns = (
        plain(message("Institution"), "name"),
        coded(message("Score"), "series", "part"),
        number(lambda words: str(before), "before"),
        number(lambda words: str(after), "after"),
        signed(message("Own move"), "own_move"),
        number(message("Noise stays under"), "noise_limit"),
        p_value(message("Adjusted p"), "q_value"),
    )

    def title(words: Words) -> str:
        return words("Changes from {before} to {after} that stand out from noise", before=before, after=after)

    def others(words: Words) -> str:
        said = message("{shown} of {all}; the others are in the CSV.")
        return words(said, shown=len(shown), all=len(clear)) if len(shown) < len(clear) else ""

    rows = shown.assign(name=shown["institution_id"].map(names))
    notes = (partial(_moves_note, setup), others)
    return show(summary) + View(
        rows, columns, notes=notes, title=title, name="moves", programs="tables/years_moves.csv"
    )


def _counts(moves: pd.DataFrame, words: Words) -> str:
    by_series = sorted(moves.groupby("series"), key=lambda pair: SERIES.index(str(pair[0])))
    return words.listed(
        words(
            "{series}: {clear} of {n}",
            series=words.value("part", series),
            clear=int(part["stands_out"].sum()),
            n=words.number(len(part), 0),
        )
        for series, part in by_series
    )


def _moves_note(setup: RoundSetup, words: Words) -> str:
    note = words(
        "Own move: the change of the institution minus the mean change of its type. Noise stays under: what noise "
        "alone exceeds in {rest} of institutions. Adjusted p: Benjamini and Hochberg, over all institutions of a "
        "score; listed if at most {limit}, so that about that share of those listed may be false. A move of the index "
        "may be a correction.",
        rest=words.percent(1 - setup.round.level, 0),
        limit=words.number(setup.years.model.false_discovery),
    )
    return f"{note} {words(NOISE_NOTE)}"


def hold_out_table(overview: Overview, setup: RoundSetup) -> Shown:
    """How well the years before predict the last one; else nothing."""
    table = overview.model.hold_out
    if table.empty:
        return show(lambda words: "")
    ordered = table.assign(order=table["series"].map(SERIES.index), rule=table["method"].map(METHODS.index))
    ordered = ordered.sort_values(["order", "rule"])
    year = overview.model.last_year

    titles = {
        "unknown": message("{year} predicted, nothing of that year known"),
        "known": message("{year} predicted, the mean of each type known"),
    }

    def known(words: Words) -> str:
        return words(
            "Every rule is given the mean of each type in {year}, so only the order of institutions is predicted.",
            year=year,
        )

    notes = {"unknown": partial(_hold_out_note, table, setup, year), "known": known}
    unknown_view, known_view = (
        View(
            ordered[ordered["common_move"] == case],
            HOLD_OUT_COLUMNS,
            notes=(notes[case], NOISE_NOTE),
            title=partial(_of_year, title, year),
            name=f"hold-out-{case}",
            programs="tables/years_hold_out.csv",
        )
        for case, title in titles.items()
    )
    return unknown_view + known_view


def _of_year(title: str, year: int, words: Words) -> str:
    return words(title, year=year)


def _score_and_rule(words: Words, series: str, method: str) -> str:
    return f"{words.value('part', series)}: {words(METHOD_WORDS[method])}"


HOLD_OUT_COLUMNS: tuple[Column, ...] = (
    written(message("Score and rule"), ("series", "method"), _score_and_rule),
    number(message("Log score"), "log_score"),
    percent(message("Held"), "coverage", 0),
    number(message("Width"), "width", 1),
    number(message("Error"), "rmse"),
)


def _hold_out_note(table: pd.DataFrame, setup: RoundSetup, year: int, words: Words) -> str:
    return words(
        "n = {n} institutions, from the years before {year}. Log score: mean log density, higher is better. Held: "
        "share of {level} intervals that hold the published figure; width: theirs, in points. Error: root mean "
        "square, in points.",
        n=words.number(table["n"].max(), 0),
        year=year,
        level=words.percent(setup.round.level, 0),
    )
