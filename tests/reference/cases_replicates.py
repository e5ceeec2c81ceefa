"""Outside figures of replicate weights with lonely primary units: id -> how we compute it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spi_analysis.survey.estimation import ReplicateDesign, estimate_mean
from spi_analysis.survey.weighting import jackknife_replicates
from tests.reference.bench import Bench

CASES: dict[str, Callable[[Bench], Any]] = {}


def jackknife_error(b: Bench, lonely_psu: str) -> float:
    """As R's as.svrepdesign: deviations from the mean of the replicates that count."""
    made = jackknife_replicates(b.apiclus1, "pw", stratum="dnum", lonely_psu=lonely_psu)  # type: ignore[arg-type]
    design = ReplicateDesign(b.apiclus1, "pw", made.values, "jkn", scale=made.scale, rscales=made.rscales, mse=False)
    return float(estimate_mean(design, "api00").table["se"][0])


# R's "remove" and our "certainty" are one rule: the stratum adds nothing.
CASES["lonely.remove.jkn_se"] = lambda b: jackknife_error(b, "certainty")
CASES["lonely.adjust.jkn_se"] = lambda b: jackknife_error(b, "adjust")
