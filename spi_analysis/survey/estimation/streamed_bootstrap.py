"""Means whose variance comes from bootstrap replicates that are never written down."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.design_inputs import numeric_columns
from spi_analysis.survey.estimation.domains import By, Domains, domains_of
from spi_analysis.survey.estimation.replication import RowRanks, replicate_covariance
from spi_analysis.survey.estimation.result import Estimate, make_table
from spi_analysis.survey.weighting import BootstrapReplicates, replicate_sums


def bootstrap_means(
    df: pd.DataFrame,
    plan: BootstrapReplicates,
    variables: str | Sequence[str],
    by: By = None,
    level: float = 0.95,
    mse: bool = True,
) -> Estimate:
    """Weighted means with bootstrap variances, in the memory of one block of replicates.

    The same numbers as ``estimate_mean`` with a ``ReplicateDesign`` of ``plan.values`` (scale 1/R), up to
    rounding, without that table of n times R weights.

    Parameters
    ----------
    df : DataFrame (n, ...)        the rows that the plan was made from
    plan : BootstrapReplicates     ``weighting.bootstrap_plan(df, ...)``, or raked by ``weighting.raked_replicates``
    variables : str or list of str numeric columns; a row with a missing value is outside that variable's domain
    by : str or list of str or None   domain columns
    level : float                  of the t interval
    mse : bool                     deviations from the estimate (True) or from the replicates' mean

    Returns
    -------
    Estimate, with ``replicates`` (R, k); ``df_design``: those of a ``ReplicateDesign(..., df_design=plan.df)``, so of
    the whole units minus strata, at most R - 1, and of a domain the rank of its rows' replicates minus 1 where that is
    less; ``n`` counts the rows with a value and a positive weight.

    Raises
    ------
    EstimationError   the plan has other rows; no variable; a column is missing or not a number; a value is infinite;
        ``by`` and level as ``estimate_mean``

    References
    ----------
    Rao, Wu & Yue (1992), Survey Methodology 18; Wolter (2007), ch. 5.

    Examples
    --------
    >>> from spi_analysis.survey import bootstrap_plan
    >>> people = pd.DataFrame({"w": 10.0, "score": [1, 3, 5, 7]})
    >>> result = bootstrap_means(people, bootstrap_plan(people, "w", n_replicates=50, seed=1), "score")
    >>> result.table[["estimate", "df_design", "n"]].values.tolist(), result.replicates.shape
    ([[4.0, 3.0, 4.0]], (50, 1))
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    if len(df) != len(plan.weights):
        raise EstimationError(
            "the table does not fit the replicates", got=f"{len(df)} rows", expected=f"{len(plan.weights)}"
        )
    values, people = _values_and_people(df, names)
    domains = domains_of(df, np.ones(len(df), dtype=bool), by)
    sums = replicate_sums(plan, values, domains.codes, len(domains))
    estimate, replicates = (_means(part, len(names), people) for part in (sums.main[None], sums.replicates))
    covariance = replicate_covariance(estimate[0], replicates, plan.scale, np.ones(len(replicates)), mse)
    labels = _labels(names, domains)
    n = _counts(plan, values, people, domains)
    table = make_table(labels, estimate[0], covariance, _degrees(plan, values, people, domains), n, level)
    return Estimate(table, covariance, level, replicates)


def _values_and_people(df: pd.DataFrame, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Values (n, k + P), 0 where missing, with P columns of who has one; and which of these goes with each variable.

    Variables without gaps share one column, as do those with the same gaps.
    """
    values = numeric_columns(df, names)
    missing = np.column_stack([np.isnan(column) for column in values.values()])
    patterns: dict[bytes, int] = {}
    people = [patterns.setdefault(np.packbits(missing[:, j]).tobytes(), len(patterns)) for j in range(len(names))]
    first = [people.index(p) for p in range(len(patterns))]
    columns = np.empty((len(df), len(names) + len(first)))
    for j, name in enumerate(names):
        columns[:, j] = np.where(missing[:, j], 0.0, values[name])
    columns[:, len(names) :] = ~missing[:, first]
    return columns, len(names) + np.array(people, dtype=np.intp)


def _means(sums: np.ndarray, k: int, people: np.ndarray) -> np.ndarray:
    """Sums (R, D, k + P) to means (R, k D), variable by variable; missing where nobody has weight."""
    tops, bottoms = sums[:, :, :k], sums[:, :, people]
    means = np.divide(tops, bottoms, out=np.full(tops.shape, np.nan), where=bottoms != 0)
    return means.transpose(0, 2, 1).reshape(len(sums), -1)


def _labels(names: list[str], domains: Domains) -> pd.DataFrame:
    repeated = pd.concat([domains.labels] * len(names), ignore_index=True)
    repeated.insert(0, "variable", np.repeat(names, len(domains)))
    return repeated


def _counts(plan: BootstrapReplicates, values: np.ndarray, people: np.ndarray, domains: Domains) -> np.ndarray:
    has_weight = plan.main > 0
    counts = {p: domains.sums(np.where(has_weight, values[:, p], 0.0)) for p in np.unique(people)}
    return np.concatenate([counts[p] for p in people]).astype(int)


def _degrees(plan: BootstrapReplicates, values: np.ndarray, people: np.ndarray, domains: Domains) -> np.ndarray:
    """Degrees of freedom (k D,), variable by variable."""
    patterns = np.unique(people)
    codes = {p: np.where((values[:, p] > 0) & (plan.main > 0), domains.codes, -1) for p in patterns}
    found = {p: plan.df_by(codes[p], len(domains)) for p in patterns}
    if plan.factors is not None:
        # Raked weights of one unit differ from cell to cell, and margins tie them: the rank itself is looked at.
        complete = np.where((values[:, patterns] > 0).all(axis=1) & (plan.main > 0), domains.codes, -1)
        sure = _reach(plan, complete, len(domains))
        found = {p: np.where(sure, plan.df, _raked_degrees(plan, codes[p], ~sure)) for p in patterns}
    return np.concatenate([np.minimum(found[p], plan.df) for p in people])


def _reach(plan: BootstrapReplicates, codes: np.ndarray, n_domains: int) -> np.ndarray:
    """Domains (D,) of which a part of the rows already has the rank that the whole sample counts."""
    wanted = int(plan.df) + 1
    parts = [_atoms(plan, np.flatnonzero(codes == d))[: 2 * wanted] for d in range(n_domains)]
    enough = [len(part) >= wanted and RowRanks(plan.values_of(part)).whole >= wanted for part in parts]
    return np.array(enough, dtype=bool)


def _raked_degrees(plan: BootstrapReplicates, codes: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Rank minus 1 of the rows of every domain that is asked for (D,), 0 for the others."""
    rows = [
        _atoms(plan, np.flatnonzero(codes == d)) if asked[d] else np.empty(0, dtype=np.intp) for d in range(len(asked))
    ]
    return np.array([max(RowRanks(plan.values_of(part)).whole - 1.0, 0.0) if len(part) else 0.0 for part in rows])


def _atoms(plan: BootstrapReplicates, rows: np.ndarray) -> np.ndarray:
    """One row for every unit and cell among the rows: the others are multiples of it."""
    assert plan.factors is not None
    both = plan.units.codes[rows].astype(np.int64) * (int(plan.factors.cells.max()) + 1) + plan.factors.cells[rows]
    return rows[np.unique(both, return_index=True)[1]]
