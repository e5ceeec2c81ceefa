"""The cheapest allocation that meets a CV ceiling for every domain and variable."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.sampling.allocation import Bound
from spi_analysis.sampling.bethel_optimum import cheapest_real
from spi_analysis.sampling.bethel_whole import cheapest_whole
from spi_analysis.sampling.precision import Ceilings, bounds_of, ceilings_of


def bethel(
    strata: pd.DataFrame,
    targets: pd.DataFrame,
    pop_size: str = "N",
    cost: str | None = None,
    min_n: Bound = 2,
    response: str | None = None,
    integer: bool = True,
) -> pd.Series:
    """Allocate so that every domain's mean (or total) of every variable meets its CV, at the least cost.

    Minimises ``sum c_h n_h`` subject to ``CV(Ybar_dv) <= cv_dv`` for every level d of a domain column and
    every variable v, ``min_n <= n_h <= N_h``, for stratified simple random sampling without replacement.

    Parameters
    ----------
    strata : DataFrame (H, ...)   one row per stratum, with ``mean_<variable>``, ``sd_<variable>`` and domain columns
    targets : DataFrame (K, 3)    domain (a column of ``strata``, each level of it a domain of its own; "" = all
        strata), variable, cv
    pop_size : str                column with N_h
    cost : str or None            column with the cost per person; None: 1 each
    min_n : number or column      the least of a stratum; one with fewer people is taken whole
    response : str or None        column with the anticipated share of answers (0 to 1): n is then of invitations,
        and the completes ``response * n`` meet the targets
    integer : bool                whole numbers, or the real-valued optimum

    Returns
    -------
    Series (H,), index of ``strata``, name ``n``, that meets every target. Real-valued, its cost is right to 1e-6 (less
    where anticipated values differ by many powers of ten); whole numbers are the cheapest of all on small designs, on
    large ones none of them can be lowered by itself.

    Raises
    ------
    SamplingError   a column or value is missing; a target that even inviting everyone would miss (each is named).

    References
    ----------
    Bethel (1989), Survey Methodology 15; Chromy (1987), Proceedings of the ASA Section on Survey Research Methods.
    """
    targets = targets.assign(domain=targets["domain"].fillna("")) if "domain" in targets.columns else targets
    people = np.floor(_positive(strata, pop_size, zero=True))
    prices = np.ones(len(strata)) if cost is None else _positive(strata, cost)
    answered = np.ones(len(strata)) if response is None else _positive(strata, response, most=1.0)
    ceilings, problems = ceilings_of(strata, targets, people, answered)
    if problems:
        raise SamplingError(*problems)
    least = _least(ceilings, bounds_of(people, min_n, strata), people)
    real, dual = cheapest_real(ceilings, prices, least, people)
    if not integer:
        return pd.Series(real, index=strata.index, name="n")
    return pd.Series(cheapest_whole(ceilings, prices, least, people, real, dual), index=strata.index, name="n")


def achieved_cv(
    strata: pd.DataFrame,
    n: pd.Series,
    targets: pd.DataFrame,
    pop_size: str = "N",
    response: str | None = None,
) -> pd.DataFrame:
    """What an allocation reaches: one row per target and domain level with the anticipated CV beside its ceiling.

    Returns
    -------
    DataFrame: ``domain``, ``level``, ``variable``, ``cv`` (the ceiling), ``reached``; infinite where nobody is drawn
    or the mean is 0.
    """
    share = 1.0 if response is None else strata[response].to_numpy(dtype=float)
    people, completes = strata[pop_size].to_numpy(dtype=float), n.to_numpy(dtype=float) * share
    parts = []
    for domain, variable, cv in targets[["domain", "variable", "cv"]].fillna({"domain": ""}).itertuples(index=False):
        mean, sd = (strata[f"{kind}_{variable}"].to_numpy(dtype=float) for kind in ("mean", "sd"))
        with np.errstate(divide="ignore", invalid="ignore"):
            variance = np.where(people * sd > 0, people**2 * sd**2 * (1 / completes - 1 / people), 0.0)
        level = strata[domain].astype(str).to_numpy() if domain else np.full(len(strata), "")
        sums = pd.DataFrame({"level": level, "v": variance, "y": people * mean}).groupby("level", as_index=False).sum()
        # The variance of a census is 0, which rounding may miss by a hair.
        with np.errstate(divide="ignore", invalid="ignore"):
            reached = np.sqrt(sums["v"].clip(lower=0)) / sums["y"].abs()
        parts.append(sums[["level"]].assign(domain=domain, variable=variable, cv=cv, reached=reached))
    return pd.concat(parts, ignore_index=True)[["domain", "level", "variable", "cv", "reached"]]


def _least(ceilings: Ceilings, least: np.ndarray, people: np.ndarray) -> np.ndarray:
    """At least one of a stratum that counts for a target."""
    counts = (ceilings.loads > 0).any(axis=1)
    return np.minimum(np.where(counts, np.maximum(least, 1), least), people)


def _positive(strata: pd.DataFrame, column: str, *, zero: bool = False, most: float = np.inf) -> np.ndarray:
    if column not in strata.columns:
        raise SamplingError("a column is missing", column=column, hint=nearest(column, strata.columns))
    values = pd.to_numeric(strata[column], errors="coerce").to_numpy(dtype=float)
    bad = ~(np.isfinite(values) & ((values >= 0) if zero else (values > 0)) & (values <= most))
    if bad.any():
        limit = f", at most {most:g}" if np.isfinite(most) else ""
        raise SamplingError(
            *(
                Problem(
                    "a stratum has no usable value",
                    column=column,
                    key=f"stratum {strata.index[i]}",
                    got=str(strata[column].iloc[i]),
                    expected=("0 or more" if zero else "above 0") + limit,
                )
                for i in map(int, np.flatnonzero(bad))
            )
        )
    return values
