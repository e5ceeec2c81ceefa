"""Seconds per institution and peak memory of notebooks 10 to 50, by number of institutions.

Run with the folder of a national round whose samples are drawn and whose answers are in (docs/national.md):

    python -m benchmarks.national_notebooks ../national --sizes 10 40 160 640

Institutions of a size are taken evenly from the list of all, so that each size has large and small ones. Everything is
executed anew for each size, both pages included; the last line is a run that finds everything up to date.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.national import ROUND, Measured, measured
from spi_analysis.params import load_setup
from spi_analysis.params.workspace import Workspace
from spi_analysis.runner.plan import INSTITUTION_NOTEBOOKS


def evenly(codes: list[str], size: int) -> list[str]:
    """So many of the codes, spread over the list."""
    return [codes[i * len(codes) // size] for i in range(size)]


def run(codes: list[str], engine: str, workers: int, folder: Path, *more: str) -> Measured:
    numbers = [part for kind in INSTITUTION_NOTEBOOKS for part in ("--notebook", kind.number)]
    return measured(["run", *codes, *numbers, "--engine", engine, "--workers", str(workers), *more], folder)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.national_notebooks", description=__doc__)
    parser.add_argument("folder", type=Path, help="workspace of a national round")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 40, 160, 640])
    parser.add_argument("--engine", default="fast")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    codes = sorted(load_setup(Workspace(options.folder), ROUND).institution_ids)
    print(f"{options.engine}, {options.workers} workers, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| institutions | seconds | seconds each | processor seconds each | peak, MB |\n|---|---|---|---|---|")
    for size in sorted(options.sizes):
        result = run(evenly(codes, size), options.engine, options.workers, options.folder, "--force")
        print(f"| {size} | {result.seconds:.0f} | {result.seconds / size:.2f} | {result.cpu / size:.2f} "
              f"| {result.peak_mb:.0f} |", flush=True)  # fmt: skip
    again = run(evenly(codes, max(options.sizes)), options.engine, options.workers, options.folder)
    print(f"up to date: {again.seconds:.0f} seconds")


if __name__ == "__main__":
    main()
