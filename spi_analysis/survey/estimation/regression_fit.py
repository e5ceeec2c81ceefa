"""Maximum weighted likelihood of models with a canonical link, plain or with Firth's penalty.

People who are alike in outcome and terms count together, so a model of a few groups costs the same for any sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from spi_analysis.errors import EstimationError, Problem
from spi_analysis.survey.groups import group_sums

# Outcomes that the terms of a model decide: coefficients that run to infinity, and the levels they belong to.

# Of the linear programme's slacks (0 or 1), and of what counts as a level's all.
HALF = 0.5
HINT = "merge the level with another one, leave its people out, or ask for Firth's penalised likelihood: firth=True"


def separated_rows(family: str, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Rows (m,) whose outcome some direction of the coefficients decides without harm to any other row.

    A direction b with ``s_i = z_i x_i'b >= 0`` for all rows (binomial: z = 1 where y = 1, else -1; Poisson: z = -1
    where y = 0, and x_i'b = 0 elsewhere) raises the likelihood for ever. With s cut at 1 the sum of s is largest where
    every row that can be separated has s = 1.

    References
    ----------
    Albert & Anderson (1984), Biometrika 71; Konis (2007), Linear programming algorithms for detecting separated data.
    """
    if family == "gaussian":
        return np.zeros(len(y), dtype=bool)
    size = np.abs(x).max(axis=0, initial=0.0)
    signed = np.where(y > 0, 1.0, -1.0)[:, None] * x / np.where(size > 0, size, 1.0)
    free, n = x.shape[1], len(y)
    most = np.where(y > 0, 0.0, 1.0) if family == "poisson" else np.ones(n)
    # s_i <= z_i x_i'b, 0 <= s_i <= 1; where s is 0 the row must not be harmed, or (Poisson, y > 0) not be moved.
    moved = y > 0 if family == "poisson" else np.zeros(n, dtype=bool)
    above = np.hstack([-signed[~moved], np.eye(n)[~moved]])
    still = np.hstack([signed[moved], np.zeros((int(moved.sum()), n))])
    # Largest sum of s, over directions b and slacks s (Konis 2007).
    found = linprog(
        np.concatenate([np.zeros(free), -np.ones(n)]),
        A_ub=above,
        b_ub=np.zeros(len(above)),
        A_eq=still if len(still) else None,
        b_eq=np.zeros(len(still)) if len(still) else None,
        bounds=[(None, None)] * free + [(0.0, one) for one in most],
        method="highs",
    )
    if found.status != 0:
        return np.zeros(n, dtype=bool)
    return np.asarray(found.x[free:] > HALF)


def separated_levels(factors: pd.DataFrame, y: np.ndarray, separated: np.ndarray, terms: list[str]) -> list[Problem]:
    """Which levels decide the outcome of their people, each with its count; else the terms that do it together.

    ``factors``: categorical columns of the model (n rows); ``y`` (n,); ``separated`` (n,) of bool; ``terms`` without a
    finite coefficient.
    """
    problems = [
        problem
        for name in factors
        for level in pd.unique(factors[name])
        if (problem := _level(str(name), level, (factors[name] == level).to_numpy(), y, separated)) is not None
    ]
    return problems or [_together(terms, y[separated])]


def _level(name: str, level: object, rows: np.ndarray, y: np.ndarray, separated: np.ndarray) -> Problem | None:
    outcomes = np.unique(y[rows])
    if len(outcomes) != 1 or not separated[rows].all():
        return None
    return Problem(
        "a level decides the outcome of all its people: its coefficient is not finite (separation)",
        column=name,
        key=str(level),
        got=f"{int(rows.sum())} people, all of them {outcomes[0]:g}",
        expected="different outcomes in every level",
        hint=HINT,
    )


def _together(terms: list[str], y: np.ndarray) -> Problem:
    return Problem(
        "terms together decide the outcome of some people: their coefficients are not finite (separation)",
        key=", ".join(terms),
        got=f"{len(y)} people whose outcome they say without fail",
        expected="outcomes that no combination of terms says for sure",
        hint="leave a term out, merge levels, or ask for Firth's penalised likelihood: firth=True",
    )


