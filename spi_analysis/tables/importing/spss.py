"""SPSS files (.sav, .zsav) as a grid, read in a process of their own: a damaged file can crash the library."""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spi_analysis.errors import InputError
from spi_analysis.tables.importing.grids import Grid
from spi_analysis.tables.importing.spss_child import FAILED

CHILD = Path(__file__).with_name("spss_child.py")
# A file that takes longer than this to read is damaged: real ones take seconds.
MOST_SECONDS = 600


def read_spss(path: Path) -> list[Grid]:
    """The grid of an SPSS file, its variable names in the first row; value labels and missing values by column."""
    columns, value_labels, ranges = _columns(path)
    names = list(columns)
    rows = list(zip(*(_without_nan(columns[name]) for name in names), strict=True))
    labels = {names.index(name): dict(labels) for name, labels in value_labels.items() if name in columns}
    missing = {names.index(name): _declared(columns[name], found) for name, found in ranges.items() if name in columns}
    return [Grid("", [tuple(names), *rows], labels, missing)]


def _declared(cells: Iterable[object], ranges: Sequence[Mapping[str, Any]]) -> frozenset[object]:
    """The values of a column that lie in the ranges which the file declares missing."""
    return frozenset(
        cell
        for cell in set(cells)
        if any(isinstance(cell, type(r["lo"])) and r["lo"] <= cell <= r["hi"] for r in ranges)
    )


def _columns(path: Path) -> tuple[dict[str, list[object]], dict[str, dict[object, str]], dict[str, list[Any]]]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "columns.pickle"
        command = [sys.executable, "-P", str(CHILD), str(path), str(target)]
        try:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=MOST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise _unreadable(path, f"not read after {MOST_SECONDS} seconds") from None
        if done.returncode != 0:
            said = done.stderr.strip().splitlines()[-1:] if done.returncode == FAILED else []
            raise _unreadable(path, *(said or ["it crashes the program that reads it"]))
        columns, labels, ranges = pickle.loads(target.read_bytes())
        return columns, labels, ranges


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        "the SPSS file cannot be read",
        file=path.name,
        got=f"a damaged file ({why})",
        expected="a .sav or .zsav as SPSS writes it",
        hint="export it again, or export it as CSV",
    )


def _without_nan(values: Iterable[object]) -> list[object]:
    return [None if value != value else value for value in values]
