"""Newton's method on the dual of the calibration problem, which is convex: one coefficient per total."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lstsq

from spi_analysis.weighting.auxiliary import Auxiliary
from spi_analysis.weighting.blocks import dot
from spi_analysis.weighting.distances import Distance, Values

# Relative differences of totals: aimed at; accepted where rounding lets them fall no further; accepted at all.
AIM, FLOOR, ACCEPTED = 1e-12, 1e-9, 1e-7
MAX_ITERATIONS = 200
# Where clipped rows leave a total without a slope, this share of the unclipped slope stands in.
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
        reached = auxiliary.totals(weights * point.values.g)
        residual = targets - reached
        worst = (np.abs(residual) / scale).max()
        if worst <= AIM or (worst <= FLOOR and worst > before / 2):
            break
        if iteration and not distance.is_quadratic:
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
    # Somebody without weight adds nothing, even where the factor overflows.
    with np.errstate(invalid="ignore", over="ignore"):
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
    solution[used] = lstsq(matrix[np.ix_(used, used)], wanted[used], cond=1e-12, lapack_driver="gelsd")[0]
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
    """Halve the Newton step until the dual objective falls enough (Armijo); None where it falls no more."""
    change = auxiliary.predict(step)
    gain = float(residual @ step)
    size = max(abs(point.objective), float(weights.sum()))
    # No weight would move: what is left of the residual is out of reach of any weights.
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
        # So close that the objective only shows rounding, Newton's full step is right.
        if gain <= 1e-9 * size or moved.objective <= point.objective - 1e-4 * length * gain:
            return moved
        length /= 2
    return None
