"""Moves of the published years that stand out from noise, and the last year predicted."""

from __future__ import annotations

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import (
    Shown,
    Words,
    figures,
    html_paragraphs,
    html_table,
    institution_names,
    message,
    show,
    text,
)
from spi_analysis.reporting.national.lasting_levels import noise_note
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

    def make(words: Words) -> str:
        summary = html_paragraphs([words("Moves that stand out: {counts}.", counts=_counts(moves, words))])
        note = _moves_note(setup, words)
        if shown.empty:
            return summary + html_paragraphs([note], "note")
        columns = [
            text(words("Institution"), shown["institution_id"].map(names)),
            text(words("Score"), (words.value("part", s) for s in shown["series"])),
            figures(str(before), (words.number(x) for x in shown["before"])),
            figures(str(after), (words.number(x) for x in shown["after"])),
            figures(words("Own move"), (words.signed(x) for x in shown["own_move"])),
            figures(words("Noise stays under"), (words.number(x) for x in shown["noise_limit"])),
            figures(words("Adjusted p"), (words.p_value(x) for x in shown["q_value"])),
        ]
        title = words("Moves from {before} to {after} that stand out from noise", before=before, after=after)
        if len(shown) < len(clear):
            note += " " + words("{shown} of {all}; the others are in the CSV.", shown=len(shown), all=len(clear))
        return summary + html_table(columns, "table-moves", title, note=note, csv="tables/years_moves.csv", words=words)

    return show(make)


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
        "Own move: less the mean move of the type. Noise stays under: what noise alone exceeds in {rest} of "
        "institutions. Adjusted p: Benjamini and Hochberg, over all institutions of a score; listed if at most "
        "{limit}, so that about that share of those listed may be false. A move of the index may be a correction.",
        rest=words.percent(1 - setup.round.level, 0),
        limit=words.number(setup.years.model.false_discovery),
    )
    return f"{note} {noise_note(words)}"


def hold_out_table(overview: Overview, setup: RoundSetup) -> Shown:
    """How well the years before predict the last one; else nothing."""
    table = overview.model.hold_out
    if table.empty:
        return show(lambda words: "")
    ordered = table.assign(order=table["series"].map(SERIES.index), rule=table["method"].map(METHODS.index))
    ordered = ordered.sort_values(["order", "rule"])
    year = overview.model.last_year

    def make(words: Words) -> str:
        titles = {
            "unknown": words("{year} predicted, nothing of that year known", year=year),
            "known": words("{year} predicted, the mean of each type known", year=year),
        }
        notes = {"unknown": _hold_out_note(table, setup, year, words), "known": words(
            "Every rule is told the mean of each type in {year}: only the order of institutions is predicted.",
            year=year,
        )}  # fmt: skip
        return "".join(
            html_table(
                _hold_out_columns(ordered[ordered["common_move"] == case], words),
                f"table-hold-out-{case}",
                titles[case],
                note=f"{notes[case]} {noise_note(words)}",
                csv="tables/years_hold_out.csv",
                words=words,
            )
            for case in titles
        )

    return show(make)


def _hold_out_columns(rows: pd.DataFrame, words: Words) -> list:
    labels = (f"{words.value('part', r.series)}: {words(METHOD_WORDS[r.method])}" for r in rows.itertuples())
    return [
        text(words("Score and rule"), labels),
        figures(words("Log score"), (words.number(x) for x in rows["log_score"])),
        figures(words("Held"), (words.percent(x, 0) for x in rows["coverage"])),
        figures(words("Width"), (words.number(x, 1) for x in rows["width"])),
        figures(words("Error"), (words.number(x) for x in rows["rmse"])),
    ]


def _hold_out_note(table: pd.DataFrame, setup: RoundSetup, year: int, words: Words) -> str:
    return words(
        "n = {n} institutions, from the years before {year}. Log score: mean log density, higher is better. Held: "
        "share of {level} intervals that hold the published figure; width: theirs, in points. Error: root mean "
        "square, in points.",
        n=words.number(table["n"].max(), 0),
        year=year,
        level=words.percent(setup.round.level, 0),
    )
