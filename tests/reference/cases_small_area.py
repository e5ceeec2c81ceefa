"""Area-level models: the figures of R's package sae on its milk data.

sae ends its scoring when sigma2 changes by at most 1e-4 of itself (PRECISION), or after 100 steps (MAXITER).
With the same rule we meet its figures to 1e-9; fully converged, sigma2 differs from them by up to 6e-6 of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from spi_analysis.survey.estimation.small_area import FayHerriot, fay_herriot
from tests.reference.bench import Bench

PARTS: dict[str, Callable[[FayHerriot], Any]] = {
    "eblup": lambda fit: fit.eblup,
    "mse": lambda fit: fit.mse,
    "beta": lambda fit: fit.beta,
    "refvar": lambda fit: fit.sigma2,
    "loglik": lambda fit: fit.loglik,
}
FIGURES = {"REML": ("eblup", "refvar", "loglik"), "ML": ("mse", "beta"), "FH": ("eblup", "refvar", "loglik")}


def milk(b: Bench, method: str) -> FayHerriot:
    """yi on the major areas, the first one in the intercept (R's treatment contrasts); SD**2 known."""
    data = b.figures.data("sae_milk")
    areas = pd.get_dummies(data["MajorArea"], prefix="area", drop_first=True, dtype=float)
    return fay_herriot(data["yi"], data["SD"] ** 2, areas, method, intercept=True)


CASES: dict[str, Callable[[Bench], Any]] = {
    f"fh.{method}.{part}": lambda b, method=method, part=part: PARTS[part](milk(b, method))
    for method, parts in FIGURES.items()
    for part in parts
}
