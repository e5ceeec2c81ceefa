"""Cells of a population, merging of thin cells, sums over groups of rows, and checks of columns and weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TypeGuard, TypeVar

from spi_analysis.errors import Problem, SamplingError, SpiError, WeightingError, nearest
from spi_analysis.threads import np, pd, scipy

# Sums over groups of rows, for one weight vector or many at once. Rows are added up in their order, whatever the form
# of the values: the same rows give the same digits.


def group_sums(
    codes: np.ndarray, values: np.ndarray, size: int | None = None, weights: np.ndarray | None = None
) -> np.ndarray:
    """Sum of values per group.

    Parameters
    ----------
    codes : array (n,) of int          group of every row, 0 to size - 1; below 0: in none
    values : array (n,) or (n, K)      numbers, or true and false
    size : int or None                 number of groups; None: up to the largest code
    weights : array (n,) or None       what every row counts

    Returns
    -------
    array (size,) or (size, K); 0 for a group without rows.

    Raises
    ------
    SpiError   codes, values and weights of different length

    Examples
    --------
    >>> group_sums(np.array([1, 0, -1, 1]), np.array([1.0, 2.0, 4.0, 8.0]), 3).tolist()
    [2.0, 9.0, 0.0]
    >>> group_sums(np.array([1, 0, 1]), np.array([[1.0, 10], [2, 20], [4, 40]]), weights=np.array([1, 1, 0.5])).tolist()
    [[2.0, 20.0], [3.0, 30.0]]
    """
    lengths = {len(part) for part in (codes, values, weights) if part is not None}
    if len(lengths) > 1:
        raise SpiError("the values do not fit the groups", got=f"{len(values)} rows", expected=f"{len(codes)}")
    codes, size, skipped = _inside(codes, size)
    if values.ndim == 1:
        return np.bincount(codes, values if weights is None else weights * values, size)[skipped:]
    if values.shape[1] == 1:
        return group_sums(codes, values[:, 0], size, weights)[skipped:, None]
    return np.asarray(indicator(codes, size, weights) @ values)[skipped:]


def group_counts(codes: np.ndarray, size: int | None = None) -> np.ndarray:
    """Rows per group.

    Parameters
    ----------
    codes : array (n,) of int   group of every row, 0 to size - 1; below 0: in none
    size : int or None          number of groups; None: up to the largest code

    Returns
    -------
    array (size,) of int

    Raises
    ------
    SpiError   codes of more than one dimension

    Examples
    --------
    >>> group_counts(np.array([1, 0, -1, 1]), 3).tolist()
    [1, 2, 0]
    """
    codes, size, skipped = _inside(codes, size)
    return np.bincount(codes, minlength=size)[skipped:]


def _inside(codes: np.ndarray, size: int | None) -> tuple[np.ndarray, int, int]:
    """Codes from 0, their number, and the number of extra first groups (0 or 1) for rows outside all groups."""
    if codes.ndim != 1:
        raise SpiError("the codes of groups are no list", got=f"{codes.ndim} dimensions", expected="one code per row")
    size = int(codes.max(initial=-1)) + 1 if size is None else size
    if codes.min(initial=0) >= 0:
        return codes, size, 0
    # A small integer type would overflow.
    return np.maximum(codes, -1) + np.intp(1), size + 1, 1


def indicator(codes: np.ndarray, size: int, weights: np.ndarray | None = None) -> scipy.sparse.csc_array:
    """The matrix (size, n) that sums rows by their code, each times its weight."""
    n, sparse = len(codes), scipy.sparse
    return sparse.csc_array((np.ones(n) if weights is None else weights, codes, np.arange(n + 1)), shape=(size, n))


def codes_of(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Codes (n,) into the values of a column, all of which occur; -1 where the value is missing.

    As ``pd.factorize``, but whole numbers that lie close together are coded without a table of hashes, in their order.
    """
    whole = column.to_numpy() if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu" else np.empty(0)
    low, high = (int(whole.min()), int(whole.max())) if len(whole) else (0, len(column))
    if high - low >= len(whole):
        return pd.factorize(column)
    codes = np.subtract(whole, low, dtype=np.intp, casting="unsafe")
    found = np.flatnonzero(np.bincount(codes))
    if len(found) <= high - low:
        number = np.empty(high - low + 1, dtype=np.intp)
        number[found] = np.arange(len(found))
        codes = number[codes]
    return codes, pd.Index((found + low).astype(whole.dtype))


