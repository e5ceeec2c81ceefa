"""Model matrices of binary models: formulas read, people alike in their categories as one row, numbers as they are."""

from __future__ import annotations

import re
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from formulaic import ModelSpec, SimpleFormula
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor, Term
from scipy import sparse

from spi_analysis.errors import WeightingError
from spi_analysis.survey.formulas import names_in, parsed, reason
from spi_analysis.survey.groups import codes_of, group_counts, group_sums, product, require_columns

# Products with blocks X' (p, b) of a model matrix, and systems of their X'WX (p, p).

# Products are made in pieces below these sizes, for which a BLAS starts no threads: threads wait for each other where
# cores are busy (20 times slower), and pieces give the same digits on any number of cores.
PIECE, PIECE_OF_VECTOR = 2**18, 9000
# A column whose (squared) residual on the columns before it is below this share is a linear combination of them.
ALIASED = 1e-11


def predictors(block: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """X b for coefficients (p, K): (b, K)."""
    pieces, end = _pieces(block, coefficients.shape[1])
    made = np.matmul(pieces.transpose(0, 2, 1), coefficients).reshape(end, -1)
    return np.vstack([made, block[:, end:].T @ coefficients])


def products(block: np.ndarray, values: np.ndarray) -> np.ndarray:
    """X'v for values (b, K): (p, K)."""
    pieces, end = _pieces(block, values.shape[1])
    made = np.matmul(pieces, values[:end].reshape(len(pieces), -1, values.shape[1])).sum(axis=0)
    return made + block[:, end:] @ values[end:]


def weighted_grams(block: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """X'WX for every column of ``weights`` (b, K), none negative: (K, p, p)."""
    return np.stack([_gram(block * root) for root in np.sqrt(weights.T)])


def _gram(block: np.ndarray) -> np.ndarray:
    pieces, end = _pieces(block, 1)
    return np.matmul(pieces, pieces.transpose(0, 2, 1)).sum(axis=0) + block[:, end:] @ block[:, end:].T


def _pieces(block: np.ndarray, width: int) -> tuple[np.ndarray, int]:
    """The block as (pieces, p, c), and how many columns these are; the rest is one more, smaller piece."""
    p, b = block.shape
    size = max(1, min(PIECE_OF_VECTOR // max(1, p), PIECE // max(1, p * max(p, width)), b))
    end = b // size * size
    return block[:, :end].reshape(p, end // size, size).transpose(1, 0, 2), end


def independent_columns(gram: np.ndarray) -> np.ndarray:
    """Positions of the columns of X that are no linear combination of the columns before them."""
    size = np.sqrt(np.diag(gram))
    size[size == 0] = 1.0
    left, kept = gram / np.outer(size, size), []
    for j in range(len(left)):
        if left[j, j] > ALIASED:
            kept.append(j)
            # Gaussian elimination: the projection on this column is subtracted from the others.
            left = left - np.outer(left[:, j], left[j]) / left[j, j]
    return np.array(kept, dtype=int)


# Formulas: read, checked, and turned into a sparse model matrix.

# In a product of columns a small number type would overflow or lose digits.
WIDE: dict[str, Literal["int64", "float64"]] = {"i": "int64", "u": "int64", "f": "float64"}


def read_formula(formula: str, status: str | None = None) -> SimpleFormula:
    """The terms of the right-hand side; where ``status`` is given, the left-hand side may only be that.

    Raises
    ------
    WeightingError   a formula that cannot be read, of several parts, without terms, of another column.
    """
    try:
        read = parsed(formula)
    except FormulaicError as error:
        raise _unreadable(formula, error) from error
    outcome, right = getattr(read, "lhs", None), getattr(read, "rhs", read)
    if not isinstance(right, SimpleFormula):
        raise WeightingError("the formula has several parts", got=formula, expected="one right-hand side")
    if outcome is not None and status not in (None, str(outcome)):
        raise WeightingError(
            "the formula explains another column than the status",
            column=str(outcome),
            expected=status,
            hint="leave out what stands before '~'",
        )
    if not right:
        raise WeightingError("the formula has no terms", got=formula, expected="at least one, such as '1'")
    return right


def columns_in(formula: SimpleFormula) -> tuple[str, ...]:
    """The names in a formula that are not functions such as C(...): its columns, each once."""
    factors = [factor for term in formula for factor in term.factors]
    names = ((name, factor.expr) for factor in factors for name in names_in(factor))
    return tuple(dict.fromkeys(name for name, code in names if not re.search(rf"\b{re.escape(name)}\s*[.(]", code)))


def variables_of(term: Term, columns: Container[str]) -> tuple[str, ...]:
    """Those of the columns that a term is made of."""
    names = dict.fromkeys(name for factor in term.factors for name in names_in(factor))
    return tuple(name for name in names if name in columns)


def matrix_of(df: pd.DataFrame, formula: SimpleFormula) -> tuple[sparse.csc_array, ModelSpec]:
    """The model matrix (n, p) and what its columns are, from a table without missing values.

    Raises
    ------
    WeightingError   a formula that does not suit the table.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            made = formula.get_model_matrix(df, context={}, output="sparse", na_action="ignore")
        except FormulaicError as error:
            raise _unreadable(str(formula), error) from error
    return sparse.csc_array(made, dtype=float), made.model_spec


def _complete(column: pd.Series) -> pd.Series:
    missing = column.isna().to_numpy()
    if missing.any():
        raise WeightingError(
            "a predictor is missing",
            column=str(column.name),
            row=int(missing.argmax()) + 1,
            got=f"{int(missing.sum())} people without a value",
            expected="a value for everyone in the model",
            hint="give the missing a level of their own, or leave the column out of the formula",
        )
    wide = WIDE.get(column.dtype.kind)
    return column if wide is None else column.astype(wide)


def _require_finite(matrix: sparse.csc_array, spec: ModelSpec, rows: np.ndarray) -> None:
    """Refuse a matrix with a value that is no number; ``rows``: where its rows stand in the table of people."""
    bad = ~np.isfinite(matrix.data)
    if bad.any():
        first = int(bad.argmax())
        column = int(np.searchsorted(matrix.indptr, first, side="right")) - 1
        raise _infinite(spec.column_names[column], int(rows[matrix.indices[first]]), matrix.data[bad])


def _infinite(column: str, row: int, values: np.ndarray) -> WeightingError:
    return WeightingError(
        "a predictor is not a finite number",
        column=column,
        row=row + 1,
        got=f"{values[0]:g} ({len(values)} values)",
        expected="a number for everyone in the model",
    )


def _unreadable(formula: str, error: FormulaicError) -> WeightingError:
    return WeightingError(
        "the formula cannot be read",
        got=formula,
        expected="such as 'age_group + C(unit) * sex'",
        hint=reason(error),
    )


# The model matrix of a response model: what categories make of it once for all people who are alike in them, numbers as
# they are, all of it dense only block by block.

# Numbers held at once by one block of work.
BLOCK = 2**18
# A column whose values are looked at here and there, and of which so many differ, is not worth grouping.
LOOKED_AT, DISTINCT = 1000, 0.95


@dataclass(frozen=True)
class Design:
    """The model matrix X (rows, kept): columns of a table of cells, and numbers that differ inside cells.

    ``names``, ``variables`` (p,): columns of the formula, and of the data behind each; ``kept``: those
    that are columns of X. ``matrix`` (cells, ...): the columns by cells; ``numbers`` (q, rows): the others, those with
    ``is_number`` (kept,); ``alike`` (rows,): the cell of every row, or None where rows are cells. Numbers are shifted
    by ``centres`` (kept,) in the blocks, so that large values such as years and incomes do not cost digits of X'WX.
    ``cells`` (n,): the row of every person, or None where everyone has their own.
    """

    names: list[str]
    variables: list[tuple[str, ...]]
    kept: np.ndarray
    matrix: sparse.csr_array
    centres: np.ndarray
    cells: np.ndarray | None
    numbers: np.ndarray
    is_number: np.ndarray
    alike: np.ndarray | None

    def blocks(self, width: int = 1) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows, and X' (kept, b) of these rows, for work on ``width`` numbers per row."""
        if self.alike is None:
            yield from self._of_cells(width)
            return
        for rows in self._parts(width):
            block = np.empty((len(self.kept), len(self.alike[rows])))
            block[~self.is_number] = self._dense(self.matrix[self.alike[rows]])
            block[self.is_number] = self.numbers[:, rows]
            yield rows, block

    def without_aliases(self, gram: np.ndarray) -> Design:
        """The design without the columns that are linear combinations of columns before them, by X'WX (p, p)."""
        kept = independent_columns(gram)
        if len(kept) == len(gram):
            return self
        stays = np.isin(np.arange(len(gram)), kept)
        return replace(
            self,
            kept=kept,
            matrix=self.matrix[:, stays[~self.is_number]],
            centres=self.centres[kept],
            numbers=self.numbers[stays[self.is_number]],
            is_number=self.is_number[kept],
        )

    def uncentred(self) -> np.ndarray:
        """The matrix (kept, kept) that turns coefficients of X into those of the columns before they were centred."""
        turn = np.eye(len(self.kept))
        turn[0] -= self.centres
        return turn

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n, K) over the people of every row: (rows, K)."""
        return values if self.cells is None else group_sums(self.cells, values, self.matrix.shape[0])

    def spread(self, values: np.ndarray) -> np.ndarray:
        """The value of the row of every person: (rows, ...) to (n, ...)."""
        return values if self.cells is None else values[self.cells]

    def predict(self, coefficients: np.ndarray) -> np.ndarray:
        """X b: (kept, K) to (rows, K)."""
        of_cells = coefficients[~self.is_number]
        made = np.vstack([predictors(block, of_cells) for _, block in self._of_cells(coefficients.shape[1])])
        if self.alike is None:
            return made
        made = made[self.alike]
        made += predictors(self.numbers, coefficients[self.is_number])
        return made

    def products(self, values: np.ndarray) -> np.ndarray:
        """X'v for values (rows, K): (kept, K)."""
        found = np.empty((len(self.kept), values.shape[1]))
        of_cells = values if self.alike is None else group_sums(self.alike, values, self.matrix.shape[0])
        found[~self.is_number] = self._cell_products(of_cells)
        found[self.is_number] = products(self.numbers, values)
        return found

    def grams(self, weights: np.ndarray) -> np.ndarray:
        """X'WX for every column of ``weights`` (rows, K), none negative: (K, kept, kept)."""
        if self.alike is None:
            return self._cell_grams(weights)
        return np.stack([self._gram(w, self.alike) for w in weights.T])

    def _gram(self, weights: np.ndarray, alike: np.ndarray) -> np.ndarray:
        """X'WX of one weight vector: people of a cell differ in their numbers only, so sums by cell are enough."""
        q, n_cells = len(self.numbers), self.matrix.shape[0]
        by_cell, of_numbers = np.zeros((q, n_cells)), np.zeros((q, q))
        for rows in self._parts(1, 4 * n_cells):
            block = self.numbers[:, rows]
            weighted = block * weights[rows]
            of_numbers += product(weighted, block.T)
            by_cell += group_sums(alike[rows], weighted.T, n_cells).T
        gram, place = np.empty((len(self.kept),) * 2), np.argsort(self.is_number, kind="stable")
        per_cell = group_sums(alike, weights, n_cells)[:, None]
        side = self._cell_products(by_cell.T)
        gram[np.ix_(place, place)] = np.block([[self._cell_grams(per_cell)[0], side], [side.T, of_numbers]])
        return gram

    def _cell_products(self, values: np.ndarray) -> np.ndarray:
        found = np.zeros((self.matrix.shape[1], values.shape[1]))
        for rows, block in self._of_cells(values.shape[1]):
            found += products(block, values[rows])
        return found

    def _cell_grams(self, weights: np.ndarray) -> np.ndarray:
        found = np.zeros((weights.shape[1], *[self.matrix.shape[1]] * 2))
        for rows, block in self._of_cells(weights.shape[1]):
            found += weighted_grams(block, weights[rows])
        return found

    def _of_cells(self, width: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Cells, and their columns of X as rows, a block at a time."""
        size, rows = max(32, BLOCK // max(1, len(self.names), width)), self.matrix.shape[0]
        for start in range(0, rows, size):
            part = slice(start, min(start + size, rows))
            yield part, self._dense(self.matrix[part])

    def _dense(self, rows: sparse.csr_array) -> np.ndarray:
        return np.ascontiguousarray(rows.toarray().T) - self.centres[~self.is_number, None]

    def _parts(self, width: int, at_least: int = 32) -> Iterator[slice]:
        """Consecutive rows, as many as fit into a block."""
        size, rows = max(at_least, BLOCK // max(1, len(self.names), width)), self.numbers.shape[1]
        return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def dense_design(x: np.ndarray) -> Design:
    """The design of a matrix (rows, p) that is there, all of its columns kept as they are."""
    p = x.shape[1]
    return _design([""] * p, [()] * p, sparse.csr_array(x), np.zeros(p), None)


def _design(
    names: Sequence[str],
    variables: list[tuple[str, ...]],
    matrix: sparse.csr_array,
    centres: np.ndarray,
    cells: np.ndarray | None,
) -> Design:
    """A design whose rows are those of ``matrix`` (rows, p)."""
    p, no_numbers = len(variables), np.empty((0, matrix.shape[0]))
    return Design(
        list(names), variables, np.arange(p), matrix, centres, cells, no_numbers, np.zeros(p, dtype=bool), None
    )


def design_of(df: pd.DataFrame, formula: SimpleFormula) -> Design:
    """The model matrix of ``formula`` for the rows of ``df``.

    Where columns stand in the formula as they are, or as C(...), people who are alike in them have the same row: one of
    each cell is enough to make it. Numbers that would make too many cells are kept person by person.

    Raises
    ------
    WeightingError   columns that are not there, missing or infinite predictors.
    """
    factors = [factor for term in formula for factor in term.factors]
    named = list(dict.fromkeys(name for factor in factors for name in names_in(factor)))
    # The others are functions.
    require_columns(df, [name for name in named if name.split(".")[0] in formula.required_variables])
    names = [name for name in named if name in df.columns]
    data = {name: _complete(df[name]) for name in names}
    cells, numbers = cells_of(data, names, len(df)), []
    plain = all(_as_it_is(factor) or AS_LEVELS.fullmatch(factor.expr) for factor in factors)
    if plain and cells is None:
        levels = {name for factor in factors if not _as_it_is(factor) for name in names_in(factor)}
        numbers = [name for name in names if name not in levels and data[name].dtype.kind in WIDE]
    alike = cells_of(data, [name for name in names if name not in numbers], len(df)) if numbers else None
    if alike is not None:
        return _with_numbers(data, formula, numbers, alike)
    everybody = np.arange(len(df))
    one_each = everybody if cells is None else first_rows(cells)
    shown = one_each if plain else everybody
    matrix, spec = matrix_of(_table(data, shown), formula)
    _require_finite(matrix, spec, shown)
    rows = matrix.tocsr() if plain else matrix.tocsr()[one_each]
    persons = np.ones(len(df)) if cells is None else group_counts(cells)
    centres = np.where(_is_centred(spec), persons @ rows / len(df), 0.0)
    return _design(spec.column_names, _behind(spec, names), rows, centres, cells)


def _with_numbers(
    data: Mapping[str, pd.Series], formula: SimpleFormula, numbers: list[str], alike: np.ndarray
) -> Design:
    """The design of people who are alike (n,) in all columns but ``numbers``."""
    values = {name: data[name].to_numpy(dtype=float) for name in numbers}
    for name, column in values.items():
        bad = ~np.isfinite(column)
        if bad.any():
            raise _infinite(name, int(bad.argmax()), column[bad])
    first = first_rows(alike)
    # In the table of cells a number is 1: columns of its terms are multiplied by it person by person.
    matrix, spec = matrix_of(_table(data, first).assign(**dict.fromkeys(numbers, 1.0)), formula)
    variables, table = _behind(spec, list(data)), matrix.tocsr()
    _require_finite(matrix, spec, first)
    is_number = np.array([not set(numbers).isdisjoint(behind) for behind in variables])
    columns = np.ones((int(is_number.sum()), len(alike)))
    for column, j in zip(columns, np.flatnonzero(is_number), strict=True):
        of_cells = matrix[:, [j]].toarray()[:, 0]
        if (of_cells != 1).any():
            column *= of_cells[alike]
        for name in variables[j]:
            column *= values.get(name, 1.0)
    means = group_counts(alike) @ table / len(alike)
    means[is_number] = columns.mean(axis=1)
    centres = np.where(_is_centred(spec), means, 0.0)
    columns -= centres[is_number, None]
    of_cells = _design(spec.column_names, variables, table[:, ~is_number], centres, None)
    return replace(of_cells, numbers=columns, is_number=is_number, alike=alike)


def _table(data: Mapping[str, pd.Series], rows: np.ndarray) -> pd.DataFrame:
    """Some rows of the columns that a formula names; also where it names none."""
    return pd.DataFrame({name: column.iloc[rows] for name, column in data.items()}, index=None if data else rows)


# How a column that is taken by its levels stands in a formula: C(unit), C(unit, contr.sum).
AS_LEVELS = re.compile(r"C\([^()]*\)")


def _as_it_is(factor: Factor) -> bool:
    return factor.eval_method in (Factor.EvalMethod.LOOKUP, Factor.EvalMethod.LITERAL)


def _behind(spec: ModelSpec, names: Container[str]) -> list[tuple[str, ...]]:
    """The columns of the table, which has ``names``, behind every column of the matrix."""
    variables: list[tuple[str, ...]] = [()] * len(spec.column_names)
    for term, columns in spec.term_slices.items():
        variables[columns] = [variables_of(term, names)] * (columns.stop - columns.start)
    return variables


def _is_centred(spec: ModelSpec) -> np.ndarray:
    """Columns (p,) of numeric terms, in a formula with an intercept."""
    centred = np.zeros(len(spec.column_names), dtype=bool)
    for term, columns in spec.term_slices.items():
        kinds = {spec.encoder_state[f.expr][0] for f in term.factors if f.expr in spec.encoder_state}
        centred[columns] = kinds == {Factor.Kind.NUMERICAL} and "1" in spec.terms
    return centred


def cells_of(data: Mapping[str, pd.Series], names: Iterable[str], n: int) -> np.ndarray | None:
    """A code per person (n,), the same for people alike in all columns; None where codes are half as many as people."""
    columns = [data[name] for name in names]
    if any(_nearly_all_differ(column) for column in columns):
        return None
    joint = combined_codes([np.zeros(n, dtype=np.intp), *(codes_of(column)[0] for column in columns)])
    return None if joint.max() >= n / 2 else joint


def _nearly_all_differ(column: pd.Series) -> bool:
    if column.dtype.kind != "f":
        return False
    looked_at = column.to_numpy(dtype=float)[:: max(1, len(column) // LOOKED_AT)]
    return len(np.unique(looked_at)) > DISTINCT * len(looked_at)


def combined_codes(codes: list[np.ndarray]) -> np.ndarray:
    """One code 0, 1, ... per distinct combination of codes (n,), in the order in which they are met."""
    joint, many = codes[0].astype(np.int64), int(codes[0].max()) + 1
    for further in codes[1:]:
        levels = int(further.max()) + 1
        if many * levels >= 2**62:
            joint = pd.factorize(joint)[0]
            many = int(joint.max()) + 1
        joint, many = joint * levels + further, many * levels
    return pd.factorize(joint)[0]


def first_rows(codes: np.ndarray) -> np.ndarray:
    """The first row of every code 0, 1, ..."""
    first = np.empty(int(codes.max()) + 1, dtype=int)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first
