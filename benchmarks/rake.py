"""Raking to margins of 2, 6, 17 and 8 levels. R and svy stop at their own, looser, tolerances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmarks.common import Speed, Work, main
from benchmarks.data import MARGINS
from spi_analysis.survey.weighting import rake


def raked(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    margins = {name: totals[name] for name in MARGINS}
    return lambda: rake(df, "weight", margins)


SPEED = Speed("rake", [Work("raked", "rake, 4 margins (2, 6, 17, 8)", raked, {"R": 100, "svy": 20})])

if __name__ == "__main__":
    main([SPEED])
