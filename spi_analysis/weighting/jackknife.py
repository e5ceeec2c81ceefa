"""The delete-one-unit jackknife, and what it does with a stratum of one unit."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError, nearest
from spi_analysis.weighting.inputs import weights_of
from spi_analysis.weighting.primary_units import PrimaryUnits, primary_units
from spi_analysis.weighting.replicate_weights import ReplicateWeights

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
    df, weight, stratum, psu, pop_size   as in ``bootstrap_replicates``
    lonely_psu : str   a stratum with one primary unit that stands for others too: fail; certainty (adds
        nothing; R's "certainty" and "remove"); adjust (its replicate leaves the whole stratum out and
        lets the other H - 1 strata stand for it, share (H-1)/H); average (the mean variance of a
        replicate). The rules are those of R's ``survey::jknweights``.

    Returns
    -------
    ReplicateWeights, values (n, number of primary units). A replicate without share in the variance
    (a census, or a lonely unit left alone) has rscale 0 and the weights unchanged.

    Raises
    ------
    WeightingError   lonely primary units, all of them, under "fail" (or where nothing else is left to compare with).

    References
    ----------
    Wolter (2007), Introduction to Variance Estimation, ch. 4; Lumley (2010), Complex Surveys, section 3.2.
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
    # A lonely unit without a replicate of its own leaves room that the others fill.
    left_out = units.lonely.sum() if lonely_psu == "average" else 0
    return ReplicateWeights(values, len(share) / (len(share) - left_out), share, "jkn")


def _unit_factors(units: PrimaryUnits, lonely_psu: LonelyRule) -> np.ndarray:
    """Factor of every unit in the replicate of every unit: (U, U)."""
    n, n_strata = units.sizes[units.stratum], len(units.sizes)
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
