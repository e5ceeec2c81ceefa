"""One score per person."""

from __future__ import annotations

import numpy as np
import pandas as pd


def person_scores(data: pd.DataFrame, item_weights: pd.DataFrame) -> pd.Series:
    """Score of every person: weighted mean of the items answered; missing without any answer.

    Parameters
    ----------
    data : DataFrame (n, ...)              one 0-100 column per row of ``item_weights``
    item_weights : DataFrame (items, ...)  column "score": weight of the item in the source score
    """
    weights = item_weights["score"].to_numpy(dtype=float)
    values = data[item_weights.index].to_numpy(dtype=float)
    known = ~np.isnan(values)
    total = known @ weights
    top = np.where(known, values, 0.0) @ weights
    return pd.Series(np.divide(top, total, out=np.full(len(data), np.nan), where=total > 0), index=data.index)
