"""Whether bounds of new/old weight can meet all totals, and the nearest bounds that can.

With h = g - 1 between low - 1 and high - 1, the totals ask for sum_i w_i x_i h_i = r, the difference
between targets and present totals. The largest share s of r that is in reach is a linear programme
with one row per total; bounds 1/s times as wide are the nearest that reach all of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.survey.groups import group_sums
from spi_analysis.survey.weighting.totals import Auxiliary, Bounds
from spi_analysis.threads import np, scipy

# The largest share of the way to the totals that is in reach, and the nearest bounds that reach all of it.

# The most rows of the linear programme; more rows are put into groups with one factor each.
MOST = 3000
# Rounds of grouping, each by the dual prices of the round before.
ROUNDS = 3
TOLERANCE = 1e-7


class Reach(NamedTuple):
    """What the bounds allow: the largest ``share`` of the way to the totals, 0 to 1 (``exact``, or at least
    that much), and the totals (p,) of the smallest changes that would make it all possible.
    """

    share: float
    exact: bool
    nearest_totals: np.ndarray


def reach(weights: np.ndarray, auxiliary: Auxiliary, targets: np.ndarray, limits: Bounds) -> Reach:
    """The largest share of the way to the totals that factors inside the limits can reach.

    With more than ``MOST`` rows, rows with similar dual values share one factor: what groups can reach, rows can reach
    too, so the share is a lower bound.
    """
    wanted = targets - auxiliary.totals(weights)
    sizes, prices, is_possible = _unbounded(weights, auxiliary, wanted)
    rows = np.flatnonzero(weights > 0)
    exact, share = len(rows) <= MOST, 0.0
    for _ in range(1 if exact else ROUNDS):
        groups = np.arange(len(rows)) if exact else _alike(auxiliary.predict(prices)[rows])
        table = _group_totals(weights, auxiliary, rows, groups)
        found, prices = _largest_share(table, wanted, limits)
        share = max(share, found)
    missing = _smallest_changes(table, wanted, limits, np.maximum(np.abs(targets), 1e-3 * sizes))
    return Reach(share if is_possible else 0.0, exact, targets - missing)


def _unbounded(weights: np.ndarray, auxiliary: Auxiliary, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Sizes of the totals, prices of the linear solution without bounds, and whether there is one."""
    # Linear method (Deville & Sarndal 1992, case 1): h_i = x_i'b with (sum_i w_i x_i x_i') b = r, each total scaled.
    gram = auxiliary.gram(weights)
    sizes = np.sqrt(np.maximum(np.diag(gram) * weights.sum(), 1e-300))
    prices = scipy.linalg.lstsq(gram / sizes[:, None] / sizes[None, :], wanted / sizes, cond=1e-12)[0] / sizes
    left = np.abs((gram @ prices - wanted) / sizes).max()
    return sizes, prices, bool(left <= TOLERANCE * np.abs(wanted / sizes).max())


def _alike(pull: np.ndarray) -> np.ndarray:
    """Groups of rows that stand next to each other in the order of ``pull`` (n,): codes (n,)."""
    place = np.empty(len(pull), dtype=np.intp)
    place[np.argsort(pull, kind="stable")] = np.arange(len(pull))
    return place * MOST // len(pull)


def _group_totals(weights: np.ndarray, auxiliary: Auxiliary, rows: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """sum of w x over the rows of every group: (p, groups)."""
    size = int(groups.max()) + 1
    w = weights[rows]
    margins = [
        group_sums(m.codes[rows] * size + groups, w, len(m.levels) * size).reshape(-1, size) for m in auxiliary.margins
    ]
    numeric = [group_sums(groups, w * column[rows], size)[None, :] for column in auxiliary.columns]
    return np.vstack([*margins, *numeric])


def _largest_share(table: np.ndarray, wanted: np.ndarray, limits: Bounds) -> tuple[float, np.ndarray]:
    """Maximise s with table @ h = s * wanted and low - 1 <= h <= high - 1, s <= 1: the share and the prices (p,)."""
    from scipy.optimize import linprog

    sizes = np.maximum(np.abs(table).sum(axis=1), np.abs(wanted))
    sizes[sizes == 0] = 1.0
    groups = table.shape[1]
    # Variables h (groups,) and s, each total divided by its size; -s is minimised.
    result = linprog(
        np.append(np.zeros(groups), -1.0),
        A_eq=np.column_stack([table, -wanted]) / sizes[:, None],
        b_eq=np.zeros(len(wanted)),
        bounds=[*[(limits[0] - 1, limits[1] - 1)] * groups, (0.0, 1.0)],
        method="highs",
    )
    if result.status != 0:
        return 0.0, np.zeros(len(wanted))
    return float(result.x[-1]), np.asarray(result.eqlin.marginals) / sizes


def _smallest_changes(table: np.ndarray, wanted: np.ndarray, limits: Bounds, sizes: np.ndarray) -> np.ndarray:
    """What would have to be taken off ``wanted`` (p,), least in sum relative to ``sizes``; 0 for most totals."""
    from scipy.optimize import linprog

    p, groups = table.shape
    # Variables h (groups,) and what is taken off each total, split into its positive and its negative part.
    result = linprog(
        np.concatenate([np.zeros(groups), np.ones(2 * p)]),
        A_eq=np.hstack([table / sizes[:, None], np.eye(p), -np.eye(p)]),
        b_eq=wanted / sizes,
        bounds=[*[(limits[0] - 1, limits[1] - 1)] * groups, *[(0.0, None)] * (2 * p)],
        method="highs",
    )
    if result.status != 0:
        return np.zeros(p)
    taken: np.ndarray = (result.x[groups : groups + p] - result.x[groups + p :]) * sizes
    return np.where(np.abs(taken) > TOLERANCE * sizes, taken, 0.0)


def nearest_bounds(weights: np.ndarray, auxiliary: Auxiliary, targets: np.ndarray, limits: Bounds) -> Bounds | None:
    """The nearest bounds of new/old weight, widened alike on both sides of 1, that can meet all totals.

    Parameters
    ----------
    weights : ndarray (n,), auxiliary, targets : ndarray (p,)   as in ``calibration_factors``
    limits : (low, high)   bounds that are too tight; infinite ones stay so

    Returns
    -------
    (low, high), the limits themselves if they can do it, or None where no weights at all meet the totals.

    References
    ----------
    The programme is the dual of a quantile regression (Koenker & Bassett 1978, Econometrica 46).
    """
    return widened(limits, reach(weights, auxiliary, targets, limits).share)


def widened(limits: Bounds, share: float) -> Bounds | None:
    """Bounds 1/share as far from 1; None for a share of 0."""
    if share <= TOLERANCE:
        return None
    return 1 - (1 - limits[0]) / share, 1 + (limits[1] - 1) / share


def outward(bounds: Bounds, digits: int = 3) -> Bounds:
    """Bounds rounded away from 1 to so many significant digits of their distance from it."""
    return 1 - _rounded_up(1 - bounds[0], digits), 1 + _rounded_up(bounds[1] - 1, digits)


def _rounded_up(value: float, digits: int) -> float:
    if not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(value)) - digits + 1)
    return round(math.ceil(value / unit * (1 - 1e-12)) * unit, 12)


