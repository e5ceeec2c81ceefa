"""How soon a command answers: processes of `spi`, beside one that starts an empty Python and ends.

    python -m benchmarks.commands                      # a workspace of its own, with one generated institution
    python -m benchmarks.commands --workspace ../national   # also `spi status` there

Commands take turns, so that other work on the machine meets all of them. ``cpu`` is what a process and its children
took of the processor: on a busy machine the better measure. Goals in seconds are of the time elapsed, and those of a
free machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spi_analysis.operations import make_workspace
from spi_analysis.params import load_setup
from spi_analysis.synthetic import make_city, received_lists

INSTITUTION, ROUND, SEED = "kota-bengkulu", "spi_2024", 2024
# People on the list of employees that is imported: the size that its goal is meant for.
LISTED = 3000
SPI = (sys.executable, "-m", "spi_analysis")


@dataclass
class Command:
    """One command line; ``ratio``: at most so many times an empty Python; ``seconds``: at most so long."""

    name: str
    line: Sequence[str]
    folder: Path
    ratio: float | None = None
    seconds: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    exit_code: int = 0
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self) -> None:
        """One run; another exit code than expected is an error."""
        environment = {**os.environ, "SPI_ROUND": ROUND, **self.environment}
        started = time.perf_counter()
        process = subprocess.Popen(
            self.line, cwd=self.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        if (code := os.waitstatus_to_exitcode(status)) != self.exit_code:
            raise SystemExit(f"{self.name}: exit code {code} instead of {self.exit_code}\n{said}")
        self.wall.append(time.perf_counter() - started)
        self.cpu.append(used.ru_utime + used.ru_stime)

    def row(self, empty: float) -> str:
        """Name, seconds elapsed (median, least, most), processor seconds, and how they stand to the goal."""
        wall, cpu = statistics.median(self.wall), statistics.median(self.cpu)
        goal = f"<= {self.ratio:g} x" if self.ratio else f"<= {self.seconds:g} s" if self.seconds else ""
        met = cpu / empty <= self.ratio if self.ratio else wall <= self.seconds if self.seconds else True
        spread = f"{min(self.wall):.2f}-{max(self.wall):.2f}"
        return f"{self.name:42}{wall:8.2f} {spread:>12}{cpu:8.2f}{cpu / empty:8.1f} x  {goal:10}{'' if met else 'NO'}"


def prepared(folder: Path) -> tuple[Path, Path, int]:
    """A workspace with a vault and a generated list of employees, the list's file, and how many people are listed."""
    workspace = make_workspace(folder)
    setup = load_setup(workspace, ROUND)
    city = make_city(setup, INSTITUTION, SEED, sizes={"internal": LISTED})
    files = received_lists(city, workspace.root / "received", SEED)
    listed = next(path for path in files if "internal" in path.name or "pegawai" in path.name.lower())
    subprocess.run(
        [*SPI, "vault", "init", "--key-file", str(key_file(workspace.root))], cwd=workspace.root, check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return workspace.root, listed, int((city.people["source"] == "internal").sum())


def key_file(place: Path) -> Path:
    """Where the key of the vault lies: beside the workspace, never in it."""
    return place.with_name("vault.key")


def commands(place: Path, listed: Path, rows: int, other: Path | None) -> list[Command]:
    """What is timed, the empty Python first."""
    complete = {"_SPI_COMPLETE": "complete_bash", "COMP_WORDS": "spi im", "COMP_CWORD": "1"}
    found = [
        Command("an empty Python", (sys.executable, "-c", "pass"), place),
        Command("spi --help", (*SPI, "--help"), place, ratio=10),
        Command(
            "shell completion", (str(Path(sys.executable).with_name("spi")),), place, ratio=10, environment=complete
        ),
        Command("spi status, no data", (*SPI, "status"), place, seconds=1),
        Command("a file name refused", (*SPI, "import", "frame", "nothing.xlsx"), place, seconds=1, exit_code=1),
        Command(
            f"spi import frame --dry-run, {rows:,} rows",
            (*SPI, "import", "frame", "--dry-run", str(listed)),
            place,
            seconds=2,
            environment={"SPI_VAULT_KEY_FILE": str(key_file(place))},
        ),
    ]
    return found + ([Command(f"spi status, {other.name}", (*SPI, "status"), other, seconds=3)] if other else [])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commands", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--workspace", type=Path, help="a workspace with data, for spi status")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        timed = commands(*prepared(Path(folder) / "workspace"), options.workspace)
        for _ in range(options.runs):
            for one in timed:
                one.measure()
    print(f"{'':42}{'seconds':>8} {'':12}{'cpu':>8}{'ratio':>10}  goal")
    for one in timed:
        print(one.row(statistics.median(timed[0].cpu)))


if __name__ == "__main__":
    main()
