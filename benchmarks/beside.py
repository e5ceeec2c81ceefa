"""This checkout beside another one: the demo's round, its batch, the release, short commands, imports, in turn.

    git worktree add ../before COMMIT            # with an environment of its own: make -C ../before .venv/.ready
    python -m benchmarks.beside ../before --runs 3
    python -m benchmarks.beside ../before --works "import one list (3,102 rows)" "import lists (six institutions)"

Each checkout makes the demo (and lists) in a folder of its own and then runs every work there; both take turns, so that
other work on the machine meets both. Processor seconds are those of all processes; memory counts for each process what
it shares with others. A ratio under 1 means that this checkout takes less.
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
# In a folder of their own: generated lists never come into the demo's workspace.
ONE_LIST = "build/national/kota-pangkalpinang/received/kota-pangkalpinang__internal.csv"
LISTS: Mapping[str, list[str]] = {
    "generate lists": ["synth", "--lists-only", "--institutions", "6", "--workers", "1"],
    "import one list (3,102 rows)": ["import", "frame", ONE_LIST],
    "import lists (six institutions)": ["import", "frame", "@lists.txt", "--workers", "1"],
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
        """All works, once, in new workspaces: one for the demo, one for lists."""
        found = {}
        for one in (WORKS, LISTS):
            asked = [work for work in one if work in works]
            there = place / ("demo" if one is WORKS else "lists")
            for name in HOUSE if asked else ():
                shutil.copytree(self.folder / name, there / name)
            for work in asked:
                found[work] = measured(one[work], there, self.folder, self.python)
                lists = sorted((there / "build" / "national").glob("*/received/*"))
                (there / "lists.txt").write_text("".join(f"{path}\n" for path in lists))
        return found


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
    everything = [*WORKS, *LISTS]
    parser.add_argument("--works", nargs="+", choices=everything, default=everything, help="default: all")
    parser.add_argument("--folder", type=Path, help="where to work (default: a folder that is removed afterwards)")
    options = parser.parse_args(arguments)
    checkouts = {"this": Checkout(PROJECT, sys.executable), "other": Checkout.at(options.other)}
    # What comes later needs the first of its folder: the demo, or the lists.
    works = [
        work for one in (WORKS, LISTS) for work in one
        if work in options.works or (work == next(iter(one)) and one.keys() & {*options.works})
    ]  # fmt: skip
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
