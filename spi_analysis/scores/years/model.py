"""The model of the published years: lasting level + change + noise, per type of institution and series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import norm

from spi_analysis.columns import PUBLISHED_SOURCES
from spi_analysis.errors import EstimationError
from spi_analysis.params import NATIONAL, PublishedYears
from spi_analysis.scores import recompute
from spi_analysis.survey import group_counts

# Restricted maximum likelihood of a linear covariance structure, from sufficient statistics.
#
# Every institution has the same years, some missing. Institutions that share the years present and the design rows
# make a block, of which only number, mean and scatter enter the likelihood: its cost does not grow with the number
# of institutions.

Method = Literal["REML", "ML"]
LOG_2PI = float(np.log(2 * np.pi))
# Least share of the variance that a component keeps, so that a covariance can be inverted wherever the search goes.
LEAST_SHARE = 1e-9


@dataclass(frozen=True)
class Block:
    """Institutions with the same ``seen`` years (k,) and ``design`` (k, p): n, mean (k,), scatter (k, k); ``rows``."""

    rows: np.ndarray
    seen: np.ndarray
    design: np.ndarray
    mean: np.ndarray
    scatter: np.ndarray

    @property
    def n(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class RemlFit:
    """Estimated covariance structure and fixed effects.

    ``theta`` (K,): variances, the weights of the basis matrices; ``theta_cov`` (K, K) from the expected information,
    as if none were ``on_floor`` (K,); ``beta`` (p,), ``beta_cov`` (p, p); ``log_likelihood``: restricted, with all
    constants but log|X'X|, as lme4 gives it.
    """

    theta: np.ndarray
    theta_cov: np.ndarray
    on_floor: np.ndarray
    covariance: np.ndarray
    beta: np.ndarray
    beta_cov: np.ndarray
    log_likelihood: float


def blocks_of(y: np.ndarray, x: np.ndarray) -> list[Block]:
    """Institutions grouped by years present and design.

    Parameters
    ----------
    y : ndarray (n, T)      a row per institution; NaN where a year is missing
    x : ndarray (n, T, p)   design rows; those of missing years are not used
    """
    present = ~np.isnan(y)
    keys = np.hstack([present, (x * present[:, :, None]).reshape(len(y), -1)])
    _, group = np.unique(keys, axis=0, return_inverse=True)
    members = [np.flatnonzero(group.ravel() == g) for g in range(int(group.max(initial=-1)) + 1)]
    return [_block(y, x, rows, np.flatnonzero(present[rows[0]])) for rows in members if present[rows[0]].any()]


def _block(y: np.ndarray, x: np.ndarray, rows: np.ndarray, seen: np.ndarray) -> Block:
    values = y[np.ix_(rows, seen)]
    mean = values.mean(axis=0)
    centred = values - mean
    return Block(rows, seen, x[rows[0], seen], mean, centred.T @ centred)


def fit_reml(
    blocks: Sequence[Block],
    bases: np.ndarray,
    floor: np.ndarray,
    method: Method = "REML",
    penalised: np.ndarray | None = None,
) -> RemlFit:
    """Variances that maximise the (restricted) likelihood of ``V = sum_k theta_k bases_k``.

    Parameters
    ----------
    blocks : list of Block
    bases : ndarray (K, T, T)   symmetric, positive semi-definite
    floor : ndarray (K,)        least value of each variance (0, or what rounding alone makes)
    method : REML or ML
    penalised : ndarray (K,) of bool or None   variances whose root multiplies the likelihood, so that none is on its
        floor (a gamma density of shape 2 on the standard deviation; Chung et al. 2013, Psychometrika 78)

    Raises
    ------
    EstimationError   the fixed effects are not identified, or no maximum was found.

    References
    ----------
    Patterson & Thompson (1971), Biometrika 58; Harville (1977), JASA 72.
    """
    _require_identified(blocks)
    scale = _typical_variance(blocks)
    # Shares of the variance as a start: all components alike, which is inside the region.
    least = np.maximum(floor / scale, LEAST_SHARE)
    start = np.maximum(np.full(len(bases), 1 / len(bases)), least)
    counted = np.zeros(len(bases)) if penalised is None else penalised.astype(float)

    def deviance(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = _deviance(theta * scale, blocks, bases, method, scale)
        return value - float(counted @ np.log(theta)), gradient - counted / theta

    found = minimize(
        deviance,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(low, None) for low in least],
        options={"ftol": 1e-14, "gtol": 1e-7, "maxiter": 2000, "maxfun": 4000},
    )
    if not np.isfinite(found.fun):
        raise EstimationError("the likelihood of the years' model has no maximum", got=str(found.message))
    theta = found.x * scale
    on_floor = found.x <= least + 1e-6
    covariance = np.tensordot(theta, bases, 1)
    beta, beta_cov = _fixed_effects(blocks, covariance)
    return RemlFit(
        theta=theta,
        theta_cov=_theta_covariance(blocks, bases, covariance),
        on_floor=on_floor,
        covariance=covariance,
        beta=beta,
        beta_cov=beta_cov,
        log_likelihood=-0.5 * float(_deviance(theta, blocks, bases, method, 1.0)[0]),
    )


def _require_identified(blocks: Sequence[Block]) -> None:
    gram = sum(b.n * b.design.T @ b.design for b in blocks) if blocks else np.zeros((1, 1))
    rank = int(np.linalg.matrix_rank(gram))
    values = sum(b.n * len(b.seen) for b in blocks)
    if rank < len(gram) or values <= rank:
        raise EstimationError(
            "the means of the years cannot be told apart",
            got=f"rank {rank}, {values} values",
            expected=f"rank {len(gram)} and more values than that",
        )


def _typical_variance(blocks: Sequence[Block]) -> float:
    within = sum(float(np.trace(b.scatter)) for b in blocks)
    values = sum(b.n * len(b.seen) for b in blocks)
    if within <= 0:
        raise EstimationError("the values do not vary between institutions", expected="different scores")
    return within / values


def _deviance(
    theta: np.ndarray, blocks: Sequence[Block], bases: np.ndarray, method: Method, unit: float
) -> tuple[float, np.ndarray]:
    """Minus twice the log-likelihood, and its gradient in theta / unit."""
    covariance = np.tensordot(theta, bases, 1)
    inverses, log_det = _inverses(blocks, covariance)
    information, beta = _solve(blocks, inverses)
    outer = np.linalg.inv(information)
    value, gradient, count = log_det, np.zeros(len(bases)), -len(beta)
    for block, w in zip(blocks, inverses, strict=True):
        residual = block.mean - block.design @ beta
        spread = block.scatter + block.n * np.outer(residual, residual)
        value += float((w * spread).sum())
        count += block.n * len(block.seen)
        inner = block.n * w - w @ spread @ w
        if method == "REML":
            projected = w @ block.design
            inner = inner - block.n * projected @ outer @ projected.T
        gradient += (bases[:, block.seen[:, None], block.seen] * inner).sum(axis=(1, 2))
    if method == "REML":
        value += float(np.linalg.slogdet(information)[1])
    else:
        count += len(beta)
    return value + count * LOG_2PI, gradient * unit


def _inverses(blocks: Sequence[Block], covariance: np.ndarray) -> tuple[list[np.ndarray], float]:
    inverses, log_det = [], 0.0
    for block in blocks:
        part = covariance[np.ix_(block.seen, block.seen)]
        inverses.append(np.linalg.inv(part))
        log_det += block.n * float(np.linalg.slogdet(part)[1])
    return inverses, log_det


def _solve(blocks: Sequence[Block], inverses: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    pairs = list(zip(blocks, inverses, strict=True))
    information = np.sum([b.n * b.design.T @ w @ b.design for b, w in pairs], axis=0)
    moments = np.sum([b.n * b.design.T @ w @ b.mean for b, w in pairs], axis=0)
    return information, np.linalg.solve(information, moments)


def _fixed_effects(blocks: Sequence[Block], covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inverses, _ = _inverses(blocks, covariance)
    information, beta = _solve(blocks, inverses)
    return beta, np.linalg.inv(information)


def _theta_covariance(blocks: Sequence[Block], bases: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Inverse of the expected information, tr(W B_k W B_l) / 2 summed over institutions."""
    inverses, _ = _inverses(blocks, covariance)
    expected = np.zeros((len(bases), len(bases)))
    for block, w in zip(blocks, inverses, strict=True):
        weighted = w @ bases[:, block.seen[:, None], block.seen]
        expected += block.n / 2 * np.einsum("kab,lba->kl", weighted, weighted)
    return np.linalg.pinv(expected)


