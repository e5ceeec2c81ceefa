"""Means, totals, ratios and proportions over any domains, with the full design kept.

All of them are ratios of two weighted totals (a total's denominator is 1), so one
function does the work: estimate, influence values, covariance, replicates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.estimation.design import SurveyDesign
from spi_analysis.estimation.inputs import require_columns
from spi_analysis.estimation.intervals import proportion_interval
from spi_analysis.estimation.replication import ReplicateDesign
from spi_analysis.estimation.result import Estimate, make_table

Design = SurveyDesign | ReplicateDesign
By = str | Sequence[str] | None


def estimate_mean(
    design: Design, variables: str | Sequence[str], by: By = None, level: float = 0.95, deff: bool | str = False
) -> Estimate:
    """Weighted means.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    variables : str or list of str   numeric columns; a row with a missing value is outside that variable's domain
    by : str or list of str or None  domain columns
    level : float                    of the t interval
    deff : False, True or "replace"  design effect against simple random sampling without (with) replacement

    Returns
    -------
    Estimate; ``n`` counts the rows with a value and a positive weight.

    References
    ----------
    Sarndal, Swensson & Wretman (1992), section 5.7.
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    values = _numeric(design.data, names)
    jobs = [_Job({"variable": name}, values[:, j], np.ones(len(values))) for j, name in enumerate(names)]
    return _estimate(design, jobs, by, level, deff)


def estimate_total(
    design: Design, variables: str | Sequence[str], by: By = None, level: float = 0.95, deff: bool | str = False
) -> Estimate:
    """Weighted totals. Parameters and returns as ``estimate_mean``."""
    names = [variables] if isinstance(variables, str) else list(variables)
    values = _numeric(design.data, names)
    return _estimate(design, [_Job({"variable": n}, values[:, j], None) for j, n in enumerate(names)], by, level, deff)


def estimate_ratio(
    design: Design,
    numerator: str | Sequence[str],
    denominator: str | Sequence[str],
    by: By = None,
    level: float = 0.95,
) -> Estimate:
    """Ratios of totals, every numerator with every denominator; ``variable`` is "numerator/denominator".

    Parameters and returns as ``estimate_mean``.
    """
    tops = [numerator] if isinstance(numerator, str) else list(numerator)
    bottoms = [denominator] if isinstance(denominator, str) else list(denominator)
    y, x = _numeric(design.data, tops), _numeric(design.data, bottoms)
    jobs = [
        _Job({"variable": f"{top}/{bottom}"}, y[:, i], x[:, j])
        for j, bottom in enumerate(bottoms)
        for i, top in enumerate(tops)
    ]
    return _estimate(design, jobs, by, level, False)


def estimate_proportion(
    design: Design,
    variables: str | Sequence[str],
    by: By = None,
    level: float = 0.95,
    interval: str = "wald",
    deff: bool | str = False,
) -> Estimate:
    """Shares of every category of categorical (or true/false) columns.

    Parameters
    ----------
    interval : str
        wald (t), logit, wilson, beta (Korn & Graubard); all but the first stay inside 0 to 1
    others as in ``estimate_mean``

    Returns
    -------
    Estimate whose table has a column ``category``.

    References
    ----------
    Korn & Graubard (1998), Survey Methodology 24; Franco et al. (2019), Journal of Survey Statistics and Methodology 7.
    """
    jobs = [job for name in ([variables] if isinstance(variables, str) else variables) for job in _shares(design, name)]
    result = _estimate(design, jobs, by, level, deff)
    low, high = proportion_interval(result.table, interval, level)
    return Estimate(result.table.assign(ci_low=low, ci_high=high), result.covariance, level, result.replicates)


@dataclass(frozen=True)
class _Job:
    """One estimate: labels, numerator values, denominator values (None for a total)."""

    labels: dict[str, object]
    top: np.ndarray
    bottom: np.ndarray | None

    def valid(self) -> np.ndarray:
        return ~np.isnan(self.top) if self.bottom is None else ~np.isnan(self.top) & ~np.isnan(self.bottom)