@dataclass(frozen=True)
class Groups:
    """Rows in groups: ``codes`` (n,) index into ``labels`` (G,)."""

    codes: np.ndarray
    labels: list[str]

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of ``values`` (n, K) per group: (G, K)."""
        return group_sums(self.codes, values, len(self.labels))

    def spread(self, per_group: np.ndarray) -> np.ndarray:
        """The value of each row's group: (G, K) to (n, K)."""
        return per_group[self.codes]


def groups_of(labels: pd.Series) -> Groups:
    """Groups of equal labels, in the order of the labels."""
    codes, names = pd.factorize(labels, sort=True)
    if (codes < 0).any():
        raise WeightingError(
            "a grouping value is missing",
            column=str(labels.name),
            row=int((codes < 0).argmax()) + 1,
            expected="a value for everyone in the sample",
        )
    return Groups(codes, [str(name) for name in names])


# Labels of cells, and the merging of cells with too few people.

# Separator of the parts of a cell's label.
SEPARATOR = " × "
# The level of missing values.
UNKNOWN_LEVEL = "(unknown)"


def with_unknown_level(column: pd.Series) -> pd.Series:
    """The column as text, with a level of its own, ``UNKNOWN_LEVEL``, for missing values.

    Parameters
    ----------
    column : Series (n,)   values of any type

    Returns
    -------
    Series (n,) of text, none missing; index and name of ``column``.

    Examples
    --------
    >>> with_unknown_level(pd.Series(["f", None, "m"])).tolist()
    ['f', '(unknown)', 'm']
    """
    if isinstance(column.dtype, pd.StringDtype):
        return column.fillna(UNKNOWN_LEVEL).astype("str")
    return column.astype("object").where(column.notna(), UNKNOWN_LEVEL).map(str)


def cell_labels(data: pd.DataFrame, by: list[str]) -> pd.Series:
    """One label per row that joins the columns ``by``; a missing value is a level of its own.

    Parameters
    ----------
    data : DataFrame (n, ...)   holds the columns ``by``
    by : list of str            columns, at least one

    Returns
    -------
    Series (n,) of text, name ``cell``: levels joined by ``SEPARATOR``; index of ``data``.

    Raises
    ------
    SamplingError   ``by`` is empty or names a column that is not there.

    Examples
    --------
    >>> people = pd.DataFrame({"unit": ["audit", "legal"], "sex": ["f", None]})
    >>> cell_labels(people, ["unit", "sex"]).tolist()
    ['audit × f', 'legal × (unknown)']
    """
    if not by:
        raise SamplingError("no column is named", got="an empty list", expected="the columns that make the cells")
    require_columns(data, by, SamplingError)
    parts = [with_unknown_level(data[column]) for column in by]
    label = parts[0]
    for part in parts[1:]:
        label = label + SEPARATOR + part
    return label.rename("cell")


def merge_thin_cells(cells: pd.DataFrame, by: list[str], count: str, minimum: float) -> pd.DataFrame:
    """Merge cells until every group holds at least ``minimum``.

    The rule, as long as a group is thin: the thinnest group joins the thinnest other
    group that shares most of its leading columns (so a thin position class first joins
    another one of the same unit, and only then does a unit join another unit). Ties go
    by label, so the order of rows does not matter.

    Parameters
    ----------
    cells : DataFrame (cells, ...)   one row per cell, columns ``by`` and ``count``
    by : list of str                 from the variable kept longest to the one given up first
    count : str                      column with what is counted (people, respondents)
    minimum : float                  the least a group may hold

    Returns
    -------
    DataFrame (cells, by + ["cell", "group", "merged"]) : group label of each cell, and
    whether it was merged. A group of several cells is named by its thickest cell and
    the number of further ones.

    Raises
    ------
    SamplingError   ``by`` is empty; a column is not there; a cell is given twice; ``minimum`` is no finite number.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13 (collapsing of
    classes).

    Examples
    --------
    The two people of the class clerk in audit join the others of audit, though legal is thinner:

    >>> cells = pd.DataFrame({"unit": ["audit", "audit", "legal"], "class": ["clerk", "head", "head"], "n": [2, 9, 5]})
    >>> merge_thin_cells(cells, ["unit", "class"], "n", minimum=5)["group"].tolist()
    ['audit × head (+1)', 'audit × head (+1)', 'legal × head']
    """
    labels = cell_labels(cells, by)
    require_columns(cells, [count], SamplingError)
    group, merged = merge_thin_labels(labels.tolist(), cells[count].tolist(), minimum)
    return cells[by].assign(cell=labels, group=group, merged=merged)


