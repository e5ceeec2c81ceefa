"""The published years as a model sees them: what lasts, what changes, what is noise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting.charts import interval_chart
from spi_analysis.reporting.display import Shown, show
from spi_analysis.reporting.names import institution_names
from spi_analysis.reporting.national.round import place
from spi_analysis.reporting.tables import csv_link, figures, html_paragraphs, html_table, text
from spi_analysis.reporting.wording import MISSING, Words, message
from spi_analysis.scores.years import METHODS, SERIES
from spi_analysis.stages.overview import Overview

MOST = 10
METHOD_WORDS = {
    "model": message("the model"),
    "same_as_last_year": message("same as last year"),
    "type_mean": message("mean of the type"),
}


def components_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Standard deviations of lasting level, change and noise, by series and type."""
    if not overview.model.fitted:
        return _no_model(setup)
    table = overview.model.components
    wide = [part for _, part in table.groupby(["series", "type"], sort=False)]
    wide = sorted(wide, key=lambda part: SERIES.index(part["series"].iloc[0]))

    def make(words: Words) -> str:
        shift_years = sorted({int(y) for y in table.loc[table["part"] == "mode_shift", "year"]})
        columns = [
            text(words("Score, type (n)"), (_series_and_type(part.iloc[0], words) for part in wide)),
            figures(words("Lasting level"), (_part(part, "lasting_level", words) for part in wide)),
            figures(words("Change"), (_part(part, "change", words) for part in wide)),
            figures(words("Noise"), (_part(part, "noise", words) for part in wide)),
            *(
                figures(
                    words("Mode shift {year}", year=year), (_part(part, "mode_shift", words, year) for part in wide)
                )
                for year in shift_years
            ),
        ]
        title, note = words("Lasting level, change and noise, in points"), _components_note(setup, words)
        return html_table(columns, "table-components", title, note=note, csv="tables/years_components.csv", words=words)

    return show(make)


def levels_view(overview: Overview, setup: RoundSetup) -> Shown:
    """Published index, score without noise and lasting level of this round's institutions; else nothing."""
    rows = overview.model.levels
    rows = rows[(rows["series"] == "index") & rows["institution_id"].isin(setup.institution_ids)]
    if rows.empty:
        return show(lambda words: "")
    names = institution_names(overview.published, setup.roster)
    rows = rows.set_index("institution_id").reindex(
        [i for i in setup.institution_ids if i in set(rows["institution_id"])]
    )
    places = overview.model.places.reindex(rows.index)
    year = overview.model.last_year

    def make(words: Words) -> str:
        label = rows.index.map(names)
        drawn = rows.rename(columns={"current": "estimate", "current_low": "ci_low", "current_high": "ci_high"})
        drawn = drawn.assign(label=label)
        title = words("Published index (KPK) of {year} without noise", year=year)
        chart = interval_chart(
            drawn, "chart-levels", title, words=words, x_label=words("Index"), note=_noise_note(words)
        )
        columns = [
            text(words("Institution"), label),
            figures(words("Published"), (words.number(x) for x in rows["published"])),
            figures(words("Without noise"), _triples(rows, "current", words)),
            figures(words("Lasting level"), _triples(rows, "lasting", words)),
            figures(
                words("Place within the type"),
                (place(r.best_alone, r.worst_alone, r.peers, words) for r in places.itertuples()),
            ),
        ]
        note = words(
            "In brackets the {level} interval. Both figures are drawn towards the mean of the type. Places: for each "
            "institution alone, from the published index and the model's noise.",
            level=words.percent(setup.round.level, 0),
        )
        table = html_table(columns, "table-levels", title, note=f"{note} {_noise_note(words)}",
                           csv="tables/years_levels.csv", words=words)  # fmt: skip
        return (
            chart
            + table
            + csv_link("tables/years_places.csv", words("Places within the type, all institutions"), words)
        )

    return show(make)


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
        counts = words.listed(
            words(
                "{series}: {clear} of {n}",
                series=words.value("part", series),
                clear=int(part["stands_out"].sum()),
                n=words.number(len(part), 0),
            )
            for series, part in sorted(moves.groupby("series"), key=lambda pair: SERIES.index(pair[0]))
        )
        summary = html_paragraphs([words("Moves that stand out: {counts}.", counts=counts)])
        if shown.empty:
            return summary + html_paragraphs([_moves_note(setup, words)], "note")
        columns = [
            text(words("Institution"), shown["institution_id"].map(names)),
            text(words("Score"), (words.value("part", s) for s in shown["series"])),
            figures(str(before), (words.number(x) for x in shown["before"])),
            figures(str(after), (words.number(x) for x in shown["after"])),
            figures(words("Own move"), (words.signed(x) for x in shown["own_move"])),
            figures(words("Noise stays under"), (words.number(x) for x in shown["noise_limit"])),
            figures(words("Adjusted p"), (words.number(x, 4) for x in shown["q_value"])),
        ]
        title = words("Moves from {before} to {after} that stand out from noise", before=before, after=after)
        note = words("{shown} of {all}; the others are in the CSV.", shown=len(shown), all=len(clear))
        return summary + html_table(columns, "table-moves", title, note=f"{_moves_note(setup, words)} {note}",
                                    csv="tables/years_moves.csv", words=words)  # fmt: skip

    return show(make)


