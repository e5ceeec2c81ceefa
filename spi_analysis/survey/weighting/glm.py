"""Fisher scoring of binary models: for one sample from R's starting values, and for many weight vectors at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg, special

from spi_analysis.errors import WeightingError, nearest
from spi_analysis.survey.weighting.model_matrix import BLOCK, Design

# Systems of X'WX (p, p).


def solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """gram^-1 right (p, K) by Cholesky on a gram scaled to ones; directions without information get 0."""
    size = np.sqrt(np.diag(gram))
    size = np.where(size > 0, size, np.inf)
    scaled = gram / np.outer(size, size)
    scaled[np.isinf(size), np.isinf(size)] = 1.0
    right = right / size[:, None]
    try:
        solved = linalg.cho_solve(linalg.cho_factor(scaled), right)
    except linalg.LinAlgError:
        solved = linalg.pinvh(scaled) @ right
    return solved / size[:, None]


def inverse(gram: np.ndarray) -> np.ndarray:
    """gram^-1."""
    return solve(gram, np.eye(len(gram)))


# Links of a response model: from a linear predictor to a propensity, and back.

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Link:
    """``at``: propensity, inside (0, 1), and its derivative at a linear predictor; ``predictor``: the way back."""

    at: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    predictor: Callable[[np.ndarray], np.ndarray]


def _logit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # mu = 1 / (1 + exp(-eta)), mu' = mu (1 - mu).
    share = special.expit(eta)
    return _inside(share), np.maximum(share * (1 - share), EPS)


def _probit(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # mu = Phi(eta), mu' = phi(eta), the normal distribution and its density.
    return _inside(special.ndtr(eta)), np.maximum(np.exp(-eta * eta / 2) / np.sqrt(2 * np.pi), EPS)


def _cloglog(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # mu = 1 - exp(-exp(eta)), mu' = exp(eta) exp(-exp(eta)).
    hazard = np.exp(np.minimum(eta, 700.0))
    return _inside(-np.expm1(-hazard)), np.maximum(hazard * np.exp(-hazard), EPS)


def _inside(share: np.ndarray) -> np.ndarray:
    return np.clip(share, EPS, 1 - EPS)


LINKS = {
    "logit": Link(_logit, special.logit),
    "probit": Link(_probit, special.ndtri),
    "cloglog": Link(_cloglog, lambda share: np.log(-np.log1p(-share))),
}


def link_of(name: str) -> Link:
    """The link by its name."""
    if name not in LINKS:
        raise WeightingError("a link is not known", got=name, expected=", ".join(LINKS), hint=nearest(name, LINKS))
    return LINKS[name]


# Fisher scoring (McCullagh & Nelder 1989, section 2.5): steps (X'WX)^-1 X'(score), W the expected information.

# The rule by which R's glm stops: relative change of the deviance, and steps at most.
TOLERANCE = 1e-8
MAX_ITERATIONS = 25
# A fit has converged when one more step moves no linear predictor by more than this; one that has not is given
# MORE_STEPS to come below STILL. A coefficient that diverges moves by about the same amount in every step.
SETTLED, STILL, MORE_STEPS = 1e-2, 1e-3, 10
# Rows at a time of what is worked out number by number: they stay in the cache.
CACHED = 2**13


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
    share, working, response = working_response(answered, weights, link)
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
    _require_converged(design, fit, taken, total, link)
    return design, fit


def working_response(
    answered: np.ndarray, weights: np.ndarray, link: Link
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where R starts: shares (w y + 1/2) / (w + 1), working weights W, and W z with the working response z, (n,) each.

    Iteratively reweighted least squares: W = w mu'(eta)**2 / (mu (1 - mu)), z = eta + (y - mu) / mu'(eta).
    """
    # McCullagh & Nelder (1989), section 2.5: adjusted dependent variable z and working weights W at the starting mu.
    share = (weights * answered + 0.5) / (weights + 1)
    eta = link.predictor(share)
    slope = link.at(eta)[1]
    working = weights * slope**2 / (share * (1 - share))
    return share, working, working * (eta + (answered - share) / slope)


