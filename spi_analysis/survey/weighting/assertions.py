"""A recipe step that changes no weights and checks conditions at its place in the recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.survey.groups import require_columns
from spi_analysis.survey.weighting.diagnostics import kish_deff
from spi_analysis.survey.weighting.recipe import Notes, Prepared, in_replicate, register_step
from spi_analysis.survey.weighting.totals import INTERCEPT, Totals, as_texts, coded, misplaced_problems


@register_step
@dataclass(frozen=True)
class Assert:
    """Stop unless the weights meet the given conditions; all violations are named at once.

    Parameters
    ----------
    max_kish_deff : float or None      the most that Kish's design effect may be, in the sample
    smallest, largest : float or None  limits of the weights of those who have one, in persons, in the sample
    max_ratio : float or None          the most that largest / smallest weight may be, in the sample
    min_cases : int or None            the least that have weight, in the sample
    totals : mapping or None           as in ``calibrate``: held by the sample and by every replicate
    tolerance : float                  relative, for the totals
    column : str                       "": the step leaves the weights alone

    Raises
    ------
    WeightingError   (when applied) all conditions that are violated; totals without a column to compare them with.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7.

    Examples
    --------
    >>> from spi_analysis.survey.weighting import apply_recipe
    >>> sample = pd.DataFrame({"unit": ["a", "b"], "base_weight": [1.0, 3.0], "disposition": "I"})
    >>> apply_recipe(sample, [Assert(max_ratio=3, totals={"unit": {"a": 1, "b": 3}})]).report["done"].tolist()[1]
    ['holds: max_ratio, totals']
    >>> apply_recipe(sample, [Assert(max_ratio=2)])
    Traceback (most recent call last):
    spi_analysis.errors.WeightingError: the weights are too far apart
      where: step Assert
      got: 3
      expected: at most 2
    """

    name = "assert"
    max_kish_deff: float | None = None
    smallest: float | None = None
    largest: float | None = None
    max_ratio: float | None = None
    min_cases: int | None = None
    totals: Totals | None = None
    tolerance: float = 1e-6
    column: str = ""

    def prepare(self, sample: pd.DataFrame, classes: np.ndarray) -> Prepared:
        totals = self.totals or {}
        if totals:
            misplaced = misplaced_problems(sample, totals)
            if misplaced:
                raise WeightingError(*misplaced.values())
            require_columns(sample, [name for name in totals if name != INTERCEPT])

        def apply(weights: np.ndarray, _: np.ndarray) -> np.ndarray:
            problems = self._figure_problems(weights[:, 0])
            for name, total in totals.items():
                problems += _total_problems(sample, name, total, weights, self.tolerance)
            if problems:
                raise WeightingError(*problems)
            return weights

        def review(before: np.ndarray, after: np.ndarray, multiplicity: np.ndarray) -> Notes:
            held = [name for name, value in vars(self).items() if value is not None]
            return Notes(("holds: " + ", ".join(n for n in held if n not in ("tolerance", "column")),))

        return Prepared(apply, review=review)

    def _figure_problems(self, weights: np.ndarray) -> list[Problem]:
        """What is wrong with the weights of the sample."""
        positive = weights[weights > 0]
        cases = len(positive)
        low, high = (float(positive.min()), float(positive.max())) if cases else (np.nan, np.nan)
        checks = [
            ("Kish's design effect is too large", kish_deff(weights), "at most", self.max_kish_deff),
            ("a weight is too small", low, "at least", self.smallest),
            ("a weight is too large", high, "at most", self.largest),
            ("the weights are too far apart", high / low, "at most", self.max_ratio),
            ("too few have a weight", float(cases), "at least", self.min_cases),
        ]
        return [
            Problem(what, got=f"{value:.6g}", expected=f"{sense} {limit:g}")
            for what, value, sense, limit in checks
            if limit is not None and not (value <= limit if sense == "at most" else value >= limit)
        ]


def _total_problems(
    sample: pd.DataFrame, name: str, total: float | Mapping[object, float], weights: np.ndarray, tolerance: float
) -> list[Problem]:
    """Totals that are missed, each with the column of weights that misses it most."""
    if isinstance(total, Mapping):
        targets = as_texts(total)
        codes, texts = coded(sample[name])
        place = {text: i for i, text in enumerate(texts)}
        members = {level: np.flatnonzero(codes == place.get(level, -2)) for level in targets}
        reached = {level: weights[rows].sum(axis=0) for level, rows in members.items()}
    else:
        values = np.ones(len(sample)) if name == INTERCEPT else sample[name].to_numpy(dtype=float)
        # A value that nobody with weight has may be missing.
        has_weight = (weights != 0).any(axis=1)
        targets, reached = {"": float(total)}, {"": values[has_weight] @ weights[has_weight]}
    problems = []
    for level, target in targets.items():
        miss = np.abs(reached[level] - target)
        worst = int(np.argmax(np.where(np.isnan(miss), np.inf, miss)))
        if not miss[worst] <= tolerance * max(abs(target), 1e-300):
            problems.append(
                Problem(
                    f"a total is missed in {in_replicate(worst)}",
                    column=name,
                    key=level,
                    got=f"{reached[level][worst]:.8g}",
                    expected=f"{target:.8g}",
                )
            )
    return problems
