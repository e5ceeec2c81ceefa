"""Who answers: probabilities that depend on the list, on the answer itself, or on nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

from spi_analysis.errors import InputError, nearest
from spi_analysis.survey.simulation.population import Population

Effect = float | Mapping[str, float]
# Beyond this log-odds nobody or everybody answers, as far as floats can tell.
_WIDEST = 700.0


@dataclass(frozen=True)
class ResponseModel:
    """logit(p_i) = a + sum_k b_k x_ik + g z_i, with a so that the mean of p over everyone on the list is ``mean``.

    Parameters
    ----------
    label : str            names it in tables
    mean : float           mean probability to answer if invited, in (0, 1]; 1: everyone answers
    effects : mapping column -> number (of a numeric column, per unit) or {level: number}; levels left out are 0
    on_answer : float      g, log-odds per standard deviation of the answer: response that no list variable explains
    answer : str or None   the answer column meant (None: the first)

    Raises
    ------
    InputError   the mean is not above 0, or above 1; from ``probabilities``: a column that is not there, a level that
        nobody has, a numeric column with gaps.

    References
    ----------
    Little & Rubin (2019), Statistical Analysis with Missing Data, section 1.3 (missing at random, or not).

    Examples
    --------
    The odds of a are four times those of b: 0.8 against 0.5, of which the mean is 0.65.

    >>> people = Population.of(pd.DataFrame({"unit": ["a", "b"], "score": [60, 80]}), "score")
    >>> model = ResponseModel("by unit", mean=0.65, effects={"unit": {"a": float(np.log(4))}})
    >>> model.probabilities(people).round(6).tolist()
    [0.8, 0.5]
    """

    label: str
    mean: float
    effects: Mapping[str, Effect] = field(default_factory=dict)
    on_answer: float = 0.0
    answer: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.mean <= 1:
            raise InputError(
                "the mean response is out of range", key=self.label, got=str(self.mean), expected="above 0, at most 1"
            )

    def probabilities(self, people: Population) -> np.ndarray:
        """Probability to answer (N,) of everyone.

        Raises
        ------
        InputError   a column that is not there; a level that nobody has; a numeric column with gaps.
        """
        if self.mean == 1:
            return np.ones(len(people))
        people.require([*self.effects, *([self.answer] if self.answer else [])], f"response {self.label}")
        logit = np.zeros(len(people))
        for name, effect in self.effects.items():
            logit += _effect(people.frame[name], effect)
        logit += self.on_answer * _standardised(people.frame[self.answer or people.answers[0]])
        # The intercept a at which the mean of p over everyone is the one asked for.
        shift = brentq(lambda a: float(expit(logit + a).mean()) - self.mean, -_WIDEST, _WIDEST, xtol=1e-12)
        return np.asarray(expit(logit + shift))


def bias_of_respondents(probability: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Bias of the plain mean of those who answer, to first order: cov(p, y) / mean(p).

    Parameters
    ----------
    probability : array (N,)   probability to answer
    values : array (N, A)      answers; the covariance is that of the finite population (divisor N)

    Returns
    -------
    array (A,), in units of the answers. It has no n in it: no sample size makes it smaller.

    Raises
    ------
    InputError   the arrays differ in length.

    References
    ----------
    Bethlehem (1988), Journal of Official Statistics 4.

    Examples
    --------
    Weighted by who answers the mean is 0.8 * 60 + 0.2 * 80 = 64, the true one is 70.

    >>> bias_of_respondents(np.array([0.8, 0.2]), np.array([[60.0], [80.0]])).round(6).tolist()
    [-6.0]
    """
    if len(probability) != len(values):
        got = f"{len(probability)} probabilities, {len(values)} rows of answers"
        raise InputError("probabilities and answers do not fit", got=got, expected="one of each for every person")
    # Bethlehem (1988): cov(p, y) / mean(p) of the population.
    return np.asarray((probability - probability.mean()) @ values / len(values) / probability.mean())


def _effect(column: pd.Series, effect: Effect) -> np.ndarray:
    if not isinstance(effect, Mapping):
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(values).all():
            raise InputError("a value is no number", column=str(column.name), expected="a number for everyone")
        return effect * values
    levels = column.astype(str)
    unknown = [level for level in effect if level not in set(levels)]
    if unknown:
        raise InputError(
            "a response effect is of a level that nobody has",
            column=str(column.name),
            got=", ".join(unknown),
            hint=nearest(unknown[0], levels.unique()),
        )
    return levels.map(effect).fillna(0.0).to_numpy(dtype=float)


def _standardised(answer: pd.Series) -> np.ndarray:
    values = answer.to_numpy(dtype=float)
    sd = values.std()
    return (values - values.mean()) / sd if sd > 0 else np.zeros(len(values))
