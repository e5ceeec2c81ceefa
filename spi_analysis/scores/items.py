"""From answer codes to 0-100: the worst answer is 0, the best 100, whatever the direction of the question."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError, Problem
from spi_analysis.params import Instrument, Source
from spi_analysis.params.instrument import Scale

MISSING_KINDS = ("dont_know", "refused", "not_applicable")


def item_scores(responses: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """Scores 0-100 of the source's items; "don't know", refusals and empty cells are missing.

    Parameters
    ----------
    responses : DataFrame (n, ...)   answer codes, one column per item

    Returns
    -------
    DataFrame (n, items), index of ``responses``.

    Raises
    ------
    InputError   a code that the item's scale does not have.
    """
    scores, problems = {}, []
    for item in instrument.items(source):
        scale = instrument.scales[item.scale]
        answers = valid_answers(responses[item.code], scale)
        problems += _outside(responses[item.code], answers, scale)
        share = (answers - scale.minimum) / (scale.maximum - scale.minimum)
        scores[item.code] = 100 * (share if item.direction == "positive" else 1 - share)
    if problems:
        raise InputError(*problems)
    return pd.DataFrame(scores, index=responses.index)


def valid_answers(column: pd.Series, scale: Scale) -> pd.Series:
    """Substantive answers as floats; everything else missing."""
    values = column.astype(float)
    return values.where(values.between(scale.minimum, scale.maximum))


def item_nonresponse(responses: pd.DataFrame, instrument: Instrument, source: Source) -> pd.DataFrame:
    """How many gave no usable answer to each item, by kind.

    Returns
    -------
    DataFrame, one row per item: item, respondents, n (substantive answers), and the shares of all respondents that
    said dont_know, refused, not_applicable, or left_empty; with n / respondents they sum to 1.
    """
    rows = []
    for item in instrument.items(source):
        scale = instrument.scales[item.scale]
        column = responses[item.code]
        kinds = column.map(scale.missing)
        shares = {kind: float(kinds.eq(kind).mean()) for kind in MISSING_KINDS}
        answered = int(valid_answers(column, scale).notna().sum())
        left_empty = float(column.isna().mean())
        rows.append({"item": item.code, "respondents": len(column), "n": answered, **shares, "left_empty": left_empty})
    return pd.DataFrame(rows)


def _outside(column: pd.Series, answers: pd.Series, scale: Scale) -> list[Problem]:
    odd = column[answers.isna() & column.notna() & ~column.isin(list(scale.missing))]
    if odd.empty:
        return []
    codes = sorted({float(v) for v in np.unique(odd.to_numpy(dtype=float))})
    return [
        Problem(
            "an answer code is not on the item's scale",
            column=str(column.name),
            got=", ".join(f"{c:g}" for c in codes),
            expected=f"{scale.minimum} to {scale.maximum} or {', '.join(map(str, scale.missing))}",
        )
    ]
