"""Did it help? What the years before led to expect, and what institutions that acted gained beyond it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as student

from spi_analysis.params import NATIONAL, ChanceParams, EffectParams, PublishedYears, TypeSpread
from spi_analysis.scores.posterior import History, carry, prior_of
from spi_analysis.scores.priority_areas import adjusted_p


@dataclass(frozen=True)
class Expectation:
    """What the years before lead to expect of an index: normal, in points; the move of the type's mean is counted."""

    mean: float
    sd: float

    def interval(self, level: float) -> tuple[float, float]:
        """Between which points it lies."""
        half = float(norm.ppf(0.5 + level / 2)) * self.sd
        return self.mean - half, self.mean + half

    def chance_above(self, points: float) -> float:
        """How likely it lies above these points."""
        return float(norm.sf((points - self.mean) / self.sd))


def expected_index(history: History, year: int) -> Expectation | None:
    """The published index of a year as the years before it lead to expect, if nothing is done.

    None where no earlier mean of the type is known.

    References
    ----------
    docs/methods/effect.md; Robinson (1991), Statistical Science 6 (best linear prediction).
    """
    prior = prior_of(history, (year, year - 1), 0.0)
    return None if prior is None else Expectation(float(prior.mean[0]), float(np.sqrt(prior.covariance[0, 0])))


def low_limit(spread: TypeSpread, year: int, share: float) -> float:
    """The index below which the lowest ``share`` of a type lies; mean of the last year that is known up to this one."""
    known = max((y for y in spread.means if y <= year), default=min(spread.means))
    between = np.sqrt(spread.lasting**2 + spread.change**2 + spread.noise**2)
    return float(spread.means[known] + norm.ppf(share) * between)


CASES = ["type", "institution_id", "year", "before", "index", "expected", "sd", "own_sd"]


def expected_indices(published: pd.DataFrame, years: PublishedYears) -> pd.DataFrame:
    """Every published index that has one of the year before, and what the years before it led to expect.

    Returns
    -------
    DataFrame: type, institution_id, year, before, index, expected, sd, own_sd (as if the type's mean of the year were
    known). Institutions of a type without parameters are left out.
    """
    params = years.chances
    rows = published[(published["type"] != NATIONAL) & published["index"].notna()]
    if params is None or rows.empty:
        return pd.DataFrame(columns=CASES)
    parts = [
        _cases_of(own, History({}, params.types[type_], params, years.model.persistence))
        for type_, own in rows.groupby("type")
        if type_ in params.types
    ]
    return _together(parts)


def _cases_of(rows: pd.DataFrame, history: History) -> pd.DataFrame:
    """The cases of a type; those that know the same years are expected together."""
    wide = rows.pivot(index="institution_id", columns="year", values="index").sort_index(axis=1)
    values, columns = wide.to_numpy(dtype=float), wide.columns.to_numpy()
    found = [
        _expected(values[some], columns, seen, j, history).assign(institution_id=wide.index[some])
        for j in range(1, len(columns))
        if columns[j] - columns[j - 1] == 1 and min(history.spread.means) < columns[j]
        for some, seen in _alike(values[:, : j + 1])
    ]
    return _together(found).assign(type=rows["type"].iloc[0])


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    there = [part for part in parts if len(part)]
    return (pd.concat(there, ignore_index=True) if there else pd.DataFrame()).reindex(columns=CASES)


