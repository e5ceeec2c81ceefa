"""Levels freed from noise, and the moves that stand out from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, norm
from scipy.stats import t as student

from spi_analysis.params import PublishedYears
from spi_analysis.scores import expected_indices, with_types
from spi_analysis.scores.years.model import CHANGE, LEVEL, YearsFit, YearsModel, fit_years
from spi_analysis.scores.years.noise import mean_move, type_spreads

# Best linear prediction from a fitted panel.


@dataclass(frozen=True)
class Prediction:
    """Predicted values (n,) and standard errors (n,), variances of the model taken as known."""

    value: np.ndarray
    se: np.ndarray


def predict(fit: YearsFit, covariances: np.ndarray, variances: np.ndarray, fixed: np.ndarray) -> Prediction:
    """Predict ``fixed @ beta + t`` for every institution, t a random part of mean 0.

    Parameters
    ----------
    fit : YearsFit
    covariances : ndarray (K, T)   of t with the values of every year, per unit of each variance in theta
    variances : ndarray (K,)       of t, likewise
    fixed : ndarray (p,)           which means are added; zeros for none

    Returns
    -------
    Prediction; its variance is that of t given the values, plus that of the estimated means, plus twice what the
    estimated variances add.

    References
    ----------
    Henderson (1975), Biometrics 31; Kackar & Harville (1984), JASA 79; Prasad & Rao (1990), JASA 85.
    """
    theta, beta, n = fit.fit.theta, fit.fit.beta, len(fit.panel.values)
    total = float(theta @ variances)
    value = np.full(n, fixed @ beta)
    mse = np.full(n, total + fixed @ fit.fit.beta_cov @ fixed)
    for block in fit.blocks:
        k = theta @ covariances[:, block.seen]
        inverse = np.linalg.inv(fit.fit.covariance[np.ix_(block.seen, block.seen)])
        weights = inverse @ k
        left = fixed - block.design.T @ weights
        # How the weights move with every variance (K, k).
        slopes = (covariances[:, block.seen] - fit.bases[:, block.seen[:, None], block.seen] @ weights) @ inverse
        estimated = np.sum(fit.fit.theta_cov * (slopes @ np.linalg.solve(inverse, slopes.T)))
        value[block.rows] += (fit.panel.values[np.ix_(block.rows, block.seen)] - block.design @ beta) @ weights
        mse[block.rows] = total - k @ weights + left @ fit.fit.beta_cov @ left + 2 * estimated
    return Prediction(value, np.sqrt(np.maximum(mse, 0.0)))


# The last year held out: how well the earlier ones predict it.

METHODS = ("model", "same_as_last_year", "type_mean")


def hold_out(published: pd.DataFrame, years: PublishedYears, level: float) -> pd.DataFrame:
    """Predict the last published year from those before: the model against two simple rules.

    Every method gives each institution a normal predictive distribution around the type's mean. ``common_move``
    "unknown": the type's mean stays where it was, and its past moves widen the prediction; "known": all methods are
    told the type's mean of the held-out year, so that only the place among institutions is predicted.

    Returns
    -------
    DataFrame: series, common_move, method, n, log_score (mean log density, higher is better), coverage (of the
    ``level`` interval), width (mean, points), rmse. Empty where too few years are there.
    """
    last = int(published["year"].max())
    earlier = published[published["year"] < last]
    fits = fit_years(earlier, years).fits if len(earlier) else []
    truth = published[published["year"] == last].set_index("institution_id")
    errors = [_errors_of(fit, truth[fit.panel.series], last) for fit in fits]
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


def levels(model: YearsModel, level: float) -> pd.DataFrame:
    """Lasting level and score without noise of every institution of the last year, in points of that year.

    ``lasting``: type mean + lasting level; ``current``: the same + this year's change, thus the published figure
    without its noise. Both are shrunk towards the type's mean, and neither is fit for ranking (see ``scores.ranks``).

    Returns
    -------
    DataFrame: series, type, institution_id, published, noise_sd, and lasting, current each with _low and _high.
    """
    tables = [_levels_of(fit, level) for fit in model.fits]
    columns = ["series", "type", "institution_id", "published", "noise_sd", *_triple("lasting"), *_triple("current")]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)


def _levels_of(fit: YearsFit, level: float) -> pd.DataFrame:
    panel = fit.panel
    last = np.zeros(panel.design.shape[2])
    last[len(panel.years) - 1] = 1.0
    to_last = _only(fit, LEVEL, CHANGE)[:, :, -1]
    level_only = _only(fit, LEVEL)[:, :, -1]
    lasting = predict(fit, level_only, level_only[:, -1], last)
    current = predict(fit, to_last, to_last[:, -1], last)
    table = pd.DataFrame(
        {
            "series": panel.series,
            "type": panel.type,
            "institution_id": panel.institution_ids,
            "published": panel.values[:, -1],
            "noise_sd": float(np.sqrt(fit.noise[-1])),
            **_interval("lasting", lasting, level),
            **_interval("current", current, level),
        }
    )
    return table[table["published"].notna()]


def moves(model: YearsModel, level: float, false_discovery: float) -> pd.DataFrame:
    """Moves between the last two years against what noise alone would do.

    An institution's own move is its change less that of its type (and less the shift of an interview mode). Under the
    hypothesis "nothing but noise" it has the sum of the two noise variances (estimated: t with Satterthwaite's degrees
    of freedom); p values are adjusted by Benjamini and Hochberg over all institutions of a series. ``carried``: the
    own move without noise, shrunk, with its interval.

    Returns
    -------
    DataFrame: series, type, institution_id, before, after, own_move, noise_sd (of a change, by noise alone) with
    df_design, noise_limit (the own move that noise alone stays under with confidence ``level``), p_value, q_value,
    stands_out, carried, carried_low, carried_high.

    References
    ----------
    Benjamini & Hochberg (1995), JRSS B 57.
    """
    tables = [_moves_of(fit, level) for fit in model.fits]
    if not tables:
        columns = ["series", "type", "institution_id", "before", "after", "own_move", "noise_sd", "df_design"]
        return pd.DataFrame(columns=[*columns, "noise_limit", "p_value", "q_value", "stands_out", *_triple("carried")])
    table = pd.concat(tables, ignore_index=True)
    adjusted = table.groupby("series")["p_value"].transform(lambda p: false_discovery_control(p))
    place = table.columns.get_loc("p_value") + 1
    table.insert(place, "q_value", adjusted)
    table.insert(place + 1, "stands_out", adjusted <= false_discovery)
    return table


def _moves_of(fit: YearsFit, level: float) -> pd.DataFrame:
    panel, t = fit.panel, len(fit.panel.years)
    change = panel.values[:, -1] - panel.values[:, -2]
    own = change - (panel.design[:, -1] - panel.design[:, -2]) @ fit.fit.beta
    variance, df = fit.noise_of(-1, -2)
    sd, part = float(np.sqrt(variance)), _only(fit, CHANGE)
    step = part[:, :, -1] - part[:, :, -2]
    carried = predict(fit, step, step[:, -1] - step[:, -2], np.zeros(panel.design.shape[2]))
    table = pd.DataFrame(
        {
            "series": panel.series,
            "type": panel.type,
            "institution_id": panel.institution_ids,
            "before": panel.values[:, t - 2],
            "after": panel.values[:, t - 1],
            "own_move": own,
            "noise_sd": sd,
            "df_design": df,
            "noise_limit": float(student.ppf(0.5 + level / 2, df)) * sd,
            "p_value": 2 * student.sf(np.abs(own) / sd, df),
            **_interval("carried", carried, level),
        }
    )
    return table[table["own_move"].notna()]


def _only(fit: YearsFit, *parts: int) -> np.ndarray:
    """The bases with all but these parts set to 0 (K, T, T)."""
    kept = np.isin(np.arange(len(fit.bases)), parts)
    return fit.bases * kept[:, None, None]


def _interval(name: str, found: Prediction, level: float) -> dict[str, np.ndarray]:
    half = float(norm.ppf(0.5 + level / 2)) * found.se
    return dict(zip(_triple(name), (found.value, found.value - half, found.value + half), strict=True))


def _triple(name: str) -> tuple[str, str, str]:
    return name, f"{name}_low", f"{name}_high"


def hold_out_rises(published: pd.DataFrame, years: PublishedYears, level: float, low_share: float) -> pd.DataFrame:
    """How well the rise from each year to the next is predicted, the model being fitted without the later year.

    Every institution's rise has an interval from its own years before; the type's mean of the held-out year is not
    known, and the interval counts how far means move in a year.

    Returns
    -------
    DataFrame, a case per row: year, type, institution_id, before, rise, expected, sd, held (by the ``level`` interval),
    chance (of a rise), low (in the lowest ``low_share`` of its type and year before).
    """
    z = float(norm.ppf(0.5 + level / 2))
    held_out = sorted(int(year) for year in published["year"].unique())[1:]
    parts = [_rises_to(published, years, year) for year in held_out]
    cases = pd.concat(parts, ignore_index=True)
    cases["low"] = cases.groupby(["year", "type"])["before"].rank(pct=True) <= low_share
    return cases.assign(
        held=(cases["rise"] - cases["expected"]).abs() <= z * cases["sd"],
        chance=norm.cdf(cases["expected"] / cases["sd"]),
    )


def _rises_to(published: pd.DataFrame, years: PublishedYears, year: int) -> pd.DataFrame:
    spreads = type_spreads(fit_years(published[published["year"] != year], years))
    cases = expected_indices(published, with_types(years, spreads, mean_move(spreads)))
    cases = cases[cases["year"] == year]
    return cases.assign(rise=cases["index"] - cases["before"], expected=cases["expected"] - cases["before"])
