"""Moving weight from those who are missing to those who stand for them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import Problem, WeightingError
from spi_analysis.sampling.strata import cell_labels
from spi_analysis.weighting.groups import Groups, groups_of
from spi_analysis.weighting.inputs import require_columns, weights_of
from spi_analysis.weighting.statuses import INELIGIBLE, NONRESPONDENT, RESPONDENT, UNKNOWN, classify, require_known


def adjust_nonresponse(
    sample: pd.DataFrame, by: str | list[str], *, weight: str = "base_weight", status: str = "disposition"
) -> pd.Series:
    """Move the weight of nonrespondents to respondents within weighting classes.

    Respondents in class c get ``weight * W_c / R_c`` (W_c eligible weight, R_c
    respondents' weight), so every class keeps its eligible total. The known ineligible
    keep their weight: they stand for the ineligible of the list.

    Parameters
    ----------
    sample : DataFrame, one row per sampled person (n rows); nobody of unknown eligibility with weight
    by : str or list of str   columns known for everyone sampled
    weight, status : str      column names; weight in persons, >= 0; status as ``statuses.classify`` reads it

    Returns
    -------
    Series (n,), name ``nr_weight``: persons per respondent; 0 for nonrespondents.

    Raises
    ------
    WeightingError   a class has eligible weight but no respondent; names the classes and proposes a merge.
        Somebody of unknown eligibility still has weight.

    References
    ----------
    Valliant, Dever & Kreuter (2018), Practical Tools for Designing and Weighting Survey Samples, ch. 13.
    """
    groups, weights, classes = _inputs(sample, by, weight, status)
    adjusted = nonresponse_weights(weights[:, None], groups, classes)
    return pd.Series(adjusted[:, 0], index=sample.index, name="nr_weight")


def adjust_unknown_eligibility(
    sample: pd.DataFrame, by: str | list[str], *, weight: str = "base_weight", status: str = "disposition"
) -> pd.Series:
    """Spread the weight of those of unknown eligibility over those whose eligibility is known.

    Parameters, errors and reference as ``adjust_nonresponse``.

    Returns
    -------
    Series (n,), name ``elig_weight``; 0 for those of unknown eligibility. Class totals are kept.
    """
    groups, weights, classes = _inputs(sample, by, weight, status)
    adjusted = eligibility_weights(weights[:, None], groups, classes)
    return pd.Series(adjusted[:, 0], index=sample.index, name="elig_weight")


def nonresponse_weights(weights: np.ndarray, groups: Groups, classes: np.ndarray) -> np.ndarray:
    """As ``adjust_nonresponse``, for weights (n, K): one column per replicate."""
    require_known(weights, classes, "call adjust_unknown_eligibility first")
    gives, takes = np.isin(classes, (RESPONDENT, NONRESPONDENT)), classes == RESPONDENT
    moved = _moved(weights, groups, gives, takes, "respondent")
    return np.where((classes == INELIGIBLE)[:, None], weights, moved)


def eligibility_weights(weights: np.ndarray, groups: Groups, classes: np.ndarray) -> np.ndarray:
    """As ``adjust_unknown_eligibility``, for weights (n, K)."""
    return _moved(weights, groups, np.ones(len(classes), dtype=bool), classes != UNKNOWN, "case of known eligibility")


def _moved(weights: np.ndarray, groups: Groups, gives: np.ndarray, takes: np.ndarray, who: str) -> np.ndarray:
    """All weight of ``gives`` goes to ``takes`` (a part of them), in proportion, inside every group."""
    given = groups.sums(weights * gives[:, None])
    taken = groups.sums(weights * takes[:, None])
    _require_takers(given, taken, groups, who)
    factor = np.divide(given, taken, out=np.zeros_like(given), where=taken > 0)
    return weights * takes[:, None] * groups.spread(factor)


def _require_takers(given: np.ndarray, taken: np.ndarray, groups: Groups, who: str) -> None:
    empty = ((given > 0) & (taken <= 0)).any(axis=1)
    if not empty.any():
        return
    thickest = groups.labels[int(np.argmax(taken[:, 0]))]
    raise WeightingError(
        *(
            Problem(
                f"a class has weight but no {who}",
                key=groups.labels[g],
                got=f"{given[g].max():.6g} persons, none of them a {who}",
                expected=f"at least one {who} in every class",
                hint=f"merge it with another class, such as {thickest!r}",
            )
            for g in np.flatnonzero(empty)
        )
    )


def _inputs(
    sample: pd.DataFrame, by: str | list[str], weight: str, status: str
) -> tuple[Groups, np.ndarray, np.ndarray]:
    columns = [by] if isinstance(by, str) else list(by)
    require_columns(sample, [*columns, status])
    return groups_of(cell_labels(sample, columns)), weights_of(sample, weight), classify(sample[status])
