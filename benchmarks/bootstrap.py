"""500 Rao-Wu replicates and 25 means with their variances; the same with every replicate raked again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from benchmarks.common import Speed, Work, main
from benchmarks.data import MARGINS, SCORES
from spi_analysis.survey.estimation.streamed_bootstrap import bootstrap_means
from spi_analysis.survey.weighting.bootstrap import BootstrapReplicates, bootstrap_plan, bootstrap_replicates
from spi_analysis.survey.weighting.bootstrap_sums import raked_replicates

N_REPLICATES = 500
LIMIT_MB = 4000


def plan_of(df: pd.DataFrame) -> BootstrapReplicates:
    return bootstrap_plan(df, "weight", stratum="stratum", pop_size="pop_size", n_replicates=N_REPLICATES)


def means(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    return lambda: bootstrap_means(df, plan_of(df), SCORES)


def raked_means(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    margins = {name: totals[name] for name in MARGINS}
    return lambda: bootstrap_means(df, raked_replicates(plan_of(df), df, margins), SCORES)


def written(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    return lambda: bootstrap_replicates(df, "weight", stratum="stratum", pop_size="pop_size", n_replicates=N_REPLICATES)


def kept(df: pd.DataFrame, totals: dict[str, Any]) -> Callable[[], object]:
    return lambda: plan_of(df).kept()


SPEED = Speed(
    "bootstrap",
    [
        Work("means", "500 Rao-Wu replicates + 25 means", means, {"R": 100, "svy": 8}, memory_mb=LIMIT_MB),
        Work("raked_means", "the same, every replicate raked again", raked_means, {"R": 50, "svy": 4}, LIMIT_MB),
        Work("written", "500 replicates written out (n x 500 table)", written, largest=100_000),
        Work("kept", "500 replicates kept as one byte each", kept, memory_mb=LIMIT_MB),
    ],
)

if __name__ == "__main__":
    main([SPEED])
