"""How an estimator did over many simulated samples with known truth."""

from __future__ import annotations

import numpy as np
import pandas as pd


def coverage_summary(results: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Bias, true and estimated standard error and coverage, with the Monte-Carlo error of the coverage.

    Parameters
    ----------
    results : DataFrame   one row per run: truth, estimate, se, ci_low, ci_high, n
    by : list of str      such as ["mechanism", "measure"]

    Returns
    -------
    DataFrame: ``by``, runs, n (mean), bias, sd (of the errors), se (mean), width (mean), coverage,
    coverage_error (one standard error).
    """
    error = results["estimate"] - results["truth"]
    covered = results["truth"].between(results["ci_low"], results["ci_high"])
    width = results["ci_high"] - results["ci_low"]
    facts = results.assign(error=error, covered=covered, width=width).groupby(by, sort=False)
    table = facts.agg(
        runs=("error", "size"), n=("n", "mean"), bias=("error", "mean"), sd=("error", "std"), se=("se", "mean"),
        width=("width", "mean"), coverage=("covered", "mean"),
    ).reset_index()  # fmt: skip
    table["coverage_error"] = np.sqrt(table["coverage"] * (1 - table["coverage"]) / table["runs"])
    return table
