"""The one formula language of the library (formulaic's): formulas read, and the columns that they name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from formulaic import Formula, ModelSpec, SimpleFormula
from formulaic.errors import FormulaicError
from formulaic.materializers import ClusterBy, PandasMaterializer
from formulaic.parser.types import Factor, Term

from spi_analysis.errors import EstimationError, nearest


def parsed(formula: str, ordering: Literal["degree", "none"] = "degree") -> Formula:
    """A formula as its terms, by degree or as written; Q("org.unit") is another way to write `org.unit`."""
    return Formula(re.sub(r"""\bQ\((['"])(.+?)\1\)""", r"`\2`", formula), _ordering=ordering)


def names_in(factor: Factor) -> list[str]:
    """The names in a factor: no texts, attributes or names of arguments."""
    if factor.eval_method is Factor.EvalMethod.LOOKUP:
        return [factor.expr]
    code = re.sub(r"'[^']*'|\"[^\"]*\"", "", factor.expr)
    found = re.findall(r"`([^`]+)`|(?<![\w.`])([^\W\d]\w*)(?!\w*\s*=[^=])", code)
    return [quoted or plain for quoted, plain in found]


def reason(error: Exception) -> str:
    """What is wrong with a formula: one line, without the marks that formulaic puts around the place."""
    return re.sub("⧛.*?m|⧚", "", str(error)).splitlines()[0]


# A model's formula, read for a table: outcome, terms and offset.

OFFSET = "offset("
# What formulas know beside formulaic's own words; an offset is its value.
WORDS = {"pd": pd, "offset": lambda values: values}


@dataclass(frozen=True)
class ModelFrame:
    """A formula for the m complete rows.

    ``data`` (m, ...): their columns; ``x`` (m, p): the terms; ``factors``: the categorical ones of them, by name;
    ``offset`` (m,): what is added with a coefficient of 1. ``outcome``: what stands before "~"; ``y`` (m, k): its
    columns; ``levels``: of each of its factors, none where that is a number. ``specs``: how terms and offset were made.
    """

    data: pd.DataFrame
    x: pd.DataFrame
    factors: pd.DataFrame
    offset: np.ndarray
    outcome: str
    y: pd.DataFrame
    levels: list[list[Any]]
    specs: tuple[ModelSpec, ...]

    @cached_property
    def terms(self) -> dict[str, list[int]]:
        """The places of every term's columns in ``x``, by the term as written; the intercept is none."""
        places = self.specs[0].term_indices
        return {str(term): list(found) for term, found in places.items() if str(term) != "1"}

    def places(self, named: str) -> list[int]:
        """Places in ``x`` of a term, named as in the formula or by the one column that it is made of."""
        return self.terms[self._term(named)]

    def column(self, named: str) -> str:
        """The one column of the table that a term is made of."""
        term = self._term(named)
        columns = self._columns[term]
        if len(columns) != 1:
            raise EstimationError(
                "the term is made of several columns",
                key=term,
                got=", ".join(columns),
                expected="a term of one column",
                hint=f"a row for each of both: margins({columns[0]!r}, at={{{columns[-1]!r}: [one, another]}})",
            )
        return columns[0]

    def changed(self, values: Mapping[str, object]) -> tuple[np.ndarray, np.ndarray]:
        """Terms (m, p) and offset (m,) if every row had these values."""
        require_known(values, self.data.columns, "column")
        columns = {name: self._all_with(name, value) for name, value in values.items()}
        return _evaluated(self.specs, self.data.assign(**columns))

    def _all_with(self, name: str, value: object) -> pd.Series:
        """A column of one value, of the same kind as the table's."""
        column = self.data[name]
        if not pd.api.types.is_numeric_dtype(column):
            require_known([value], pd.unique(column), f"value of {name}")
        dtype = float if pd.api.types.is_float(value) else column.dtype
        return pd.Series([value] * len(column), column.index, dtype=dtype)

    def _term(self, named: str) -> str:
        # x:g and g:x are one interaction.
        same = [term for term in self.terms if sorted(term.split(":")) == sorted(named.split(":"))]
        found = same + [term for term, columns in self._columns.items() if columns == [named]]
        require_known(found[:1] or [named], self.terms, "term of the formula")
        return found[0]

    @cached_property
    def _columns(self) -> dict[str, list[str]]:
        """The columns of the table in every term."""
        found = {
            str(term): [name for factor in term.factors for name in names_in(factor) if name in self.data]
            for term in self.specs[0].terms
        }
        return {term: list(dict.fromkeys(found[term])) for term in self.terms}


def require_known(given: Iterable[object], known: Iterable[object], what: str) -> None:
    """Refuse what is not among the known."""
    names = list(known)
    for one in given:
        if one not in names:
            expected = ", ".join(map(str, names[:20]))
            hint = nearest(str(one), [str(name) for name in names])
            raise EstimationError(f"unknown {what}", got=str(one), expected=expected, hint=hint)


class _Columns(PandasMaterializer):
    """Columns of terms: whatever is no number is a category; first come terms of categories alone, then by numbers."""

    @PandasMaterializer.override
    def _is_categorical(self, values: Any) -> bool:
        array = np.asarray(values)
        return super()._is_categorical(values) or (array.ndim > 0 and not np.issubdtype(array.dtype, np.number))

    @PandasMaterializer.override
    def _cluster_terms(self, terms: Sequence[Term], cluster_by: ClusterBy = ClusterBy.NONE) -> Sequence[Term]:
        clusters: dict[frozenset[str], list[Term]] = {frozenset(): []}
        for term in terms:
            numbers = frozenset(self.factors_of([term], Factor.Kind.NUMERICAL))
            clusters.setdefault(numbers, []).append(term)
        return [term for cluster in clusters.values() for term in sorted(cluster, key=lambda term: term.degree)]

    def factors_of(self, terms: Iterable[Term], *kinds: Factor.Kind) -> dict[str, np.ndarray]:
        """Values of the factors of these kinds, by name."""
        found = [self.factor_cache[factor.expr] for term in terms for factor in term.factors]
        return {one.expr: np.asarray(one.values) for one in found if one.metadata.kind in kinds}


def read_model(formula: str, data: pd.DataFrame) -> ModelFrame:
    """Outcome, terms and offset of the complete rows; levels that none of them has are no levels."""
    if data.empty:
        raise EstimationError("nobody in the domain has an answer to all of the formula", key=formula)
    plain = pd.DataFrame({name: _plain(column) for name, column in data.items()})
    outcome, terms, offset = _sides(formula)
    columns = _Columns(plain, WORDS)
    sides = {"lhs": outcome, "rhs": terms} | ({"offset": offset} if offset else {})
    try:
        made = columns.get_model_matrix(Formula(**sides), na_action="drop", output="pandas")
    except (FormulaicError, ValueError) as error:
        raise _unreadable(formula, reason(error)) from None
    if len(made.rhs) < len(data):
        return read_model(formula, data.loc[made.rhs.index])
    factors = pd.DataFrame(columns.factors_of(terms, Factor.Kind.CATEGORICAL))
    state = made.lhs.model_spec.encoder_state
    named = columns.factors_of(outcome, Factor.Kind.CATEGORICAL, Factor.Kind.NUMERICAL)
    levels = [list(state[name][1].get("categories", ())) for name in named]
    specs = tuple(part.model_spec for part in (made.rhs, *([made.offset] if offset else [])))
    added = _added(made.offset) if offset else np.zeros(len(data))
    return ModelFrame(plain, made.rhs, factors, added, str(outcome), made.lhs, levels, specs)


def _added(columns: pd.DataFrame) -> np.ndarray:
    """The sum (m,) of all offsets."""
    return np.asarray(columns.to_numpy(dtype=float).sum(axis=1))


def _evaluated(specs: Sequence[ModelSpec], data: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Terms (m, p) and offset (m,) of other values, coded as those that the specs were made from."""
    x, *offsets = (_Columns(data, WORDS).get_model_matrix(spec) for spec in specs)
    return x.to_numpy(dtype=float), _added(offsets[0]) if offsets else np.zeros(len(data))


def _sides(formula: str) -> tuple[SimpleFormula, SimpleFormula, SimpleFormula]:
    """The terms before and after "~", as written, and the offsets among the latter."""
    try:
        read = parsed(formula, "none")
    except FormulaicError as error:
        raise _unreadable(formula, reason(error)) from None
    outcome, terms = getattr(read, "lhs", None), getattr(read, "rhs", read)
    if not isinstance(terms, SimpleFormula) or not isinstance(outcome, SimpleFormula | None):
        raise _unreadable(formula, "several parts")
    if not outcome:
        raise _unreadable(formula, "no outcome before ~")
    if not terms or formula.rstrip().endswith("~"):
        raise _unreadable(formula, "no terms after ~")
    offsets = [term for term in terms if any(factor.expr.startswith(OFFSET) for factor in term.factors)]
    if any(len(term.factors) > 1 for term in offsets):
        raise _unreadable(formula, "an offset within another term")
    rest = [term for term in terms if term not in offsets]
    return outcome, *(SimpleFormula(part, _ordering="none") for part in (rest, offsets))


def _unreadable(formula: str, got: str) -> EstimationError:
    return EstimationError("the formula cannot be read", key=formula, got=got, expected="such as y ~ x + C(group)")


def _plain(column: pd.Series) -> pd.Series:
    """A column as formulas know it: levels that occur; nullable numbers as numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.remove_unused_categories()
    if pd.api.types.is_extension_array_dtype(column) and pd.api.types.is_numeric_dtype(column):
        return pd.Series(column.to_numpy(dtype=float, na_value=np.nan), column.index)
    return column
