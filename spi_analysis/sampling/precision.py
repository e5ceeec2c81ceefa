"""Precision targets: a CV ceiling for every domain and variable, as ceilings on sums of ``a (1/n - 1/N)``.

A total over a domain, from a stratified simple random sample without replacement, has the variance
``sum N**2 S**2 (1/m - 1/N)`` with m completes of N people. With ``m = response * n`` a target says
``sum_h a_h (1/n_h - 1/N_h) <= b``, ``a_h = N_h**2 S_h**2 / response_h``,
``b = (cv Y)**2 - sum_h N_h S_h**2 (1/response_h - 1)``: what a census of the list leaves of the target. Here all
is divided by b, so that every ceiling is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, SamplingError, nearest
from spi_analysis.sampling.allocation import Bound

TARGET_COLUMNS = ("domain", "variable", "cv")
# Sums of a / n are compared with 1 to this.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Ceilings:
    """``loads`` (H, K): a_h / b of stratum h for target k; ``places`` (H, K): the ceiling (of ``size``) it adds to."""

    loads: np.ndarray
    places: np.ndarray
    size: int
    people: np.ndarray

    def used(self, n: np.ndarray) -> np.ndarray:
        """How much of each ceiling an allocation uses (J,): at most 1 is feasible."""
        with np.errstate(divide="ignore", invalid="ignore"):
            open_ = np.where(n < self.people, (self.people - n) / (n * self.people), 0.0)[:, None]
            shares = np.where(self.loads > 0, self.loads * open_, 0.0)
        return np.bincount(self.places.ravel(), shares.ravel(), self.size)

    def of_a_census(self) -> np.ndarray:
        """The loads over N (J,): what ``sum a / n`` of a census would be, beside a ceiling of 1."""
        shares = self.loads / np.maximum(self.people, 1)[:, None]
        return np.bincount(self.places.ravel(), shares.ravel(), self.size)

    def met(self, n: np.ndarray) -> bool:
        return bool((self.used(n) <= 1 + ROUNDING).all())

    def priced(self, prices: np.ndarray) -> np.ndarray:
        """Loads of each stratum, weighed by a price for each ceiling (H,)."""
        return (self.loads * prices[self.places]).sum(axis=1)


def ceilings_of(
    strata: pd.DataFrame, targets: pd.DataFrame, people: np.ndarray, response: np.ndarray
) -> tuple[Ceilings, list[Problem]]:
    """The ceilings, and the targets that even a census of the list would miss."""
    _check_targets(strata, targets)
    loads, places, problems, size = [], [], [], 0
    for domain, variable, cv in targets[list(TARGET_COLUMNS)].itertuples(index=False):
        levels, names = _levels(strata, domain)
        mean, sd = (strata[f"{kind}_{variable}"].to_numpy(dtype=float) for kind in ("mean", "sd"))
        counts = len(names)
        total = np.bincount(levels, people * mean, counts)
        spread = np.bincount(levels, people * sd**2, counts)
        # What a census of the list still lacks, and what the target leaves for the sample.
        lacking = np.bincount(levels, people * sd**2 * (1 / response - 1), counts)
        allowed = (cv * total) ** 2
        room = np.maximum(allowed - lacking, ROUNDING * allowed)
        load = people**2 * sd**2 / response
        scale = np.bincount(levels, people * np.abs(mean), counts)
        centred = (np.abs(total) <= 1e-12 * scale) & (spread > 0)
        for level in np.flatnonzero(centred | (lacking > allowed * (1 + ROUNDING))):
            reached = np.inf if centred[level] else np.sqrt(lacking[level]) / abs(total[level])
            problems.append(
                _infeasible(domain, names[level], variable, float(cv), float(reached), bool(centred[level]))
            )
        loads.append(np.divide(load, room[levels], out=np.zeros_like(load), where=(load > 0) & (room[levels] > 0)))
        places.append(levels + size)
        size += counts
    return Ceilings(np.column_stack(loads), np.column_stack(places), size, people), problems


def _infeasible(domain: str, level: str, variable: str, cv: float, reached: float, centred: bool) -> Problem:
    key = f"{domain} = {level}, {variable}" if domain else f"all strata, {variable}"
    if centred:
        return Problem("a mean of 0 has no CV", column="mean_" + variable, key=key, expected="a mean other than 0")
    return Problem(
        "even inviting everyone does not meet a target",
        key=key,
        got=f"CV {cv:g}",
        expected=f"at least {reached:.4g}, what a census of the list would reach",
        hint="allow a larger CV, or leave the domain out",
    )


def _levels(strata: pd.DataFrame, domain: str) -> tuple[np.ndarray, list[str]]:
    if not domain:
        return np.zeros(len(strata), dtype=int), [""]
    codes, names = pd.factorize(strata[domain], sort=True)
    return codes, [str(name) for name in names]


def _check_targets(strata: pd.DataFrame, targets: pd.DataFrame) -> None:
    absent = [name for name in TARGET_COLUMNS if name not in targets.columns]
    if absent or targets.empty:
        raise SamplingError(
            "the targets are not complete",
            got=f"no column {', '.join(absent)}" if absent else "no rows",
            expected="one row per target with " + ", ".join(TARGET_COLUMNS),
        )
    problems = []
    for row, (domain, variable, cv) in enumerate(targets[list(TARGET_COLUMNS)].itertuples(index=False), 1):
        needed = [f"mean_{variable}", f"sd_{variable}", *([domain] if domain else [])]
        problems += [
            Problem(
                "a target names a column that the strata lack", row=row, column=str(c), hint=nearest(c, strata.columns)
            )
            for c in needed
            if c not in strata.columns
        ]
        if not (np.isfinite(cv) and cv > 0):
            problems.append(Problem("a target is no CV", row=row, column="cv", got=str(cv), expected="above 0"))
    if problems:
        raise SamplingError(*problems)
    _check_values(strata, targets)


def _check_values(strata: pd.DataFrame, targets: pd.DataFrame) -> None:
    """Every mean a number, every deviation 0 or more, everyone in a domain."""
    problems = []
    for column in dict.fromkeys(f"{kind}_{variable}" for variable in targets["variable"] for kind in ("mean", "sd")):
        values = pd.to_numeric(strata[column], errors="coerce").to_numpy(dtype=float)
        bad = ~np.isfinite(values) | ((values < 0) if column.startswith("sd_") else False)
        problems += [
            Problem(
                "a stratum has no usable value",
                column=column,
                key=f"stratum {strata.index[i]}",
                got=str(strata[column].iloc[i]),
                expected="0 or more" if column.startswith("sd_") else "a number",
            )
            for i in map(int, np.flatnonzero(bad))
        ]
    problems += [
        Problem("a stratum belongs to no domain", column=str(domain), key=f"stratum {strata.index[i]}")
        for domain in dict.fromkeys(d for d in targets["domain"] if d)
        for i in map(int, np.flatnonzero(strata[domain].isna()))
    ]
    if problems:
        raise SamplingError(*problems)


def bounds_of(people: np.ndarray, min_n: Bound, strata: pd.DataFrame) -> np.ndarray:
    """The least of each stratum: ``min_n``, or all its people where they are fewer."""
    least = strata[min_n].to_numpy(dtype=float) if isinstance(min_n, str) else np.full(len(people), float(min_n or 0))
    if not (np.isfinite(least) & (least >= 0)).all():
        raise SamplingError("the minimum of a stratum is out of range", got=str(min_n), expected="0 or more")
    return np.minimum(np.ceil(least), people)
