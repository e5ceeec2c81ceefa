"""This checkout beside another one: the demo's round, its batch, the release and short commands, in turn.

    git worktree add ../before COMMIT            # with an environment of its own: make -C ../before .venv/.ready
    python -m benchmarks.beside ../before --runs 3

Each checkout makes the demo in a folder of its own and then runs every work there; both take turns, so that other work
on the machine meets both. Processor seconds are those of all processes; memory counts for each process what it shares
with others. A ratio under 1 means that this checkout takes less.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.national import PROJECT, Measured, measured

NUMBERS = ("10", "20", "30", "40", "50")
BATCH = [part for number in NUMBERS for part in ("--notebook", number)]
# In this order: each work finds what those before it have left.
WORKS: Mapping[str, list[str]] = {
    "demo": ["demo"],
    "batch, fast, one worker": ["run", "--force", *BATCH, "--engine", "fast", "--workers", "1"],
    "batch, kernel, two workers": ["run", "--force", *BATCH, "--engine", "kernel", "--workers", "2"],
    "nothing to do": ["run"],
    "publish": ["publish"],
    "status": ["status"],
    "help": ["--help"],
}
HOUSE = ("params", "notebooks")


@dataclass(frozen=True)
class Checkout:
    """A checkout of the project and the Python of its environment."""

    folder: Path
    python: str

    @classmethod
    def at(cls, folder: Path) -> Checkout:
        python = folder.resolve() / ".venv" / "bin" / "python"
        if not python.exists():
            sys.exit(f"no environment in {folder}: make -C {folder} .venv/.ready")
        return cls(folder.resolve(), str(python))

    def measure(self, works: Sequence[str], place: Path) -> dict[str, Measured]:
        """All works, once, in a new workspace."""
        place.mkdir()
        for name in HOUSE:
            shutil.copytree(self.folder / name, place / name)
        return {work: measured(WORKS[work], place, self.folder, self.python) for work in works}


def row(work: str, ours: Sequence[Measured], theirs: Sequence[Measured]) -> str:
    """Medians of both, and the ratio of each turn's processor seconds: median, least, most."""
    cells = [work]
    for found in (ours, theirs):
        middle = [statistics.median(getattr(one, name) for one in found) for name in ("seconds", "cpu", "peak_mb")]
        cells.append("{:.1f} s, {:.1f} s, {:.0f} MB".format(*middle))
    ratios = [here.cpu / there.cpu for here, there in zip(ours, theirs, strict=True)]
    cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("other", type=Path, help="another checkout, with its environment in .venv")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--works", nargs="+", choices=list(WORKS), default=list(WORKS), help="default: all")
    parser.add_argument("--folder", type=Path, help="where to work (default: a folder that is removed afterwards)")
    options = parser.parse_args(arguments)
    checkouts = {"this": Checkout(PROJECT, sys.executable), "other": Checkout.at(options.other)}
    # What comes later needs the demo.
    works = [work for work in WORKS if work in {"demo", *options.works}]
    found: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for turn in range(options.runs):
            for name, checkout in checkouts.items():
                for work, result in checkout.measure(works, Path(folder) / f"{name}{turn}").items():
                    found[name][work].append(result)
    print(f"{options.runs} turns, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print("| work | this: elapsed, processor, peak | the other | ratio of processor seconds |\n|---|---|---|---|")
    for work in works:
        print(row(work, found["this"][work], found["other"][work]))


if __name__ == "__main__":
    main()
