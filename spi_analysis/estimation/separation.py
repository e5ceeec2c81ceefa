"""Outcomes that the terms of a model decide: coefficients that run to infinity, and the levels they belong to."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import linprog

from spi_analysis.errors import Problem

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
