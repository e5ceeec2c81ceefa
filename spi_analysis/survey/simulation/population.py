"""The people a design is tried out on: what the list says of them, and what each would answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError, Problem, nearest
from spi_analysis.survey.groups import SEPARATOR, cell_labels, group_counts


@dataclass(frozen=True)
class Cells:
    """A division of the people.

    Parameters
    ----------
    codes : array of int (N,)         the cell of each person
    values : list of tuple of str     of each cell, its values as text
    people : array (cells,)           people of each cell

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13.

    Examples
    --------
    >>> cells = Population.of(pd.DataFrame({"unit": ["b", "a", "b"], "y": [1, 2, 3]}), "y").cells(("unit",))
    >>> cells.labels, cells.people.tolist(), cells.codes.tolist()
    (['a', 'b'], [1.0, 2.0], [1, 0, 1])
    """

    codes: np.ndarray
    values: list[tuple[str, ...]]
    people: np.ndarray

    @property
    def labels(self) -> list[str]:
        """Names of the cells."""
        return [SEPARATOR.join(value) for value in self.values]


@dataclass(frozen=True, eq=False)
class Population:
    """Everyone on the list, with the answer each would give.

    ``Population.of`` makes one from its table, checked.

    Parameters
    ----------
    frame : DataFrame (N, ...)   list columns and answers
    answers : tuple of str       numeric answer columns, known for everyone, whose means are to be estimated

    Raises
    ------
    InputError   from ``of``: nobody in the frame; an answer column that is missing, not numeric, or not known for
        everyone.

    References
    ----------
    Morris, White & Crowther (2019), Statistics in Medicine 38.

    Examples
    --------
    >>> people = Population.of(pd.DataFrame({"unit": ["a", "a", "b"], "score": [60, 70, 80]}), "score")
    >>> len(people), people.truth.tolist()
    (3, [70.0])
    """

    frame: pd.DataFrame
    answers: tuple[str, ...]
    _cells: dict[tuple[str, ...], Cells] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, frame: pd.DataFrame, answers: str | Sequence[str]) -> Population:
        """A population from its table.

        Raises
        ------
        InputError   nobody in the frame; an answer column that is missing, not numeric, or not known for everyone.
        """
        names = (answers,) if isinstance(answers, str) else tuple(answers)
        problems = [problem for name in names for problem in _answer_problems(frame, name)]
        if frame.empty or not names:
            problems.append(Problem("there is nothing to simulate", got=f"{len(frame)} people, {len(names)} answers"))
        if problems:
            raise InputError(*problems)
        return cls(frame.reset_index(drop=True), names)

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def values(self) -> np.ndarray:
        """Answers (N, A)."""
        return self.frame[list(self.answers)].to_numpy(dtype=float)

    @cached_property
    def truth(self) -> np.ndarray:
        """True means (A,)."""
        return self.values.mean(axis=0)

    def require(self, columns: Sequence[str], what: str) -> None:
        """Error if one of the columns is not in the frame; ``what`` names who needs it."""
        absent = [name for name in columns if name not in self.frame.columns]
        if absent:
            raise InputError(
                *(
                    Problem("a column is missing", column=name, key=what, hint=nearest(name, self.frame.columns))
                    for name in absent
                )
            )

    def cells(self, by: tuple[str, ...]) -> Cells:
        """The people divided by columns (none: one cell)."""
        if by not in self._cells:
            self._cells[by] = self._divided(by)
        return self._cells[by]

    def _divided(self, by: tuple[str, ...]) -> Cells:
        if not by:
            return Cells(np.zeros(len(self), dtype=np.intp), [("all",)], np.array([float(len(self))]))
        codes, labels = pd.factorize(cell_labels(self.frame, list(by)), sort=True)
        values = [tuple(label.split(SEPARATOR)) for label in labels]
        return Cells(codes, values, group_counts(codes).astype(float))


def _answer_problems(frame: pd.DataFrame, name: str) -> list[Problem]:
    if name not in frame.columns:
        return [Problem("a column is missing", column=name, hint=nearest(name, frame.columns))]
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float)
    unknown = int((~np.isfinite(values)).sum())
    if unknown:
        return [
            Problem(
                "an answer is not known", column=name, got=f"{unknown} people without a number", expected="one for each"
            )
        ]
    return []
