"""Logistic response propensities on 40 columns: intercept, margins of 2, 6, 17 and 8 levels, 10 numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmarks.common import Speed, Work, main
from benchmarks.data import MARGINS, NUMBERS

FORMULA = " + ".join([*(f"C({name})" for name in MARGINS), *NUMBERS])


def logistic(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    from spi_analysis.survey.weighting import response_propensity

    return lambda: response_propensity(df, FORMULA, "answered")


SPEED = Speed("propensity", [Work("logistic", "logistic propensity, 40 columns", logistic, {"R": 10, "svy": 2})])

if __name__ == "__main__":
    main([SPEED])
