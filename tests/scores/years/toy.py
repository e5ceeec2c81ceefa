"""Generated panels with known variances (no real institution)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spi_analysis.params import PublishedYears

YEARS = (2021, 2022, 2023, 2024, 2025)


def longitudinal() -> tuple[np.ndarray, np.ndarray]:
    """Sixty generated institutions over five years, one value in ten missing; values (60, 5), years."""
    rng = np.random.default_rng(20240722)
    years = np.array(YEARS)
    root = np.linalg.cholesky(0.7 ** np.abs(np.subtract.outer(years, years)))
    y = 70 + np.arange(5) + 4 * rng.standard_normal((60, 1)) + 2.5 * rng.standard_normal((60, 5)) @ root.T
    y = (y + np.array([3, 1, 2, 2, 2]) * rng.standard_normal((60, 5))).round(2)
    y[rng.random((60, 5)) < 0.1] = np.nan
    return y, years


def published_of(values: np.ndarray, years: tuple[int, ...], parts: bool = False, type_: str = "kota") -> pd.DataFrame:
    """A table ``published`` with these indices (n, T); ``parts``: sources have the same value, corrections are 0."""
    rows = [
        {"year": year, "institution": f"Kota Buatan {i:03d}", "institution_id": f"kota-buatan-{i:03d}", "type": type_,
         "province_code": None, "index": values[i, j], "internal": values[i, j], "external": values[i, j],
         "expert": values[i, j], "correction_conduct": 0.0, "correction_facts": 0.0}
        for i in range(len(values)) for j, year in enumerate(years) if not np.isnan(values[i, j])
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    sources = ["internal", "external", "expert", "correction_conduct", "correction_facts"]
    return table if parts else table.assign(**dict.fromkeys(sources, np.nan))


def simulated(
    rng: np.random.Generator, n: int, level: float, change: float, noise: float, years: PublishedYears, t: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (n, t), lasting levels (n,), changes (n, t), from the model with these standard deviations."""
    apart = np.abs(np.subtract.outer(np.arange(t), np.arange(t)))
    root = np.linalg.cholesky(years.model.persistence**apart)
    lasting = level * rng.standard_normal(n)
    changes = change * rng.standard_normal((n, t)) @ root.T
    return 70 + lasting[:, None] + changes + noise * rng.standard_normal((n, t)), lasting, changes
