"""Calibration: weights as close as possible to the old ones that reproduce known totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import NamedTuple

from spi_analysis.errors import WeightingError, nearest
from spi_analysis.survey.groups import cell_labels, dot, require_columns, weights_of
from spi_analysis.survey.weighting.feasibility import Missed, not_met, unreachable
from spi_analysis.survey.weighting.totals import Auxiliary, Bounds, Totals, auxiliary_of, weightless_problems
from spi_analysis.threads import np, pd, scipy

# Distances between old and new weights, each by its function g(u) = new/old weight.
#
# Deville & Sarndal (1992), JASA 87, cases 1 (linear), 2 (raking), 6 (logit) and 7 (truncated linear).

METHODS = ("linear", "raking", "logit")


class Values(NamedTuple):
    """At predictors u (n,): g(u), its slope, and its integral (the dual objective). g(0) = g'(0) = 1."""

    g: np.ndarray
    slope: np.ndarray
    integral: np.ndarray


class Distance(NamedTuple):
    """``at`` gives the values at u; ``limits`` is where g stays; ``is_quadratic``: one Newton step is exact."""

    at: Callable[[np.ndarray], Values]
    limits: Bounds
    is_quadratic: bool = False


def distance_of(method: str, bounds: Bounds | None) -> Distance:
    """The distance of a method; bounds make ``linear`` the truncated form and are needed by ``logit``.

    Raises
    ------
    WeightingError   an unknown method; bounds that do not contain 1, that are missing or infinite (logit) or that are
        given where there are none (raking).
    """
    if method not in METHODS:
        raise WeightingError("unknown method", got=method, expected=", ".join(METHODS), hint=nearest(method, METHODS))
    if bounds is not None and not _contain_one(bounds):
        raise WeightingError("the bounds do not contain 1", got=str(bounds), expected="two numbers, low < 1 < high")
    if method == "raking":
        if bounds is not None:
            raise WeightingError("raking has no bounds", got=str(bounds), expected='method="logit" with bounds')
        return Distance(_raking, (0.0, np.inf))
    if method == "logit":
        if bounds is None or not np.isfinite(bounds).all():
            raise WeightingError("the logit method needs bounds", got=str(bounds), expected="(low, high), both finite")
        return Distance(_logit(*bounds), bounds)
    if bounds is None:
        return Distance(_linear, (-np.inf, np.inf), is_quadratic=True)
    return Distance(_truncated(*bounds), bounds)


def _contain_one(bounds: Bounds) -> bool:
    usable = np.shape(bounds) == (2,) and all(isinstance(bound, Real) for bound in bounds)
    return usable and bounds[0] < 1 < bounds[1]


def _linear(u: np.ndarray) -> Values:
    # Case 1: g(u) = 1 + u.
    return Values(1 + u, np.ones_like(u), u + u * u / 2)


def _raking(u: np.ndarray) -> Values:
    # Case 2: g(u) = exp(u).
    with np.errstate(over="ignore"):
        grown = np.exp(u)
    return Values(grown, grown, grown)


def _truncated(low: float, high: float) -> Callable[[np.ndarray], Values]:
    # Case 7: g(u) = 1 + u, cut off at the bounds; its slope is 0 there.
    def at(u: np.ndarray) -> Values:
        inside = np.clip(u, low - 1, high - 1)
        return Values(1 + inside, (inside == u).astype(float), u + inside * (u - inside / 2))

    return at


def _logit(low: float, high: float) -> Callable[[np.ndarray], Values]:
    # Case 6, with A = (U - L) / ((1 - L)(U - 1)): g(u) = (L(U - 1) + U(1 - L)exp(Au)) / (U - 1 + (1 - L)exp(Au)).
    a = (high - low) / ((1 - low) * (high - 1))
    start = np.log((1 - low) / (high - 1))

    def at(u: np.ndarray) -> Values:
        # The share of the way from low to high is 1/(1 + exp(-v)); written so that exp never overflows.
        v = start + a * u
        small = np.exp(-np.abs(v))
        share = np.where(v > 0, 1.0, small) / (1 + small)
        softplus = np.maximum(v, 0) + np.log1p(small) + np.log(high - 1)
        return Values(
            low + (high - low) * share,
            (high - low) * a * small / (1 + small) ** 2,
            low * u + (high - low) / a * softplus,
        )

    return at


# Newton's method on the dual of the calibration problem, which is convex: one coefficient per total.
#
# Deville & Sarndal (1992), JASA 87, sections 1 and 2: new weights w_i g(x_i'b), with b the solution of the
# calibration equations sum_i w_i g(x_i'b) x_i = t.

