"""Calibration to 40 totals: intercept, margins of 2, 6, 17 and 8 levels, 10 numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmarks.common import Speed, Work, main
from spi_analysis.survey.weighting import calibrate

BOUNDS = (0.5, 2.0)


def linear(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    return lambda: calibrate(df, "weight", totals)


def raking(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    return lambda: calibrate(df, "weight", totals, method="raking")


def logit(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    return lambda: calibrate(df, "weight", totals, method="logit", bounds=BOUNDS)


SPEED = Speed(
    "calibrate",
    [
        Work("linear", "linear calibration, 40 totals", linear, {"R": 10, "svy": 20}),
        Work("raking", "raking distance, 40 totals", raking, {"R": 5}),
        Work("logit", "logit with bounds 0.5 to 2, 40 totals", logit, {"R": 5}),
    ],
)

if __name__ == "__main__":
    main([SPEED])
