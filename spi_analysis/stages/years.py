"""Stage: what of the published years lasts, changes, and is noise."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from spi_analysis.params import RoundSetup
from spi_analysis.scores.years import components, fit_years, hold_out, levels, moves, published_rank_sets


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
