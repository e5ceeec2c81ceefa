"""Checks of the input of every step: columns of the table, finite numbers, valid limits."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Literal

from spi_analysis.errors import WeightingError, nearest
from spi_analysis.survey.groups import is_number
from spi_analysis.threads import np, pd

# Numbers and limits.


def is_whole(value: object) -> bool:
    """Whether a value is a whole number; what is true or false is none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def limits_of(lower: float | None, upper: float | None) -> tuple[float, float]:
    """Limits of weights; None is no limit."""
    for limit in (lower, upper):
        if limit is not None and not is_number(limit):
            raise WeightingError("a limit is not usable", got=str(limit), expected="a finite number, or None")
    return -np.inf if lower is None else float(lower), np.inf if upper is None else float(upper)


# The class of a sampled person in weighting: respondent, nonrespondent, of unknown eligibility, or ineligible.

RESPONDENT, NONRESPONDENT, UNKNOWN, INELIGIBLE = range(4)

# Final disposition codes of AAPOR (2023) and plain words for the same.
CLASSES = {
    "I": RESPONDENT,
    "P": RESPONDENT,
    "R": NONRESPONDENT,
    "NC": NONRESPONDENT,
    "O": NONRESPONDENT,
    "UH": UNKNOWN,
    "UO": UNKNOWN,
    "NE": INELIGIBLE,
    "respondent": RESPONDENT,
    "nonrespondent": NONRESPONDENT,
    "unknown": UNKNOWN,
    "ineligible": INELIGIBLE,
}


def classify(status: pd.Series) -> np.ndarray:
    """Integer class of every row, from AAPOR codes, plain words, booleans or 0/1 (1 = respondent).

    Raises
    ------
    WeightingError   a status that is none of these.
    """
    if pd.api.types.is_bool_dtype(status) or pd.api.types.is_numeric_dtype(status):
        numbers = status.astype(float).to_numpy()
        odd = ~np.isin(numbers, (0.0, 1.0))
        if odd.any():
            raise WeightingError(
                "a status is not known",
                column=str(status.name),
                row=int(odd.argmax()) + 1,
                got=f"{numbers[odd][0]:g}",
                expected="1 (respondent) or 0",
            )
        return np.where(numbers == 1, RESPONDENT, NONRESPONDENT)
    classes = status.map(CLASSES)
    if classes.isna().any():
        bad = status[classes.isna()].iloc[0]
        raise WeightingError(
            "a status is not known",
            column=str(status.name),
            got=str(bad),
            expected=", ".join(CLASSES),
            hint=nearest(bad, CLASSES),
        )
    return classes.to_numpy(dtype=int)


def require_known(weights: np.ndarray, classes: np.ndarray, hint: str) -> None:
    """Nobody of unknown eligibility may still have weight, since it would be lost; ``weights`` (n, K), sample first."""
    undecided = weights[classes == UNKNOWN, 0]
    if (undecided > 0).any():
        raise WeightingError(
            "people of unknown eligibility still have weight",
            got=f"{int((undecided > 0).sum())} people with {undecided.sum():.6g}",
            expected="0, or their weight would be lost",
            hint=hint,
        )


# Replicate weights as a table, and how to turn them into a variance.

Method = Literal["bootstrap", "jk1", "jkn", "brr", "fay"]


@dataclass(frozen=True)
class ReplicateWeights:
    """Replicate weights and how to turn them into a variance.

    ``variance = scale * sum_r rscales[r] * (theta_r - centre)**2``.

    Parameters
    ----------
    values : ndarray (n, R)   replicate weights, in persons
    scale : float             factor of the whole sum
    rscales : ndarray (R,)    factor of every replicate
    method : "bootstrap" | "jk1" | "jkn" | "brr" | "fay"   what made them

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, ch. 3 to 5.

    Examples
    --------
    The jackknife of a total of two people, 10 * 1 + 10 * 3 = 40: the replicates say 60 and 20.

    >>> pair = ReplicateWeights(np.array([[0.0, 20.0], [20.0, 0.0]]), 0.5, np.ones(2), "jk1")
    >>> theta = np.array([1.0, 3.0]) @ pair.values
    >>> float(pair.scale * (pair.rscales * (theta - 40) ** 2).sum())
    400.0
    """

    values: np.ndarray
    scale: float
    rscales: np.ndarray
    method: Method
