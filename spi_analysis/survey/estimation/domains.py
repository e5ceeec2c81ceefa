"""Domains: disjoint parts of the population, named by the values of columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from spi_analysis.errors import EstimationError
from spi_analysis.survey.estimation.design import SurveyDesign
from spi_analysis.survey.estimation.replication import ReplicateDesign
from spi_analysis.survey.estimation.result import RESULT_COLUMNS
from spi_analysis.survey.groups import group_counts, group_sums, require_columns

By = str | Sequence[str] | None
RESERVED = ("variable", "category", "quantile", *RESULT_COLUMNS, "deff")


@dataclass(frozen=True)
class Domains:
    """D disjoint domains of n rows.

    Parameters
    ----------
    labels : DataFrame (D, ...)   one row per domain, the columns of ``by``
    codes : array (n,) of int     the domain of every row, -1 outside all of them

    Examples
    --------
    >>> domains = domains_of(pd.DataFrame({"unit": ["b", "a", "b"]}), np.ones(3, dtype=bool), "unit")
    >>> len(domains), domains.labels["unit"].tolist(), domains.codes.tolist()
    (2, ['a', 'b'], [1, 0, 1])
    """

    labels: pd.DataFrame
    codes: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum of values in every domain.

        Parameters
        ----------
        values : array (n,)

        Returns
        -------
        array (D,)

        Examples
        --------
        >>> domains = domains_of(pd.DataFrame({"unit": ["b", "a", "b"]}), np.ones(3, dtype=bool), "unit")
        >>> domains.sums(np.array([1.0, 2.0, 4.0])).tolist()
        [2.0, 5.0]
        """
        return group_sums(self.codes, values, len(self))


def domains_of(data: pd.DataFrame, inside: np.ndarray, by: By) -> Domains:
    """Domains by the values of ``by``, sorted; without ``by`` (or an empty list) the rows ``inside`` are one domain.

    Parameters
    ----------
    data : DataFrame (n, ...)
    inside : array (n,) of bool      rows that count; the others are in no domain
    by : str or list of str or None  columns; a row with a missing value is in no domain

    Returns
    -------
    Domains: one per combination of values that occurs, in the order of a categorical column's categories.

    Raises
    ------
    EstimationError   a column is missing or has a name that results use themselves; no row has a value

    Examples
    --------
    >>> people = pd.DataFrame({"unit": ["b", "a", "b", None]})
    >>> domains_of(people, np.array([True, True, False, True]), "unit").codes.tolist()
    [1, 0, -1, -1]
    """
    columns = [] if by is None else [by] if isinstance(by, str) else list(by)
    if not columns:
        return Domains(pd.DataFrame(index=[0]), inside.astype(np.intp) - 1)
    require_columns(data, columns, EstimationError)
    taken = [column for column in columns if column in RESERVED]
    if taken:
        raise EstimationError(
            "a domain column has the name of a column of the result",
            column=", ".join(taken),
            got="one of " + ", ".join(RESERVED),
            expected="another name",
            hint=f"rename it first: df.rename(columns={{{taken[0]!r}: '{taken[0]}_group'}})",
        )
    coded = [_coded(data[column]) for column in columns]
    cell, n_cells = _cells([codes for codes, _ in coded], [len(levels) for _, levels in coded])
    cell = np.where(inside, cell, -1)
    present = np.flatnonzero(group_counts(cell, n_cells))
    if not len(present):
        raise EstimationError("there is no domain", column=", ".join(columns), expected="at least one row with a value")
    number = np.full(n_cells + 1, -1, dtype=np.intp)
    number[present] = np.arange(len(present))
    which = np.unravel_index(present, [max(len(levels), 1) for _, levels in coded])
    parts = zip(columns, coded, which, strict=True)
    return Domains(pd.DataFrame({c: levels.take(codes) for c, (_, levels), codes in parts}), number[cell])


