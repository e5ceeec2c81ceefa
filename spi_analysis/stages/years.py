"""Stage: what of the published years lasts, changes, and is noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores import load_published
from spi_analysis.scores.years import components, fit_years, hold_out, levels, moves, published_rank_sets
from spi_analysis.tables import AGAIN, checked, read_table, write_parquet


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


# Stage: published results of past years, imported or as carried by the project.


def published_results(setup: RoundSetup) -> pd.DataFrame:
    """Published results of past years: the imported table, else the figures that the project carries."""
    imported = setup.workspace.data / "published.parquet"
    if imported.exists():
        table = read_table(imported, None, "the table of published results", f"{AGAIN}spi import published FILE")
        return without_withheld(table, setup)
    return without_withheld(load_published(setup.workspace.params / "published.csv", setup.aliases.present), setup)


def without_withheld(published: pd.DataFrame, setup: RoundSetup) -> pd.DataFrame:
    """Published results without what this round withholds by decision: tables of published years may still carry it."""
    withheld = [i for i, inputs in setup.inputs.items() if inputs.release == "withheld"]
    gone = (published["year"] == setup.round.year) & published["institution_id"].isin(withheld)
    return published[~gone].reset_index(drop=True)


def import_published(setup: RoundSetup, path: Path) -> pd.DataFrame:
    """Read a file of published results and keep it as ``data/published.parquet``; gives the table."""
    table = checked("published", load_published(path, setup.aliases.present), path.name)
    write_parquet(setup.workspace.data / "published.parquet", table)
    return table
