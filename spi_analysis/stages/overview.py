"""Stage: the published years, recomputed and compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores import (
    categories_by_year,
    corrections_by_year,
    means_by_type,
    movers,
    published_bridge,
    recompute,
    unjoined,
    yearly_means,
)
from spi_analysis.scores.years import components, fit_years, hold_out, levels, moves, published_rank_sets
from spi_analysis.tables import as_shown, load_published, published_results, without_withheld, write_csv

# What the overview shows with one decimal; all else with two.
_LEVELS = ("lasting", "lasting_low", "lasting_high", "current", "current_low", "current_high")
SHOWN_DECIMALS = {
    "years_components": dict.fromkeys(("estimate", "ci_low", "ci_high"), 1),
    "years_levels": dict.fromkeys(("noise_sd", *_LEVELS), 1),
    "years_moves": dict.fromkeys(("carried", "carried_low", "carried_high"), 1),
    "years_hold_out": {"width": 1},
}


@dataclass(frozen=True)
class Overview:
    """All that is said of the published years."""

    published: pd.DataFrame
    recomputed: pd.DataFrame
    means: pd.DataFrame
    types: pd.DataFrame
    categories: pd.DataFrame
    unjoined: pd.DataFrame
    model: YearsOverview

    @property
    def years(self) -> list[int]:
        """Published years."""
        return sorted(int(year) for year in self.published["year"].unique())


def national_overview(setup: RoundSetup, published: pd.DataFrame) -> Overview:
    """Recompute every index, and set means, types and categories beside the official figures."""
    return Overview(
        published=published,
        recomputed=recompute(published, setup.years),
        means=yearly_means(published, setup.years),
        types=means_by_type(published),
        categories=categories_by_year(published, setup.years),
        unjoined=unjoined(published),
        model=published_years_model(setup, published),
    )


def agreement(overview: Overview, setup: RoundSetup) -> pd.DataFrame:
    """Per year: institutions with parts, how many agree with their published index, largest difference.

    ``note`` says what is known of a year whose results do not agree.
    """
    groups = overview.recomputed.groupby("year")
    table = groups.agg(
        n=("agrees", "size"), agree=("agrees", "sum"), largest=("difference", lambda d: float(d.abs().max()))
    ).reset_index()
    notes = {year: known.note for year, known in setup.years.years.items() if known.other_correction}
    return table.assign(note=[notes.get(int(year), "") for year in table["year"]])


def disagreements(overview: Overview) -> pd.DataFrame:
    """Institutions whose published index does not follow from its parts, the largest difference first."""
    rows = overview.recomputed[~overview.recomputed["agrees"]].drop(columns=["institution", "agrees"])
    return rows.sort_values("difference").reset_index(drop=True)


def overview_of(setup: RoundSetup, path: Path | None) -> Overview:
    """The overview of a file of published results, or of those that were imported; without what is withheld."""
    if path is None:
        return national_overview(setup, published_results(setup))
    return national_overview(setup, without_withheld(load_published(path, setup.aliases.present), setup))


def overview_tables(overview: Overview, setup: RoundSetup, most: int, bridge_of: str | None) -> dict[str, pd.DataFrame]:
    """The tables that ``spi overview`` prints, by title."""
    published = overview.published
    means = overview.means.assign(
        gap_is=overview.means["explained"].map({True: "rounding", False: "unexplained", None: ""}).fillna("")
    )
    tables = {
        "Index recomputed from its parts": agreement(overview, setup),
        "Plain means beside the official index": means.drop(columns=["explained"]),
        "Mean index by year and type": overview.types.pivot(index="type", columns="year", values="mean").reset_index(),
        "Corrections in all (points)": corrections_by_year(published, setup.years),
        "Institutions by category": overview.categories.reset_index(),
        "Published index and parts disagree": disagreements(overview).head(most),
        "Not in every year": overview.unjoined.replace({"nearest": {"": "no similar name"}}),
    }
    if len(overview.years) > 1:
        before, after = overview.years[-2:]
        moves = movers(published, before, after, most).drop(columns="institution")
        tables[f"Largest moves {before} to {after} (published figures carry no interval)"] = moves
        if bridge_of:
            tables[f"{bridge_of}: what the change {before} to {after} is made of"] = published_bridge(
                published, bridge_of, before, after, setup.years
            )
    return tables | _model_tables(overview.model, most)


def _model_tables(model: YearsOverview, most: int) -> dict[str, pd.DataFrame]:
    """What lasts, changes and is noise; empty where there are too few institutions for a model."""
    if not model.fitted:
        return {}
    columns = ["institution_id", "series", "before", "after", "own_move", "noise_limit", "q_value"]
    moves = model.moves[model.moves["stands_out"]].sort_values(["series", "p_value", "institution_id"])
    clear = model.moves.groupby("series", sort=False)["stands_out"].agg(institutions="size", stand_out="sum")
    title = "Lasting level, change and noise: standard deviations in points (noise is the model's)"
    return {
        title: model.components.assign(year=model.components["year"].map(lambda y: "" if pd.isna(y) else str(int(y)))),
        "Moves of the last two years that stand out from the model's noise": clear.reset_index(),
        "The clearest of them, less the type's own move": moves.groupby("series", sort=False).head(most)[columns],
        f"{model.last_year} held out and predicted": model.hold_out,
    }


def save_overview(overview: Overview, rank_sets: pd.DataFrame, folder: Path) -> list[str]:
    """Write the tables of the overview, and the rank sets of this round, as CSV; returns the file names."""
    tables = {
        "recomputed": overview.recomputed,
        "disagreements": disagreements(overview),
        "means": overview.means,
        "types": overview.types,
        "categories": overview.categories.reset_index(),
        "unjoined": overview.unjoined,
        "places": rank_sets,
        **years_tables(overview.model),
    }
    for name, table in tables.items():
        write_csv(folder / f"{name}.csv", as_shown(table, SHOWN_DECIMALS.get(name, {})))
    return [f"{name}.csv" for name in tables]


# Stage: what of the published years lasts, changes, and is noise.


@dataclass(frozen=True)
class YearsOverview:
    """All that the model says of the published years (see ``scores.years``); empty tables where it cannot be fitted.

    ``left_out``: type, n of the types that have too few institutions or years for a model.
    """

    last_year: int
    components: pd.DataFrame
    levels: pd.DataFrame
    moves: pd.DataFrame
    hold_out: pd.DataFrame
    rank_sets: pd.DataFrame
    left_out: pd.DataFrame

    @property
    def fitted(self) -> bool:
        """Whether any type could be modelled."""
        return not self.components.empty


def published_years_model(setup: RoundSetup, published: pd.DataFrame) -> YearsOverview:
    """Fit the model to the published years and collect its tables."""
    level, model = setup.round.level, fit_years(published, setup.years)
    return YearsOverview(
        last_year=model.last_year,
        components=components(model, level),
        levels=levels(model, level),
        moves=moves(model, level, setup.years.model.false_discovery),
        hold_out=hold_out(published, setup.years, level),
        rank_sets=published_rank_sets(model, setup.round.ranks, level, set(setup.institution_ids)),
        left_out=model.left_out,
    )


def years_tables(years: YearsOverview) -> dict[str, pd.DataFrame]:
    """The tables that are kept as CSV, by the name of their file."""
    return {
        "years_components": years.components,
        "years_levels": years.levels,
        "years_moves": years.moves.sort_values(["series", "p_value", "institution_id"]),
        "years_hold_out": years.hold_out,
        "years_places": years.rank_sets.rename_axis("institution_id").reset_index(),
    }