def hold_out_table(overview: Overview, setup: RoundSetup) -> Shown:
    """How well the years before foretell the last one; else nothing."""
    table = overview.model.hold_out
    if table.empty:
        return show(lambda words: "")
    table = table.assign(order=table["series"].map(SERIES.index), rank=table["method"].map(METHODS.index))
    sides = {
        known: table[table["common_move"] == known].sort_values(["order", "rank"]) for known in ("unknown", "known")
    }
    rows, year = sides["unknown"], overview.model.last_year

    def make(words: Words) -> str:
        columns = [
            text(words("Score and rule"), (f"{words.value('part', r.series)}: {words(METHOD_WORDS[r.method])}"
                                           for r in rows.itertuples())),
            *_hold_out_columns(sides["unknown"], words("nothing known"), words),
            *_hold_out_columns(sides["known"], words("type's move known"), words),
        ]  # fmt: skip
        note = words(
            "n = {n} institutions, from the years before {year}. Log score: mean log density, higher is better. Held: "
            "share of {level} intervals that hold the published figure. Error: root mean square, in points. Nothing "
            "known: the mean of each type is foretold too. Type's move known: every rule is told the mean of each type "
            "in {year}, so that only the order of institutions is foretold.",
            n=words.number(rows["n"].max(), 0),
            year=year,
            level=words.percent(setup.round.level, 0),
        )
        title = words("{year} foretold from the years before", year=year)
        return html_table(columns, "table-hold-out", title, note=f"{note} {_noise_note(words)}",
                          csv="tables/years_hold_out.csv", words=words)  # fmt: skip

    return show(make)


def _hold_out_columns(side: pd.DataFrame, heading: str, words: Words) -> list[Any]:
    return [
        figures(words("Log score, {case}", case=heading), (words.number(x) for x in side["log_score"])),
        figures(words("Held, {case}", case=heading), (words.percent(x, 0) for x in side["coverage"])),
        figures(words("Error, {case}", case=heading), (words.number(x) for x in side["rmse"])),
    ]


def _no_model(setup: RoundSetup) -> Shown:
    return show(
        lambda words: html_paragraphs(
            [
                words(
                    "Level, change and noise cannot be told apart here: that takes three published years of at least "
                    "{n} institutions of a type.",
                    n=setup.years.model.min_institutions,
                )
            ]
        )
    )


def _noise_note(words: Words) -> str:
    return words("Published years carry no standard error: noise is the model's.")


def _components_note(setup: RoundSetup, words: Words) -> str:
    model = words(
        "Standard deviations between institutions of a type, in brackets the {level} interval. Lasting level: what an "
        "institution keeps; change: what fades, {persistence} of it being left after a year; noise: what is gone in "
        "the next year (years with a noise of their own: in the CSV). Mode shift: what institutions with an "
        "unexplained deduction lost or gained against others of their type.",
        level=words.percent(setup.round.level, 0),
        persistence=words.percent(setup.years.model.persistence, 0),
    )
    return f"{model} {_noise_note(words)}"


def _moves_note(setup: RoundSetup, words: Words) -> str:
    note = words(
        "Own move: less the mean move of the type. Noise stays under: what noise alone exceeds in {rest} of "
        "institutions. Adjusted p: Benjamini and Hochberg, over all institutions of a score; listed if at most "
        "{limit}, so that about that share of those listed may be false. A move of the index may be a correction.",
        rest=words.percent(1 - setup.round.level, 0),
        limit=words.number(setup.years.model.false_discovery),
    )
    return f"{note} {_noise_note(words)}"


def _series_and_type(row: pd.Series, words: Words) -> str:
    return f"{words.value('part', row['series'])}, {words.value('type', row['type'])} ({words.number(row['n'], 0)})"


def _part(rows: pd.DataFrame, part: str, words: Words, year: int | None = None) -> str:
    """Estimate and interval of a part; of noise, that of the usual years (they come first)."""
    found = rows[(rows["part"] == part) & ((year is None) | (rows["year"] == year))]
    if found.empty:
        return MISSING
    row = found.iloc[0]
    number = words.signed if part == "mode_shift" else words.number
    return f"{number(row['estimate'], 1)} ({words.interval(row['ci_low'], row['ci_high'], 1)})"


def _triples(rows: pd.DataFrame, name: str, words: Words) -> Iterable[str]:
    for value, low, high in rows[[name, f"{name}_low", f"{name}_high"]].to_numpy():
        yield f"{words.number(value, 1)} ({words.interval(low, high, 1)})"
