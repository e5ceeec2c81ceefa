"""Restricted maximum likelihood of a linear covariance structure, from sufficient statistics.

Every institution has the same years, some missing. Institutions that share the years present and the design rows
make a block, of which only number, mean and scatter enter the likelihood: its cost does not grow with the number
of institutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import minimize

from spi_analysis.errors import EstimationError

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


def fit_reml(blocks: Sequence[Block], bases: np.ndarray, floor: np.ndarray, method: Method = "REML") -> RemlFit:
    """Variances that maximise the (restricted) likelihood of ``V = sum_k theta_k bases_k``.

    Parameters
    ----------
    blocks : list of Block
    bases : ndarray (K, T, T)   symmetric, positive semi-definite
    floor : ndarray (K,)        least value of each variance (0, or what rounding alone makes)
    method : REML or ML

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
    found = minimize(
        lambda theta: _deviance(theta * scale, blocks, bases, method, scale),
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
