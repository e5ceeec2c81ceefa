"""Arguments: work, n, folder, runs. Runs with a Python that has svy (and not necessarily ours)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

PATIENCE = 20.0
MARGINS = ["sex", "age", "province", "position"]
SCORES = [f"score{j}" for j in range(1, 26)]
NUMBERS = SCORES[:10]

_name, _n, _folder, _runs = sys.argv[1:5]
data = pl.read_parquet(Path(_folder) / f"{_n}.parquet")
totals: dict[str, Any] = json.loads((Path(_folder) / f"{_n}.json").read_text())
margins = {name: {int(level): total for level, total in totals[name].items()} for name in MARGINS}


def timed(works: dict[str, Callable[[], Callable[[], object]]]) -> None:
    run = works[_name]()
    seconds: list[float] = []
    while len(seconds) < int(_runs) and (not seconds or sum(seconds) < PATIENCE):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    print("TIMED", json.dumps({"seconds": seconds}))
