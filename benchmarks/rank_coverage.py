"""How often rank sets hold the true ranks: `python -m benchmarks.rank_coverage --runs 2000` prints a table."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from spi_analysis.scores.ranks import rank_sets

PLACES = 15
TRUTHS: dict[str, Callable[[], np.ndarray]] = {
    "all tied": lambda: np.full(PLACES, 70.0),
    "1 point apart in all": lambda: np.linspace(69.5, 70.5, PLACES),
    "20 points apart in all": lambda: np.linspace(60, 80, PLACES),
    "three groups": lambda: np.repeat([60.0, 70.0, 80.0], PLACES // 3),
}
ERRORS = {"equal": np.full(PLACES, 2.0), "1 to 4": np.geomspace(1, 4, PLACES)}


def coverage(
    truth: np.ndarray, se: np.ndarray, df: float | None, runs: int, draws: int, level: float
) -> tuple[float, ...]:
    """Simultaneous coverage, least and mean marginal coverage, mean number of places in a set of each kind."""
    rng, p = np.random.default_rng(20240722), len(truth)
    best = 1 + (truth[:, None] < truth).sum(axis=1)
    worst = p - (truth[:, None] > truth).sum(axis=1)
    held, places = np.zeros((2, runs, p), dtype=bool), np.zeros((2, runs))
    for run in range(runs):
        found = se if df is None else se * np.sqrt(rng.chisquare(df, p) / df)
        x = truth + se * rng.standard_normal(p)
        for kind, simultaneous in enumerate((True, False)):
            table = rank_sets(x, found, df=None if df is None else np.full(p, df), level=level, draws=draws, seed=run,
                              simultaneous=simultaneous)  # fmt: skip
            held[kind, run] = (table["best"] <= best) & (worst <= table["worst"])
            places[kind, run] = (table["worst"] - table["best"] + 1).mean()
    alone = held[1].mean(axis=0)
    return held[0].all(axis=1).mean(), alone.min(), alone.mean(), places[0].mean(), places[1].mean()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rank_coverage", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--level", type=float, default=0.95)
    options = parser.parse_args()
    print(
        "| true values | standard errors | df | simultaneous | marginal, least | marginal, mean "
        "| places | places, marginal |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, truth in TRUTHS.items():
        for errors, se in ERRORS.items():
            for df in (None, 12.0):
                both, least, mean, wide, narrow = coverage(truth(), se, df, options.runs, options.draws, options.level)
                shown = "known" if df is None else f"{df:.0f}"
                shares = f"{both:.1%} | {least:.1%} | {mean:.1%}"
                print(f"| {name} | {errors} | {shown} | {shares} | {wide:.1f} | {narrow:.1f} |", flush=True)


if __name__ == "__main__":
    main()
