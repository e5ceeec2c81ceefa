"""The last year held out: how well the earlier ones foretell it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from spi_analysis.params import PublishedYears
from spi_analysis.scores.years.model import CHANGE, LEVEL, YearsFit, fit_years
from spi_analysis.scores.years.predict import predict

METHODS = ("model", "same_as_last_year", "type_mean")


def hold_out(published: pd.DataFrame, years: PublishedYears, level: float) -> pd.DataFrame:
    """Predict the last published year from those before: the model against two simple rules.

    Every method gives each institution a normal predictive distribution around the type's mean. ``common_move``
    "unknown": the type's mean stays where it was, and its past moves widen the prediction; "known": all methods are
    told the type's mean of the held-out year, so that only the place among institutions is foretold.

    Returns
    -------
    DataFrame: series, common_move, method, n, log_score (mean log density, higher is better), coverage (of the
    ``level`` interval), width (mean, points), rmse. Empty where too few years are there.
    """
    last = int(published["year"].max())
    model = fit_years(published[published["year"] < last], years)
    truth = published[published["year"] == last].set_index("institution_id")
    errors = [_errors_of(fit, truth[fit.panel.series], last) for fit in model.fits]
    if not errors:
        columns = ["series", "common_move", "method", "n", "log_score", "coverage", "width", "rmse"]
        return pd.DataFrame(columns=columns)
    cases = pd.concat(errors, ignore_index=True)
    groups = cases.groupby(["series", "common_move", "method"], sort=False)
    return pd.DataFrame([_scored(*key, part, level) for key, part in groups])


def _scored(series: str, common_move: str, method: str, cases: pd.DataFrame, level: float) -> dict[str, object]:
    z = float(norm.ppf(0.5 + level / 2))
    return {
        "series": series,
        "common_move": common_move,
        "method": method,
        "n": len(cases),
        "log_score": float(norm.logpdf(cases["error"], scale=cases["sd"]).mean()),
        "coverage": float((cases["error"].abs() <= z * cases["sd"]).mean()),
        "width": float(2 * z * cases["sd"].mean()),
        "rmse": float(np.sqrt((cases["error"] ** 2).mean())),
    }


def _errors_of(fit: YearsFit, truth: pd.Series, year: int) -> pd.DataFrame:
    """Error and predictive SD of every institution, method and way to see the common move."""
    panel = fit.panel
    actual = truth.reindex(panel.institution_ids).to_numpy(dtype=float)
    # "Same as last year" needs last year: all methods are judged on the same institutions.
    here = ~np.isnan(actual) & ~np.isnan(panel.values[:, -1])
    means = np.nanmean(panel.values, axis=0)
    own, sd = _predictions(fit, year)
    common = {"unknown": (float(means[-1]), float((np.diff(means) ** 2).mean())), "known": (actual[here].mean(), 0.0)}
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "series": panel.series,
                    "common_move": known,
                    "method": method,
                    "error": (actual - centre - own[method])[here],
                    "sd": np.sqrt(sd[method] ** 2 + widening)[here],
                }
            )
            for known, (centre, widening) in common.items()
            for method in METHODS
        ]
    )


def _predictions(fit: YearsFit, year: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Departure from the type's mean and its SD, by method, for all institutions."""
    centred = fit.panel.values - np.nanmean(fit.panel.values, axis=0)
    steps = np.diff(centred, axis=1)
    ones = np.ones(len(centred))
    covariances, variances = _carried_to(fit, year)
    found = predict(fit, covariances, variances, np.zeros(fit.panel.design.shape[2]))
    own = {"model": found.value, "same_as_last_year": centred[:, -1], "type_mean": 0.0 * ones}
    sd = {
        "model": np.sqrt(found.se**2 + _noise_of_a_new_year(fit)),
        "same_as_last_year": float(np.sqrt(np.nanmean(steps**2))) * ones,
        "type_mean": float(np.sqrt(np.nanmean(centred**2))) * ones,
    }
    return own, sd


def _carried_to(fit: YearsFit, year: int) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of a later year's level and change with the years that are there, and variances (``predict``)."""
    covariances = np.zeros(fit.bases.shape[:2])
    covariances[LEVEL] = 1.0
    covariances[CHANGE] = fit.persistence ** (year - fit.panel.years)
    return covariances, np.isin(np.arange(len(fit.bases)), (LEVEL, CHANGE)).astype(float)


def _noise_of_a_new_year(fit: YearsFit) -> float:
    """The mean of the known years' noise variances; a break of the mode says nothing about a usual year."""
    usual = ~fit.panel.breaks
    return float(fit.noise[usual].mean() if usual.any() else fit.noise.mean())