def normal_equations(
    design: Design, weights: np.ndarray, response: np.ndarray
) -> tuple[Design, np.ndarray, np.ndarray]:
    """The design without aliased columns, X'WX (p, p) and X'r (p, 1), for weights and responses (rows, 1)."""
    gram, right = design.grams(weights)[0], design.products(response)
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
    offset: np.ndarray | None = None,
) -> Fit:
    """Fits of K weight vectors.

    Parameters
    ----------
    design : Design                             X (rows, p)
    taken, total : ndarray (rows, K)            weight of respondents, and of all, in every row of X
    start : ndarray (p, K)                      coefficients to start from
    information (K, p, p), before               X'WX and deviance of the step that led to ``start``, where there was one
    tolerance, max_iterations                   stops at a relative change of the deviance below ``tolerance``
    offset : ndarray (rows, 1)                  part of the predictor that is known; None: 0
    """
    columns = taken.shape[1]
    known = np.zeros((len(taken), 1)) if offset is None else offset
    beta, steps = start.copy(), np.zeros_like(start)
    used = np.zeros((columns, len(start), len(start))) if information is None else information.copy()
    old, deviance = np.full(columns, before), np.zeros(columns)
    open_, iteration = np.arange(columns), 1
    while True:
        score, gram, deviance[open_] = _derivatives(
            design, beta[:, open_], taken[:, open_], total[:, open_], link, known
        )
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
    design: Design, beta: np.ndarray, taken: np.ndarray, total: np.ndarray, link: Link, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Score (p, K), expected information (K, p, p) and deviance (K,) at coefficients (p, K)."""
    width = max(1, BLOCK // len(taken))
    parts = [
        _derivatives_of(design, beta[:, some], taken[:, some], total[:, some], link, offset)
        for some in (slice(start, start + width) for start in range(0, beta.shape[1], width))
    ]
    score, gram, deviance = zip(*parts, strict=True)
    return np.hstack(score), np.concatenate(gram), np.concatenate(deviance)


def _derivatives_of(
    design: Design, beta: np.ndarray, taken: np.ndarray, total: np.ndarray, link: Link, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    predictor, deviance = design.predict(beta), np.zeros(beta.shape[1])
    residual, working = np.empty_like(predictor), np.empty_like(predictor)
    for rows in (slice(start, start + CACHED) for start in range(0, len(taken), CACHED)):
        share, slope = link.at(predictor[rows] + offset[rows])
        per_share = slope / (share * (1 - share))
        left = total[rows] - taken[rows]
        # Score X'((y - w mu) mu' / (mu (1 - mu))), information X' diag(w mu'**2 / (mu (1 - mu))) X, -2 log-likelihood.
        residual[rows] = (taken[rows] - total[rows] * share) * per_share
        working[rows] = total[rows] * slope * per_share
        deviance += -2 * (taken[rows] * np.log(share) + left * np.log1p(-share)).sum(axis=0)
    return design.products(residual), design.grams(working), deviance


def _require_converged(design: Design, fit: Fit, taken: np.ndarray, total: np.ndarray, link: Link) -> None:
    """Raise where a coefficient of a single fit runs to infinity, or the fit did not converge."""
    beta, step = fit.coefficients, fit.following
    if fit.converged.all() and _moves(design, step, total).max() <= SETTLED:
        return
    for _ in range(MORE_STEPS):
        beta = beta + step
        score, gram, _ = _derivatives(design, beta, taken, total, link, np.zeros((len(taken), 1)))
        step = solve(gram[0], score)
    moves = _moves(design, step, total)
    if moves.max() > STILL:
        raise _separated(design, step, taken, total, moves > 0.5 * moves.max())
    if not fit.converged.all():
        raise WeightingError(
            "the response model does not converge",
            got=f"{fit.iterations} steps, deviance {fit.deviance[0]:.10g}",
            expected="a deviance that converges",
            hint="raise max_iterations, or take fewer predictors",
        )


def _moves(design: Design, step: np.ndarray, total: np.ndarray) -> np.ndarray:
    """The change of the linear predictor by ``step``, for every row with weight."""
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
