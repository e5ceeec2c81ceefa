"""Totals that cannot be met: which ones, and what would help."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.weighting.auxiliary import Auxiliary
from spi_analysis.weighting.distances import Bounds
from spi_analysis.weighting.feasible import TOLERANCE, Reach, outward, reach, widened

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
    """Totals that no factors inside the limits meet, each looked at by itself."""
    low, high = limits
    if not np.isfinite(limits).any():
        return []
    up, down = _positive_and_negative(weights, auxiliary)
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
    """The error that names totals that stand in the way, and what would help.

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
