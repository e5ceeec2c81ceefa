"""Raking: weights that reproduce several margins, by iterating over the table of distinct margin cells.

All weights of a cell get the same factor, so the table of cells is raked instead of the rows:
exact, and independent of the number of rows. All replicates are raked at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.survey.groups import group_sums, indicator, is_number, require_columns, weights_of
from spi_analysis.survey.weighting.calibration import calibration_factors, require_weight
from spi_analysis.survey.weighting.feasibility import TOLERANCE as POSSIBLE
from spi_analysis.survey.weighting.feasibility import reach
from spi_analysis.survey.weighting.inputs import is_whole
from spi_analysis.survey.weighting.totals import Auxiliary, auxiliary_of
from spi_analysis.threads import np, pd, scipy

TOLERANCE = 1e-10
MAX_ITERATIONS = 100


def rake(
    df: pd.DataFrame,
    weight: str,
    margins: Mapping[str, Mapping[object, float]],
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    scale_margins: bool = False,
) -> pd.Series:
    """Adjust weights until every margin has its population totals.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per respondent
    weight : str              column, in persons
    margins : mapping column -> {level: population total}; their sums agree (to 1e-7)
    tolerance : float         above 0; the sweeps end when none changes a weight by more, relatively
    max_iterations : int      sweeps over all margins; a table that has not converged then is finished by Newton's
        method
    scale_margins : bool
        bring margins that differ (by up to 5 %) to one total, that of the first

    Returns
    -------
    Series (n,), name of ``weight``: raked weights, in persons.

    Raises
    ------
    WeightingError   a weight is missing or negative; a stopping rule that is not usable; a total that is no margin;
        missing levels, levels without a row, margins that disagree (all problems at once); levels without anyone who
        has weight; or no convergence (every margin that fails is named, with its worst level).

    References
    ----------
    Deming & Stephan (1940), Annals of Mathematical Statistics 11; Deville, Sarndal & Sautory (1993), JASA 88.

    Examples
    --------
    Equal weights in a crossed table: each cell gets row total * column total / 4.

    >>> people = pd.DataFrame({"sex": ["f", "f", "m", "m"], "unit": ["a", "b", "a", "b"], "w": 1.0})
    >>> rake(people, "w", {"sex": {"f": 3, "m": 1}, "unit": {"a": 3, "b": 1}}).round(6).tolist()
    [2.25, 0.75, 0.75, 0.25]
    """
    weights = weights_of(df, weight)
    auxiliary, targets = auxiliary_of(df, margins, scale_margins)
    _require_stopping_rule(tolerance, max_iterations)
    if auxiliary.columns:
        raise WeightingError(
            "only margins can be raked",
            column=", ".join(auxiliary.numeric_names),
            expected="totals per level, {level: total}",
            hint='calibrate(..., method="raking") takes numeric totals as well',
        )
    require_weight(auxiliary, weights, targets)
    raked = rake_columns(weights[:, None], auxiliary, targets, tolerance, max_iterations)
    return pd.Series(raked[:, 0], index=df.index, name=weight)


def _require_stopping_rule(tolerance: float, max_iterations: int) -> None:
    if not (is_number(tolerance) and tolerance > 0 and is_whole(max_iterations) and max_iterations >= 0):
        raise WeightingError(
            "the stopping rule is not usable",
            got=f"tolerance {tolerance}, {max_iterations} iterations",
            expected="a tolerance above 0 and a whole number of iterations",
        )


def rake_columns(
    weights: np.ndarray,
    auxiliary: Auxiliary,
    targets: np.ndarray,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> np.ndarray:
    """As ``rake``, for weights (n, K): every column is raked to the same targets.

    A column that ``max_iterations`` sweeps leave unfinished is finished by Newton's method, which
    has the same solution and converges where the sweeps are slow.

    Parameters
    ----------
    weights : ndarray (n, K)   persons, >= 0
    auxiliary, targets : Auxiliary, ndarray (p,)   margins only, as ``auxiliary_of`` gives them
    tolerance, max_iterations  as in ``rake``

    Returns
    -------
    ndarray (n, K), persons.

    Raises
    ------
    WeightingError   a column that cannot be raked: every margin that fails is named, with its worst level.

    References
    ----------
    Deming & Stephan (1940), Annals of Mathematical Statistics 11; Deville, Sarndal & Sautory (1993), JASA 88.

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["f", "f", "m"]})
    >>> auxiliary, targets = auxiliary_of(people, {"sex": {"f": 6, "m": 2}})
    >>> rake_columns(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 5.0]]), auxiliary, targets).round(6).tolist()
    [[3.0, 2.0], [3.0, 4.0], [2.0, 2.0]]
    """
    start = auxiliary.cells.sums(weights)
    table = rake_table(start, auxiliary.on_cells, targets, tolerance, max_iterations)
    ratio = np.divide(table, start, out=np.zeros_like(table), where=start > 0)
    return weights * ratio[auxiliary.cells.codes]


def rake_table(
    start: np.ndarray,
    on_cells: Auxiliary,
    targets: np.ndarray,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> np.ndarray:
    """Raked cell totals (M, K) from those before (M, K); ``on_cells`` as ``Auxiliary.on_cells`` gives it."""
    table = start.copy()
    wanted = np.split(targets, np.cumsum([len(margin.levels) for margin in on_cells.margins])[:-1])
    # Built once, since all sweeps sum by the same codes.
    sums = [indicator(margin.codes, len(margin.levels)) for margin in on_cells.margins]
    open_ = np.arange(table.shape[1])
    for _ in range(max_iterations):
        swept, worst = _sweep(table[:, open_], on_cells, wanted, sums)
        table[:, open_] = swept
        open_ = open_[worst > tolerance]
        if not len(open_):
            break
    for column in open_:
        table[:, column] *= _newton_factors(table[:, column], on_cells, targets)
    _require_hit(table, start, wanted, on_cells, targets, tolerance)
    return table


def _sweep(
    table: np.ndarray, on_cells: Auxiliary, wanted: list[np.ndarray], sums: list[scipy.sparse.csc_array]
) -> tuple[np.ndarray, np.ndarray]:
    """One pass over all margins: the new table of cells (M, K), and the largest change of every column."""
    worst = np.zeros(table.shape[1])
    for margin, target, summed in zip(on_cells.margins, wanted, sums, strict=True):
        # Iterative proportional fitting (Deming & Stephan 1940): every level times wanted / present total.
        have = np.asarray(summed @ table)
        factor = np.divide(target[:, None], have, out=np.ones_like(have), where=have > 0)
        worst = np.maximum(worst, np.abs(factor - 1).max(axis=0))
        table = table * factor[margin.codes]
    return table, worst


def _newton_factors(column: np.ndarray, on_cells: Auxiliary, targets: np.ndarray) -> np.ndarray:
    """Factors that finish one column of the table of cells; ones where there is no solution."""
    try:
        return calibration_factors(column, on_cells, targets, "raking")
    except WeightingError:
        return np.ones(len(column))


def _require_hit(
    table: np.ndarray,
    start: np.ndarray,
    wanted: list[np.ndarray],
    on_cells: Auxiliary,
    targets: np.ndarray,
    tolerance: float,
) -> None:
    """Check that every margin is met after the last one was raked; else name the worst level of each."""
    sums = [group_sums(margin.codes, table, len(margin.levels)) for margin in on_cells.margins]
    misses = [_relative_misses(have, target) for have, target in zip(sums, wanted, strict=True)]
    worst = np.max([miss.max(axis=0) for miss in misses], axis=0)
    # Where the sample itself fails, a replicate that fails by more says less of what to do.
    column = 0 if worst[0] > 10 * tolerance else int(worst.argmax())
    problems = []
    for margin, target, have, miss in zip(on_cells.margins, wanted, sums, misses, strict=True):
        level = int(miss[:, column].argmax())
        if miss[level, column] > 10 * tolerance:
            problems.append(
                Problem(
                    "raking does not converge",
                    column=margin.name,
                    key=margin.levels[level],
                    got=f"a total of {have[level, column]:.6g}" + (f" in replicate {column}" if column else ""),
                    expected=f"{target[level]:.6g}",
                    hint=_advice(start[:, column], on_cells, targets),
                )
            )
    if problems:
        raise WeightingError(*problems)


def _relative_misses(have: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How far the totals (L, K) of a margin are off, relative to its targets (L,), or to all of it where that is 0."""
    scale = np.where(target == 0, target.sum(), np.maximum(np.abs(target), 1e-300))
    off: np.ndarray = np.abs(have - target[:, None]) / scale[:, None]
    return off


