"""Questionnaires that are nearly the same."""

from __future__ import annotations

import numpy as np


def near_duplicates(answers: np.ndarray, share: float, min_answered: float) -> np.ndarray:
    """Pairs of people who gave the same answer to at least ``share`` of the items that both answered.

    Parameters
    ----------
    answers : array (n, items)   answer codes; missing where there is no answer of substance
    share : float                such as 0.85
    min_answered : float         pairs with fewer items in common (share of all items) are left out

    Returns
    -------
    array (pairs, 2) of row numbers, the smaller first.

    References
    ----------
    Kuriakose & Robbins (2016), Statistical Journal of the IAOS 32 (percent match).
    """
    matches, both = match_counts(answers)
    near = (matches >= share * both - 1e-6) & (both >= max(min_answered * answers.shape[1], 1))
    return np.argwhere(np.triu(near, k=1))


def match_counts(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Equal answers, and items answered by both, for every pair of people: (n, n) each.

    A match is a 1 in the same place of two rows of 0 and 1, so the counts are products of matrices; whole numbers
    of this size are exact in single precision.
    """
    known = ~np.isnan(answers)
    matches = np.zeros((len(answers), len(answers)), dtype=np.float32)
    for code in np.unique(answers[known]):
        chosen = (answers == code).astype(np.float32)
        matches += chosen @ chosen.T
    indicator = known.astype(np.float32)
    return matches, indicator @ indicator.T