# Relative differences of totals: aimed at; accepted where rounding lets them fall no further; accepted at all.
AIM, FLOOR, ACCEPTED = 1e-12, 1e-9, 1e-7
MAX_ITERATIONS = 200
# Where clipped rows leave a total without a slope, this share of the unclipped slope is used.
RIDGE = 1e-4
# Below this a scale's square would be 0.
NO_SIZE = 1e-150


@dataclass(frozen=True)
class Solution:
    """new/old weight ``g`` (n,), the totals reached (p,), and how far off they are, relative to their size (p,)."""

    g: np.ndarray
    reached: np.ndarray
    miss: np.ndarray

    @property
    def is_met(self) -> bool:
        """Whether every total is met."""
        return bool(self.miss.max(initial=0.0) <= ACCEPTED)


@dataclass(frozen=True)
class _Point:
    """Where the search stands: coefficients (p,), predictors u (n,), values at u, and the dual objective."""

    coefficients: np.ndarray
    predictors: np.ndarray
    values: Values
    objective: float


def solve_dual(weights: np.ndarray, auxiliary: Auxiliary, targets: np.ndarray, distance: Distance) -> Solution:
    """Coefficients b with sum_i w_i g(x_i'b) x_i = targets, as far as there are any."""
    start = auxiliary.gram(weights)
    scale = _scales(np.diag(start), weights, targets)
    gram, before = start, np.inf
    point = _point(weights, targets, distance, np.zeros(len(targets)), np.zeros(len(weights)))
    for iteration in range(MAX_ITERATIONS):
        # The gradient of the dual is what is left of the calibration equations: t - sum_i w_i g(x_i'b) x_i.
        reached = auxiliary.totals(weights * point.values.g)
        residual = targets - reached
        worst = (np.abs(residual) / scale).max()
        if worst <= AIM or (worst <= FLOOR and worst > before / 2):
            break
        if iteration and not distance.is_quadratic:
            # The Hessian of the dual, sum_i w_i g'(x_i'b) x_i x_i'; at b = 0 it is that of the linear method.
            gram = auxiliary.gram(weights * point.values.slope)
        step = _direction(gram, start, residual, scale)
        moved = _search(weights, auxiliary, targets, distance, point, step, residual)
        if moved is None:
            break
        point, before = moved, worst
    return Solution(point.values.g, reached, np.abs(residual) / scale)


def _scales(diagonal: np.ndarray, weights: np.ndarray, targets: np.ndarray) -> np.ndarray:
    sizes = np.maximum(np.abs(targets), np.sqrt(diagonal * max(weights.sum(), 1e-300)))
    # A total of 0 that nobody adds to is met whatever the weights: any scale will do whose square is a number.
    return np.where(sizes < NO_SIZE, 1.0, sizes)


def _point(
    weights: np.ndarray, targets: np.ndarray, distance: Distance, coefficients: np.ndarray, predictors: np.ndarray
) -> _Point:
    values = distance.at(predictors)
    # People without weight contribute nothing, even where the factor overflows.
    with np.errstate(invalid="ignore", over="ignore"):
        # The dual objective sum_i w_i G(x_i'b) - b't, where G' = g: its least value solves the equations.
        primal = dot(weights, values.integral)
    return _Point(coefficients, predictors, values, primal - float(coefficients @ targets))