def merge_thin_labels(labels: Sequence[str], counts: Sequence[float], minimum: float) -> tuple[np.ndarray, np.ndarray]:
    """``merge_thin_cells`` by the labels of the cells: group label of each (C,), and whether it was merged (C,)."""
    if not is_number(minimum):
        raise SamplingError("the least size of a group is no number", got=str(minimum), expected="a finite number")
    if len(set(labels)) < len(labels):
        twice = next(label for i, label in enumerate(labels) if label in labels[:i])
        raise SamplingError("a cell is given twice", got=twice, expected="each once")
    group, merged = np.full(len(labels), "", dtype=object), np.zeros(len(labels), dtype=bool)
    for one in _merged([tuple(label.split(SEPARATOR)) for label in labels], counts, minimum):
        thickest = min(one.members, key=lambda i: (-counts[i], labels[i]))
        further = len(one.members) - 1
        group[one.members] = labels[thickest] + (f" (+{further})" if further else "")
        merged[one.members] = further > 0
    return group, merged


def merged_codes(cells: Sequence[tuple[str, ...]], counts: Iterable[float], minimum: float) -> np.ndarray:
    """Group of each cell (C,) by the rule of ``merge_thin_cells``, without labels: for many repetitions.

    Groups are numbered from 0 by their first cells, so cells that stay alone keep their order.
    ``cells``: the values of each cell as text, from the one kept longest to the one given up first.
    """
    code = np.empty(len(cells), dtype=np.intp)
    groups = sorted(_merged(cells, counts, minimum), key=lambda group: min(group.members))
    for number, group in enumerate(groups):
        code[group.members] = number
    return code


def _merged(cells: Sequence[tuple[str, ...]], counts: Iterable[float], minimum: float) -> list[_Group]:
    groups = [_Group([i], float(n), part) for i, (n, part) in enumerate(zip(counts, cells, strict=True))]
    while len(groups) > 1:
        groups.sort(key=lambda group: (group.count, group.parts))
        if groups[0].count >= minimum:
            break
        thin = groups.pop(0)
        # Cells with the same first value have more in common than others, so only these are compared.
        near = [group for group in groups if thin.parts and group.parts[:1] == thin.parts[:1]] or groups
        partner = min(near, key=lambda group: (-_shared(thin.parts, group.parts), group.count, group.parts))
        groups.remove(partner)
        groups.append(thin.joined(partner))
    return groups


class _Group:
    """Cells that belong together; ``parts`` are the leading values that all of them share."""

    def __init__(self, members: list[int], count: float, parts: tuple[str, ...]) -> None:
        self.members, self.count, self.parts = members, count, parts

    def joined(self, other: _Group) -> _Group:
        parts = self.parts[: _shared(self.parts, other.parts)]
        return _Group([*self.members, *other.members], self.count + other.count, parts)


