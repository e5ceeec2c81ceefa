"""What is odd about one questionnaire alone. Marks are counted by unit and never shown person by person."""

from __future__ import annotations

import numpy as np


def straight_liners(answers: np.ndarray, share: float, min_answered: float) -> np.ndarray:
    """Who gave the same code to at least ``share`` of the items answered (n,).

    Parameters
    ----------
    answers : array (n, items)   codes as ticked, not turned: with items of both directions the same tick
        everywhere contradicts itself
    """
    known = ~np.isnan(answers)
    counts = [(answers == code).sum(axis=1) for code in np.unique(answers[known])]
    commonest = np.max(counts, axis=0) if counts else np.zeros(len(answers))
    answered = known.sum(axis=1)
    return (answered >= max(min_answered * answers.shape[1], 1)) & (commonest >= share * answered)


def speeders(minutes: np.ndarray, share: float) -> np.ndarray:
    """Who took less than ``share`` of the median time (n,); the median is not moved by a few who are odd.

    References
    ----------
    Greszki, Meyer & Schoen (2015), Public Opinion Quarterly 79.
    """
    known = ~np.isnan(minutes)
    if not known.any():
        return np.zeros(len(minutes), dtype=bool)
    return known & (np.where(known, minutes, np.inf) < share * np.median(minutes[known]))
