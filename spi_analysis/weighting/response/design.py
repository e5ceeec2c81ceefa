"""The model matrix of a response model: sparse, one row for all people who are alike, dense only block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from formulaic import ModelSpec, SimpleFormula
from formulaic.parser.types import Factor
from scipy import sparse

from spi_analysis.weighting.groups import Groups
from spi_analysis.weighting.response.algebra import independent_columns, predictors
from spi_analysis.weighting.response.formula import matrix_of, variables_of

# Numbers held at once by one block of work.
BLOCK = 2**18


@dataclass(frozen=True)
class Design:
    """The model matrix X (rows, kept).

    ``names``, ``variables`` (p,): columns of the formula, and of the data behind each; ``kept``: those
    that are columns of X. Numbers are shifted by ``centres`` (kept,) in the blocks, so that years and incomes do not
    drown the digits of X'WX. ``cells`` (n,): the row of every person, or None where everyone has their own.
    """

    names: list[str]
    variables: list[tuple[str, ...]]
    kept: np.ndarray
    matrix: sparse.csr_array
    centres: np.ndarray
    cells: np.ndarray | None

    def blocks(self, width: int = 1) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows, and X' (kept, b) of these rows, for work on ``width`` numbers per row."""
        size, rows = max(32, BLOCK // max(1, len(self.names), width)), self.matrix.shape[0]
        for start in range(0, rows, size):
            part = slice(start, min(start + size, rows))
            yield part, np.ascontiguousarray(self.matrix[part].toarray().T) - self.centres[:, None]

    def without_aliases(self, gram: np.ndarray) -> Design:
        """The design without the columns that are sums of columns before them, by X'WX (p, p)."""
        kept = independent_columns(gram)
        if len(kept) == len(gram):
            return self
        return replace(self, kept=kept, matrix=self.matrix[:, kept], centres=self.centres[kept])

    def uncentred(self) -> np.ndarray:
        """The matrix (kept, kept) that turns coefficients of X into those of the columns before they were centred."""
        turn = np.eye(len(self.kept))
        turn[0] -= self.centres
        return turn

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n, K) over the people of every row: (rows, K)."""
        return values if self.cells is None else Groups(self.cells, [""] * self.matrix.shape[0]).sums(values)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """The value of every person's row: (rows, ...) to (n, ...)."""
        return values if self.cells is None else values[self.cells]

    def predict(self, coefficients: np.ndarray) -> np.ndarray:
        """X b: (kept, K) to (rows, K)."""
        return np.vstack([predictors(block, coefficients) for _, block in self.blocks(coefficients.shape[1])])


def design_of(df: pd.DataFrame, formula: SimpleFormula) -> Design:
    """The model matrix of ``formula`` for the rows of ``df``; raises as ``matrix_of``."""
    matrix, spec = matrix_of(df, formula)
    variables: list[tuple[str, ...]] = [()] * matrix.shape[1]
    for term, columns in spec.term_slices.items():
        variables[columns] = [variables_of(term, df)] * (columns.stop - columns.start)
    cells, centres, rows = cells_of(df, variables), _centres(matrix, spec), matrix.tocsr()
    if cells is not None:
        rows = rows[first_rows(cells)]
    return Design(list(spec.column_names), variables, np.arange(len(variables)), rows, centres, cells)


def _centres(matrix: sparse.csc_array, spec: ModelSpec) -> np.ndarray:
    """Means of the columns of numeric terms, in a formula with an intercept; else 0."""
    centres = np.zeros(matrix.shape[1])
    for term, columns in spec.term_slices.items():
        kinds = {spec.encoder_state[f.expr][0] for f in term.factors if f.expr in spec.encoder_state}
        if kinds == {Factor.Kind.NUMERICAL} and "1" in spec.terms:
            centres[columns] = [matrix[:, [j]].toarray()[:, 0].mean() for j in range(columns.start, columns.stop)]
    return centres


def cells_of(df: pd.DataFrame, variables: list[tuple[str, ...]]) -> np.ndarray | None:
    """A code per person, the same for people alike in all variables; None where codes are half as many as people."""
    joint = np.zeros(len(df), dtype=np.int64)
    for name in dict.fromkeys(name for names in variables for name in names):
        joint = combined_codes([joint, pd.factorize(df[name])[0]])
        if joint.max() >= len(df) / 2:
            return None
    return joint


def combined_codes(codes: list[np.ndarray]) -> np.ndarray:
    """One code 0, 1, ... per distinct combination of codes (n,)."""
    joint = codes[0].astype(np.int64)
    for further in codes[1:]:
        joint = pd.factorize(joint * (int(further.max()) + 1) + further)[0]
    return joint


def first_rows(codes: np.ndarray) -> np.ndarray:
    """The first row of every code 0, 1, ..."""
    first = np.empty(int(codes.max()) + 1, dtype=int)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first