def _advice(column: np.ndarray, on_cells: Auxiliary, targets: np.ndarray) -> str:
    """Whether the margins contradict each other, and which levels could be merged."""
    otherwise = "merge thin levels or leave a margin out"
    possible = reach(column, on_cells, targets, (0.0, np.inf))
    changed = np.flatnonzero(possible.nearest_totals != targets)
    if possible.share >= 1 - POSSIBLE or not len(changed):
        return f"some cells would have to be empty: {otherwise}, or allow more iterations"
    listed = ", ".join(f"{on_cells.names[j]}: {possible.nearest_totals[j]:.6g}" for j in changed)
    return f"the margins contradict each other in this sample ({listed} would be possible): {otherwise}"


# Margins exactly, further cells in part (a ridge penalty).

# "auto": people of one cell have this much of the variance in common, as units of an organisation usually do
# (Bliese 2000, in Klein & Kozlowski, Multilevel Theory: 0.05 to 0.20; the least of it).
CELL_SHARE = 0.05
NEWTON_STEPS = 60


def multilevel_calibrate(
    df: pd.DataFrame,
    weight: str,
    margins: Mapping[str, Mapping[object, float]],
    soft: Mapping[str, Mapping[object, float]],
    penalty: float | Literal["auto"] = "auto",
) -> pd.Series:
    """Raked weights that meet the margins exactly and the cells of ``soft`` approximately, controlled by a penalty.

    Post-strata too thin to be met exactly are met in part: a cell with m respondents closes about m / (m + penalty)
    of its gap, as a random effect is shrunk towards 0. A penalty of 0 meets every cell, a large penalty gives the raked
    weights.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per respondent
    weight : str              column, in persons
    margins : mapping column -> {level: population total}; as in ``rake``
    soft : mapping column -> {level: population total}
        cells, such as unit x class in one column (``cell_labels``); a cell without respondents is left out
    penalty : float or "auto"
        variance of people inside a cell by that between cells; "auto": 19, cells carry 5 % of the variance

    Returns
    -------
    Series (n,), name of ``weight``: persons, above 0 where the weight is.

    Raises
    ------
    WeightingError   as in ``rake``; a penalty that is not a number of 0 or more; a respondent whose cell has no total;
        no convergence.

    References
    ----------
    Ben-Michael, Feller & Hartman (2024), Political Analysis 32 (multilevel calibration weighting); Deville & Sarndal
    (1992), JASA 87 (raking distance).

    Examples
    --------
    Both sexes have 50 people. Unit a has 70 of the 100, yet as many respondents as b: with a penalty of its two
    respondents it gets half of what it lacks.

    >>> people = pd.DataFrame({"sex": list("fmfm"), "unit": list("aabb"), "w": 1.0})
    >>> near = multilevel_calibrate(people, "w", {"sex": {"f": 50, "m": 50}}, {"unit": {"a": 70, "b": 30}}, penalty=2)
    >>> near.round(2).tolist()
    [29.97, 29.97, 20.03, 20.03]
    """
    raked = rake(df, weight, margins).to_numpy()
    cells, wanted = _soft_columns(df, soft)
    auxiliary, targets = auxiliary_of(df, margins)
    exact = np.hstack([_indicators(margin.codes, len(margin.levels)) for margin in auxiliary.margins])
    ridge = _penalty(penalty) * raked.sum() / np.count_nonzero(raked)
    factors = _soft_factors(raked, np.hstack([exact, cells]), np.concatenate([targets, wanted]), len(targets), ridge)
    return pd.Series(raked * factors, index=df.index, name=weight)


