"""25 means with standard errors, overall and by 10 domains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmarks.common import Speed, Work, main
from benchmarks.data import SCORES
from spi_analysis.survey.estimation import SurveyDesign, estimate_mean


def means(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    design = SurveyDesign(df, "weight", stratum="stratum", pop_size="pop_size")
    return lambda: (estimate_mean(design, SCORES), estimate_mean(design, SCORES, by="domain"))


def with_design(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    return lambda: means(df, totals)()


SPEED = Speed(
    "means_by_domain",
    [
        Work("means", "25 means + SE, overall and by 10 domains", means, {"R": 20, "svy": 40}),
        Work("with_design", "the same, declaring the design included", with_design, {"R": 20, "svy": 40}),
    ],
)

if __name__ == "__main__":
    main([SPEED])