# Errors for totals that cannot be met: which they are, and which bounds would meet them.

# Totals named in one error.
NAMED = 3


class Missed(NamedTuple):
    """A total that is not met: its place among the targets, how far it comes, in words.

    ``is_alone``: it is out of reach whatever the other totals are.
    """

    total: int
    got: str
    is_alone: bool = False


def unreachable(weights: np.ndarray, auxiliary: Auxiliary, targets: np.ndarray, limits: Bounds) -> list[Missed]:
    """Totals that no factors inside the limits meet, each examined alone."""
    low, high = limits
    if not np.isfinite(limits).any():
        return []
    up, down = _positive_and_negative(weights, auxiliary)
    # sum_i w_i x_i g_i is largest with g = high where x > 0 and g = low where x < 0, and least the other way round.
    least, most = _times(low, up) - _times(high, down), _times(high, up) - _times(low, down)
    room = 1e-9 * np.maximum(np.abs(targets), up + down)
    over, under = targets - most > room, least - targets > room
    worst = np.argsort(-np.where(over, targets - most, np.where(under, least - targets, 0)) / np.maximum(room, 1e-300))
    return [
        Missed(int(j), f"at most {most[j]:.8g}" if over[j] else f"at least {least[j]:.8g}", True)
        for j in worst
        if over[j] or under[j]
    ]


def _positive_and_negative(weights: np.ndarray, auxiliary: Auxiliary) -> tuple[np.ndarray, np.ndarray]:
    """sum w x over positive x, and sum w |x| over negative x, of every total: (p,) each."""
    present = auxiliary.totals(weights)
    negative = [float(-(weights @ np.minimum(c, 0))) if c.min(initial=0) < 0 else 0.0 for c in auxiliary.columns]
    down = np.concatenate([np.zeros(auxiliary.n_levels), negative])
    return present + down, down


def _times(bound: float, amounts: np.ndarray) -> np.ndarray:
    """bound * amounts, where 0 times infinity is 0."""
    return np.where(amounts > 0, bound * np.maximum(amounts, 1e-300), 0.0)


def not_met(
    weights: np.ndarray,
    auxiliary: Auxiliary,
    targets: np.ndarray,
    method: str,
    limits: Bounds,
    missed: list[Missed],
) -> WeightingError:
    """The error that names totals that cannot be met, and bounds that would meet all.

    ``missed``: totals out of reach by themselves, or those that a search ended short of. Where every
    total is in reach by itself, those are named whose change would be the smallest way out.
    """
    bounded = method != "raking" and np.isfinite(limits).any()
    within = f" within bounds ({limits[0]:g}, {limits[1]:g})" if bounded else ""
    possible = reach(weights, auxiliary, targets, limits)
    changed = np.flatnonzero(possible.nearest_totals != targets)
    if len(changed) and not any(miss.is_alone for miss in missed):
        missed = [Missed(int(j), f"{possible.nearest_totals[j]:.8g}") for j in changed]
    hint = _advice(method, limits, possible)
    return WeightingError(
        *(
            Problem(
                f"calibration ({method}) cannot meet a total{within}",
                key=auxiliary.names[miss.total],
                got=miss.got,
                expected=f"{targets[miss.total]:.8g}",
                hint=hint,
            )
            for miss in missed[:NAMED]
        )
    )


def _advice(method: str, limits: Bounds, possible: Reach) -> str:
    otherwise = "merge thin levels, or leave a total out"
    wider = widened(limits, possible.share)
    if wider is None:
        return f"no weights at all meet these totals together in this sample: {otherwise}"
    if method == "raking" and possible.share < 1 - TOLERANCE:
        needed = f"a factor of {wider[0]:.3g} would be needed"
        return f"no positive weights meet these totals together ({needed}): {otherwise}"
    if not np.isfinite(limits).any() or method == "raking":
        return f"some weights would have to be 0: {otherwise}"
    low, high = outward(wider)
    kind = "the nearest that can meet all totals" if possible.exact else "which can meet all totals"
    negative = " (some weights would be negative)" if low < 0 <= limits[0] else ""
    return f"widen the bounds to ({low:g}, {high:g}), {kind}{negative}, {otherwise}"
