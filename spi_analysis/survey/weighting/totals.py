"""Population totals, checked before anything is calibrated: every problem is named, all of them at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from spi_analysis.errors import Problem, WeightingError, nearest
from spi_analysis.survey.groups import (
    dot,
    group_counts,
    group_sums,
    is_number,
    product,
    require_columns,
)
from spi_analysis.threads import np, pd


class Fitted(NamedTuple):
    """How many people were fitted to how many independent totals.

    References
    ----------
    Fuller (2002), Survey Methodology 28 (the variance of a regression estimator has the divisor n - p).

    Examples
    --------
    >>> Fitted(people=10, totals=2).variance_factor
    1.25
    """

    people: int
    totals: int

    @property
    def variance_factor(self) -> float:
        """By what the variance of the replicates is to be multiplied: n/(n - p), that of a regression on p totals.

        Replicates keep the classes, merged levels and caps that the sample led to; the factor stands for what these
        would differ by in another sample (docs/methods/replicates.md).
        """
        return self.people / max(self.people - self.totals, 1)


# The table of distinct cells: rows with the same levels in all margins are one row of it.
#
# Quantities that depend on the margins only are computed on this table, whatever the number of rows.


@dataclass(frozen=True)
class Margin:
    """A categorical variable: ``codes`` (n,) index into ``levels`` (L,)."""

    name: str
    levels: list[str]
    codes: np.ndarray


@dataclass(frozen=True)
class Cells:
    """Distinct combinations of levels: ``codes`` (n,) the cell of each row, ``levels`` (M, margins) of each cell."""

    codes: np.ndarray
    levels: np.ndarray

    def __len__(self) -> int:
        return len(self.levels)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n,) or (n, K) per cell: (M,) or (M, K)."""
        return group_sums(self.codes, values, len(self.levels))


def cells_of(margins: list[Margin]) -> Cells:
    """The cells that occur, ordered by the first margin, then the second and so on."""
    n = len(margins[0].codes)
    limit = max(4 * n, 4096)
    key, shape, table = np.zeros(n, dtype=np.intp), [1], np.empty((1, 0), dtype=np.intp)
    for margin in margins:
        size = len(margin.levels)
        if math.prod(shape) * size > limit:
            key, table = _present(key, shape, table, limit)
            shape = [len(table)]
        key = key * size + margin.codes
        shape = [*shape, size]
    return Cells(*_present(key, shape, table, limit))


