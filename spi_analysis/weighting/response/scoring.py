"""Fisher scoring of binary models: one sample from nothing, and many weight vectors at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.response.algebra import predictors, products, solve, weighted_grams
from spi_analysis.weighting.response.design import Design
from spi_analysis.weighting.response.links import Link

# The rule by which R's glm stops: relative change of the deviance, and steps at most.
TOLERANCE = 1e-8
MAX_ITERATIONS = 25
# A fit has settled when one more step moves no linear predictor by more than this; one that has not is given
# MORE_STEPS to come below STILL. Where a coefficient runs to infinity every step moves it by about as much again.
SETTLED, STILL, MORE_STEPS = 1e-2, 1e-3, 10


@dataclass(frozen=True)
class Fit:
    """Coefficients (p, K), X'WX of the last step taken (K, p, p), deviances (K,), the step that would follow (p, K)."""

    coefficients: np.ndarray
    information: np.ndarray
    deviance: np.ndarray
    following: np.ndarray
    iterations: int
    converged: np.ndarray


def fit_people(
    design: Design,
    answered: np.ndarray,
    weights: np.ndarray,
    link: Link,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> tuple[Design, Fit]:
    """The fit, and the design without aliased columns; the first step is R's, from shares (w y + 1/2) / (w + 1)."""
    share = (weights * answered + 0.5) / (weights + 1)
    eta = link.predictor(share)
    slope = link.at(eta)[1]
    working = weights * slope**2 / (share * (1 - share))
    response = working * (eta + (answered - share) / slope)
    sums = design.sums(np.column_stack([working, response, weights * answered, weights]))
    working, response, taken, total = np.ascontiguousarray(sums.T)[:, :, None]
    design, gram, right = normal_equations(design, working, response)
    fit = fit_columns(
        design,
        taken,
        total,
        link,
        solve(gram, right),
        information=gram[None],
        before=-2 * float((weights * np.where(answered > 0, np.log(share), np.log1p(-share))).sum()),
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    _require_settled(design, fit, taken, total, link)
    return design, fit


def normal_equations(
    design: Design, weights: np.ndarray, response: np.ndarray
) -> tuple[Design, np.ndarray, np.ndarray]:
    """The design without aliased columns, X'WX (p, p) and X'r (p, 1), for weights and responses (rows, 1)."""
    p = len(design.names)
    gram, right = np.zeros((p, p)), np.zeros((p, 1))
    for rows, block in design.blocks():
        gram, right = gram + weighted_grams(block, weights[rows])[0], right + products(block, response[rows])
    design = design.without_aliases(gram)
    return design, gram[np.ix_(design.kept, design.kept)], right[design.kept]


def fit_columns(
    design: Design,
    taken: np.ndarray,
    total: np.ndarray,
    link: Link,
    start: np.ndarray,
    *,
    information: np.ndarray | None = None,
    before: float = np.inf,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
) -> Fit:
    """Fits of K weight vectors.

    Parameters
    ----------
    design : Design                             X (rows, p)
    taken, total : ndarray (rows, K)            weight of respondents, and of all, in every row of X
    start : ndarray (p, K)                      coefficients to start from
    information (K, p, p), before               X'WX and deviance of the step that led to ``start``, where there was one
    tolerance, max_iterations                   stops at a relative change of the deviance below ``tolerance``
    """
    columns = taken.shape[1]
    beta, steps = start.copy(), np.zeros_like(start)
    used = np.zeros((columns, len(start), len(start))) if information is None else information.copy()
    old, deviance = np.full(columns, before), np.zeros(columns)
    open_, iteration = np.arange(columns), 1
    while True:
        score, gram, deviance[open_] = _derivatives(design, beta[:, open_], taken[:, open_], total[:, open_], link)
        steps[:, open_] = np.hstack([solve(gram[k], score[:, [k]]) for k in range(len(open_))])
        still = ~(np.abs(deviance - old)[open_] / (np.abs(deviance[open_]) + 0.1) < tolerance)
        if not still.any() or iteration >= max_iterations:
            break
        open_ = open_[still]
        used[open_], old[open_] = gram[still], deviance[open_]
        beta[:, open_] += steps[:, open_]
        iteration += 1
    converged = np.ones(columns, dtype=bool)
    converged[open_[still]] = False
    return Fit(beta, used, deviance, steps, iteration, converged)


def _derivatives(
    design: Design, beta: np.ndarray, taken: np.ndarray, total: np.ndarray, link: Link
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score (p, K), expected information (K, p, p) and deviance (K,) at coefficients (p, K)."""
    (p, columns), deviance = beta.shape, np.zeros(beta.shape[1])
    score, gram = np.zeros((p, columns)), np.zeros((columns, p, p))
    for rows, block in design.blocks(columns):
        share, slope = link.at(predictors(block, beta))
        per_share = slope / (share * (1 - share))
        left = total[rows] - taken[rows]
        score += products(block, (taken[rows] - total[rows] * share) * per_share)
        gram += weighted_grams(block, total[rows] * slope * per_share)
        deviance += -2 * (taken[rows] * np.log(share) + left * np.log1p(-share)).sum(axis=0)
    return score, gram, deviance


def _require_settled(design: Design, fit: Fit, taken: np.ndarray, total: np.ndarray, link: Link) -> None:
    """Raise where a coefficient of a single fit runs to infinity, or the fit did not converge."""
    beta, step = fit.coefficients, fit.following
    if fit.converged.all() and _moves(design, step, total).max() <= SETTLED:
        return
    for _ in range(MORE_STEPS):
        beta = beta + step
        score, gram, _ = _derivatives(design, beta, taken, total, link)
        step = solve(gram[0], score)
    moves = _moves(design, step, total)
    if moves.max() > STILL:
        raise _separated(design, step, taken, total, moves > 0.5 * moves.max())
    if not fit.converged.all():
        raise WeightingError(
            "the response model does not converge",
            got=f"{fit.iterations} steps, deviance {fit.deviance[0]:.10g}",
            expected="a deviance that settles",
            hint="raise max_iterations, or take fewer predictors",
        )


def _moves(design: Design, step: np.ndarray, total: np.ndarray) -> np.ndarray:
    """By how much ``step`` changes the linear predictor of every row with weight."""
    return np.abs(design.predict(step)) * (total > 0)


def _separated(
    design: Design, step: np.ndarray, taken: np.ndarray, total: np.ndarray, away: np.ndarray
) -> WeightingError:
    size = np.max([np.abs(block).max(axis=1) for _, block in design.blocks()], axis=0)
    run = np.abs(step[:, 0]) * size
    running = [j for j in design.kept[run > 0.1 * run.max()] if design.variables[j]]
    everybody, nobody = (taken[away] > 0).any(), (taken[away] < total[away]).any()
    who = "everybody or nobody" if everybody and nobody else "everybody" if everybody else "nobody"
    return WeightingError(
        f"the response model separates: {who} answered where it grows without end",
        column=", ".join(dict.fromkeys(name for j in running for name in design.variables[j])),
        got=f"coefficients that run to infinity: {', '.join(design.names[j] for j in running[:10])}",
        expected="respondents and nonrespondents at every level of the formula",
        hint="merge thin levels, or leave the column out of the formula",
    )
