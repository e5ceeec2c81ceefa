"""What the audit of hidden figures costs: its processor seconds, of all that an institution's notebooks take.

All five notebooks of every institution with their pages in both languages, as `spi run --force` makes them, against the
linear programs that notebook 40 carries out in them (docs/methods/disclosure.md 10). Also how many cells were hidden
before and after further ones were added. Exit code 1 if the audit takes more than a tenth.

    python -m benchmarks.release_audit --workspace .
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import pandas as pd

import spi_analysis.stages.score as stage
from spi_analysis.params import Workspace
from spi_analysis.runner import INSTITUTION_NOTEBOOKS
from spi_analysis.tables import Store, load_round

MOST = 0.10
CELLS = ("unit_score", "class_score", "dimension_score")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=Path("."), help="a workspace with scored institutions")
    parser.add_argument("--round", default="spi_2024")
    given = parser.parse_args()
    workspace = Workspace(given.workspace.resolve())
    codes = Store(workspace.data / given.round).institutions("estimates")
    audits, hidden = zip(*(_audit(workspace, given.round, code) for code in codes), strict=True)
    notebooks = _notebooks(workspace, given.round, codes)
    share = sum(audits) / notebooks
    for code, seconds, (before, after, cells) in zip(codes, audits, hidden, strict=True):
        print(f"{code:<28} audit {seconds:6.3f} s    cells hidden before {before:3}, after {after:3} of {cells}")
    before, after, cells = (sum(one[i] for one in hidden) for i in range(3))
    print(f"cells hidden: {before / cells:.1%} before, {after / cells:.1%} after")
    print(f"audit {sum(audits):.2f} s of {notebooks:.2f} s of processor time: {share:.1%} (bar: {MOST:.0%})")
    sys.exit(1 if share > MOST else 0)


def _audit(workspace: Workspace, round_id: str, code: str) -> tuple[float, tuple[int, int, int]]:
    """Processor seconds of the audit, the second time; cells hidden before and after it, and all."""
    data, spent, tables = (
        load_round(round_id, code, workspace),
        list[float](),
        list[tuple[pd.DataFrame, pd.DataFrame]](),
    )
    audit = stage.widened

    def timed(estimates: pd.DataFrame, *about: object) -> pd.DataFrame:
        begin = time.process_time()
        wide = audit(estimates, *about)
        spent.append(time.process_time() - begin)
        tables.append((estimates, wide))
        return wide

    with patch.object(stage, "widened", timed):
        for _ in range(2):
            stage.score_round(data)
    first, then = (_hidden(table) for table in tables[-1])
    return spent[-1], (first.sum(), then.sum(), len(first))


def _hidden(estimates: pd.DataFrame) -> pd.Series:
    rows = estimates[estimates["measure"].isin(CELLS)]
    return rows["status"] != "shown"


def _notebooks(workspace: Workspace, round_id: str, codes: list[str]) -> float:
    """Processor seconds of all notebooks of these institutions, of all processes that take part."""
    options = [option for one in INSTITUTION_NOTEBOOKS for option in ("--notebook", one.name[:2])]
    where = ["--workspace", str(workspace.root), "--round", round_id]
    command = [sys.executable, "-m", "spi_analysis", "run", *codes, *options, "--force", *where]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