def _alike(values: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows with the same years before the last (which they have, and the one before): rows, positions of the years."""
    present = ~np.isnan(values)
    here = np.flatnonzero(present[:, -1] & present[:, -2])
    patterns, group = np.unique(present[here, :-1], axis=0, return_inverse=True)
    for number, pattern in enumerate(patterns):
        yield here[group.ravel() == number], np.flatnonzero(pattern)


def _expected(values: np.ndarray, years: np.ndarray, seen: np.ndarray, j: int, history: History) -> pd.DataFrame:
    found = carry(history, years[seen], years[[j]], 0.0)
    variance = float(found.covariance[0, 0])
    expected = found.centres[0] + (values[:, seen] - found.means) @ found.weights[0]
    own_sd = (variance - history.params.mean_move**2) ** 0.5
    figures = {"before": values[:, j - 1], "index": values[:, j], "expected": expected}
    return pd.DataFrame({"year": years[j], **figures, "sd": variance**0.5, "own_sd": own_sd})


# What those that acted gained beyond it.


@dataclass(frozen=True)
class Gain:
    """Mean index above what was to be expected, in points; missing where too few can be compared."""

    estimate: float
    se: float
    df: float
    n_acting: int
    n_others: int

    def interval(self, level: float) -> tuple[float, float]:
        """Between which points the gain lies."""
        half = float(student.ppf(0.5 + level / 2, self.df)) * self.se
        return self.estimate - half, self.estimate + half

    @property
    def p_value(self) -> float:
        """How often chance alone makes a gain as large (one-sided)."""
        return float(student.sf(self.estimate / self.se, self.df))

    def detectable(self, params: EffectParams) -> float:
        """The smallest true gain that is found with the power asked for."""
        return float(student.ppf(1 - params.false_alarms, self.df) + student.ppf(params.power, self.df)) * self.se


def gain_of(cases: pd.DataFrame, acted: np.ndarray, params: EffectParams) -> Gain:
    """What institutions that acted gained beyond what those that did not would have made of the same history.

    Those that did not act say how the expectation came true: a mean per type and year, slopes per year on the
    expectation and on the index before, so that regression to the mean is taken out as it was. The gain is the mean of
    what those that acted lie above that line. Its error counts that of the prediction: the spread of single
    institutions, and the line itself.

    Parameters
    ----------
    cases : DataFrame (n rows)   type, year, before, index, expected, own_sd, as ``expected_indices`` gives them
    acted : ndarray (n,)         bool; the others did not

    References
    ----------
    Peters (1941), Journal of Educational Research 34; Belson (1956), Applied Statistics 5; Kline (2011), American
    Economic Review 101(3) (the line of the others, laid through those that acted).
    """
    cells = cases.groupby(["type", "year"], sort=True).ngroup().to_numpy()
    enough = np.array([(~acted[cells == cell]).sum() >= params.min_others for cell in range(cells.max(initial=-1) + 1)])
    kept = enough[cells] if len(cases) else np.zeros(0, dtype=bool)
    if acted[kept].sum() < params.min_acting:
        return Gain(np.nan, np.nan, np.nan, int(acted.sum()), int((~acted).sum()))
    cases, acted, cells = cases[kept], acted[kept], cells[kept]
    return Gain(*_beyond_the_others(cases, acted, cells), int(acted.sum()), int((~acted).sum()))


def _beyond_the_others(cases: pd.DataFrame, acted: np.ndarray, cells: np.ndarray) -> tuple[float, float, float]:
    """Weighted mean of those that acted above the line of the others, its standard error and degrees of freedom."""
    y, w = cases["index"].to_numpy(dtype=float), cases["own_sd"].to_numpy(dtype=float) ** -2.0
    x = _line(cases, cells)
    others = x[~acted] * w[~acted, None]
    inverse = np.linalg.pinv(others.T @ x[~acted])
    left = y - x @ (inverse @ (others.T @ y[~acted]))
    df = int((~acted).sum()) - int(np.linalg.matrix_rank(x[~acted]))
    variance = float(w[~acted] @ left[~acted] ** 2) / df
    of_acting = w * acted / w[acted].sum()
    mean = of_acting @ x
    se = np.sqrt(variance * (1 / w[acted].sum() + mean @ inverse @ mean))
    return float(of_acting @ left), float(se), float(df)


def _line(cases: pd.DataFrame, cells: np.ndarray) -> np.ndarray:
    """A mean per type and year; a slope per year on the expectation, and one on the index of the year before."""
    means = np.equal.outer(cells, np.unique(cells)).astype(float)
    history = cases[["expected", "before"]].to_numpy(dtype=float)
    centred = history - means @ ((means.T @ history) / means.sum(axis=0)[:, None])
    of_year = np.equal.outer(cases["year"].to_numpy(), cases["year"].unique())
    return np.hstack([means, *(of_year * column[:, None] for column in centred.T)])


# Which actions were followed by more than chance.

EFFECTS = [
    "recommendation", "n_acting", "n_others", "gain", "ci_low", "ci_high", "p_value", "p_adjusted", "detectable",
    "before", "before_low", "before_high", "outcome",
]  # fmt: skip
# The row of all recommendations together.
ANY = ""
WORKED, ROSE_ALREADY, NOT_TOLD, TOO_FEW = "worked", "rose_already", "not_told", "too_few"


def action_effects(cases: pd.DataFrame, tracker: pd.DataFrame, params: EffectParams) -> pd.DataFrame:
    """What institutions gained in the year after a recommendation that they acted on: of all together, and of each.

    Acted: of a recommendation's actions at least ``least_validated`` conform and were validated. Did not act: no
    action reported as done, or not in the tracker of that year. Who lies between is left out, of both. ``before``: the
    same institutions' gain in the year before they acted, which ought to be none. Recommendations that fewer than
    ``min_acting`` acted on are left out; nothing is said without a tracker.

    Parameters
    ----------
    cases : DataFrame     as ``expected_indices`` gives them
    tracker : DataFrame   institution_id, year, recommendation, done, tlp

    Returns
    -------
    DataFrame: recommendation ("" for all together), n_acting, n_others, gain, ci_low, ci_high (level 1 - 2
    ``false_alarms``), p_value (one-sided), p_adjusted (Benjamini and Hochberg over the recommendations), detectable,
    before, before_low, before_high (level 1 - 2 ``rose_already``), outcome: worked, rose_already (more than chance, but
    so it was the year before), not_told, too_few.
    """
    if tracker.empty:
        return pd.DataFrame(columns=EFFECTS)
    counts = tracker[has_acted(tracker, params)].groupby("recommendation").size()
    named = sorted(counts.index[counts >= params.min_acting])
    rows = [_effect_row(cases, tracker, name, params) for name in [ANY, *named]]
    table = pd.DataFrame(rows, columns=EFFECTS)
    table["p_adjusted"] = table["p_value"]
    compared = (table["recommendation"] != ANY) & table["p_value"].notna()
    table.loc[compared, "p_adjusted"] = adjusted_p(table.loc[compared, "p_value"].to_numpy(dtype=float), "bh")
    return table.assign(outcome=_outcomes(table, params))


def has_acted(tracker: pd.DataFrame, params: EffectParams) -> pd.Series:
    """Which rows of the tracker count as acted on."""
    return tracker["tlp"] >= 100 * params.least_validated


def _effect_row(cases: pd.DataFrame, tracker: pd.DataFrame, name: str, params: EffectParams) -> dict[str, object]:
    levels = 1 - 2 * params.false_alarms, 1 - 2 * params.rose_already
    after, earlier = (_gain_in(cases, tracker, name, params, lag) for lag in (1, 0))
    found = {"n_acting": after.n_acting, "n_others": after.n_others, "gain": after.estimate, "p_value": after.p_value}
    limits = dict(zip(("ci_low", "ci_high"), after.interval(levels[0]), strict=True))
    before = dict(zip(("before_low", "before_high"), earlier.interval(levels[1]), strict=True))
    others = {"detectable": after.detectable(params), "before": earlier.estimate}
    return {"recommendation": name, **found, **limits, **others, **before}


def _gain_in(cases: pd.DataFrame, tracker: pd.DataFrame, name: str, params: EffectParams, lag: int) -> Gain:
    """The gain in the ``lag``-th year after the recommendations (0: in their own year, before anybody acted)."""
    groups = _follow_up(tracker, name, params)
    here = cases[(cases["year"] - lag).isin(tracker["year"].unique())]

    def state_in(years: pd.Series) -> np.ndarray:
        keys = pd.MultiIndex.from_arrays([here["institution_id"], years])
        return groups.reindex(keys).fillna("idle").to_numpy()

    state = state_in(here["year"] - lag)
    # What came of acting the year before is no rise before acting.
    kept = (state != "between") & ((lag == 1) | (state_in(here["year"] - lag - 1) == "idle"))
    return gain_of(here[kept], state[kept] == "acted", params)


def _follow_up(tracker: pd.DataFrame, name: str, params: EffectParams) -> pd.Series:
    """By institution and year: acted (on this recommendation, or any), idle (on none), between."""
    of = [tracker["institution_id"], tracker["year"]]
    acted = has_acted(tracker, params) & ((tracker["recommendation"] == name) | (name == ANY))
    has, idle = acted.groupby(of).any(), tracker["done"].eq(0).groupby(of).all()
    return pd.Series(np.select([has, idle], ["acted", "idle"], "between"), has.index)


def _outcomes(table: pd.DataFrame, params: EffectParams) -> np.ndarray:
    limit = np.where(table["recommendation"] == ANY, params.false_alarms, params.false_discovery)
    clear, already = table["p_adjusted"] <= limit, table["before_low"] > 0
    return np.select([table["gain"].isna(), clear & already, clear], [TOO_FEW, ROSE_ALREADY, WORKED], NOT_TOLD)


# What can be found at all.

DETECTABLE = ["n_acting", "n_others", "detectable"]


def detectable_gains(cases: pd.DataFrame, params: EffectParams) -> pd.DataFrame:
    """The smallest true gain that is found with the power asked for, by the number of institutions that act in a year.

    Their share is ``followed_up``; all others did not act. The error is that of the last year's institutions, whose
    mean of the type is known from the others.

    Returns
    -------
    DataFrame: n_acting, n_others, detectable (points); empty where there are no cases.
    """
    if cases.empty:
        return pd.DataFrame(columns=DETECTABLE)
    last = cases[cases["year"] == cases["year"].max()]
    sd = float(np.mean(last["own_sd"].to_numpy(dtype=float) ** -2.0) ** -0.5)
    n = np.array(params.numbers)
    others = np.round(n * (1 - params.followed_up) / params.followed_up).astype(int)
    both = norm.ppf(1 - params.false_alarms) + norm.ppf(params.power)
    return pd.DataFrame({"n_acting": n, "n_others": others, "detectable": both * sd * np.sqrt(1 / n + 1 / others)})


def with_types(years: PublishedYears, types: dict[str, TypeSpread], move: float) -> PublishedYears:
    """The same parameters with other spreads of the types: of simulated years, or of years without one held out."""
    assert years.chances is not None
    known: ChanceParams = years.chances.model_copy(update={"types": types, "mean_move": move})
    return years.model_copy(update={"chances": known})
