"""From answer codes to 0-100: the worst answer is 0, the best 100, whatever the direction of the question."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.errors import InputError
from spi_analysis.params import Instrument, Source
from spi_analysis.params.instrument import Scale
from spi_analysis.tables.answer_fit import misfits

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
    InputError   an item without a column, or a code that its scale does not have.
    """
    items = instrument.items(source)
    if problems := misfits(responses, items, instrument):
        raise InputError(*problems)
    answers, limits = item_answers(responses, instrument, source), _limits(instrument, source)
    shares = (answers - limits[0]) / (limits[1] - limits[0])
    positive = [item.direction == "positive" for item in items]
    scores = 100 * np.where(positive, shares, 1 - shares)
    return pd.DataFrame(scores, responses.index, [item.code for item in items])


def item_answers(responses: pd.DataFrame, instrument: Instrument, source: Source) -> np.ndarray:
    """Substantive answers to the source's items as ticked, (n, items) of float; everything else missing."""
    codes = responses[[item.code for item in instrument.items(source)]].to_numpy(dtype=float, na_value=np.nan)
    lowest, highest = _limits(instrument, source)
    return np.where((codes >= lowest) & (codes <= highest), codes, np.nan)


def _limits(instrument: Instrument, source: Source) -> np.ndarray:
    """Lowest and highest answer of substance of every item: (2, items)."""
    scales = [instrument.scales[item.scale] for item in instrument.items(source)]
    return np.array([[scale.minimum for scale in scales], [scale.maximum for scale in scales]], dtype=float)


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
    answers, rows = item_answers(responses, instrument, source), []
    for item, known in zip(instrument.items(source), (~np.isnan(answers)).sum(axis=0), strict=True):
        codes = responses[item.code].to_numpy(dtype=float, na_value=np.nan)
        kinds = instrument.scales[item.scale].missing
        shares = {
            kind: _share(np.isin(codes, [code for code, meaning in kinds.items() if meaning == kind]))
            for kind in MISSING_KINDS
        }
        left_empty = _share(np.isnan(codes))
        rows.append({"item": item.code, "respondents": len(codes), "n": int(known), **shares, "left_empty": left_empty})
    return pd.DataFrame(rows)


def _share(rows: np.ndarray) -> float:
    return float(rows.mean()) if len(rows) else float("nan")
