"""Files as sheets of cells, with the row numbers a person sees; the one place where foreign bytes come in."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from spi_analysis.errors import InputError, SpiError, nearest
from spi_analysis.tables.importing.delimited import read_text
from spi_analysis.tables.importing.excel import read_workbook
from spi_analysis.tables.importing.grids import Grid, Row, Told
from spi_analysis.tables.importing.parquet import read_parquet
from spi_analysis.tables.importing.spss import read_spss

__all__ = ["Row", "Sheet", "in_order", "read_sheets"]

READERS: dict[str, Callable[[Path], list[Grid]]] = {
    ".xlsx": read_workbook,
    ".xlsm": read_workbook,
    ".csv": read_text,
    ".txt": read_text,
    ".tsv": read_text,
    ".sav": read_spss,
    ".zsav": read_spss,
    ".parquet": read_parquet,
}
DIGEST_LENGTH = 16


@dataclass(frozen=True)
class Sheet:
    """One grid of a file (see ``Grid``). ``digest`` tells the file's content: the same for the same bytes."""

    file: str
    name: str
    rows: list[Row]
    labels: dict[int, dict[object, str]] = field(default_factory=dict)
    digest: str = ""
    missing: Mapping[int, frozenset[object]] = field(default_factory=dict)
    unvalued: Mapping[int, frozenset[int]] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    def in_words(self) -> Sheet:
        """The sheet with the words that the file gives for its values; what it declares missing is empty."""
        if not self.labels and not self.missing:
            return self
        return replace(self, rows=[self.rows[0], *(tuple(map(self._in_words, count(), row)) for row in self.rows[1:])])

    def _in_words(self, column: int, cell: object) -> object:
        return None if cell in self.missing.get(column, ()) else self.labels.get(column, {}).get(cell, cell)


def in_order(files: Iterable[Path | str]) -> dict[Path, str]:
    """Files in an order that does not depend on the caller, each with the name it is shown by.

    That is the file's name; where two files share it, the folder's name goes before. A file named twice is one file.
    """
    once = {path.resolve(): path for path in sorted(map(Path, files), key=str)}
    paths = sorted(once.values(), key=lambda path: (path.name, str(path)))
    times = Counter(path.name for path in paths)
    return {path: path.name if times[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in paths}


def read_sheets(path: Path, shown_as: str = "") -> list[Sheet]:
    """All grids of a file that hold anything; ``shown_as`` is the name of the file in what is said about them.

    Raises
    ------
    InputError   the file is missing, of another kind than its name says, damaged in whatever way, or empty.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            "this kind of file cannot be read",
            file=path.name,
            got=path.suffix or "no ending",
            expected=", ".join(READERS),
            hint=nearest(path.suffix, READERS) if path.suffix != ".xls" else "save it as .xlsx",
        )
    if not path.is_file():
        raise InputError("there is no such file", file=path.name, hint=_beside(path))
    grids = [grid for grid in _grids(path, reader) if any(any(cell is not None for cell in row) for row in grid.rows)]
    if not grids:
        raise InputError("the file holds nothing", file=path.name, expected="a header row and rows below it")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:DIGEST_LENGTH]
    return [
        Sheet(
            file=shown_as or path.name,
            name=grid.name,
            rows=grid.rows,
            labels=grid.labels,
            digest=digest,
            missing=grid.missing,
            unvalued=grid.unvalued,
            told=grid.told,
        )
        for grid in grids
    ]


def _grids(path: Path, reader: Callable[[Path], list[Grid]]) -> list[Grid]:
    try:
        return reader(path)
    except SpiError:
        raise
    except Exception as error:
        # Libraries fail in many ways on damaged files; none of them may end the reading of the other files.
        raise InputError(
            "the file cannot be read",
            file=path.name,
            got=f"a damaged file ({type(error).__name__})",
            expected=f"a {path.suffix.lower()} file that opens without a warning",
            hint="open it in a spreadsheet program and save it again as .xlsx",
        ) from None


def _beside(path: Path) -> str:
    here = sorted(p.name for p in path.parent.iterdir() if p.is_file()) if path.parent.is_dir() else []
    return nearest(path.name, here)