MAX_ITERATIONS = 200
TOLERANCE = 1e-12
# Half a step as often as this takes it below any rounding.
HALVINGS = 40
# A linear predictor this far out says "certain" (odds of 1 to 3 million): is it on its way to infinity?
SUSPICIOUS = 15.0
# Of a direction less than this, relatively, is none.
RANK_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Groups:
    """Rows that are alike: ``y`` (m,), ``x`` (m, p); ``codes`` (n,) the group of every row, -1 for none."""

    family: str
    y: np.ndarray
    x: np.ndarray
    codes: np.ndarray

    def weights(self, weights: np.ndarray) -> np.ndarray:
        """Weights (m,) of the groups from those of the rows (n,)."""
        return group_sums(self.codes, weights, len(self.y))

    def means(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, its first and its second derivative by the linear predictor."""
        if self.family == "gaussian":
            return eta, np.ones_like(eta), np.zeros_like(eta)
        if self.family == "poisson":
            mean = np.exp(np.minimum(eta, 700.0))
            return mean, mean, mean
        mean = 1 / (1 + np.exp(-np.clip(eta, -700.0, 700.0)))
        slope = mean * (1 - mean)
        return mean, slope, slope * (1 - 2 * mean)

    def likelihood(self, weights: np.ndarray, eta: np.ndarray) -> float:
        """Weighted log-likelihood, but for a constant."""
        # y eta - b(eta), b the cumulant function of the exponential family (McCullagh & Nelder 1989, section 2.2).
        total = {"gaussian": eta**2 / 2, "poisson": np.exp(np.minimum(eta, 700.0)), "binomial": np.logaddexp(0, eta)}
        return float(weights @ (self.y * eta - total[self.family]))


def groups_of(family: str, y: np.ndarray, x: np.ndarray, rows: np.ndarray) -> Groups:
    """The distinct rows among those of the model (``rows`` (n,) of bool)."""
    places = np.flatnonzero(rows)
    distinct, found = np.unique(np.column_stack([y, x])[places], axis=0, return_inverse=True)
    codes = np.full(len(y), -1)
    codes[places] = found.ravel()
    return Groups(family, distinct[:, 0], distinct[:, 1:], codes)


@dataclass(frozen=True)
class Fitter:
    """Fits on the groups in ``kept`` (m,) of bool: all of them, but for those that a separated level decides.

    ``penalised``: Firth's penalty, for weights that sum to ``people``.
    """

    groups: Groups
    kept: np.ndarray
    penalised: bool
    people: int

    @cached_property
    def space(self) -> np.ndarray:
        """Directions (p, q) in which coefficients can be told apart; all p of them as a rule."""
        x = self.groups.x[self.kept]
        if not len(x):
            return np.zeros((x.shape[1], 0))
        if _rank(x) == x.shape[1]:
            return np.eye(x.shape[1])
        _, sizes, directions = np.linalg.svd(x, full_matrices=False)
        return directions[sizes > RANK_TOLERANCE * sizes[0]].T

    @property
    def known(self) -> np.ndarray:
        """Coefficients (p,) that have a value: those that lie in the space."""
        return np.asarray((self.space**2).sum(axis=1) > 1 - RANK_TOLERANCE)

    def coefficients(self, weights: np.ndarray, start: np.ndarray | None = None) -> np.ndarray | None:
        """Coefficients (p,) for weights (m,) of the groups, missing where they have no value; None where the weights
        leave a group out that others are compared with, or separate the outcomes.
        """
        use = self.kept & (weights > 0)
        if not self._is_complete(use):
            return None
        w, x = weights[use], self.groups.x[use] @ self.space
        part = Groups(self.groups.family, self.groups.y[use], x, self.groups.codes)
        first = np.zeros(x.shape[1]) if start is None else self.space.T @ np.where(self.known, start, 0.0)
        found = _penalised(part, w * self.people / w.sum(), first) if self.penalised else self._newton(part, w, first)
        return None if found is None else np.where(self.known, self.space @ found, np.nan)

    def _newton(self, part: Groups, w: np.ndarray, start: np.ndarray) -> np.ndarray | None:
        b, looked_at = start, False
        for _ in range(MAX_ITERATIONS):
            eta = part.x @ b
            if not looked_at and _is_suspicious(part, eta):
                looked_at = True
                if separated_rows(part.family, part.y, part.x).any():
                    return None
            # Newton's step b + (x'W x)^-1 x'w (y - mean), which for a canonical link is Fisher's scoring
            # (McCullagh & Nelder 1989, section 2.5).
            mean, slope, _ = part.means(eta)
            step = _solved(_information(part.x, w * slope), part.x.T @ (w * (part.y - mean)))
            moved = None if step is None else _moved(part, w, b, step)
            if step is None or moved is None:
                return None if separated_rows(part.family, part.y, part.x).any() else _stuck()
            b = moved
            if np.abs(step).max() <= TOLERANCE * max(1.0, np.abs(b).max()):
                return b
        return _stuck()

    def _is_complete(self, use: np.ndarray) -> bool:
        """Whether the groups in use tell all directions apart; looked up, since most replicates use the same."""
        key = np.packbits(use).tobytes()
        if key not in self._seen:
            self._seen[key] = bool(use.any()) and _rank(self.groups.x[use] @ self.space) == self.space.shape[1]
        return self._seen[key]

    @cached_property
    def _seen(self) -> dict[bytes, bool]:
        return {}


def _rank(x: np.ndarray) -> int:
    """Rank of the terms (m, p), each in units of its own size."""
    size = np.abs(x).max(axis=0, initial=0.0)
    return int(np.linalg.matrix_rank(x / np.where(size > 0, size, 1.0), tol=RANK_TOLERANCE * max(len(x), 1) ** 0.5))


def _stuck() -> np.ndarray:
    raise EstimationError(
        "the regression does not converge",
        got=f"{MAX_ITERATIONS} iterations",
        hint="centre and scale numeric terms, and leave out those that hardly vary",
    )


def _is_suspicious(part: Groups, eta: np.ndarray) -> bool:
    if part.family == "gaussian":
        return False
    return bool((-eta if part.family == "poisson" else np.abs(eta)).max() > SUSPICIOUS)


def _information(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return x.T @ (x * weights[:, None])


def _solved(information: np.ndarray, score: np.ndarray) -> np.ndarray | None:
    try:
        step = np.linalg.solve(information, score)
    except np.linalg.LinAlgError:
        return None
    return step if np.isfinite(step).all() else None


def _moved(part: Groups, w: np.ndarray, b: np.ndarray, step: np.ndarray) -> np.ndarray | None:
    """The point a step leads to, the step halved until the likelihood falls by no more than rounding."""
    before = part.likelihood(w, part.x @ b)
    slack = 1e-12 * (abs(before) + float(w.sum()))
    for k in range(HALVINGS):
        moved = b + step / 2**k
        if part.likelihood(w, part.x @ moved) >= before - slack:
            return moved
    return None


def _penalised(part: Groups, v: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Firth's estimate: the maximum of log-likelihood + log|information|/2, by scoring with halved steps."""
    b, value = start, _penalised_likelihood(part, v, start)
    for _ in range(MAX_ITERATIONS):
        step = np.linalg.solve(_information(part.x, v * part.means(part.x @ b)[1]), _penalised_score(part, v, b))
        # Far from the maximum the quadratic is no guide: no linear predictor moves by more than 5 in one step.
        step = step / max(1.0, float(np.abs(part.x @ step).max()) / 5)
        for k in range(HALVINGS):
            moved = b + step / 2**k
            after = _penalised_likelihood(part, v, moved)
            if after >= value - 1e-13 * (abs(value) + v.sum()):
                break
        b, value = moved, after
        # Scoring is not Newton's method here: its steps shrink by a factor, and end in rounding.
        if np.abs(step).max() <= 1e-11 * max(1.0, float(np.abs(b).max())):
            return b
    return _stuck()


def _penalised_likelihood(part: Groups, v: np.ndarray, b: np.ndarray) -> float:
    eta = part.x @ b
    # l*(b) = l(b) + log|x'W x| / 2: Jeffreys' prior as the penalty (Firth 1993).
    sign, size = np.linalg.slogdet(_information(part.x, v * part.means(eta)[1]))
    return part.likelihood(v, eta) + size / 2 if sign > 0 else -np.inf


def _penalised_score(part: Groups, v: np.ndarray, b: np.ndarray) -> np.ndarray:
    """sum x {v (y - mean) + v mean'' (x' A^-1 x)/2}, A the information (Firth 1993, section 3)."""
    mean, slope, second = part.means(part.x @ b)
    return np.asarray(part.x.T @ (v * (part.y - mean + second * leverages(part.x, v * slope) / 2)))


def leverages(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """x_i' A^-1 x_i (m,) with A = sum w x x'."""
    return np.einsum("ij,ij->i", x, np.linalg.solve(_information(x, weights), x.T).T)