def _direction(gram: np.ndarray, start: np.ndarray, residual: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Newton's step of least norm: redundant totals make the matrix singular, which does no harm.

    Where the step leaves a part of the residual (all rows behind a total are at their bounds), the
    matrix is mixed with that of the start.
    """
    units = scale[:, None] * scale[None, :]
    wanted = residual / scale
    step = _least_norm(gram / units, wanted)
    # Where totals are out of reach, all rows end at their limits: a step without measure is no step either.
    with np.errstate(over="ignore", invalid="ignore"):
        left = np.abs(gram / units @ step - wanted).max()
    if not left <= 1e-6 * np.abs(wanted).max():
        step = _least_norm((gram + RIDGE * start) / units, wanted)
    return step / scale


def _least_norm(matrix: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    # A total that no row adds to has no coefficient, and leaves those of the others to the last digit.
    used = matrix.any(axis=1)
    solution = np.zeros(len(wanted))
    solution[used] = scipy.linalg.lstsq(matrix[np.ix_(used, used)], wanted[used], cond=1e-12, lapack_driver="gelsd")[0]
    return solution


def _search(
    weights: np.ndarray,
    auxiliary: Auxiliary,
    targets: np.ndarray,
    distance: Distance,
    point: _Point,
    step: np.ndarray,
    residual: np.ndarray,
) -> _Point | None:
    """Halve the Newton step until the dual objective falls enough (Armijo); None where it no longer falls."""
    change = auxiliary.predict(step)
    gain = float(residual @ step)
    size = max(abs(point.objective), float(weights.sum()))
    # No weight would change: the rest of the residual cannot be reached by any weights.
    if not 1e-14 < np.abs(change).max() < np.inf:
        return None
    length = 1.0
    while length > 1e-10:
        moved = _point(
            weights,
            targets,
            distance,
            point.coefficients + length * step,
            point.predictors + length * change,
        )
        # Armijo's rule; so close that the objective only shows rounding, Newton's full step is right.
        if gain <= 1e-9 * size or moved.objective <= point.objective - 1e-4 * length * gain:
            return moved
        length /= 2
    return None


# Calibration and post-stratification of a table of people.


def calibrate(
    df: pd.DataFrame,
    weight: str,
    totals: Totals,
    method: str = "linear",
    bounds: tuple[float, float] | None = None,
    scale_margins: bool = False,
) -> pd.Series:
    """Calibrate weights to known totals.

    The new weights are ``w_i * g(x_i'b)``: as close as possible to the old ones, in the distance of the method,
    among all that reproduce the totals.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per respondent
    weight : str              column, in persons
    totals : mapping
        a dict value is a categorical margin {level: total}, a number the total of a numeric column,
        ``"(intercept)"`` the population size; redundant totals are allowed if they agree (to 1e-7)
    method : "linear" | "raking" | "logit"   linear (GREG), raking (exponential), logit (needs ``bounds``)
    bounds : (low, high) or None   limits of new/old weight, low < 1 < high; with ``linear`` the truncated form
    scale_margins : bool
        bring margins that differ (by up to 5 %) to one total: that of the intercept, else of the first margin

    Returns
    -------
    Series (n,), name of ``weight``: calibrated weights, in persons (linear without bounds may give negative ones).

    Raises
    ------
    WeightingError   a weight is missing or negative; the method is unknown, or its bounds do not suit it; totals that
        do not fit the sample (all problems at once); and totals that cannot be met: those that are missed by
        most are named, with the nearest bounds that can meet them all.

    References
    ----------
    Deville & Sarndal (1992), JASA 87.

    Examples
    --------
    One person of each age stands for one; the three together shall be 3 people with 7 units of x instead of 6.

    >>> people = pd.DataFrame({"x": [1.0, 2.0, 3.0], "sex": ["f", "f", "m"], "w": 1.0})
    >>> calibrate(people, "w", {"(intercept)": 3, "x": 7}).round(6).tolist()
    [0.5, 1.0, 1.5]

    A margin alone is post-stratification:

    >>> calibrate(people, "w", {"sex": {"f": 4, "m": 3}}).round(6).tolist()
    [2.0, 2.0, 3.0]
    """
    weights = weights_of(df, weight)
    auxiliary, targets = auxiliary_of(df, totals, scale_margins)
    g = calibration_factors(weights, auxiliary, targets, method, bounds)
    return pd.Series(weights * g, index=df.index, name=weight)


def post_stratify(
    df: pd.DataFrame, weight: str, by: str | list[str], totals: Mapping[object, float] | pd.Series
) -> pd.Series:
    """Scale weights inside every cell of ``by`` to its population total.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per respondent
    weight : str              column, in persons
    by : str or list of str   cell columns
    totals : mapping or Series   level (for a list of columns: tuple of levels) -> population total

    Returns
    -------
    Series (n,), name of ``weight``, in persons.

    Raises
    ------
    WeightingError   a column is missing; a weight is missing or negative; a total that does not name a level of every
        column; cells without a total, and totals without a row or without anyone who has weight, all at once.

    References
    ----------
    Holt & Smith (1979), Journal of the Royal Statistical Society A 142.

    Examples
    --------
    >>> people = pd.DataFrame({"unit": ["a", "a", "b"], "w": [10.0, 20.0, 10.0]})
    >>> post_stratify(people, "w", "unit", {"a": 60, "b": 15}).round(6).tolist()
    [20.0, 40.0, 15.0]
    """
    labels, cell_totals = post_stratum_cells(df, by, totals)
    cell = str(labels.name)
    return calibrate(df.assign(**{cell: labels}), weight, {cell: cell_totals})


def post_stratum_cells(
    df: pd.DataFrame, by: str | list[str], totals: Mapping[object, float] | pd.Series
) -> tuple[pd.Series, dict[object, float]]:
    """Cell label of every row, and totals under the same labels.

    Parameters
    ----------
    df : DataFrame (n, ...)   holds the columns ``by``
    by, totals                as in ``post_stratify``

    Returns
    -------
    (Series (n,), dict) : labels as ``cell_labels`` makes them, named after the columns; label -> total, in persons.

    Raises
    ------
    WeightingError   a column is missing, or a total does not name a level of every column.

    References
    ----------
    Holt & Smith (1979), Journal of the Royal Statistical Society A 142.

    Examples
    --------
    >>> people = pd.DataFrame({"unit": ["a", "b"], "sex": ["f", "m"]})
    >>> labels, totals = post_stratum_cells(people, ["unit", "sex"], {("a", "f"): 30, ("b", "m"): 20})
    >>> labels.tolist(), totals
    (['a × f', 'b × m'], {'a × f': 30, 'b × m': 20})
    """
    columns = [by] if isinstance(by, str) else list(by)
    require_columns(df, columns)
    cells = total_cells(columns, totals)
    labels = cell_labels(cells, columns)
    values = dict(zip(labels, dict(totals).values(), strict=True))
    return cell_labels(df, columns).rename(" x ".join(columns)), values


def total_cells(columns: list[str], totals: Mapping[object, float] | pd.Series) -> pd.DataFrame:
    """The cells that totals are given for, one row each, one column per variable."""
    keys = [key if isinstance(key, tuple) else (key,) for key in dict(totals)]
    odd = [key for key in keys if len(key) != len(columns)]
    if odd:
        raise WeightingError("a total does not name a cell", got=str(odd[0]), expected=f"a level of {columns}")
    return pd.DataFrame(keys, columns=columns)


# Factors from auxiliaries and targets: on the table of cells where that is exact, else on the rows.


def calibration_factors(
    weights: np.ndarray,
    auxiliary: Auxiliary,
    targets: np.ndarray,
    method: str = "linear",
    bounds: Bounds | None = None,
) -> np.ndarray:
    """Factors of calibration, new over old weight.

    Where margins (and an intercept) are all there is, people of one cell have the same factor: then the table of
    distinct cells is calibrated instead of the rows, which is exact.

    Parameters
    ----------
    weights : ndarray (n,)    persons, >= 0
    auxiliary, targets : Auxiliary, ndarray (p,)   as ``auxiliary_of`` gives them
    method, bounds            as in ``calibrate``

    Returns
    -------
    ndarray (n,), without unit.

    Raises
    ------
    WeightingError   the method is unknown, or its bounds do not suit it; a level with a total but without anyone who
        has weight; totals that cannot be met.

    References
    ----------
    Deville & Sarndal (1992), JASA 87.

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["f", "f", "m"]})
    >>> auxiliary, targets = auxiliary_of(people, {"sex": {"f": 40, "m": 15}})
    >>> calibration_factors(np.array([10.0, 10.0, 10.0]), auxiliary, targets).round(6).tolist()
    [2.0, 2.0, 1.5]
    """
    distance = distance_of(method, bounds)
    require_weight(auxiliary, weights, targets)
    if auxiliary.is_table:
        cells = auxiliary.cells
        return _factors(cells.sums(weights), auxiliary.on_cells, targets, method, distance)[cells.codes]
    return _factors(weights, auxiliary, targets, method, distance)


def _factors(
    weights: np.ndarray, auxiliary: Auxiliary, targets: np.ndarray, method: str, distance: Distance
) -> np.ndarray:
    out_of_reach = unreachable(weights, auxiliary, targets, distance.limits)
    if out_of_reach:
        raise not_met(weights, auxiliary, targets, method, distance.limits, out_of_reach)
    solution = solve_dual(weights, auxiliary, targets, distance)
    if solution.is_met:
        return solution.g
    raise not_met(weights, auxiliary, targets, method, distance.limits, _missed(solution))


def _missed(solution: Solution) -> list[Missed]:
    """The totals that are not met when the search ends, the largest relative error first."""
    order = np.argsort(-solution.miss)
    return [Missed(int(j), f"{solution.reached[j]:.8g}") for j in order if solution.miss[j] > ACCEPTED]


def require_weight(auxiliary: Auxiliary, weights: np.ndarray, targets: np.ndarray) -> None:
    """Every level with a total needs somebody with weight (``weights`` (n,), before any step)."""
    sums, start, problems = auxiliary.level_sums(weights), 0, []
    for margin in auxiliary.margins:
        span = slice(start, start + len(margin.levels))
        problems += weightless_problems(margin.name, margin.levels, sums[span], targets[span])
        start = span.stop
    if problems:
        raise WeightingError(*problems)