def _penalty(penalty: float | str) -> float:
    if penalty == "auto":
        return (1 - CELL_SHARE) / CELL_SHARE
    if not is_number(penalty) or not 0 <= penalty < np.inf:
        raise WeightingError("the penalty is not usable", got=str(penalty), expected='a number of 0 or more, or "auto"')
    return float(penalty)


def _indicators(codes: np.ndarray, size: int) -> np.ndarray:
    return np.equal.outer(codes, np.arange(size)).astype(float)


def _soft_columns(df: pd.DataFrame, soft: Mapping[str, Mapping[object, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Indicators (n, cells) of the cells that have respondents, and their totals."""
    require_columns(df, soft)
    columns, totals = [np.zeros((len(df), 0))], []
    for name, of_levels in soft.items():
        given = {str(level): float(total) for level, total in of_levels.items()}
        codes, levels = pd.factorize(df[name].astype(str), sort=True)
        unknown = sorted(set(levels) - set(given))
        if unknown:
            raise WeightingError(
                "respondents in a cell without a total", column=name, got=", ".join(unknown[:5]),
                expected="a total for every cell that has respondents",
            )  # fmt: skip
        columns.append(_indicators(codes, len(levels)))
        totals += [given[level] for level in levels]
    return np.hstack(columns), np.array(totals)


def _soft_factors(weights: np.ndarray, x: np.ndarray, targets: np.ndarray, exact: int, ridge: float) -> np.ndarray:
    """exp(x b) at the least ``sum w exp(x b) - targets b + ridge/2 |b of the soft totals|^2``, by Newton steps."""
    penalties = np.where(np.arange(x.shape[1]) < exact, 0.0, ridge)
    b, scale = np.zeros(x.shape[1]), np.maximum(targets, targets.sum() * TOLERANCE)

    def objective(b: np.ndarray) -> float:
        return float(weights @ np.exp(np.minimum(x @ b, 500)) - targets @ b + penalties @ b**2 / 2)

    # Newton's method: gradient X'w exp(Xb) - t + r b, Hessian X' diag(w exp(Xb)) X + diag(r), r = 0 for the margins
    # (Ben-Michael, Feller & Hartman 2024, with the raking distance of Deville & Sarndal 1992, case 2).
    for _ in range(NEWTON_STEPS):
        now = weights * np.exp(x @ b)
        slope = x.T @ now - targets + penalties * b
        if (np.abs(slope) <= TOLERANCE * scale).all():
            return np.exp(x @ b)
        # Margins have the same sum, so the system is singular: the solution of least norm is taken.
        step = np.linalg.lstsq((x.T * now) @ x + np.diag(penalties), slope, rcond=1e-12)[0]
        size = 1.0
        while objective(b - size * step) > objective(b) - 1e-4 * size * float(slope @ step) and size > 1e-6:
            size /= 2
        b = b - size * step
    raise WeightingError(
        "the weights do not converge",
        got=f"{NEWTON_STEPS} steps, farthest total off by {np.abs(slope / scale).max():.2g} of itself",
        hint="a larger penalty, or fewer and larger cells",
    )