def _shared(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many leading values two cells have in common."""
    shared = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        shared += 1
    return shared


# Response rates of many cells, drawn together by what chance makes of them.

# The log-odds are found by so many steps of at most 1.
NEWTON_STEPS = 30


def response_tendency(invited: pd.Series, answered: pd.Series) -> pd.Series:
    """How readily the people of every cell answer, as deviations from the log-odds of all.

    Counts are binomial, log-odds normal around those of all; given is the most likely deviation of every cell, drawn
    together by what chance alone would make of it. As a column of ``fixed`` of ``unit_model`` it keeps cells from being
    drawn towards those that answer, where ready cells score higher.

    Parameters
    ----------
    invited, answered : Series (cells,)   people, of one index; ``answered`` at most ``invited``

    Returns
    -------
    Series (cells,), log-odds relative to those of all people together; all 0 where cells differ no more than by chance,
        or where nobody or everybody answered.

    Raises
    ------
    WeightingError   more answered than were invited, or counts below 0.

    References
    ----------
    Breslow & Clayton (1993), JASA 88 (penalised quasi-likelihood); Little & Vartivarian (2005), Survey Methodology 31
    (nonresponse adjustment needs what goes with response and with the answer).

    Examples
    --------
    >>> invited, answered = pd.Series([200, 200, 200]), pd.Series([10, 20, 40])
    >>> response_tendency(invited, answered).round(2).tolist()
    [-0.71, -0.15, 0.58]
    """
    return pd.Series(_apart(invited.to_numpy(dtype=float), answered.to_numpy(dtype=float)), invited.index)


def cell_rates(invited: np.ndarray, answered: np.ndarray) -> np.ndarray:
    """Response rates of cells, drawn together.

    Parameters
    ----------
    invited, answered : array (C,)   people, as in ``response_tendency``; somebody answered

    Returns
    -------
    array (C,), in (0, 1]; also of cells in which nobody answered.

    Raises
    ------
    WeightingError   as ``response_tendency``.

    References
    ----------
    As for ``response_tendency``.

    Examples
    --------
    Rates of 5, 10 and 20 % of 200 people come nearer to the 11.7 % of all:

    >>> cell_rates(np.array([200, 200, 200]), np.array([10, 20, 40])).round(3).tolist()
    [0.061, 0.102, 0.191]
    """
    share = answered.sum() / invited.sum()
    if share == 1:
        return np.ones(len(invited))
    return _inverse_logit(share, _apart(invited, answered))


def _apart(n: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Deviations (C,) of the log-odds of ``r`` of ``n`` people from those of all."""
    if ((r < 0) | (r > n)).any():
        raise WeightingError("more answered than were invited", got=f"{int(((r < 0) | (r > n)).sum())} cells")
    share, apart = r.sum() / n.sum() if n.sum() > 0 else 0.0, np.zeros(len(n))
    if not 0 < share < 1:
        return apart
    chance = n * share * (1 - share)
    # Moments: E (r - n p)^2 = chance + chance^2 variance, to first order.
    variance = (((r - n * share) ** 2).sum() - chance.sum()) / (chance**2).sum()
    for _ in range(NEWTON_STEPS if variance > 0 else 0):
        rate = _inverse_logit(share, apart)
        step = (r - n * rate - apart / variance) / (n * rate * (1 - rate) + 1 / variance)
        apart += np.clip(step, -1, 1)
    return apart


def _inverse_logit(share: float, apart: np.ndarray) -> np.ndarray:
    """Rates whose log-odds are so far from those of ``share``."""
    return 1 / (1 + np.exp(-np.log(share / (1 - share)) - apart))


# Checks of columns, numbers and weights.


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number; True and False are not numbers here."""
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def require_columns(data: pd.DataFrame, columns: Iterable[str], error: type[SpiError] = WeightingError) -> None:
    """Raise for columns that the table does not have, and for objects that are not tables.

    Parameters
    ----------
    data : DataFrame (n, ...)
    columns : iterable of str   names that must be among its columns
    error : class of SpiError   the error of the room that asks

    Returns
    -------
    None

    Raises
    ------
    error   ``data`` is no DataFrame; columns that are missing, each a problem with the name that is nearest to it.

    Examples
    --------
    >>> people = pd.DataFrame({"unit": ["audit"]})
    >>> require_columns(people, ["unit"])
    >>> require_columns(people, ["units"])
    Traceback (most recent call last):
    spi_analysis.errors.WeightingError: a column is missing
      where: column units
      hint: did you mean 'unit'?
    """
    if not isinstance(data, pd.DataFrame):
        raise error("this is no table", got=type(data).__name__, expected="a pandas DataFrame")
    absent = [column for column in columns if column not in data.columns]
    if absent:
        names = [str(column) for column in data.columns]
        raise error(*(Problem("a column is missing", column=str(one), hint=nearest(str(one), names)) for one in absent))


def require_numbers(error: type[SpiError], **values: object) -> None:
    """Raise for values that are no finite numbers, all of them at once, each by its name."""
    bad = [name for name, value in values.items() if not is_number(value)]
    if bad:
        raise error(
            *(Problem(f"{name} is out of range", got=str(values[name]), expected="a finite number") for name in bad)
        )


def numbers_of(data: pd.DataFrame, column: str) -> np.ndarray:
    """A column as floats (n,), missing values allowed; raises where it holds no numbers."""
    require_columns(data, [column])
    return floats_of(data[column], column)


def floats_of(values: pd.Series | np.ndarray | list[float], name: str) -> np.ndarray:
    """Values as floats (n,), missing ones allowed; ``name`` is what an error calls them."""
    series = pd.Series(values)
    if len(series) and not pd.api.types.is_numeric_dtype(series):
        raise WeightingError(
            "this is not a number", column=name, got=f"values such as {series.iloc[0]!r}", expected="numbers"
        )
    return series.to_numpy(dtype=float)


def finite_weights(weights: pd.Series | np.ndarray | list[float]) -> np.ndarray:
    """Weights as floats (n,), none of them missing; calibrated ones may be negative."""
    values = floats_of(weights, "weight")
    _refuse(~np.isfinite(values), values, "weight", "missing or infinite", "a finite number")
    return values


def weights_of(data: pd.DataFrame, weight: str) -> np.ndarray:
    """The weight column as floats; finite and not negative."""
    values = numbers_of(data, weight)
    _refuse(~(np.isfinite(values) & (values >= 0)), values, weight, "missing or negative", "a finite number, 0 or more")
    return values


def effective_n(weights: pd.Series | np.ndarray) -> float:
    """Effective number of respondents: n / Kish's design effect, which is sum(w)**2 / sum(w**2).

    Parameters
    ----------
    weights : Series or array (n,)   in any unit; weights of 0 or below do not count

    Returns
    -------
    float: persons, at most the number with weight; 0 where nobody has any.

    Raises
    ------
    WeightingError   a weight is missing, infinite or no number.

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7.

    Examples
    --------
    (3 + 1)**2 / (9 + 1):

    >>> effective_n([3, 1])
    1.6
    """
    w = finite_weights(weights)
    w = w[w > 0]
    return float(w.sum() ** 2 / (w**2).sum()) if len(w) else 0.0


def _refuse(bad: np.ndarray, values: np.ndarray, column: str, what: str, expected: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise WeightingError(f"a weight is {what}", column=column, row=row + 1, got=str(values[row]), expected=expected)


# Sums over many rows that take one core and no more, and so give the same bits on any number of cores.
#
# A linear algebra library splits large products over all cores, which then wait for each other: on a
# machine that is busy (with other institutions, say) this is many times slower than one core alone.
# Products of small pieces stay below the size where it does so.

# Multiplications in one product of matrices up to which it is not split.
SMALL = 2**18


def dot(left: np.ndarray, right: np.ndarray) -> float:
    """Sum of left * right, (n,) each."""
    return float(np.einsum("i,i->", left, right))


def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left @ right, (p, m) and (m, r), where m is long and p, r are short: (p, r)."""
    p, r = len(left), right.shape[1]
    size = max(16, SMALL // max(p * r, 1))
    count = left.shape[1] // size
    whole = count * size
    pieces = left[:, :whole].reshape(p, count, size).transpose(1, 0, 2)
    summed: np.ndarray = np.matmul(pieces, right[:whole].reshape(count, size, r)).sum(axis=0)
    return summed + left[:, whole:] @ right[whole:]


# Cumulated weights compared with a share of their sum: values that differ by rounding only are equal.
#
# Five of ten weights of 1/3 add up to slightly more than 5/3, so a plain comparison with the share 0.5 is wrong in the
# last digit. All comparisons of cumulated sums with a share use these functions.

# Sums of a million weights are off by less than 1e-10 of their total, and calibrated totals are met to 1e-9 where
# rounding lets them fall no further; one person of ten million counts 1e-7.
ROUNDING = 1e-9
# A share times a count is off by its last digits only.
LAST_DIGITS = 1e-12

Numbers = TypeVar("Numbers", float, "np.ndarray")


def last_reached(cumulative: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Index of the last cumulated weight that does not exceed what is wanted (k,), -1 where even the first does.

    ``cumulative`` (n,), ascending, its last entry the sum of all weights; equal are sums that differ by ``ROUNDING``
    of that.
    """
    return np.searchsorted(cumulative, wanted + ROUNDING * cumulative[-1], side="right") - 1


def half_up(x: Numbers) -> Numbers:
    """The nearest whole number, halves up: what lies below a half by rounding only is a half."""
    return np.floor(x + 0.5 + LAST_DIGITS * np.maximum(np.abs(x), 1))
