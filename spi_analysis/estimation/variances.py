"""Variances of variables in the population (not of estimates)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spi_analysis.estimation.domains import By, domains_of
from spi_analysis.estimation.inputs import numeric_columns
from spi_analysis.estimation.ratios import Design, Ratios, Variable, labels_of
from spi_analysis.estimation.replication import ReplicateDesign
from spi_analysis.estimation.result import Estimate, make_table


def estimate_variance(design: Design, variables: str | Sequence[str], by: By = None, level: float = 0.95) -> Estimate:
    """Population variances: n/(n-1) times the weighted mean squared deviation from the weighted mean.

    Parameters
    ----------
    design : SurveyDesign or ReplicateDesign
    variables : str or list of str   numeric columns; missing values are outside the variable's domain
    by, level   as in ``estimate_mean``

    Returns
    -------
    Estimate. With a SurveyDesign the mean is taken as known, which changes the variance of the variance
    by a smaller order only; replicates each use their own mean.

    References
    ----------
    Lumley (2010), Complex Surveys, section 2.4.
    """
    names = [variables] if isinstance(variables, str) else list(variables)
    columns = numeric_columns(design.data, names)
    means = Ratios(
        design,
        [Variable({"variable": name}, x) for name, x in columns.items()],
        domains_of(design.data, design.in_domain, by),
    )
    n, df = means.counts()
    inflate = np.divide(n, n - 1, out=np.full(n.shape, np.nan), where=n > 1)
    codes = means.domains.codes
    deviations = [x - means.estimates[j][codes] for j, x in enumerate(columns.values())]
    squares = [
        Variable(v.labels, inflate[j][codes] * d**2)
        for j, (v, d) in enumerate(zip(means.variables, deviations, strict=True))
    ]
    spread = replace(means, variables=squares)
    covariance, replicates = spread.covariance()
    shift = replace(means, variables=[Variable({}, d) for d in deviations]).covariance()[1]
    if isinstance(design, ReplicateDesign) and replicates is not None and shift is not None:
        replicates = replicates - inflate.ravel() * shift**2
        covariance = design.covariance_of(spread.estimates.ravel(), replicates)
    table = make_table(
        labels_of(spread), spread.estimates.ravel(), covariance, df.ravel(), n.ravel(), level, spread.certain().ravel()
    )
    return Estimate(table, covariance, level, replicates)
