"""How an estimator did over many simulated samples with known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.survey.groups import require_columns

TRUTH_AND_INTERVAL = ("truth", "estimate", "ci_low", "ci_high")
# Relative; far below what any simulation could see.
ROUNDING = 1e-9


def coverage_summary(results: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Bias, true and estimated standard error and coverage, with the Monte-Carlo error of the coverage.

    Parameters
    ----------
    results : DataFrame   one row per run: truth, estimate, se, ci_low, ci_high (one unit), n; ``unweighted``, the
        estimate without weights, where there is one to compare with; a run without an estimate is counted, no more
    by : list of str      such as ["mechanism", "measure"]

    Returns
    -------
    DataFrame: ``by``, runs, n (mean), bias, sd and rmse (of the errors), se (mean), width (mean), coverage, below and
    above (share of runs with the truth below, above the interval), without_estimate (runs besides), the Monte-Carlo
    standard errors of bias, sd (for errors near normal) and coverage, and with ``unweighted`` rmse_unweighted. A group
    without any estimate has no runs.

    Raises
    ------
    EstimationError   a column is missing.

    References
    ----------
    Morris, White & Crowther (2019), Statistics in Medicine 38, table 6.

    Examples
    --------
    Errors -1, 0, 1, 4: bias 1, and the last of four intervals misses.

    >>> runs = pd.DataFrame({"measure": "score", "truth": 10.0, "estimate": [9.0, 10, 11, 14], "se": 1.0, "n": 50})
    >>> runs = runs.assign(ci_low=runs["estimate"] - 2, ci_high=runs["estimate"] + 2)
    >>> coverage_summary(runs, ["measure"])[["runs", "bias", "sd", "coverage"]].round(3).values.tolist()
    [[4.0, 1.0, 2.16, 0.75]]
    """
    require_columns(results, [*by, *TRUTH_AND_INTERVAL, "se", "n"], EstimationError)
    without = results["estimate"].isna().groupby([results[name] for name in by], sort=False).sum()
    results = results.dropna(subset=["estimate"])
    error = results["estimate"] - results["truth"]
    # A census has a point as its interval, which rounding must not move off the truth.
    slack = ROUNDING * results["truth"].abs()
    covered = results["truth"].between(results["ci_low"] - slack, results["ci_high"] + slack)
    width = results["ci_high"] - results["ci_low"]
    facts = results.assign(
        error=error, square=error**2, covered=covered, width=width,
        below=results["truth"] < results["ci_low"] - slack, above=results["truth"] > results["ci_high"] + slack,
    ).groupby(by, sort=False)  # fmt: skip
    table = facts.agg(
        runs=("error", "size"), n=("n", "mean"), bias=("error", "mean"), sd=("error", "std"), se=("se", "mean"),
        rmse=("square", "mean"), width=("width", "mean"), coverage=("covered", "mean"), below=("below", "mean"),
        above=("above", "mean"),
    )  # fmt: skip
    table = without.to_frame("without_estimate").join(table).reset_index()
    table["runs"] = table["runs"].fillna(0).astype(int)
    table["rmse"] = np.sqrt(table["rmse"])
    table["bias_error"] = table["sd"] / np.sqrt(table["runs"])
    table["sd_error"] = table["sd"] / np.sqrt(2 * (table["runs"] - 1).where(table["runs"] > 1))
    table["coverage_error"] = np.sqrt(table["coverage"] * (1 - table["coverage"]) / table["runs"])
    if "unweighted" in results:
        plain = results.assign(square=(results["unweighted"] - results["truth"]) ** 2).groupby(by, sort=False)
        unweighted = np.sqrt(plain["square"].mean()).rename("rmse_unweighted")
        table = table.join(unweighted, on=by)
    return table


def range_summary(results: pd.DataFrame, by: list[str], low: str, high: str) -> pd.DataFrame:
    """How often a sensitivity range holds the truth, alone and widened by the sampling error.

    Parameters
    ----------
    results : DataFrame   as for ``coverage_summary``, with the columns of the range (missing: no range)
    by : list of str      such as ["mechanism", "measure"]
    low, high : str       columns that hold the ends of the range

    Returns
    -------
    DataFrame, one row per group with any range: ``by``, runs, ranges (runs with a range), width (mean of the range),
    contains, contains_wider (the range moved outwards by the half widths of the interval), interval_contains (the
    interval alone, same runs).

    Raises
    ------
    EstimationError   a column is missing.

    References
    ----------
    Vansteelandt, Goetghebeur, Kenward & Molenberghs (2006), Statistica Sinica 16 (ranges and their sampling error).

    Examples
    --------
    The range 8 to 9 misses the truth 10, widened by 1 it holds it; the range 9 to 13 holds it.

    >>> runs = pd.DataFrame({"measure": "score", "truth": 10.0, "estimate": [9.0, 12.0], "low": [8.0, 9.0]})
    >>> runs = runs.assign(high=[9.0, 13.0], ci_low=runs["estimate"] - 1, ci_high=runs["estimate"] + 1)
    >>> found = range_summary(runs, ["measure"], "low", "high")
    >>> found[["width", "contains", "contains_wider", "interval_contains"]].values.tolist()
    [[2.5, 0.5, 1.0, 0.5]]
    """
    require_columns(results, [*by, *TRUTH_AND_INTERVAL, low, high], EstimationError)
    known = results.dropna(subset=[low, high])
    below, above = known["estimate"] - known["ci_low"], known["ci_high"] - known["estimate"]
    facts = known.assign(
        width=known[high] - known[low],
        contains=known["truth"].between(known[low], known[high]),
        contains_wider=known["truth"].between(known[low] - below, known[high] + above),
        interval_contains=known["truth"].between(known["ci_low"], known["ci_high"]),
    ).groupby(by, sort=False)
    shares = ["width", "contains", "contains_wider", "interval_contains"]
    table = facts[shares].mean().assign(ranges=facts.size())
    runs = results.groupby(by, sort=False).size().rename("runs")
    # Where no run has a range there is nothing to tell.
    return table.join(runs).reset_index()[[*by, "runs", "ranges", *shares]]
