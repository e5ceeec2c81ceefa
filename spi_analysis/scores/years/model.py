"""The model of the published years: lasting level + change + noise, per type of institution and series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from spi_analysis.params import PublishedYears
from spi_analysis.scores.years.panel import SERIES, Panel, marked_rows, panel_of
from spi_analysis.scores.years.reml import Block, RemlFit, blocks_of, fit_reml

LEVEL, CHANGE, NOISE = 0, 1, 2
# Figures are published with two decimals: noise is never less than that rounding (a uniform of width 0.01).
ROUNDING_VARIANCE = 0.01**2 / 12


@dataclass(frozen=True)
class YearsFit:
    """One type and series: ``y_it = mean_t (+ mode shift) + level_i + change_it + noise_it``.

    ``change`` is a stationary AR(1) with correlation ``persistence`` a year apart. ``bases`` (K, T, T): level, change,
    then one per noise group; their weights are ``fit.theta``.
    """

    panel: Panel
    blocks: list[Block]
    bases: np.ndarray
    persistence: float
    fit: RemlFit

    @property
    def noise(self) -> np.ndarray:
        """Noise variance of every year (T,)."""
        return self.fit.theta[NOISE + self.panel.noise_group]

    def noise_of(self, *positions: int) -> tuple[float, float]:
        """Sum of the noise variances of years (by position), and the degrees of freedom of that estimate.

        References
        ----------
        Satterthwaite (1946), Biometrics Bulletin 2.
        """
        counts = np.bincount(NOISE + self.panel.noise_group[list(positions)], minlength=len(self.bases))
        value, variance = float(counts @ self.fit.theta), float(counts @ self.fit.theta_cov @ counts)
        return value, 2 * value**2 / variance


@dataclass(frozen=True)
class YearsModel:
    """Fits of all types and series; ``left_out``: type, n (institutions of the last year) of those not modelled."""

    fits: list[YearsFit]
    left_out: pd.DataFrame
    last_year: int


def fit_years(published: pd.DataFrame, years: PublishedYears) -> YearsModel:
    """Fit every type and series of the published years by REML.

    Parameters
    ----------
    published : DataFrame   as ``load_published`` gives it; missing institutions, years and parts may be
    years : PublishedYears  which years are mode breaks or have noise of their own, and the model's judgements

    Returns
    -------
    YearsModel; a type without enough institutions or years is in ``left_out``.

    References
    ----------
    Laird & Ware (1982), Biometrics 38; Diggle, Heagerty, Liang & Zeger (2002), Analysis of Longitudinal Data, ch. 5.
    """
    rows = marked_rows(published, years)
    last = int(rows["year"].max())
    panels = [panel_of(rows, series, t, years) for t in sorted(rows["type"].unique()) for series in SERIES]
    fits = [fit_panel(panel, years.model.persistence) for panel in panels if panel is not None]
    modelled = {fit.panel.type for fit in fits}
    sizes = rows[rows["year"] == last].groupby("type").size()
    left_out = sizes[~sizes.index.isin(list(modelled))].rename("n").reset_index()
    return YearsModel(fits, left_out, last)


def fit_panel(panel: Panel, persistence: float) -> YearsFit:
    """Fit one panel."""
    blocks = blocks_of(panel.values, panel.design)
    bases = covariance_bases(panel.years, panel.noise_group, persistence)
    floor = np.where(np.arange(len(bases)) < NOISE, 0.0, ROUNDING_VARIANCE)
    return YearsFit(panel, blocks, bases, persistence, fit_reml(blocks, bases, floor))


def covariance_bases(years: np.ndarray, noise_group: np.ndarray, persistence: float) -> np.ndarray:
    """Ones (level), ``persistence ** |years apart|`` (change), an indicator diagonal per noise group."""
    apart = np.abs(np.subtract.outer(years, years))
    noises = [np.diag((noise_group == g).astype(float)) for g in range(int(noise_group.max()) + 1)]
    return np.stack([np.ones(apart.shape), persistence**apart, *noises])


def components(model: YearsModel, level: float) -> pd.DataFrame:
    """Standard deviations between institutions of a type, in points.

    Intervals are those of the variances (normal, from the expected information), cut at 0: a lower end of 0 says that
    the data cannot tell the part from none.

    Returns
    -------
    DataFrame: series, type, n, part (lasting_level, change, noise; mode_shift: no SD but the shift itself), year (of a
    noise that is a year's own, and of a shift; else missing), estimate, ci_low, ci_high.
    """
    columns = ["series", "type", "n", "part", "year", "estimate", "ci_low", "ci_high"]
    return pd.DataFrame([row for fit in model.fits for row in _component_rows(fit, level)], columns=columns)


def _component_rows(fit: YearsFit, level: float) -> list[dict[str, object]]:
    panel, z = fit.panel, float(norm.ppf(0.5 + level / 2))
    shared = {"series": panel.series, "type": panel.type, "n": len(panel.institution_ids)}
    names = ["lasting_level", "change"] + ["noise"] * (len(fit.bases) - NOISE)
    rows = []
    for k, name in enumerate(names):
        variance, half = fit.fit.theta[k], z * np.sqrt(fit.fit.theta_cov[k, k])
        of = panel.years[panel.noise_group == k - NOISE] if k >= NOISE else []
        rows.append(
            {**shared, "part": name, "year": int(of[0]) if len(of) == 1 else None,
             "estimate": float(np.sqrt(variance)), "ci_low": float(np.sqrt(max(variance - half, 0.0))),
             "ci_high": float(np.sqrt(variance + half))}
        )  # fmt: skip
    t = len(panel.years)
    for column in range(t, panel.design.shape[2]):
        value, half = float(fit.fit.beta[column]), z * float(np.sqrt(fit.fit.beta_cov[column, column]))
        year = int(panel.years[panel.design[:, :, column].any(axis=0)][0])
        limits = {"estimate": value, "ci_low": value - half, "ci_high": value + half}
        rows.append({**shared, "part": "mode_shift", "year": year, **limits})
    return rows
