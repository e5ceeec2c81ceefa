"""Bethel's allocation: 500 strata, 10 variables, 20 domains, and how it grows. Run: python -m benchmarks.bethel"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from spi_analysis.survey.sampling import achieved_cv, bethel

LIMIT_SECONDS = 5.0
# strata, variables, domain columns, levels of each
DESIGNS = [(125, 10, 1, 20), (250, 10, 1, 20), (500, 10, 1, 20), (1000, 10, 1, 20), (500, 10, 20, 5), (500, 10, 20, 20)]


def design(strata: int, variables: int, columns: int, levels: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(7)
    table = {"N": random.integers(20, 5000, strata), "cost": random.uniform(1, 4, strata)}
    for v in range(variables):
        mean = random.uniform(5, 100, strata)
        table |= {f"mean_v{v}": mean, f"sd_v{v}": mean * random.uniform(0.1, 1.5, strata)}
    table |= {f"d{d}": random.integers(0, levels, strata) for d in range(columns)}
    domains = ["", *(f"d{d}" for d in range(columns))]
    rows = [(d, f"v{v}", 0.01 if not d else 0.04) for d in domains for v in range(variables)]
    return pd.DataFrame(table), pd.DataFrame(rows, columns=["domain", "variable", "cv"])


def main() -> None:
    rows = []
    for shape in DESIGNS:
        strata, targets = design(*shape)
        start = time.perf_counter()
        n = bethel(strata, targets, cost="cost")
        seconds = time.perf_counter() - start
        real = bethel(strata, targets, cost="cost", integer=False)
        worst = (lambda cv: (cv["reached"] / cv["cv"]).max())(achieved_cv(strata, n, targets))
        ceilings = len(achieved_cv(strata, n, targets))
        above = float(n @ strata["cost"]) / float(real @ strata["cost"]) - 1
        rows.append((*shape, ceilings, seconds, worst, above))
    columns = [
        "strata",
        "variables",
        "domain columns",
        "levels",
        "ceilings",
        "seconds",
        "worst cv / target",
        "above real",
    ]
    print(pd.DataFrame(rows, columns=columns).round(5).to_string(index=False))
    print(f"500 strata, 10 variables, 20 domains: {rows[2][5]:.2f} s, limit {LIMIT_SECONDS:g} s")


if __name__ == "__main__":
    main()
