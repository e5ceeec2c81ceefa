"""Seconds of `spi progress` over many institutions, cloned from the demo. Run: python -m benchmarks.fieldwork DEMO

DEMO is a workspace in which `spi demo --data-only` ran; it is not changed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from spi_analysis.operations.national import _with_examples
from spi_analysis.params import Workspace, load_setup
from spi_analysis.stages.draw import archive_path
from spi_analysis.tables.store import Store

ROUND = "spi_2024"
TABLES = ("frame", "sample", "events", "responses")


def cloned(demo: Path, folder: Path, count: int) -> tuple[Store, list[str]]:
    """A workspace of so many institutions, each with the tables of one of the demo's under its own code."""
    for name in ("params", "notebooks"):
        shutil.copytree(demo / name, folder / name)
    setup = _with_examples(load_setup(Workspace(folder), ROUND), count)
    there, store = Store(demo / "data" / ROUND), Store(folder / "data" / ROUND)
    tables = {code: {name: there.read(name, code) for name in TABLES} for code in there.institutions("sample")}
    codes = list(setup.institution_ids)[:count]
    for code, source in zip(codes, cycle(tables), strict=False):
        for name, table in tables[source].items():
            store.write(name, code, table.assign(institution_id=code))
        target = archive_path(store, code, "drawn")
        target.parent.mkdir(exist_ok=True)
        shutil.copy(archive_path(there, source, "drawn"), target)
    return store, codes


def timed(folder: Path, *options: str) -> str:
    """Wall-clock and processor seconds of one `spi progress`."""
    began, before = time.perf_counter(), os.times()
    command = [sys.executable, "-m", "spi_analysis", "progress", "--workspace", str(folder), *options]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"SPI_ROUND": ROUND})
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return f"{time.perf_counter() - began:.1f} s ({cpu:.1f} s of processors)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("demo", type=Path)
    parser.add_argument("--institutions", type=int, default=640)
    parser.add_argument("--changed", type=int, default=10, help="institutions of which answers came in meanwhile")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "national"
        store, codes = cloned(given.demo, folder, given.institutions)
        print(f"{given.institutions} institutions, all counted for the first time: {timed(folder)}")
        print(f"nothing has changed: {timed(folder)}")
        for code in codes[: given.changed]:
            store.write("responses", code, store.read("responses", code).iloc[1:])
        print(f"{given.changed} institutions have changed: {timed(folder)}")
        print(f"with the page: {timed(folder, '--page')}")


if __name__ == "__main__":
    main()
