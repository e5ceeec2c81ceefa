"""One unit-level model of a source: fixed list variables, random units and random groups inside units, in closed form.

``y_i = x_i'b + u_unit + v_cell + e_i``. A cell is a unit, or a class inside a unit. Everything is worked out from the
cells' sizes and means and the scatter inside them, so its cost does not grow with the people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import minimize
from scipy.stats import norm

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.design import SurveyDesign
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.groups import group_sums, indicator, require_columns

Variances = Literal["REML", "penalised"]
# Ratios of a variance to that of people are searched up to this; a ratio below NO_SPREAD counts as none.
MOST = 100.0
NO_SPREAD = 1e-6
# The likelihood may have its top at a border, or a second one: the better of two starts (units, cells) is taken.
STARTS = ((0.05, 0.05), (0.5, 0.01))
COUNT = "N"


@dataclass(frozen=True, repr=False)
class UnitModel:
    """Scores of the whole, the units and the classes from one fit.

    ``source`` (one row), ``units`` and ``classes`` (index: their names; no classes without ``unit_by``): estimate, mse
    (second order), se (its root), ci_low, ci_high, n (answers), share (of the population); ``components``: variance
    and sd of unit, class inside unit and person; ``fixed``: coefficients and se.
    """

    source: pd.DataFrame
    units: pd.DataFrame
    classes: pd.DataFrame
    components: pd.DataFrame
    fixed: pd.DataFrame

    def __repr__(self) -> str:
        sds = ", ".join(f"{name} {sd:.3g}" for name, sd in self.components["sd"].items())
        return f"UnitModel: {len(self.units)} units; standard deviations: {sds}"

    def benchmarked(self, estimate: float) -> UnitModel:
        """Units and classes moved alike, so that their mean over the population is this figure (a page's source score).

        The mean squared errors stay: the figure is taken as given.

        Parameters
        ----------
        estimate : float   the score of the whole that is shown

        References
        ----------
        Rao & Molina (2015), Small Area Estimation, section 6.4.6 (difference benchmarking).
        """
        moved = estimate - float(self.source["estimate"].iloc[0])
        columns = ["estimate", "ci_low", "ci_high"]
        tables = {name: getattr(self, name) for name in ("units", "classes")}
        return replace(self, **{name: t.assign(**{c: t[c] + moved for c in columns}) for name, t in tables.items()})


@dataclass(frozen=True)
class _Cells:
    """Of every cell: its unit (C,), answers (C,), means of x and y (C, p + 1); ``within`` (p + 1, p + 1): scatter."""

    unit: np.ndarray
    units: int
    n: np.ndarray
    means: np.ndarray
    within: np.ndarray

    @cached_property
    def _by_unit(self) -> sparse.csc_array:
        """Sums over the cells of every unit: made once, used in every step of the fit."""
        return indicator(self.unit, self.units)

    def products(self, ratios: np.ndarray) -> tuple[np.ndarray, float]:
        """[x y]' V^-1 [x y] with V in units of the variance of people, and log|V|."""
        of_unit, of_cell = ratios
        # Inside a cell V = I + r 11', whose inverse is I - r/(1 + rn) 11'; over the cells of a unit once more so.
        w = self.n / (1 + of_cell * self.n)
        weighted = w[:, None] * self.means
        sums = self._by_unit @ weighted
        totals = group_sums(self.unit, w, self.units)
        shrink = of_unit / (1 + of_unit * totals)
        products = self.within + self.means.T @ weighted - sums.T @ (shrink[:, None] * sums)
        return products, float(np.log1p(of_cell * self.n).sum() + np.log1p(of_unit * totals).sum())


def unit_model(
    design: SurveyDesign | ReplicateDesign,
    y: str,
    fixed: Sequence[str],
    unit: str,
    unit_by: str | None = None,
    totals: pd.DataFrame | None = None,
    level: float = 0.95,
    realised: bool = False,
    variances: Variances = "REML",
) -> UnitModel:
    """Scores of a source, its units and its classes from one linear mixed model (REML), by best linear prediction.

    A mean over a group is ``X'b + u + v`` at the group's own population means of ``fixed``: what such people would
    answer on average; or, ``realised``, the mean of the listed people themselves, of whom some have answered. Units
    without answers are predicted from the others; their error says so.

    Parameters
    ----------
    design : its data has one row per respondent; rows outside the domain and without ``y`` are left out
    y : str                  numeric column, in points
    fixed : list of str      columns known of everybody listed: numbers as they are, others as categories
    unit, unit_by : str      columns of the units, and of the classes inside them (None: no classes)
    totals : DataFrame or None
        the list: one row per person, or per group with a column ``N`` of people; has ``fixed`` and the columns of
        units and classes. None: the respondents with their weights stand for it
    level : float            of the limits (normal)
    realised : bool          the people of the list are meant, not all such people: answers count as they are, and the
        mean of those who did not answer has their own spread
    variances : "REML", or "penalised": times the root of both ratios of variances, so that none is estimated as 0,
        which would take all units for alike and make their limits far too narrow

    Returns
    -------
    UnitModel; variances and mean squared errors in points squared.

    Raises
    ------
    EstimationError   a column is not there or not complete; a category that no respondent has; fewer than three units,
        or no more answers than coefficients and units; answers that do not differ.

    References
    ----------
    Battese, Harter & Fuller (1988), JASA 83; Kackar & Harville (1984), JASA 79, and Prasad & Rao (1990), JASA 85
    (g1 + g2 + 2 g3); Rao & Molina (2015), Small Area Estimation, ch. 5 and 7; Harville (1977), JASA 72 (REML); Chung,
    Rabe-Hesketh, Dorie, Gelman & Liu (2013), Psychometrika 78 (penalty); Li & Lahiri (2010), J. Multivariate Analysis
    101.

    Examples
    --------
    Three units of two answers each: means 62, 72 and 81, drawn together by 8.9 %, since 16/2 of the variance is chance.

    >>> answers = pd.DataFrame({"unit": list("aabbcc"), "score": [60.0, 64, 70, 74, 77, 85], "w": 1.0})
    >>> model = unit_model(SurveyDesign(answers, "w"), "score", [], "unit")
    >>> model.units["estimate"].round(2).tolist()
    [62.86, 71.97, 80.17]
    """
    data, weights = _respondents(design, y, fixed, unit, unit_by)
    people = _population(data, weights, fixed, unit, unit_by, totals)
    x, population_x = _fixed_columns(data, people, fixed)
    keys = [unit] if unit_by is None else [unit, unit_by]
    groups = pd.MultiIndex.from_frame(pd.concat([people[keys], data[keys]]).astype(str)).unique()
    cells, rows = _cells(x, data[y].to_numpy(dtype=float), data[keys], groups)
    _require_enough(cells, x.shape[1], len(data))
    shares = people[COUNT].to_numpy(dtype=float) / people[COUNT].sum()
    at = groups.get_indexer(pd.MultiIndex.from_frame(people[keys].astype(str)))
    counts = np.zeros(len(groups))
    counts[rows] = cells.n
    listed = np.full(len(groups), np.inf)
    if realised:
        # A group has at least the people who answered.
        listed = np.maximum(group_sums(at, people[COUNT].to_numpy(dtype=float), len(groups)), counts)
    free = np.array([True, unit_by is not None])
    fit = _Fit.of(cells, rows, groups.get_level_values(0), listed, free, len(data), variances == "penalised")
    means = group_sums(at, shares[:, None] * population_x, len(groups))
    weight = group_sums(at, shares, len(groups))
    labels = [pd.Index(["all"] * len(groups)), *(groups.get_level_values(k) for k in range(len(keys)))]
    source, units, *classes = (fit.table(one, means, weight, counts, level) for one in labels)
    inner = classes[0] if classes else units.iloc[:0]
    return UnitModel(source, units, inner, fit.components(unit_by), fit.coefficients(x))


def _respondents(
    design: SurveyDesign | ReplicateDesign, y: str, fixed: Sequence[str], unit: str, unit_by: str | None
) -> tuple[pd.DataFrame, np.ndarray]:
    columns = [y, *fixed, unit, *([unit_by] if unit_by else [])]
    require_columns(design.data, columns, EstimationError)
    counted = design.in_domain & (design.weights > 0) & design.data[y].notna().to_numpy()
    data = design.data.loc[counted, columns]
    _require_complete(data.drop(columns=y), "the respondents")
    return data, design.weights[counted]


def _require_complete(table: pd.DataFrame, where: str) -> None:
    gaps = table.isna().sum()
    if gaps.any():
        raise EstimationError(
            f"a column has gaps among {where}",
            column=str(gaps.idxmax()),
            got=f"{int(gaps.max())} missing of {len(table)}",
            expected="a value for everybody",
            hint="give them a level of their own (with_unknown_level)",
        )


def _population(
    data: pd.DataFrame,
    weights: np.ndarray,
    fixed: Sequence[str],
    unit: str,
    unit_by: str | None,
    totals: pd.DataFrame | None,
) -> pd.DataFrame:
    columns = [*fixed, unit, *([unit_by] if unit_by else [])]
    if totals is None:
        return data[columns].assign(**{COUNT: weights})
    require_columns(totals, columns, EstimationError)
    people = totals[columns].assign(**{COUNT: totals.get(COUNT, 1.0)})
    _require_complete(people, "the list")
    return people


def _fixed_columns(data: pd.DataFrame, people: pd.DataFrame, fixed: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Columns of the fixed part for respondents (n, p) and population, the first level of a category left out."""
    numeric = [c for c in fixed if pd.api.types.is_numeric_dtype(data[c]) and not pd.api.types.is_bool_dtype(data[c])]
    x, far = (pd.DataFrame({"(intercept)": 1.0}, index=range(len(table))) for table in (data, people))
    for name in fixed:
        own, listed = data[name].reset_index(drop=True), people[name].reset_index(drop=True)
        if name in numeric:
            x[name], far[name] = own.astype(float), listed.astype(float)
            continue
        own, listed = own.astype(str), listed.astype(str)
        levels = sorted(own.unique())
        strange = sorted(set(listed.unique()) - set(levels))
        if strange:
            raise EstimationError(
                "a category of the list has no respondent", column=name, got=", ".join(strange[:5]),
                hint="join it with another one, or leave the column out",
            )  # fmt: skip
        for one in levels[1:]:
            x[f"{name}: {one}"], far[f"{name}: {one}"] = (
                (own == one).astype(float),
                (listed == one).astype(float),
            )
    return x, far.to_numpy()


def _cells(x: pd.DataFrame, y: np.ndarray, keys: pd.DataFrame, groups: pd.MultiIndex) -> tuple[_Cells, np.ndarray]:
    """The cells that have answers, and their rows among all groups."""
    codes = groups.get_indexer(pd.MultiIndex.from_frame(keys.astype(str)))
    rows, at = np.unique(codes, return_inverse=True)
    values = np.column_stack([x.to_numpy(), y])
    n = group_sums(at, np.ones(len(at)), len(rows))
    means = group_sums(at, values, len(rows)) / n[:, None]
    centred = values - means[at]
    names = groups.get_level_values(0)[rows]
    unit, labels = pd.factorize(names)
    return _Cells(unit, len(labels), n, means, centred.T @ centred), rows


def _require_enough(cells: _Cells, p: int, n: int) -> None:
    if cells.units < 3 or n <= p + cells.units:
        raise EstimationError(
            "too few answers for a model of units",
            got=f"{n} answers in {cells.units} units, {p} coefficients",
            expected="three units or more, and more answers than units and coefficients together",
        )
    if cells.within[-1, -1] <= 0 and np.ptp(cells.means[:, -1]) == 0:
        raise EstimationError("the answers do not differ", expected="different values")


@dataclass(frozen=True)
class _Fit:
    """REML estimates: ratios (2,) of the variances of units and cells to that of people, ``sigma2``; beta, its cov.

    ``units`` (G,) names the unit of every group, ``listed`` (G,) says how many people it has (infinite: all such
    people are meant), ``rows`` (C,) the groups that have answers.
    """

    cells: _Cells
    rows: np.ndarray
    units: pd.Index
    listed: np.ndarray
    ratios: np.ndarray
    ratio_cov: np.ndarray
    sigma2: float
    beta: np.ndarray
    beta_cov: np.ndarray

    @classmethod
    def of(
        cls,
        cells: _Cells,
        rows: np.ndarray,
        units: pd.Index,
        listed: np.ndarray,
        free: np.ndarray,
        n: int,
        penalised: bool,
    ) -> _Fit:
        def deviance(ratios: np.ndarray) -> float:
            # Chung et al. (2013): a gamma density of shape 2 and rate 0 on every standard deviation.
            penalty = float(np.log(ratios[free]).sum()) if penalised else 0.0
            return _deviance(np.where(free, ratios, 0.0), cells, n) - penalty

        least = NO_SPREAD if penalised else 0.0
        how = {"method": "L-BFGS-B", "bounds": [(least, MOST)] * 2, "options": {"ftol": 1e-13}}
        found = min((minimize(deviance, start, **how) for start in STARTS), key=lambda one: float(one.fun))
        ratios = np.where(free & (found.x > NO_SPREAD), found.x, 0.0)
        products, _ = cells.products(ratios)
        beta_cov = np.linalg.inv(products[:-1, :-1])
        beta = beta_cov @ products[:-1, -1]
        sigma2 = float(products[-1, -1] - products[:-1, -1] @ beta) / (n - len(beta))
        return cls(
            cells, rows, units, listed, ratios, _ratio_covariance(deviance, ratios), sigma2, beta, sigma2 * beta_cov
        )

    @cached_property
    def _unit(self) -> np.ndarray:
        """The unit of every group, as a number (G,)."""
        return pd.factorize(self.units)[0]

    @cached_property
    def _among(self) -> list[np.ndarray]:
        """Which of the cells with answers share the effect of a unit, and of a group."""
        return [np.equal.outer(codes, codes).astype(float) for codes in (self._unit[self.rows], self.rows)]

    @cached_property
    def _inverse(self) -> np.ndarray:
        """That of the covariance of the cells' means, in units of the variance of people."""
        noise = np.diag(1 / self.cells.n)
        return np.linalg.inv(sum(r * part for r, part in zip(self.ratios, self._among, strict=True)) + noise)

    @cached_property
    def _residuals(self) -> np.ndarray:
        """Covariance of what Kackar & Harville (1984) multiply: residuals from the estimated coefficients."""
        x = self.cells.means[:, :-1]
        covariance = sum(r * part for r, part in zip(self.ratios, self._among, strict=True)) + np.diag(1 / self.cells.n)
        return self.sigma2 * covariance - x @ self.beta_cov @ x.T

    def table(
        self, labels: pd.Index, means: np.ndarray, shares: np.ndarray, counts: np.ndarray, level: float
    ) -> pd.DataFrame:
        """Best predictions of the means of groups by label: ``means`` (G, p) and ``shares`` (G,) of the population."""
        codes, names = pd.factorize(labels, sort=True)
        total = group_sums(codes, shares, len(names))
        k = np.where(np.equal.outer(np.arange(len(names)), codes), shares, 0.0) / total[:, None]
        fixed = group_sums(codes, means, len(names)) / total[:, None]
        estimate, mse = self._predict(k, fixed)
        half = float(norm.ppf(0.5 + level / 2)) * np.sqrt(mse)
        facts = {
            "estimate": estimate, "mse": mse, "se": np.sqrt(mse), "ci_low": estimate - half, "ci_high": estimate + half,
            "n": group_sums(codes, counts, len(names)), "share": total,
        }  # fmt: skip
        return pd.DataFrame(facts, index=pd.Index(names))

    def _predict(self, k: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of targets ``fixed @ beta + k @ effects``: predictions and their second-order mean squared errors."""
        x, y = self.cells.means[:, :-1], self.cells.means[:, -1]
        # Effects of units and of groups: how much of each a target holds, and what the cells with answers share.
        of_units = group_sums(self._unit, k.T, int(self._unit.max()) + 1).T
        to_seen = [of_units[:, self._unit[self.rows]], k[:, self.rows]]
        # Of a list's people the part that answered is known: f of the mean of their errors, and (1 - f) of the others'.
        known = self.cells.n / self.listed[self.rows]
        reached = self.ratios[0] * to_seen[0] + (self.ratios[1] + known / self.cells.n) * to_seen[1]
        weights = reached @ self._inverse
        own = self.ratios[0] * (of_units**2).sum(axis=1) + self.ratios[1] * (k**2).sum(axis=1)
        own = own + to_seen[1] ** 2 @ (known**2 / self.cells.n) + self._of_others(k, known)
        left = fixed - weights @ x
        # Rao & Molina (2015), eqs. 5.3.4 to 5.3.7: prediction, coefficients, estimated variances.
        g1 = self.sigma2 * (own - (weights * reached).sum(axis=1))
        g2 = _quadratic(left, self.beta_cov)
        slopes = [(to - weights @ inside) @ self._inverse for to, inside in zip(to_seen, self._among, strict=True)]
        moved = [one @ self._residuals for one in slopes]
        g3 = sum(self.ratio_cov[i, j] * (moved[i] * slopes[j]).sum(axis=1) for i in range(2) for j in range(2))
        return fixed @ self.beta + weights @ (y - x @ self.beta), np.maximum(g1 + g2 + 2 * g3, 0.0)

    def _of_others(self, k: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Variance of the mean of those who did not answer, in units of that of people (Rao & Molina, section 7.1)."""
        taken = np.zeros(len(self.listed))
        taken[self.rows] = known
        return np.asarray(k**2 @ ((1 - taken) / self.listed))

    def components(self, unit_by: str | None) -> pd.DataFrame:
        variances = {"unit": self.ratios[0] * self.sigma2, "class": self.ratios[1] * self.sigma2, "person": self.sigma2}
        kept = {name: v for name, v in variances.items() if unit_by is not None or name != "class"}
        table = pd.DataFrame({"variance": kept})
        return table.assign(sd=np.sqrt(table["variance"]))

    def coefficients(self, x: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"estimate": self.beta, "se": np.sqrt(np.diag(self.beta_cov))}, index=x.columns)


def _quadratic(rows: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """``r' M r`` of every row."""
    return ((rows @ matrix) * rows).sum(axis=1)


def _deviance(ratios: np.ndarray, cells: _Cells, n: int) -> float:
    """Minus twice the restricted log-likelihood with the variance of people profiled out, without its constants."""
    products, log_det = cells.products(ratios)
    inner = products[:-1, :-1]
    sign, log_inner = np.linalg.slogdet(inner)
    if sign <= 0:
        raise EstimationError(
            "the fixed columns depend on each other", expected="none that follows from the others",
            hint="leave one out",
        )  # fmt: skip
    left = products[-1, -1] - products[:-1, -1] @ np.linalg.solve(inner, products[:-1, -1])
    return float((n - len(inner)) * np.log(max(left, np.finfo(float).tiny)) + log_det + log_inner)


def _ratio_covariance(deviance: Callable[[np.ndarray], float], ratios: np.ndarray) -> np.ndarray:
    """Twice the inverse of the deviance's curvature, by differences; 0 for a ratio at its border."""
    covariance = np.zeros((2, 2))
    free = [i for i in range(2) if ratios[i] > 0]
    if not free:
        return covariance
    steps = np.maximum(1e-3 * ratios, 1e-5)
    moves = [steps * (np.arange(2) == i) for i in free]

    def curved(first: np.ndarray, second: np.ndarray) -> float:
        signs = ((a, b) for a in (1, -1) for b in (1, -1))
        return float(np.sum([a * b * deviance(ratios + a * first + b * second) for a, b in signs]))

    curvature = np.array([[curved(a, b) / (4 * a.max() * b.max()) for b in moves] for a in moves])
    if np.linalg.eigvalsh(curvature).min() <= 0:
        return covariance
    covariance[np.ix_(free, free)] = 2 * np.linalg.inv(curvature)
    return covariance