def _coded(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Codes of a column's values in their order, -1 where missing, and the values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy(dtype=np.intp), pd.Index(column.cat.categories)
    codes, levels = pd.factorize(column, sort=True)
    return codes.astype(np.intp), pd.Index(levels)


def _cells(codes: list[np.ndarray], sizes: list[int]) -> tuple[np.ndarray, int]:
    """One code for every combination of codes, -1 where any is missing, and how many there could be."""
    cell, n_cells = np.zeros(len(codes[0]), dtype=np.intp), 1
    for own, size in zip(codes, sizes, strict=True):
        cell = np.where((cell >= 0) & (own >= 0), cell * size + own, -1)
        n_cells *= max(size, 1)
    return cell, n_cells


# Covariance of estimates in disjoint domains, where every row is a primary unit, in one pass over blocks of rows.
#
# A row adds to the estimates of its own domain only, so no column per domain is ever made. With cells
# (stratum h, domain d), n_hd rows with mean influence m_hd and cross-products Q_hd around it,
#
#     cov(d, d)  = sum_h c_h [Q_hd + n_hd (1 - n_hd/n_h) m_hd m_hd'],
#     cov(d, d') = -sum_h c_h n_hd n_hd'/n_h m_hd m_hd'',     c_h = (1 - f_h) n_h/(n_h - 1):
#
# nothing large is subtracted from anything large.

# Rows at a time: a block of 25 variables stays in the processor's cache.
BLOCK = 8192
# Blocks that are added up by one thread.
RUN = 8


def domain_blocks_covariance(
    design: SurveyDesign, domains: Domains, sums: np.ndarray, influence: Callable[[slice], np.ndarray]
) -> np.ndarray:
    """Covariance (k D, k D).

    ``sums`` (k, D, H): weighted influence values summed by domain and stratum; ``influence`` gives them
    for a slice of rows, (k, rows), each in the row's own domain.
    """
    stage = design.stages[0]
    k, n_domains, n_strata = sums.shape
    # Rows outside all domains are in a last cell of their own, where every influence value is 0.
    cell = np.where(domains.codes >= 0, domains.codes * n_strata + stage.stratum, n_domains * n_strata)
    n = group_counts(cell, n_domains * n_strata + 1)[:-1].astype(float).reshape(n_domains, n_strata)
    means = sums / np.maximum(n, 1)
    by_cell = np.concatenate([means.reshape(k, -1), np.zeros((k, 1))], axis=1)
    root = np.sqrt(stage.factor)

    def products(rows: slice) -> np.ndarray:
        values = influence(rows)
        values -= by_cell.take(cell[rows], axis=1)
        values *= root[stage.stratum[rows]]
        return _products_by_domain(values, domains.codes[rows], n_domains)

    return _assemble(_summed(products, len(cell)), means, n, stage.n, stage.factor)


def _summed(products: Callable[[slice], np.ndarray], n: int) -> np.ndarray:
    """Sum over all blocks of rows: on all cores, added up in an order that does not depend on their number."""
    blocks = [slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]
    runs = [blocks[i : i + RUN] for i in range(0, len(blocks), RUN)]

    def total(run: list[slice]) -> np.ndarray:
        return np.sum([products(rows) for rows in run], axis=0)

    if len(runs) == 1:
        return total(runs[0])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.sum(list(pool.map(total, runs)), axis=0)


def _products_by_domain(values: np.ndarray, domain: np.ndarray, n_domains: int) -> np.ndarray:
    """Cross-products (D, k, k) of values (k, rows)."""
    if n_domains == 1:
        return (values @ values.T)[None]
    order, bounds = _runs(domain, n_domains)
    values = values.take(order, axis=1)
    parts = [values[:, bounds[d] : bounds[d + 1]] for d in range(n_domains)]
    return np.array([part @ part.T for part in parts])


def _runs(domain: np.ndarray, n_domains: int) -> tuple[np.ndarray, np.ndarray]:
    """Order that sorts rows by domain, and where the rows of each domain begin and end."""
    order = np.argsort(domain, kind="stable")
    return order, np.searchsorted(domain[order], np.arange(n_domains + 1))


def _assemble(within: np.ndarray, means: np.ndarray, n: np.ndarray, n_h: np.ndarray, factor: np.ndarray) -> np.ndarray:
    k, n_domains, _ = means.shape
    inside = n * (1 - n / n_h)
    sums = (means * (n * np.sqrt(factor / n_h))).reshape(k * n_domains, -1)
    covariance = -(sums @ sums.T).reshape(k, n_domains, k, n_domains)
    for d in range(n_domains):
        spread = means[:, d] * np.sqrt(factor * inside[d])
        covariance[:, d, :, d] = within[d] + spread @ spread.T
    return covariance.reshape(k * n_domains, -1)


# Ratios of two weighted totals in disjoint domains: the engine under means, totals, ratios and proportions.
#
# Estimates stand in the order variable 0 in domains 0 ... D-1, variable 1 in domains 0 ... D-1, and so on.

Design = SurveyDesign | ReplicateDesign


@dataclass(frozen=True)
class Variable:
    """One variable to estimate: numerator values (n,), missing allowed; denominator values, or None for 1."""

    labels: dict[str, object]
    top: np.ndarray
    bottom: np.ndarray | None = None


@dataclass(frozen=True)
class Ratios:
    """k variables in D domains of a design; ``is_total`` leaves the denominator out.

    A row with a missing value is outside that variable's domains.
    """

    design: Design
    variables: list[Variable]
    domains: Domains
    is_total: bool = False

    @cached_property
    def _columns(self) -> list[tuple[np.ndarray, np.ndarray | None, np.ndarray | None]]:
        """Numerator and denominator with 0 for what is missing, and which rows are there (None: all)."""
        return [_without_missing(variable) for variable in self.variables]

    @cached_property
    def _parts(self) -> tuple[np.ndarray, int]:
        """Codes (n,) of the parts that totals are summed over, and parts per domain: strata where that is of use."""
        if isinstance(self.design, SurveyDesign) and self.design.rows_are_units:
            stage = self.design.stages[0]
            n_parts = len(stage.n)
            return np.where(self.domains.codes >= 0, self.domains.codes * n_parts + stage.stratum, -1), n_parts
        return self.domains.codes, 1

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted sums of numerators and denominators by variable, domain and part: (k, D, parts) each."""
        codes, n_parts = self._parts
        w = self.design.weights
        shape = (len(self.domains), n_parts)

        def sums(values: np.ndarray) -> np.ndarray:
            return group_sums(codes, values, shape[0] * n_parts).reshape(shape)

        everybody = sums(w)
        tops = [sums(w * top) for top, _, _ in self._columns]
        bottoms = [
            sums(w * bottom) if bottom is not None else everybody if valid is None else sums(w * valid)
            for _, bottom, valid in self._columns
        ]
        return np.array(tops), np.array(bottoms)

    @cached_property
    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted totals of numerators and of denominators, (k, D) each."""
        tops, bottoms = self._sums
        return tops.sum(axis=2), bottoms.sum(axis=2)

    @cached_property
    def estimates(self) -> np.ndarray:
        """Estimates (k, D); missing where a denominator is 0."""
        tops, bottoms = self.totals
        return tops if self.is_total else _divide(tops, bottoms)

    def covariance(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Covariance (k D, k D), and the estimates in every replicate (R, k D) where the design has any."""
        if isinstance(self.design, ReplicateDesign):
            replicates = self._replicates(self.design)
            return self.design.covariance_of(self.estimates.ravel(), replicates), replicates
        if self.design.rows_are_units:
            covariance = domain_blocks_covariance(
                self.design, self.domains, self._influence_sums(), self._influence_of_rows
            )
        else:
            covariance = self.design.covariance(self._influence(), self._present(self.design))
        empty = np.isnan(self.estimates).ravel()
        covariance[empty, :] = np.nan
        covariance[:, empty] = np.nan
        return covariance, None

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows with a value and a positive weight, and degrees of freedom: (k, D) each.

        Variables with the same gaps have the same of both: they are counted once.
        """
        found: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}
        keys = [b"" if valid is None else np.packbits(valid > 0).tobytes() for _, _, valid in self._columns]
        for key, (_, _, valid) in zip(keys, self._columns, strict=True):
            if key not in found:
                found[key] = self._count(None if valid is None else valid > 0)
        return np.array([found[key][0] for key in keys]), np.array([found[key][1] for key in keys])

    def fewest(self) -> np.ndarray:
        """People (k, D) on the smaller side of a variable of two values; of any other its rows, as in ``counts``.

        Of a ratio those who could say yes count: a rate among people with contact is told by those with contact.
        """
        found = self.counts()[0].copy()
        counted = (self.design.weights > 0) & (self.domains.codes >= 0)
        for j, (top, bottom, valid) in enumerate(self._columns):
            rows = counted if valid is None else counted & (valid > 0)
            rows = rows if bottom is None else rows & (bottom != 0)
            values = np.unique(top[rows])
            if len(values) == 2:
                upper = group_counts(np.where(rows & (top == values[1]), self.domains.codes, -1), len(self.domains))
                all_of_it = group_counts(np.where(rows, self.domains.codes, -1), len(self.domains))
                found[j] = np.minimum(upper, all_of_it - upper)
        return found

    def certain(self) -> np.ndarray:
        """Estimates (k, D) from a census: everybody they are made of was taken for sure."""
        drawn = (self.design.weights > 0) & ~self.design.census_rows
        if drawn.all():
            return np.zeros(self.estimates.shape, dtype=bool)
        rows = [drawn if valid is None else drawn & (valid > 0) for _, _, valid in self._columns]
        return np.array([self.domains.sums(row.astype(float)) == 0 for row in rows])

    def _count(self, valid: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        codes = self.domains.codes if valid is None else np.where(valid, self.domains.codes, -1)
        weighted = np.where(self.design.weights > 0, codes, -1)
        n = group_counts(weighted, len(self.domains))
        return n, self.design.df_by(codes, len(self.domains))

    def simple_variances(self, replace: bool) -> np.ndarray:
        """Variance (k, D) under simple random sampling of as many rows, without or with replacement (R survey's)."""
        found = np.empty(self.estimates.shape)
        for j, (top, bottom, valid) in enumerate(self._columns):
            w = self.design.weights if valid is None else self.design.weights * valid
            people, n = self.domains.sums(w), self.domains.sums((w > 0).astype(float))
            y = top if bottom is None else np.divide(top, bottom, out=np.zeros_like(top), where=bottom != 0)
            with np.errstate(invalid="ignore", divide="ignore"):
                mean = self.domains.sums(w * y) / people
                spread = self.domains.sums(w * (y - mean[self.domains.codes]) ** 2) / people * n / (n - 1)
                simple = spread / n * (1.0 if replace else (people - n) / people)
            found[j] = np.where(simple > 0, simple * (people**2 if self.is_total else 1.0), np.nan)
        return found

    @cached_property
    def _centre_and_scale(self) -> tuple[np.ndarray, np.ndarray]:
        """What influence values are measured from and divided by, (k, D) each."""
        if self.is_total:
            return np.zeros_like(self.estimates), np.ones_like(self.estimates)
        return np.nan_to_num(self.estimates), np.where(self.totals[1] != 0, self.totals[1], np.inf)

    def _influence_sums(self) -> np.ndarray:
        """Weighted influence values summed by variable, domain and part."""
        # Linearised ratio: u_i = w_i (y_i - R x_i) / X (Sarndal, Swensson & Wretman 1992, section 5.6).
        (tops, bottoms), (centre, scale) = self._sums, self._centre_and_scale
        return (tops - centre[:, :, None] * bottoms) / scale[:, :, None]

    def _influence_of_rows(self, rows: slice) -> np.ndarray:
        """Weighted influence values of some rows in their own domain, (k, rows); 0 outside all of them."""
        domain = self.domains.codes[rows]
        weights = self.design.weights[rows] * (domain >= 0)
        centre, scale = self._centre_and_scale
        values = np.empty((len(self.variables), len(domain)))
        for j, (top, bottom, valid) in enumerate(self._columns):
            base = bottom if bottom is not None else valid
            fitted = centre[j][domain] if base is None else centre[j][domain] * base[rows]
            np.subtract(top[rows], fitted, out=values[j])
            # Where nothing is missing all means have the same denominator, and one division is enough.
            if j == 0 or not np.array_equal(scale[j], scale[j - 1]):
                factor = weights / scale[j][domain]
            values[j] *= factor
        return values

    def _influence(self) -> np.ndarray:
        """Unweighted influence values of every row on every estimate, (n, k D)."""
        w, codes = self.design.weights, self.domains.codes
        weighted = self._influence_of_rows(slice(None))
        own = np.divide(weighted, w, out=np.zeros_like(weighted), where=w != 0)
        values = np.zeros((len(codes), len(self.variables), len(self.domains)))
        inside = np.flatnonzero(codes >= 0)
        values[inside, :, codes[inside]] = own[:, inside].T
        return values.reshape(len(codes), -1)

    def _present(self, design: SurveyDesign) -> np.ndarray | None:
        """Rows in the domain of every estimate, (n, k D), where the variance asks for them."""
        if design.lonely_psu != "average":
            return None
        inside = self.domains.codes[:, None] == np.arange(len(self.domains))
        return np.hstack([inside if valid is None else inside & (valid > 0)[:, None] for _, _, valid in self._columns])

    def _replicates(self, design: ReplicateDesign) -> np.ndarray:
        """Estimates in every replicate: (R, k D)."""
        tops = np.column_stack([top for top, _, _ in self._columns])
        bottoms = np.column_stack([_bottom(self._columns, j) for j in range(len(self.variables))])
        found = np.empty((design.replicates.shape[1], len(self.variables), len(self.domains)))
        for d in range(len(self.domains)):
            rows = self.domains.codes == d
            weights = design.replicates.T if rows.all() else design.replicates[rows].T
            sums = weights @ tops[rows]
            found[:, :, d] = sums if self.is_total else _divide(sums, weights @ bottoms[rows])
        return found.reshape(len(found), -1)


def _without_missing(variable: Variable) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    missing = np.isnan(variable.top)
    if variable.bottom is not None:
        missing |= np.isnan(variable.bottom)
    if not missing.any():
        return variable.top, variable.bottom, None
    bottom = None if variable.bottom is None else np.where(missing, 0.0, variable.bottom)
    return np.where(missing, 0.0, variable.top), bottom, (~missing).astype(float)


def _bottom(columns: list[tuple[np.ndarray, np.ndarray | None, np.ndarray | None]], j: int) -> np.ndarray:
    top, bottom, valid = columns[j]
    return bottom if bottom is not None else np.ones(len(top)) if valid is None else valid


def _divide(tops: np.ndarray, bottoms: np.ndarray) -> np.ndarray:
    return np.divide(tops, bottoms, out=np.full(tops.shape, np.nan), where=bottoms != 0)


def labels_of(ratios: Ratios) -> pd.DataFrame:
    """Labels of every estimate: those of the variable, then those of the domain."""
    k, of_domains = len(ratios.variables), ratios.domains.labels
    names = ratios.variables[0].labels
    of_variables = pd.DataFrame({name: [variable.labels[name] for variable in ratios.variables] for name in names})
    columns = {name: np.repeat(of_variables[name].to_numpy(), len(of_domains)) for name in of_variables}
    return pd.DataFrame(columns | {name: np.tile(of_domains[name].to_numpy(), k) for name in of_domains})