# The published years of one type of institution as a panel: values, design, and what shares a noise variance.

SERIES = ("index", *PUBLISHED_SOURCES)
# With two years a lasting level and a change that fades cannot be told apart.
MIN_YEARS = 3


@dataclass(frozen=True)
class Panel:
    """One series of one type.

    ``values`` (n, T), NaN where missing; ``design`` (n, T, p): a column per year, then one per mode-break year for the
    institutions ``marked`` (n, T) by an unexplained deduction; ``noise_group`` (T,): years with the same number share
    a noise variance.
    """

    series: str
    type: str
    institution_ids: pd.Index
    years: np.ndarray
    values: np.ndarray
    marked: np.ndarray
    design: np.ndarray
    noise_group: np.ndarray
    breaks: np.ndarray


def marked_rows(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """The published rows of institutions, with ``marked``: in a mode-break year, a deduction that nobody explained."""
    rows = published[published["type"] != NATIONAL]
    off = recompute(rows[rows["year"].isin(years.mode_breaks())], years)
    off = off.loc[~off["agrees"].astype(bool), ["year", "institution_id"]].assign(marked=True)
    joined = rows.merge(off, on=["year", "institution_id"], how="left")
    return joined.assign(marked=joined["marked"].notna())


def panel_of(rows: pd.DataFrame, series: str, type_: str, years: PublishedYears) -> Panel | None:
    """The panel of a type; None where too few institutions or years are there for a model.

    Parameters
    ----------
    rows : DataFrame   as ``marked_rows`` gives them
    series : str       index, internal, external or expert
    """
    own = rows[(rows["type"] == type_) & rows[series].notna()]
    counts = own.groupby("year").size()
    kept = sorted(int(year) for year in counts.index[counts >= years.model.min_institutions])
    if len(kept) < MIN_YEARS or kept[-1] != rows["year"].max():
        return None
    own = own[own["year"].isin(kept)]
    wide = own.pivot(index="institution_id", columns="year", values=series).sort_index()
    marks = own.pivot(index="institution_id", columns="year", values="marked").reindex_like(wide)
    marked = marks.eq(True).to_numpy()
    return Panel(
        series=series,
        type=type_,
        institution_ids=wide.index,
        years=np.array(kept),
        values=wide.to_numpy(dtype=float),
        marked=marked,
        design=_design(wide.notna().to_numpy(), marked),
        noise_group=_noise_groups(kept, years.own_noise()),
        breaks=np.isin(kept, list(years.mode_breaks())),
    )


def _design(present: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """A mean per year; a shift of the marked in every year that has both marked and others."""
    n, t = present.shape
    mixed = [j for j in range(t) if 0 < marked[:, j].sum() < present[:, j].sum()]
    design = np.zeros((n, t, t + len(mixed)))
    design[:, range(t), range(t)] = 1.0
    for column, year in enumerate(mixed, start=t):
        design[:, year, column] = marked[:, year]
    return design


def _noise_groups(years: list[int], own: set[int]) -> np.ndarray:
    """Group 0 is what the unflagged years share; each flagged year follows with its own."""
    flagged = [year for year in years if year in own]
    shared = 0 if len(flagged) < len(years) else -1
    return np.array([flagged.index(year) + shared + 1 if year in own else 0 for year in years])


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
        counts = group_counts(NOISE + self.panel.noise_group[list(positions)], len(self.bases))
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


def fit_panel(panel: Panel, persistence: float, penalised: np.ndarray | None = None) -> YearsFit:
    """Fit one panel; ``penalised``: as ``fit_reml``."""
    blocks = blocks_of(panel.values, panel.design)
    bases = covariance_bases(panel.years, panel.noise_group, persistence)
    floor = np.where(np.arange(len(bases)) < NOISE, 0.0, ROUNDING_VARIANCE)
    return YearsFit(panel, blocks, bases, persistence, fit_reml(blocks, bases, floor, penalised=penalised))


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
