"""Formulas: read, checked, and turned into a sparse model matrix."""

from __future__ import annotations

import re
import warnings
from typing import Literal

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec, SimpleFormula
from formulaic.errors import FormulaicError
from formulaic.parser.types import Factor, Term
from scipy import sparse

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.inputs import require_columns

# In a product of columns a small number type would overflow or lose digits.
WIDE: dict[str, Literal["int64", "float64"]] = {"i": "int64", "u": "int64", "f": "float64"}


def read_formula(formula: str, status: str | None = None) -> SimpleFormula:
    """The terms of the right-hand side; where ``status`` is given, the left-hand side may only be that.

    Raises
    ------
    WeightingError   a formula that cannot be read, of several parts, without terms, of another column.
    """
    try:
        parsed = Formula(re.sub(r"""\bQ\((['"])(.+?)\1\)""", r"`\2`", formula))
    except FormulaicError as error:
        raise _unreadable(formula, error) from error
    outcome, right = getattr(parsed, "lhs", None), getattr(parsed, "rhs", parsed)
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


def variables_of(term: Term, df: pd.DataFrame) -> tuple[str, ...]:
    """The columns of ``df`` that a term is made of."""
    names = dict.fromkeys(name for factor in term.factors for name in _names_in(factor))
    return tuple(name for name in names if name in df.columns)


def _names_in(factor: Factor) -> list[str]:
    """The names in a factor: no texts, attributes or names of arguments."""
    if factor.eval_method is Factor.EvalMethod.LOOKUP:
        return [factor.expr]
    code = re.sub(r"'[^']*'|\"[^\"]*\"", "", factor.expr)
    found = re.findall(r"`([^`]+)`|(?<![\w.`])([^\W\d]\w*)(?!\w*\s*=[^=])", code)
    return [quoted or plain for quoted, plain in found]


def matrix_of(df: pd.DataFrame, formula: SimpleFormula) -> tuple[sparse.csc_array, ModelSpec]:
    """The model matrix (n, p), finite, and what its columns are.

    Raises
    ------
    WeightingError   columns that are not there, missing or infinite predictors.
    """
    names = dict.fromkeys(name for term in formula for factor in term.factors for name in _names_in(factor))
    data = pd.DataFrame({name: _complete(df[name]) for name in names if name in df.columns}, index=df.index)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            made = formula.get_model_matrix(data, context={}, output="sparse", na_action="ignore")
        except FormulaicError as error:
            # The others are functions.
            require_columns(df, [name for name in names if name.split(".")[0] in formula.required_variables])
            raise _unreadable(str(formula), error) from error
    matrix = sparse.csc_array(made, dtype=float)
    _require_finite(matrix, made.model_spec)
    return matrix, made.model_spec


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


def _require_finite(matrix: sparse.csc_array, spec: ModelSpec) -> None:
    bad = ~np.isfinite(matrix.data)
    if bad.any():
        first = int(bad.argmax())
        column = int(np.searchsorted(matrix.indptr, first, side="right")) - 1
        raise WeightingError(
            "a predictor is not a finite number",
            column=spec.column_names[column],
            row=int(matrix.indices[first]) + 1,
            got=f"{matrix.data[first]:g} ({int(bad.sum())} values)",
            expected="a number for everyone in the model",
        )


def _unreadable(formula: str, error: FormulaicError) -> WeightingError:
    return WeightingError(
        "the formula cannot be read",
        got=formula,
        expected="such as 'age_group + C(unit) * sex'",
        hint=re.sub("⧛.*?m|⧚", "", str(error)).splitlines()[0],
    )
