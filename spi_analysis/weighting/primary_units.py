"""Primary sampling units and their strata: what replicates resample."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from spi_analysis.errors import WeightingError
from spi_analysis.weighting.groups import groups_of
from spi_analysis.weighting.inputs import numbers_of, require_columns


@dataclass(frozen=True)
class PrimaryUnits:
    """The primary units of a sample, numbered in the order of their strata.

    ``codes`` (n,) unit of every row; ``stratum`` (U,) stratum of every unit; ``sizes`` (H,)
    units n_h per stratum; ``fraction`` (U,) sampling fraction of every unit, in [0, 1]; ``names`` of the strata.
    """

    codes: np.ndarray
    stratum: np.ndarray
    sizes: np.ndarray
    fraction: np.ndarray
    names: list[str]

    @property
    def lonely(self) -> np.ndarray:
        """Strata (H,) with a single unit that stands for others too."""
        return (self.sizes == 1) & (self.varying > 0)

    @cached_property
    def varying(self) -> np.ndarray:
        """Units with f < 1 per stratum (H,)."""
        return np.bincount(self.stratum, self.fraction < 1, len(self.sizes)).astype(np.intp)

    @cached_property
    def order(self) -> np.ndarray:
        """Rows (n,) in the order of their units."""
        if (self.codes[1:] >= self.codes[:-1]).all():
            return np.arange(len(self.codes))
        return np.argsort(self.codes, kind="stable")

    @cached_property
    def ends(self) -> np.ndarray:
        """(U + 1,): unit u has the rows ``order[ends[u] : ends[u + 1]]``."""
        return np.concatenate([[0], np.cumsum(np.bincount(self.codes, minlength=len(self.stratum)))])

    def rows(self, units: slice) -> np.ndarray:
        """Rows of consecutive units, in their order."""
        return self.order[self.ends[units.start] : self.ends[units.stop]]


def primary_units(
    df: pd.DataFrame,
    stratum: str | None,
    psu: str | None,
    pop_size: str | None = None,
    fraction: str | None = None,
) -> PrimaryUnits:
    """The primary units of a table (columns as in ``bootstrap_replicates``).

    Raises
    ------
    WeightingError   no rows; a column or a label is missing; a fraction outside 0 to 1; a population
        size that is not the same for a whole stratum, or a fraction for a whole unit.
    """
    require_columns(df, [c for c in (stratum, psu) if c])
    if not len(df):
        raise WeightingError("there is nobody in the sample", got="0 rows", expected="1 or more")
    groups = groups_of(df[stratum]) if stratum else None
    strata = groups.codes if groups else np.zeros(len(df), dtype=np.intp)
    names = groups.labels if groups else ["all"]
    codes, of_unit = _unit_codes(df, strata, psu)
    sizes = np.bincount(of_unit, minlength=len(names))
    return PrimaryUnits(codes, of_unit, sizes, _fractions(df, codes, of_unit, sizes, pop_size, fraction), names)


def _unit_codes(df: pd.DataFrame, strata: np.ndarray, psu: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Unit of every row (n,), and stratum of every unit (U,)."""
    if psu is None:
        order = np.argsort(strata, kind="stable")
        codes = np.empty(len(df), dtype=np.intp)
        codes[order] = np.arange(len(df))
        return codes, strata[order]
    inside = groups_of(df[psu])
    n_inside = len(inside.labels)
    distinct, codes = np.unique(strata.astype(np.int64) * n_inside + inside.codes, return_inverse=True)
    return codes, distinct // n_inside


def _fractions(
    df: pd.DataFrame,
    codes: np.ndarray,
    of_unit: np.ndarray,
    sizes: np.ndarray,
    pop_size: str | None,
    fraction: str | None,
) -> np.ndarray:
    """f of every unit."""
    if pop_size is not None and fraction is not None:
        raise WeightingError("two corrections are given", got=f"{pop_size} and {fraction}", expected="one of them")
    column = fraction or pop_size
    if column is None:
        return np.zeros(len(of_unit))
    f = numbers_of(df, column)
    strata = of_unit[codes]
    if pop_size is not None:
        f = np.divide(sizes[strata], f, out=np.full(len(df), np.inf), where=f > 0)
    _refuse(~((f >= 0) & (f <= 1 + 1e-12)), f, "a sampling fraction is impossible", column, "0 to 1")
    group, what = (strata, "stratum") if pop_size is not None else (codes, "primary unit")
    first = np.empty(int(group.max()) + 1)
    first[group[::-1]] = f[::-1]
    off = np.abs(f - first[group]) > 1e-9
    _refuse(off, f, f"a sampling fraction is not the same for the whole {what}", column, f"one per {what}")
    return np.minimum(first[of_unit] if pop_size is not None else first, 1.0)


def _refuse(bad: np.ndarray, values: np.ndarray, what: str, column: str, expected: str) -> None:
    if bad.any():
        row = int(bad.argmax())
        raise WeightingError(what, column=column, row=row + 1, got=f"{values[row]:.6g}", expected=expected)