def _present(key: np.ndarray, shape: list[int], table: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes without gaps for the keys that occur, and the levels behind each code."""
    size = math.prod(shape)
    if size <= limit:
        found = np.flatnonzero(group_counts(key, size))
        number = np.empty(size, dtype=np.intp)
        number[found] = np.arange(len(found))
        codes = number[key]
    else:
        found, codes = np.unique(key, return_inverse=True)
    before, *levels = np.unravel_index(found, shape)
    return codes, np.column_stack([table[before], *levels])


# Columns of any type as codes of texts, fast: two equal texts are one level, whatever they were made of.


def coded(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Codes (n,) into the texts that occur in a column; -1 where the value is missing."""
    codes, values = _factorized(column)
    place: dict[str, int] = {}
    number = [-1 if pd.isna(value) else place.setdefault(str(value), len(place)) for value in values]
    if number != list(range(len(values))):
        # A missing value has code -1 and so reads the last entry, which is -1 too.
        codes = np.array([*number, -1], dtype=np.intp)[codes]
    return codes, list(place)


def _factorized(column: pd.Series) -> tuple[np.ndarray, list]:
    """Codes and the values behind them: all of them occur; some may be equal as texts, or missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _occurring(column.cat.codes.to_numpy(), list(column.cat.categories))
    if column.dtype == object:
        return _of_objects(column.to_numpy())
    codes, values = pd.factorize(column)
    return codes, list(values)


def _occurring(codes: np.ndarray, values: list) -> tuple[np.ndarray, list]:
    """Without the categories that do not occur."""
    occurs = group_counts(codes, len(values)) > 0
    if occurs.all():
        return codes, values
    number = np.where(occurs, np.cumsum(occurs) - 1, -1)
    return np.append(number, -1)[codes], [value for value, here in zip(values, occurs, strict=True) if here]


def _of_objects(values: np.ndarray) -> tuple[np.ndarray, list]:
    codes, found = pd.factorize(values)
    if all(isinstance(value, str) for value in found):
        return codes, list(found)
    # 1, 1.0 and True are equal to a hash table but are not equal texts.
    codes, texts = pd.factorize(pd.Series(values, dtype=object).map(str, na_action="ignore"))
    return codes, list(texts)


# Totals of a population, and checks of them.

INTERCEPT = "(intercept)"
# Known population totals: column ->  {level: persons}, or the total of a numeric column; INTERCEPT -> persons.
Totals = Mapping[str, float | Mapping[object, float]]
# The least and the most that new/old weight may be.
Bounds = tuple[float, float]

# Sums of margins that differ by no more than this, relatively, are one population: a calibrated total counts as met
# when it is missed by that much (calibration.ACCEPTED). 100,000,000 and 100,000,001 agree; 10,000 and 10,001 do not.
AGREEMENT = 1e-7
# A smaller difference is rounding and is not reported.
LAST_DIGITS = 1e-12
# Margins are brought to one total where asked for up to here: tables of one population that were rounded, or dated a
# few months apart. Larger differences mean different populations.
MOST_SCALED = 0.05
# Levels named in one message.
LISTED = 20


def as_texts(total: Mapping[object, float]) -> dict[str, float]:
    """A margin with its levels as text: 1 and "1", True and "True" are one level. What is no number is NaN."""
    return {str(level): float(value) if is_number(value) else np.nan for level, value in total.items()}


def misplaced_problems(df: pd.DataFrame, totals: Totals) -> dict[str, Problem]:
    """Totals that have no column to be compared with, by name."""
    if not isinstance(totals, Mapping):
        return {"": Problem("the totals are no mapping", got=type(totals).__name__, expected="{column: totals}")}
    if not totals:
        return {"": Problem("no totals are given", expected="one margin or one total at least")}
    problems = {name: _column_problem(df, name, total) for name, total in totals.items() if name != INTERCEPT}
    return {name: problem for name, problem in problems.items() if problem is not None}


def _column_problem(df: pd.DataFrame, name: str, total: float | Mapping[object, float]) -> Problem | None:
    if name not in df.columns:
        names = [str(column) for column in df.columns]
        return Problem("a total is given for a column that is not there", column=name, hint=nearest(name, names))
    if not isinstance(total, Mapping) and not pd.api.types.is_numeric_dtype(df[name]):
        return Problem(
            "a single total is given for a column that is not a number",
            column=name,
            got=_shown(total),
            expected="one total per level, {level: total}",
        )
    return None


def value_problems(totals: Totals) -> list[Problem]:
    """Totals that are no counts: missing, negative, or given twice for one level."""
    problems = []
    for name, total in totals.items():
        if not isinstance(total, Mapping):
            problems += [] if is_number(total) else [_odd(name, "", total, "a finite number")]
            continue
        odd = [(str(level), value) for level, value in total.items() if not (is_number(value) and value >= 0)]
        problems += [_odd(name, level, value, "a finite number, 0 or more") for level, value in odd]
        if len({str(level) for level in total}) < len(total):
            problems.append(Problem("a level has two totals", column=name, got=", ".join(map(repr, total))))
    return problems


def _odd(name: str, level: str, value: object, expected: str) -> Problem:
    return Problem("a total is not usable", column=name, key=level, got=_shown(value), expected=expected)


def _shown(value: object) -> str:
    return f"{value:g}" if is_number(value) else str(value)


def _of_level(name: str, levels: list[str]) -> str:
    """The level that may be meant; else what can be done about people of a level without a total."""
    near = nearest(name, levels)
    return near if near.startswith("did") else "give it a total, too (such as what its weights sum to), or recode it"


def level_problems(name: str, values: Mapping[str, float], present: Iterable[str], missing: bool) -> list[Problem]:
    """Levels of the sample without a total, and totals without a row in the sample."""
    problems, levels, found = [], sorted(values), set(present)
    unknown = sorted([*(found - set(levels)), *(["missing"] if missing else [])])
    if unknown:
        problems.append(
            Problem(
                "the margin has levels in the sample that have no total",
                column=name,
                got=_listed(unknown),
                expected=_listed(levels),
                hint=_of_level(unknown[0], levels),
            )
        )
    empty = [level for level in levels if level not in found and values[level] != 0]
    if empty:
        problems.append(_empty_levels(name, {level: values[level] for level in empty}, "a row"))
    return problems


def _listed(names: list[str]) -> str:
    """Names in one line, at most ``LISTED`` of them."""
    return ", ".join(names[:LISTED]) + (f", ... ({len(names)} in all)" if len(names) > LISTED else "")


def missing_problems(name: str, column: np.ndarray) -> list[Problem]:
    """A numeric column must be known for everybody."""
    # One sum checks all values: it is finite only if every value is finite.
    if np.isfinite(column.sum()):
        return []
    bad = ~np.isfinite(column)
    return [Problem("a value is missing", column=name, row=int(bad.argmax()) + 1)] if bad.any() else []


def weightless_problems(name: str, levels: list[str], weights: np.ndarray, targets: np.ndarray) -> list[Problem]:
    """Levels with a total in which nobody has any weight (``weights``, ``targets`` (L,))."""
    empty = np.flatnonzero((weights == 0) & (targets != 0))
    return [_empty_levels(name, {levels[i]: targets[i] for i in empty}, "anyone who has weight")] if len(empty) else []


def _empty_levels(name: str, totals: Mapping[str, float], whom: str) -> Problem:
    return Problem(
        f"the margin has totals for levels without {whom} in the sample",
        column=name,
        got=_listed([f"{level} ({total:g})" for level, total in totals.items()]),
        expected=f"at least one row{'' if whom == 'a row' else ' with weight'} for every level",
        hint="merge the level with another one",
    )


# Margins with different population sizes.


class OnePopulation(NamedTuple):
    """Totals whose margins all add up to one population; ``notes``: what was scaled; ``problems``: what cannot be."""

    totals: Totals
    notes: list[str]
    problems: list[Problem]


def one_population(totals: Totals, scale_margins: bool = False) -> OnePopulation:
    """Margins brought to one total: the intercept's where it is given, else that of the first margin.

    Sums that agree to ``AGREEMENT`` are always brought together, so that every method can meet all of them; with
    ``scale_margins`` so are sums that differ by up to ``MOST_SCALED``. Totals of numeric columns stay as they are.
    """
    sums = _sums(totals)
    name = _deciding(sums)
    wanted = sums.get(name, 0.0)
    away = {other: total / wanted - 1 for other, total in sums.items() if wanted > 0}
    if not away and any(total != wanted for total in sums.values()):
        away = dict.fromkeys(sums, np.inf)
    most = MOST_SCALED if scale_margins else AGREEMENT
    if max(map(abs, away.values()), default=0.0) > most:
        return OnePopulation(totals, [], [_disagreement(sums, away, most)])
    scaled = {other: wanted / sums[other] for other, off in away.items() if off != 0}
    brought = {other: _times(total, scaled.get(other, 1.0)) for other, total in totals.items()}
    notes = [
        f"margin {other} (sum {sums[other]:,.12g}) scaled by {factor:.10g} to the {wanted:,.12g} of {name}"
        for other, factor in scaled.items()
        if abs(away[other]) > LAST_DIGITS
    ]
    return OnePopulation(brought, notes, [])


def _sums(totals: Totals) -> dict[str, float]:
    """The size of the population by the intercept and by every margin."""
    sums = {
        name: sum(as_texts(total if isinstance(total, Mapping) else {INTERCEPT: total}).values())
        for name, total in totals.items()
        if isinstance(total, Mapping) or name == INTERCEPT
    }
    return {name: total for name, total in sums.items() if np.isfinite(total)}


def _deciding(sums: Mapping[str, float]) -> str:
    return INTERCEPT if INTERCEPT in sums else next(iter(sums), "")


def _times(total: float | Mapping[object, float], factor: float) -> float | Mapping[object, float]:
    if factor == 1 or not isinstance(total, Mapping):
        return total
    return {level: value * factor for level, value in total.items()}


def _disagreement(sums: Mapping[str, float], away: Mapping[str, float], most: float) -> Problem:
    listed = ", ".join(f"{name}: {total:,.12g}" for name, total in sums.items())
    largest = max(map(abs, away.values()))
    scalable = most < MOST_SCALED >= largest
    return Problem(
        "the margins disagree about the size of the population",
        got=listed,
        expected=f"one sum for all (a relative difference of {most:g} at most)",
        hint=f"scale_margins=True brings them to the total of {_deciding(sums)}" if scalable else "",
    )


# Auxiliary variables without the full design matrix: calibration needs only totals, products and predictors.
#
# Categorical margins are kept as codes and never expanded; their products are sums over the
# table of distinct cells. Numeric columns are kept as they are and read in blocks of rows.

# Rows per block of numeric columns: small enough for the cache, large enough for a matrix product.
BLOCK = 8_192


@dataclass(frozen=True)
class Auxiliary:
    """Auxiliary variables x_i of n rows: margins first, then numeric columns (the intercept is one).

    Parameters
    ----------
    margins : list of Margin        categorical variables: an indicator per level
    numeric_names : list of str     names of the numeric columns
    columns : list of ndarray (n,)  numeric columns, in their own units

    References
    ----------
    Deville & Sarndal (1992), JASA 87 (the vectors x of calibration).

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["f", "f", "m"], "age": [20, 40, 30]})
    >>> auxiliary, _ = auxiliary_of(people, {"sex": {"f": 40, "m": 15}, "age": 1800})
    >>> auxiliary.names
    ['sex=f', 'sex=m', 'age']
    >>> auxiliary.totals(np.array([10.0, 10.0, 20.0])).tolist()
    [20.0, 20.0, 1200.0]
    """

    margins: list[Margin]
    numeric_names: list[str]
    columns: list[np.ndarray]

    @property
    def names(self) -> list[str]:
        """Name of every auxiliary total."""
        return [f"{m.name}={level}" for m in self.margins for level in m.levels] + self.numeric_names

    @property
    def n_levels(self) -> int:
        """Number of totals that belong to margins; those of numeric columns come after them."""
        return sum(len(m.levels) for m in self.margins)

    @property
    def is_table(self) -> bool:
        """Whether rows of one cell are all alike: margins and an intercept only."""
        return bool(self.margins) and all(name == INTERCEPT for name in self.numeric_names)

    @cached_property
    def cells(self) -> Cells:
        """The distinct cells of the margins."""
        return cells_of(self.margins)

    @cached_property
    def on_cells(self) -> Auxiliary:
        """The same variables for the table of cells, one row per cell (``is_table`` only)."""
        levels = np.ascontiguousarray(self.cells.levels.T)
        margins = [Margin(m.name, m.levels, codes) for m, codes in zip(self.margins, levels, strict=True)]
        return Auxiliary(margins, self.numeric_names, [np.ones(len(self.cells)) for _ in self.columns])

    def level_sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of values (n,) or (n, k) per level of every margin: (levels,) or (levels, k)."""
        return self._of_levels(self.cells.sums(values)) if self.margins else np.empty((0, *values.shape[1:]))

    def totals(self, weights: np.ndarray) -> np.ndarray:
        """sum_i w_i x_i: (p,)."""
        numeric = np.array([dot(weights, column) for column in self.columns])
        return np.concatenate([self.level_sums(weights), numeric])

    def gram(self, weights: np.ndarray) -> np.ndarray:
        """sum_i w_i x_i x_i': (p, p)."""
        numeric = np.zeros((len(self.columns), len(self.columns)))
        weighted = np.empty((len(self.columns), min(BLOCK, len(weights))))
        for rows, block in self._blocks():
            numeric += product(block, np.multiply(block, weights[rows], out=weighted[:, : block.shape[1]]).T)
        if not self.margins:
            return numeric
        # Blocks of sum w x x': margins by margins, margins by numbers, numbers by numbers.
        per_cell = [self.cells.sums(weights * column) for column in self.columns]
        side = self._of_levels(np.column_stack(per_cell) if per_cell else np.empty((len(self.cells), 0)))
        return np.block([[self._crossed(self.cells.sums(weights)), side], [side.T, numeric]])

    @property
    def rank(self) -> int:
        """How many of the totals are independent of each other."""
        n = len(self.margins[0].codes if self.margins else self.columns[0])
        return int(np.linalg.matrix_rank(self.gram(np.ones(n)), hermitian=True))

    def products(self, values: np.ndarray) -> np.ndarray:
        """sum_i x_i values_i': values (n, k) to (p, k)."""
        numeric = np.zeros((len(self.columns), values.shape[1]))
        for rows, block in self._blocks():
            numeric += product(block, values[rows])
        return np.vstack([self.level_sums(values), numeric])

    def predict(self, coefficients: np.ndarray) -> np.ndarray:
        """x_i' coefficients: (p,) or (p, k) to (n,) or (n, k)."""
        n = len(self.margins[0].codes if self.margins else self.columns[0])
        if self.margins:
            starts = self._starts
            parts = (coefficients[starts[j] + self.cells.levels[:, j]] for j in range(len(self.margins)))
            out = sum(parts)[self.cells.codes]
        else:
            out = np.zeros((n, *coefficients.shape[1:]))
        for rows, block in self._blocks():
            out[rows] += np.einsum("ji,j...->i...", block, coefficients[self.n_levels :])
        return out

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(m.levels) for m in self.margins)])

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Numeric columns on top of each other (columns, rows), a block of rows at a time."""
        n = len(self.columns[0]) if self.columns else 0
        buffer = np.empty((len(self.columns), min(BLOCK, n)))
        for start in range(0, n, BLOCK):
            rows = slice(start, min(start + BLOCK, n))
            block = buffer[:, : rows.stop - start]
            for line, column in zip(block, self.columns, strict=True):
                line[:] = column[rows]
            yield rows, block

    def _of_levels(self, table: np.ndarray) -> np.ndarray:
        """Sums of cell values (M,) or (M, k) per level of every margin: (levels,) or (levels, k)."""
        sums = [group_sums(self.cells.levels[:, j], table, len(m.levels)) for j, m in enumerate(self.margins)]
        return np.concatenate(sums)

    def _crossed(self, table: np.ndarray) -> np.ndarray:
        """Sums of cell weights (M,) per pair of levels: (levels, levels)."""
        out = np.zeros((self.n_levels, self.n_levels))
        spans = [slice(a, b) for a, b in zip(self._starts[:-1], self._starts[1:], strict=True)]
        for i, a in enumerate(self.margins):
            for j, b in enumerate(self.margins[: i + 1]):
                pairs = self.cells.levels[:, i] * len(b.levels) + self.cells.levels[:, j]
                crossed = group_sums(pairs, table, len(a.levels) * len(b.levels)).reshape(len(a.levels), -1)
                out[spans[i], spans[j]], out[spans[j], spans[i]] = crossed, crossed.T
        return out


def auxiliary_of(df: pd.DataFrame, totals: Totals, scale_margins: bool = False) -> tuple[Auxiliary, np.ndarray]:
    """The auxiliary variables that the totals name, and the totals in the same order, margins of one population.

    Parameters
    ----------
    df : DataFrame (n, ...)   holds the columns that the totals name
    totals : mapping          as in ``calibrate``
    scale_margins : bool      as in ``calibrate``

    Returns
    -------
    (Auxiliary, ndarray (p,)) : totals of margins in persons, by level name; then those of numeric columns.

    Raises
    ------
    WeightingError   unknown columns, levels of the sample without a total, totals without a row,
        missing values, totals that are no numbers, margins that disagree about the population; all at once.

    References
    ----------
    Deville & Sarndal (1992), JASA 87.

    Examples
    --------
    >>> people = pd.DataFrame({"sex": ["m", "f"], "age": [20, 40]})
    >>> auxiliary, targets = auxiliary_of(people, {"age": 1800, "sex": {"m": 15, "f": 40}})
    >>> dict(zip(auxiliary.names, targets.tolist()))
    {'sex=f': 40.0, 'sex=m': 15.0, 'age': 1800.0}
    """
    require_columns(df, [])
    misplaced = misplaced_problems(df, totals)
    if "" in misplaced:
        raise WeightingError(misplaced[""])
    problems = [*misplaced.values(), *value_problems(totals)]
    totals, _, disagreement = one_population(totals, scale_margins)
    margins, numeric_names, columns, targets = [], [], [], []
    for name, total in totals.items():
        if name in misplaced:
            continue
        if isinstance(total, Mapping):
            values = as_texts(total)
            margin, found = _margin(df[name], name, values)
            problems += found
            margins.append(margin)
            targets.append(np.array([values[level] for level in margin.levels]))
        else:
            column = np.ones(len(df)) if name == INTERCEPT else df[name].to_numpy(dtype=float)
            problems += missing_problems(name, column)
            numeric_names.append(name)
            columns.append(column)
    problems += disagreement
    if problems:
        raise WeightingError(*problems)
    numbers = np.array([float(totals[name]) for name in numeric_names])  # type: ignore[arg-type]
    return Auxiliary(margins, numeric_names, columns), np.concatenate([*targets, numbers])


def _margin(column: pd.Series, name: str, values: Mapping[str, float]) -> tuple[Margin, list[Problem]]:
    """A margin whose levels are those of its totals, in the order of their names."""
    codes, texts = coded(column)
    levels = sorted(values)
    place = {level: i for i, level in enumerate(levels)}
    # A missing value has code -1 and so reads the last entry, which is -1 too.
    of_text = np.array([*(place.get(text, -1) for text in texts), -1], dtype=np.intp)
    problems = level_problems(name, values, texts, missing=bool(len(codes) and codes.min() < 0))
    return Margin(name, levels, of_text[codes]), problems
