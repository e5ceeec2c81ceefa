"""Replicate weights determined by the design: jackknife, balanced repeated replication, Fay's method."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from spi_analysis.errors import Problem, WeightingError, nearest
from spi_analysis.survey.groups import group_counts, groups_of, numbers_of, require_columns, weights_of
from spi_analysis.survey.weighting.inputs import ReplicateWeights
from spi_analysis.threads import np, pd

# Primary sampling units and their strata: what replicates resample.


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
        """Strata (H,) with a single unit and a sampling fraction below 1."""
        return (self.sizes == 1) & (self.varying > 0)

    @cached_property
    def varying(self) -> np.ndarray:
        """Units with f < 1 per stratum (H,)."""
        return group_counts(self.stratum[self.fraction < 1], len(self.sizes))

    @cached_property
    def order(self) -> np.ndarray:
        """Rows (n,) in the order of their units."""
        if (self.codes[1:] >= self.codes[:-1]).all():
            return np.arange(len(self.codes))
        return np.argsort(self.codes, kind="stable")

    @cached_property
    def ends(self) -> np.ndarray:
        """(U + 1,): unit u has the rows ``order[ends[u] : ends[u + 1]]``."""
        return np.concatenate([[0], np.cumsum(group_counts(self.codes, len(self.stratum)))])

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
    sizes = group_counts(of_unit, len(names))
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


# The delete-one-unit jackknife, with rules for a stratum of one unit.

LonelyRule = Literal["fail", "certainty", "adjust", "average"]
LONELY_RULES = ("fail", "certainty", "adjust", "average")


def jackknife_replicates(
    df: pd.DataFrame,
    weight: str,
    stratum: str | None = None,
    psu: str | None = None,
    pop_size: str | None = None,
    lonely_psu: LonelyRule = "fail",
) -> ReplicateWeights:
    """Delete-one-primary-unit jackknife: JK1 without strata, JKn with.

    One replicate per primary unit: that unit gets weight 0, the others of its stratum
    ``weight * n_h/(n_h-1)``. Each replicate's share of the variance is
    ``(1 - n_h/N_h) * (n_h-1)/n_h``.

    Parameters
    ----------
    df : DataFrame (n, ...)      one row per sampled person
    weight : str                 base weight, in persons
    stratum, psu : str or None   columns; without ``psu`` every row is a primary unit
    pop_size : str or None       column with the primary units N_h of the stratum; None: no correction
    lonely_psu : str   a stratum with one primary unit that stands for others too: fail; certainty (adds
        nothing; R's "certainty" and "remove"); adjust (its replicate leaves the whole stratum out and
        lets the other H - 1 strata stand for it, share (H-1)/H); average (the mean variance of a
        replicate). The rules are those of R's ``survey::jknweights``.

    Returns
    -------
    ReplicateWeights, values (n, number of primary units), in persons. A replicate without share in the variance
    (a census, or a lonely unit left alone) has rscale 0 and the weights unchanged.

    Raises
    ------
    WeightingError   lonely primary units, all of them, under "fail" (or where nothing else is left to compare with); an
        unknown rule; no rows; a column, weight or label that is missing; population sizes that are impossible or differ
        inside a stratum.

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, ch. 4; Lumley (2010), Complex Surveys, ch. 2 (replicate
    weights).

    Examples
    --------
    >>> people = pd.DataFrame({"w": [10.0, 10.0, 20.0]})
    >>> replicates = jackknife_replicates(people, "w")
    >>> replicates.values.tolist(), round(replicates.scale, 3)
    ([[0.0, 15.0, 15.0], [15.0, 0.0, 15.0], [30.0, 30.0, 0.0]], 0.667)
    """
    if lonely_psu not in LONELY_RULES:
        hint = nearest(lonely_psu, LONELY_RULES)
        raise WeightingError("unknown lonely_psu rule", got=lonely_psu, expected=", ".join(LONELY_RULES), hint=hint)
    weights = weights_of(df, weight)
    units = primary_units(df, stratum, psu, pop_size)
    if units.lonely.any() and (lonely_psu == "fail" or (lonely_psu != "certainty" and units.lonely.all())):
        raise _lonely_error(units)
    values = weights[:, None] * _unit_factors(units, lonely_psu)[units.codes]
    share = _shares(units, lonely_psu)
    if stratum is None:
        return ReplicateWeights(values, float(share[0]), np.ones(len(share)), "jk1")
    # The average rule: the mean variance of the other replicates takes the place of a lonely unit's.
    left_out = units.lonely.sum() if lonely_psu == "average" else 0
    return ReplicateWeights(values, len(share) / (len(share) - left_out), share, "jkn")


def _unit_factors(units: PrimaryUnits, lonely_psu: LonelyRule) -> np.ndarray:
    """Factor of every unit in the replicate of every unit: (U, U)."""
    n, n_strata = units.sizes[units.stratum], len(units.sizes)
    # n_h / (n_h - 1) for the other units of the stratum, 0 for the unit that is left out.
    inflate = np.where(n > 1, n / np.maximum(n - 1, 1), 1.0)
    factors = np.where(units.stratum[:, None] == units.stratum[None, :], inflate[None, :], 1.0)
    np.fill_diagonal(factors, np.where(n > 1, 0.0, 1.0))
    if lonely_psu == "adjust":
        for unit in np.flatnonzero(units.lonely[units.stratum]):
            factors[:, unit] = n_strata / (n_strata - 1)
            factors[unit, unit] = 0.0
    return factors


def _shares(units: PrimaryUnits, lonely_psu: LonelyRule) -> np.ndarray:
    """Share of every replicate in the variance: (U,)."""
    n = units.sizes[units.stratum]
    # JKn (Wolter 2007, ch. 4): (1 - f_h) (n_h - 1) / n_h.
    share = (1 - units.fraction) * (n - 1) / n
    if lonely_psu == "adjust":
        n_strata = len(units.sizes)
        share[units.lonely[units.stratum]] = (n_strata - 1) / n_strata
    return share


def _lonely_error(units: PrimaryUnits) -> WeightingError:
    return WeightingError(
        *(
            Problem(
                "a stratum has a single primary unit",
                key=units.names[h],
                got="1",
                expected="2 or more",
                hint='merge it with another stratum, or choose lonely_psu="certainty" or "adjust"',
            )
            for h in np.flatnonzero(units.lonely)
        )
    )


# Balanced repeated replication and Fay's method.


def brr_replicates(df: pd.DataFrame, weight: str, stratum: str, psu: str, fay: float = 0.0) -> ReplicateWeights:
    """Balanced repeated replication for two primary units per stratum; with ``fay`` > 0, Fay's method.

    In every replicate one unit of each stratum gets ``weight * (2 - fay)`` and the other
    ``weight * fay``, by the rows of a Hadamard matrix, so that strata are balanced.

    Parameters
    ----------
    df : DataFrame (n, ...)   one row per sampled person
    weight : str              base weight, in persons
    stratum, psu : str        columns
    fay : float               0 <= fay < 1

    Returns
    -------
    ReplicateWeights, values (n, R) in persons: R the smallest Hadamard order above the number of strata; scale
    1/(R (1-fay)**2).

    Raises
    ------
    WeightingError   strata without exactly two primary units, all of them; fay outside 0 to 1; no rows; a column,
        weight or label that is missing.

    References
    ----------
    McCarthy (1969), Review of the International Statistical Institute 37; Judkins (1990), Journal of Official
    Statistics 6.

    Examples
    --------
    >>> people = pd.DataFrame({"stratum": ["a", "a", "b", "b"], "psu": [1, 2, 1, 2], "w": [10.0, 10.0, 20.0, 20.0]})
    >>> replicates = brr_replicates(people, "w", "stratum", "psu")
    >>> replicates.values.tolist()
    [[20.0, 0.0, 20.0, 0.0], [0.0, 20.0, 0.0, 20.0], [40.0, 0.0, 0.0, 40.0], [0.0, 40.0, 40.0, 0.0]]
    >>> replicates.scale
    0.25
    """
    if not 0 <= fay < 1:
        raise WeightingError("fay is out of range", got=str(fay), expected="0 or more, below 1")
    weights = weights_of(df, weight)
    units = primary_units(df, stratum, psu)
    _refuse_other_than_pairs(units)
    n_strata = len(units.sizes)
    signs = hadamard(n_strata + 1)[:, 1 : n_strata + 1]
    # Units are numbered in the order of their strata: even ones are the first of their pair.
    side = np.where(units.codes % 2 == 0, 1, -1)
    # Where the sign of the stratum is + its first unit gets 2 - fay and its second fay; where it is -, the reverse.
    factors = np.where(signs[:, units.codes // 2].T * side[:, None] > 0, 2 - fay, fay)
    n_replicates = signs.shape[0]
    # Judkins (1990): v = sum_r (theta_r - theta)**2 / (R (1 - fay)**2).
    scale = 1 / (n_replicates * (1 - fay) ** 2)
    method: Literal["brr", "fay"] = "fay" if fay else "brr"
    return ReplicateWeights(weights[:, None] * factors, scale, np.ones(n_replicates), method)


def _refuse_other_than_pairs(units: PrimaryUnits) -> None:
    problems = [
        Problem("a stratum does not have two primary units", key=units.names[h], got=str(units.sizes[h]), expected="2")
        for h in np.flatnonzero(units.sizes != 2)
    ]
    if problems:
        raise WeightingError(*problems)


def hadamard(least: int) -> np.ndarray:
    """A Hadamard matrix of the smallest available order >= least (Sylvester and Paley constructions)."""
    order = max(4, -(-least // 4) * 4)
    while (matrix := _hadamard_of(order)) is None:
        order += 4
    return matrix


def _hadamard_of(order: int) -> np.ndarray | None:
    if order in (1, 2):
        return np.array([[1]]) if order == 1 else np.array([[1, 1], [1, -1]])
    prime = order - 1
    if prime % 4 == 3 and all(prime % d for d in range(2, int(prime**0.5) + 1)):
        return _paley(prime)
    half = _hadamard_of(order // 2) if order % 2 == 0 else None
    return None if half is None else np.kron(np.array([[1, 1], [1, -1]]), half)


def _paley(q: int) -> np.ndarray:
    """Paley's first construction for a prime q = 3 mod 4: order q + 1, first column of ones."""
    squares = {(x * x) % q for x in range(1, q)}
    residue = np.array([0] + [1 if x in squares else -1 for x in range(1, q)])
    jacobsthal = residue[(np.arange(q)[:, None] - np.arange(q)[None, :]) % q]
    # H = [[1, 1'], [1, Q - I]]; Q[i, j] is 1 where i - j is a square modulo q, -1 where it is none, 0 where i = j.
    matrix = np.ones((q + 1, q + 1), dtype=int)
    matrix[1:, 1:] = jacobsthal - np.eye(q, dtype=int)
    return matrix