def _estimate(design: Design, jobs: list[_Job], by: By, level: float, deff: bool | str) -> Estimate:
    domains = _domains(design, by)
    cells = [(job, labels, mask & job.valid()) for job in jobs for labels, mask in domains]
    top = np.column_stack([np.where(mask, job.top, 0.0) for job, _, mask in cells])
    bottom = np.column_stack(
        [mask.astype(float) if job.bottom is None else np.where(mask, job.bottom, 0.0) for job, _, mask in cells]
    )
    is_total = np.array([job.bottom is None for job, _, _ in cells])
    estimate = _ratios(design.weights[None, :], top, bottom, is_total)[0]
    covariance, replicates = _covariance(design, top, bottom, is_total, estimate)
    n = np.array([int((mask & (design.weights > 0)).sum()) for _, _, mask in cells])
    df = np.array([design.df(mask) for _, _, mask in cells])
    labels = pd.DataFrame([{**job.labels, **domain} for job, domain, _ in cells])
    table = make_table(labels, estimate, covariance, df, n, level)
    if deff:
        table["deff"] = _deff(design, cells, is_total, table["se"].to_numpy(), deff == "replace")
    return Estimate(table, covariance, level, replicates)


def _ratios(weights: np.ndarray, top: np.ndarray, bottom: np.ndarray, is_total: np.ndarray) -> np.ndarray:
    """Estimates for every row of weights (R, n): (R, k). Missing where a denominator is 0."""
    tops, bottoms = weights @ top, np.where(is_total, 1.0, weights @ bottom)
    return np.divide(tops, bottoms, out=np.full_like(tops, np.nan), where=bottoms != 0)


def _covariance(
    design: Design, top: np.ndarray, bottom: np.ndarray, is_total: np.ndarray, estimate: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    if isinstance(design, ReplicateDesign):
        # Rows outside every domain are 0 throughout; leaving them out changes nothing but the time.
        used = top.any(axis=1) | bottom.any(axis=1)
        replicates = _ratios(design.replicates[used].T, top[used], bottom[used], is_total)
        return design.covariance_of(estimate, replicates), replicates
    scale = np.where(is_total, 1.0, design.weights @ bottom)
    centred = top - np.where(is_total, 0.0, np.nan_to_num(estimate)) * bottom
    influence = np.divide(centred, scale, out=np.zeros_like(centred), where=scale != 0)
    covariance = design.covariance(influence)
    empty = np.isnan(estimate)
    covariance[empty, :] = np.nan
    covariance[:, empty] = np.nan
    return covariance, None


def _domains(design: Design, by: By) -> list[tuple[dict[str, object], np.ndarray]]:
    """Labels and rows of every domain, sorted by label; the whole design domain without ``by``."""
    inside = design.in_domain
    if by is None:
        return [({}, inside)]
    columns = [by] if isinstance(by, str) else list(by)
    require_columns(design.data, columns)
    grouped = design.data.loc[inside, columns].groupby(columns, sort=True, observed=True).indices
    rows = np.flatnonzero(inside)
    domains = []
    for key, positions in grouped.items():
        mask = np.zeros(len(inside), dtype=bool)
        mask[rows[positions]] = True
        domains.append((dict(zip(columns, key if isinstance(key, tuple) else (key,), strict=True)), mask))
    if not domains:
        raise EstimationError("there is no domain", column=", ".join(columns), expected="at least one row with a value")
    return domains


def _shares(design: Design, name: str) -> list[_Job]:
    require_columns(design.data, [name])
    column = design.data[name]
    known = column.notna().to_numpy()
    levels = sorted(column[design.in_domain & known].unique(), key=lambda v: (isinstance(v, str), v))
    ones = np.ones(len(column))
    return [
        _Job(
            {"variable": name, "category": level},
            np.where(known, (column == level).to_numpy(dtype=float), np.nan),
            ones,
        )
        for level in levels
    ]


def _deff(
    design: Design,
    cells: list[tuple[_Job, dict[str, object], np.ndarray]],
    is_total: np.ndarray,
    se: np.ndarray,
    replace: bool,
) -> np.ndarray:
    """Variance against that of a simple random sample of the same size (R survey's definition)."""
    effects = []
    for (job, _, mask), total, error in zip(cells, is_total, se, strict=True):
        used = mask & (design.weights > 0)
        w, n = design.weights[used], int(used.sum())
        people = w.sum()
        y = job.top[used] if job.bottom is None else job.top[used] / job.bottom[used]
        spread = (w @ (y - w @ y / people) ** 2) / people * n / (n - 1) if n > 1 else np.nan
        simple = spread / n * (1.0 if replace else (people - n) / people) * (people**2 if total else 1.0)
        effects.append(error**2 / simple if simple > 0 else np.nan)
    return np.array(effects)


def _numeric(data: pd.DataFrame, names: list[str]) -> np.ndarray:
    require_columns(data, names)
    text = [name for name in names if not pd.api.types.is_numeric_dtype(data[name])]
    if text:
        raise EstimationError(
            "the variable is not a number", column=", ".join(text), hint="use estimate_proportion for categories"
        )
    return data[names].to_numpy(dtype=float)
