"""The published years of one type of institution as a panel: values, design, and what shares a noise variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.params import PublishedYears
from spi_analysis.scores.published import NATIONAL, recompute

SERIES = ("index", "internal", "external", "expert")
# With two years a lasting level and a change that fades cannot be told apart.
MIN_YEARS = 3


@dataclass(frozen=True)
class Panel:
    """One series of one type.

    ``values`` (n, T), NaN where missing; ``design`` (n, T, p): a column per year, then one per mode-break year for the
    institutions ``marked`` (n, T) by an unexplained deduction; ``noise_group`` (T,): years with the same number share
    a noise variance.
    """

    series: str
    type: str
    institution_ids: pd.Index
    years: np.ndarray
    values: np.ndarray
    marked: np.ndarray
    design: np.ndarray
    noise_group: np.ndarray
    breaks: np.ndarray


def marked_rows(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """The published rows of institutions, with ``marked``: in a mode-break year, a deduction that nobody explained."""
    rows = published[published["type"] != NATIONAL]
    off = recompute(rows[rows["year"].isin(years.mode_breaks())], years)
    off = off.loc[~off["agrees"].astype(bool), ["year", "institution_id"]].assign(marked=True)
    joined = rows.merge(off, on=["year", "institution_id"], how="left")
    return joined.assign(marked=joined["marked"].notna())


def panel_of(rows: pd.DataFrame, series: str, type_: str, years: PublishedYears) -> Panel | None:
    """The panel of a type; None where too few institutions or years are there for a model.

    Parameters
    ----------
    rows : DataFrame   as ``marked_rows`` gives them
    series : str       index, internal, external or expert
    """
    own = rows[(rows["type"] == type_) & rows[series].notna()]
    counts = own.groupby("year").size()
    kept = sorted(int(year) for year in counts.index[counts >= years.model.min_institutions])
    if len(kept) < MIN_YEARS or kept[-1] != rows["year"].max():
        return None
    own = own[own["year"].isin(kept)]
    wide = own.pivot(index="institution_id", columns="year", values=series).sort_index()
    marks = own.pivot(index="institution_id", columns="year", values="marked").reindex_like(wide)
    marked = marks.eq(True).to_numpy()
    return Panel(
        series=series,
        type=type_,
        institution_ids=wide.index,
        years=np.array(kept),
        values=wide.to_numpy(dtype=float),
        marked=marked,
        design=_design(wide.notna().to_numpy(), marked),
        noise_group=_noise_groups(kept, years.own_noise()),
        breaks=np.isin(kept, list(years.mode_breaks())),
    )


def _design(present: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """A mean per year; a shift of the marked in every year that has both marked and others."""
    n, t = present.shape
    mixed = [j for j in range(t) if 0 < marked[:, j].sum() < present[:, j].sum()]
    design = np.zeros((n, t, t + len(mixed)))
    design[:, range(t), range(t)] = 1.0
    for column, year in enumerate(mixed, start=t):
        design[:, year, column] = marked[:, year]
    return design


def _noise_groups(years: list[int], own: set[int]) -> np.ndarray:
    """Group 0 is what the unflagged years share; each flagged year follows with its own."""
    flagged = [year for year in years if year in own]
    shared = 0 if len(flagged) < len(years) else -1
    return np.array([flagged.index(year) + shared + 1 if year in own else 0 for year in years])
