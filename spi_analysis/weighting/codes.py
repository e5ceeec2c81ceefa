"""Columns of any type as codes of texts, fast: two equal texts are one level, whatever they were made of."""

from __future__ import annotations

import numpy as np
import pandas as pd


def coded(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """Codes (n,) into the texts that occur in a column; -1 where the value is missing."""
    codes, values = _factorized(column)
    place: dict[str, int] = {}
    number = [-1 if pd.isna(value) else place.setdefault(str(value), len(place)) for value in values]
    if number != list(range(len(values))):
        # A missing value has code -1 and so reads the last entry, which is -1 too.
        codes = np.array([*number, -1], dtype=np.intp)[codes]
    return codes, list(place)


def _factorized(column: pd.Series) -> tuple[np.ndarray, list]:
    """Codes and the values behind them: all of them occur; some may be equal as texts, or missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _occurring(column.cat.codes.to_numpy(), list(column.cat.categories))
    if column.dtype == object:
        return _of_objects(column.to_numpy())
    codes, values = pd.factorize(column)
    return codes, list(values)


def _occurring(codes: np.ndarray, values: list) -> tuple[np.ndarray, list]:
    """Without the categories that nobody has."""
    occurs = np.bincount(codes + np.intp(1), minlength=len(values) + 1)[1:] > 0
    if occurs.all():
        return codes, values
    number = np.where(occurs, np.cumsum(occurs) - 1, -1)
    return np.append(number, -1)[codes], [value for value, here in zip(values, occurs, strict=True) if here]


def _of_objects(values: np.ndarray) -> tuple[np.ndarray, list]:
    codes, found = pd.factorize(values)
    if all(isinstance(value, str) for value in found):
        return codes, list(found)
    # 1, 1.0 and True are equal to a hash table but are not equal texts.
    codes, texts = pd.factorize(pd.Series(values, dtype=object).map(str, na_action="ignore"))
    return codes, list(texts)
