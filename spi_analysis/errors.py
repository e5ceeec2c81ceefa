"""Errors that a person can act on: what, where, got, expected, hint; every problem of a file at once."""

from __future__ import annotations

import difflib
import errno
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with its place and the way out.

    ``row`` is the row as the person sees it in the spreadsheet (the first row is 1).
    ``got`` must already be masked where it comes from a contact column.
    """

    what: str
    file: str = ""
    row: int | None = None
    column: str = ""
    key: str = ""
    got: str = ""
    expected: str = ""
    hint: str = ""

    @property
    def where(self) -> str:
        """The place, from the outside in: file, row, column, key."""
        places = [self.file]
        places += [f"row {self.row}"] if self.row is not None else []
        places += [f"column {self.column}"] if self.column else []
        places += [f"key {self.key}"] if self.key else []
        return ", ".join(place for place in places if place)

    def __str__(self) -> str:
        # What is expected is not listed twice.
        hint = "" if self.hint == f"valid names: {self.expected}" else self.hint
        parts = [("where", self.where), ("got", self.got), ("expected", self.expected), ("hint", hint)]
        return "\n".join([self.what] + [f"  {name}: {text}" for name, text in parts if text])


class NoRows(Problem):
    """A file that could be read, and holds nobody and nothing below its header."""


class SpiError(Exception):
    """The family of all errors of the workbench. Carries one or more problems."""

    def __init__(self, *problems: Problem | str, **fields: object) -> None:
        if len(problems) == 1 and isinstance(problems[0], str):
            problems = (Problem(problems[0], **fields),)  # type: ignore[arg-type]
        elif fields:
            raise TypeError("fields such as file= or got= describe one problem given as text")
        self.problems: tuple[Problem, ...] = tuple(p if isinstance(p, Problem) else Problem(p) for p in problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        return f"{len(self.problems)} problems\n" + "\n".join(str(p) for p in self.problems)

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders in the batch; the default would re-parse the rendered text.
        return (type(self), self.problems)


class ParameterError(SpiError):
    """A parameter file (round, instrument, roster, mapping ...) is missing or wrong."""


class InputError(SpiError):
    """A file or table that was handed in cannot be used as it is."""


class StoreError(SpiError):
    """The round's store lacks a table, or would be overwritten."""


class VaultError(SpiError):
    """The contact vault cannot be opened, or would be left unsafe."""


class SamplingError(SpiError):
    """A sampling design cannot be carried out as asked."""


class WeightingError(SpiError):
    """A weighting step cannot be carried out as asked."""


class EstimationError(SpiError):
    """An estimate cannot be made from this design and these variables."""


class NotebookError(SpiError):
    """A notebook failed for an institution."""


def system_problem(error: OSError, key: str = "") -> Problem:
    """A full disk, a folder that may not be written to: nothing that a traceback would explain.

    Parameters
    ----------
    key : what the file was for
    """
    file = str(error.filename or "")
    got = error.strerror or str(error)
    return Problem("a file cannot be read or written", file=file, key=key, got=got, hint=_way_out(error.errno, file))


def room_needed(place: Path) -> str:
    """What helps where the disk of ``place`` is full, with the bytes that are free."""
    free = shutil.disk_usage(place).free
    return f"{free:,} bytes are free on the disk of {place}: make room, then run this again; what is done is kept"


def _way_out(number: int | None, file: str) -> str:
    """What helps, where the system says that something is full or may not be written to."""
    place = next((path for path in Path(file).absolute().parents if path.is_dir()), Path.cwd())
    if number in (errno.ENOSPC, errno.EDQUOT):
        return room_needed(place)
    if number == errno.EROFS:
        return f"the disk of {place} can only be read from: mount it for writing, then run this again"
    return ""


def nearest(name: object, valid: Iterable[object]) -> str:
    """A hint that names the closest valid name, else all of them (at most ten)."""
    names = [str(v) for v in valid]
    by_small_letters = {v.casefold(): v for v in reversed(names)}
    close = difflib.get_close_matches(str(name).casefold(), list(by_small_letters), n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_small_letters[close[0]]!r}?"
    listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return f"valid names: {listed}" if names else ""
