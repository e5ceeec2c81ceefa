"""The published years as a model sees them: what lasts, what fades, what is noise, and what is left of a figure."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import (
    Shown,
    View,
    Words,
    chart,
    estimate,
    html_paragraphs,
    in_words,
    institution_names,
    intervals,
    message,
    number,
    plain,
    show,
    written,
)
from spi_analysis.reporting.national.this_round import rank_set_columns
from spi_analysis.scores.years import SERIES
from spi_analysis.stages import Overview

# What must stand wherever the model's noise is used.
NOISE_NOTE = message("Published years carry no standard error: noise is the model's.")
PARTS = {"lasting_level": message("Lasting level"), "change": message("Change"), "noise": message("Noise")}


def _series_and_type(words: Words, series: str, type_: str, n: float) -> str:
    return f"{words.value('part', series)}, {words.value('type', type_)} ({words.number(n, 0)})"


SERIES_AND_TYPE = written(message("Score, type (n)"), ("series", "type", "n"), _series_and_type)


def components_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Standard deviations of lasting level, change and noise, by series and type; then the shifts of a mode break."""
    if not overview.model.fitted:
        return _no_model(setup)
    table = overview.model.components
    groups = [part for _, part in table.groupby(["series", "type"], sort=False)]
    groups = sorted(groups, key=lambda part: SERIES.index(part["series"].iloc[0]))
    columns = (
        SERIES_AND_TYPE,
        *(
            estimate(heading, f"estimate_{name}", f"ci_low_{name}", f"ci_high_{name}", 1)
            for name, heading in PARTS.items()
        ),
    )
    notes = (partial(_components_note, setup),)
    rows = pd.DataFrame([_components_of(part) for part in groups])
    title = message("Lasting level, change and noise, in points")
    main = View(rows, columns, notes=notes, title=title, name="components", programs="tables/years_components.csv")
    shifts = pd.concat(groups).query("part == 'mode_shift'")
    return main if shifts.empty else main + _shift_table(shifts, setup)


def _components_of(group: pd.DataFrame) -> dict[str, Any]:
    """The parts of a series and type side by side."""
    first = group.drop_duplicates("part").set_index("part")
    figures = {f"{name}_{part}": first.loc[part, name] for part in PARTS for name in ("estimate", "ci_low", "ci_high")}
    return group.iloc[0][["series", "type", "n"]].to_dict() | figures


def _shift_table(shifts: pd.DataFrame, setup: RoundSetup) -> View:
    columns = (
        SERIES_AND_TYPE,
        written(message("Year"), ("year",), lambda words, year: str(int(year))),
        estimate(message("Shift"), "estimate", "ci_low", "ci_high", 1, sign=True),
    )

    def note(words: Words) -> str:
        return words(
            "What institutions with an unexplained deduction lost or gained that year against others of their type, "
            "in points, in brackets the {level} interval. What affected all institutions of a type cannot be told "
            "from a true change.",
            level=words.percent(setup.round.level, 0),
        )

    title = message("Shift where the mode of interviewing changed")
    return View(shifts, columns, notes=(note,), title=title, name="shift", programs="tables/years_components.csv")


def levels_view(overview: Overview, setup: RoundSetup) -> Shown:
    """Published index, score without noise and lasting level of this round's institutions; else nothing."""
    rows = overview.model.levels
    rows = rows[(rows["series"] == "index") & rows["institution_id"].isin(setup.institution_ids)]
    if not overview.model.fitted:
        return _no_model(setup)
    if rows.empty:
        return show(lambda words: "")
    names = institution_names(overview.published, setup.roster)
    order = {code: position for position, code in enumerate(setup.institution_ids)}
    rows = rows.sort_values("institution_id", key=lambda codes: codes.map(order))
    year = overview.model.last_year

    rows = rows.assign(label=rows["institution_id"].map(names))

    current = rows.rename(columns={"current": "estimate", "current_low": "ci_low", "current_high": "ci_high"})
    drawn = chart(
        intervals,
        current,
        "chart-levels",
        lambda words: words("Published index (KPK) of {year} without noise", year=year),
        decimals=1,
        x_label=in_words(message("Index")),
        note=in_words(NOISE_NOTE),
    )
    columns = (
        plain(message("Institution"), "label"),
        number(message("Published"), "published"),
        estimate(message("Without noise"), "current", "current_low", "current_high", 1),
        estimate(message("Lasting level"), "lasting", "lasting_low", "lasting_high", 1),
    )

    def note(words: Words) -> str:
        return words(
            "In brackets the {level} interval. Both figures are drawn towards the mean of the type; they are not made "
            "for ranking.",
            level=words.percent(setup.round.level, 0),
        )

    def title(words: Words) -> str:
        return words("Published index (KPK) of {year}, its score without noise and its lasting level", year=year)

    return View(
        rows,
        columns,
        drawn,
        notes=(note, NOISE_NOTE),
        title=title,
        name="levels",
        programs="tables/years_levels.csv",
    )


def published_rank_sets_table(overview: Overview, setup: RoundSetup) -> Shown:
    """Rank sets of this round's institutions within their type, by the last published index; else nothing."""
    table = overview.model.rank_sets
    rows = table.loc[[code for code in setup.institution_ids if code in table.index]]
    if rows.empty:
        return show(lambda words: "")
    names = institution_names(overview.published, setup.roster)

    columns = (
        plain(message("Institution"), "name"),
        written(
            message("Peers"),
            ("type", "peers"),
            lambda words, type_, peers: f"{words.value('type', type_)} (n = {int(peers)})",
        ),
        *rank_set_columns(),
    )

    def title(words: Words) -> str:
        said = message("Rank sets within the type by the published index (KPK) of {year}")
        return words(said, year=overview.model.last_year)

    def note(words: Words) -> str:
        return words("Sets with {level} confidence, as above.", level=words.percent(setup.round.level, 0))

    return View(
        rows.assign(name=rows.index.map(names)),
        columns,
        notes=(note, NOISE_NOTE),
        title=title,
        name="published-places",
        programs="tables/years_places.csv",
    )


def _no_model(setup: RoundSetup) -> Shown:
    return show(
        lambda words: html_paragraphs(
            [
                words(
                    "Level, change and noise cannot be told apart here: this requires three published years of at "
                    "least {n} institutions of a type.",
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
    return f"{model} {words(NOISE_NOTE)}"
