"""What of published figures does not last: the noise of a year, and how a type of institution spreads and moves."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from spi_analysis.params import PublishedYears, RankParams, TypeSpread
from spi_analysis.scores import rank_sets
from spi_analysis.scores.years.model import (
    CHANGE,
    LEVEL,
    NOISE,
    SERIES,
    YearsFit,
    YearsModel,
    fit_panel,
    marked_rows,
    panel_of,
)

# With fewer degrees of freedom the model cannot tell noise from change: it has nothing to say of noise alone, and no
# order is shown.
LEAST_DF = 1.0


class Noise(NamedTuple):
    """Variance of the noise of a published figure, in points squared, and the degrees of freedom of its estimate."""

    variance: float
    df: float


def published_noise(published: pd.DataFrame, years: PublishedYears, type_: str, year: int) -> dict[str, Noise]:
    """Noise of a year's published figures by the model of the published years: what of them did not last.

    Returns
    -------
    dict by series (index, internal, external, expert); a series that the model does not know, for want of institutions
    or years of the type, is left out.

    References
    ----------
    docs/methods/published_years.md; Satterthwaite (1946), Biometrics Bulletin 2 (degrees of freedom).
    """
    rows, found = marked_rows(published, years), {}
    for series in SERIES:
        panel = panel_of(rows, series, type_, years)
        if panel is None or year not in panel.years:
            continue
        position = int(np.flatnonzero(panel.years == year)[0])
        noise = Noise(*fit_panel(panel, years.model.persistence).noise_of(position))
        if noise.df >= LEAST_DF:
            found[series] = noise
    return found


def type_spreads(model: YearsModel) -> dict[str, TypeSpread]:
    """What chances take from the published indices of each type (``chances.types`` in ``params/published.yaml``)."""
    return {fit.panel.type: _spread(fit) for fit in model.fits if fit.panel.series == "index"}


def _spread(fit: YearsFit) -> TypeSpread:
    panel, sds = fit.panel, np.sqrt(_off_the_border(fit))
    own = {int(year): float(sds[NOISE + g]) for year, g in zip(panel.years, panel.noise_group, strict=True) if g > 0}
    return TypeSpread(
        means={int(year): float(mean) for year, mean in zip(panel.years, fit.fit.beta, strict=False)},
        lasting=float(sds[LEVEL]),
        change=float(sds[CHANGE]),
        noise=float(sds[NOISE]),
        own_noise=own,
    )


def _off_the_border(fit: YearsFit) -> np.ndarray:
    """Variances, that of a year's own noise never at its border: 0 would say that every figure of the year lasted.

    Chances would then trust that year beyond what the data know; its likeliest value under the penalty of ``fit_reml``
    stands in.
    """
    at_border = fit.fit.on_floor & (np.arange(len(fit.bases)) > NOISE)
    if not at_border.any():
        return fit.fit.theta
    again = fit_panel(fit.panel, fit.persistence, at_border)
    return np.where(at_border, again.fit.theta, fit.fit.theta)


def mean_move(spreads: Mapping[str, TypeSpread]) -> float:
    """Root mean square of the yearly moves of the types' means, in points."""
    moves = [np.diff(list(spread.means.values())) / np.diff(list(spread.means)) for spread in spreads.values()]
    return float(np.sqrt(np.mean(np.concatenate(moves) ** 2)))


# Rank sets of the last published year, with the model's noise in place of a standard error.

COLUMNS = ["type", "peers", "published", "best", "worst", "best_alone", "worst_alone"]


def published_rank_sets(model: YearsModel, ranks: RankParams, level: float, of: Collection[str]) -> pd.DataFrame:
    """Rank set of each institution among those of its type, by the index of the last year.

    Published figures carry no standard error: the noise of the hierarchical model stands in, the same for all of a
    type, estimated with Satterthwaite's degrees of freedom.

    Parameters
    ----------
    of : codes   institutions whose marginal set (for it alone) is wanted too

    Returns
    -------
    DataFrame, index institution_id: type, peers (institutions compared, itself included), published, best, worst (all
    sets of the type together hold the true ranks), best_alone, worst_alone (missing for institutions not in ``of``).
    """
    tables = [_rank_sets_of(fit, ranks, level, of) for fit in model.fits if fit.panel.series == "index"]
    return pd.concat(tables) if tables else pd.DataFrame(columns=COLUMNS, index=pd.Index([], name="institution_id"))


def _rank_sets_of(fit: YearsFit, ranks: RankParams, level: float, of: Collection[str]) -> pd.DataFrame:
    last = pd.Series(fit.panel.values[:, -1], index=fit.panel.institution_ids).dropna()
    variance, df = fit.noise_of(-1)
    table = pd.DataFrame({"type": fit.panel.type, "peers": len(last), "published": last, "best": 1, "worst": len(last)})
    own = [code for code in last.index if code in of]
    alone = pd.DataFrame({"best": 1, "worst": len(last)}, index=own)
    if df >= LEAST_DF:
        se = np.full(len(last), np.sqrt(variance))
        options = {"df": df, "level": level, "draws": ranks.draws, "seed": ranks.seed}
        table[["best", "worst"]] = rank_sets(last, se, **options)[["best", "worst"]]
        if own:
            alone = rank_sets(last, se, simultaneous=False, of=own, **options)
    return table.assign(best_alone=alone["best"].reindex(last.index), worst_alone=alone["worst"].reindex(last.index))
