"""The published years as a model sees them: what lasts, what fades, what is noise, and what is left of a figure."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import (
    Shown,
    Words,
    chart,
    figures,
    html_paragraphs,
    html_table,
    institution_names,
    intervals,
    phrase,
    show,
    text,
)
from spi_analysis.reporting.national.this_round import rank_set_cells
from spi_analysis.scores.years import SERIES
from spi_analysis.stages import Overview


def components_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Standard deviations of lasting level, change and noise, by series and type; then the shifts of a mode break."""
    if not overview.model.fitted:
        return _no_model(setup)
    table = overview.model.components
    groups = [part for _, part in table.groupby(["series", "type"], sort=False)]
    groups = sorted(groups, key=lambda part: SERIES.index(part["series"].iloc[0]))

    def make(words: Words) -> str:
        columns = [
            text(words("Score, type (n)"), (_series_and_type(part.iloc[0], words) for part in groups)),
            *(
                figures(heading, (_estimate(part[part["part"] == name].iloc[0], words) for part in groups))
                for name, heading in (
                    ("lasting_level", words("Lasting level")),
                    ("change", words("Change")),
                    ("noise", words("Noise")),
                )
            ),
        ]
        title, note = words("Lasting level, change and noise, in points"), _components_note(setup, words)
        main = html_table(columns, "table-components", title, note=note, csv="tables/years_components.csv", words=words)
        shifts = pd.concat(groups).query("part == 'mode_shift'")
        return main if shifts.empty else main + _shift_table(shifts, setup, words)

    return show(make)


def _shift_table(shifts: pd.DataFrame, setup: RoundSetup, words: Words) -> str:
    columns = [
        text(words("Score, type (n)"), (_series_and_type(row, words) for _, row in shifts.iterrows())),
        text(words("Year"), (str(int(year)) for year in shifts["year"])),
        figures(words("Shift"), (_estimate(row, words, signed=True) for _, row in shifts.iterrows())),
    ]
    note = words(
        "What institutions with an unexplained deduction lost or gained that year against others of their type, in "
        "points, in brackets the {level} interval. What hit all of a type cannot be told from a true change.",
        level=words.percent(setup.round.level, 0),
    )
    title = words("Shift where the mode of interviewing changed")
    return html_table(columns, "table-shift", title, note=note, csv="tables/years_components.csv", words=words)


def levels_view(overview: Overview, setup: RoundSetup) -> Shown:
    """Published index, score without noise and lasting level of this round's institutions; else nothing."""
    rows = overview.model.levels
    rows = rows[(rows["series"] == "index") & rows["institution_id"].isin(setup.institution_ids)]
    if rows.empty:
        return show(lambda words: "")
    names = institution_names(overview.published, setup.roster)
    order = {code: position for position, code in enumerate(setup.institution_ids)}
    rows = rows.sort_values("institution_id", key=lambda codes: codes.map(order))
    year = overview.model.last_year

    label = rows["institution_id"].map(names)
    current = rows.rename(columns={"current": "estimate", "current_low": "ci_low", "current_high": "ci_high"})
    drawn = chart(
        intervals,
        current.assign(label=label),
        "chart-levels",
        lambda words: words("Published index (KPK) of {year} without noise", year=year),
        decimals=1,
        x_label=phrase(lambda words: words("Index")),
        note=noise_note,
    )

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), label),
            figures(words("Published"), (words.number(x) for x in rows["published"])),
            figures(words("Without noise"), _triples(rows, "current", words)),
            figures(words("Lasting level"), _triples(rows, "lasting", words)),
        ]
        note = words(
            "In brackets the {level} interval. Both figures are drawn towards the mean of the type; they are not made "
            "for ranking.",
            level=words.percent(setup.round.level, 0),
        )
        title = words("Published index (KPK) of {year}, its score without noise and its lasting level", year=year)
        return drawn.html(words) + html_table(columns, "table-levels", title, note=f"{note} {noise_note(words)}",
                                  csv="tables/years_levels.csv", words=words)  # fmt: skip

    return show(make)


def published_rank_sets_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Rank sets of this round's institutions within their type, by the last published index; else nothing."""
    table = overview.model.rank_sets
    rows = table.loc[[code for code in setup.institution_ids if code in table.index]]
    if rows.empty:
        return show(lambda words: "")
    names = institution_names(overview.published, setup.roster)

    def make(words: Words) -> str:
        columns = [
            text(words("Institution"), rows.index.map(names)),
            text(words("Peers"), (f"{words.value('type', r.type)} (n = {r.peers})" for r in rows.itertuples())),
            figures(words("Rank set, all together"), rank_set_cells(rows["best"], rows["worst"], rows["peers"], words)),
            figures(
                words("Rank set, this one alone"),
                rank_set_cells(rows["best_alone"], rows["worst_alone"], rows["peers"], words),
            ),
        ]
        title = words("Rank sets within the type by the published index (KPK) of {year}", year=overview.model.last_year)
        note = words("Sets with {level} confidence, as above.", level=words.percent(setup.round.level, 0))
        return html_table(columns, "table-published-places", title, note=f"{note} {noise_note(words)}",
                          csv="tables/years_places.csv", words=words)  # fmt: skip

    return show(make)


def noise_note(words: Words) -> str:
    """What must stand wherever the model's noise is used."""
    return words("Published years carry no standard error: noise is the model's.")


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


def _components_note(setup: RoundSetup, words: Words) -> str:
    model = words(
        "Standard deviations between institutions of a type, in brackets the {level} interval. Lasting level: what an "
        "institution keeps; change: what fades, {persistence} of it being left after a year; noise: what is gone in "
        "the next year (years with a noise of their own: in the CSV).",
        level=words.percent(setup.round.level, 0),
        persistence=words.percent(setup.years.model.persistence, 0),
    )
    return f"{model} {noise_note(words)}"


def _series_and_type(row: pd.Series, words: Words) -> str:
    return f"{words.value('part', row['series'])}, {words.value('type', row['type'])} ({words.number(row['n'], 0)})"


def _estimate(row: pd.Series, words: Words, signed: bool = False) -> str:
    value = (words.signed if signed else words.number)(row["estimate"], 1)
    return f"{value} ({words.interval(row['ci_low'], row['ci_high'], 1)})"


def _triples(rows: pd.DataFrame, name: str, words: Words) -> Iterable[str]:
    for value, low, high in rows[[name, f"{name}_low", f"{name}_high"]].to_numpy():
        yield f"{words.number(value, 1)} ({words.interval(low, high, 1)})"
