"""Errors that tell a person what to do: what, where, got, expected, hint; all problems of a file at once."""

from __future__ import annotations

import difflib
import errno
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HIDDEN = "••••"
# An address, or nine digits and more with whatever people put between them: spaces, dots, dashes, slashes, brackets.
_CONTACT = re.compile(r"\S+@\S+|[+(]*\d(?:[\s.\-–/()]{0,3}\d){8,}\)?")


def mask_contacts(text: str) -> str:
    """A text, such as the name of a file, with the telephone numbers and addresses in it hidden."""
    return _CONTACT.sub(HIDDEN, text)


def contact_in(text: str) -> re.Match[str] | None:
    """Where the first telephone number or address of a text stands."""
    return _CONTACT.search(text)


@dataclass(frozen=True)
class Problem:
    """One problem, with its place and a hint.

    ``row`` is the row as the person sees it in the spreadsheet (the first row is 1).
    ``got`` must already be masked where it comes from a contact column; contacts in the names of files and sheets are
    masked here.
    """

    what: str
    file: str = ""
    row: int | None = None
    column: str = ""
    key: str = ""
    got: str = ""
    expected: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        for name in ("file", "key", "hint"):
            object.__setattr__(self, name, mask_contacts(getattr(self, name)))

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
    """A file that could be read, and has no rows below its header."""


class SpiError(Exception):
    """The base class of all errors of the workbench. It holds one or more problems."""

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
    """A problem of the system, such as a full disk or missing write permission, which no traceback would explain.

    Parameters
    ----------
    key : what the file was for
    """
    file = str(error.filename or "")
    got = error.strerror or str(error)
    return Problem("a file cannot be read or written", file=file, key=key, got=got, hint=_way_out(error.errno, file))


def room_needed(place: Path) -> str:
    """A hint for a full disk of ``place``, with the bytes that are free."""
    free = shutil.disk_usage(place).free
    return f"{free:,} bytes are free on the disk of {place}: make room, then run this again; what is done is kept"


def _way_out(number: int | None, file: str) -> str:
    """A hint, where the system reports a full disk or missing write permission."""
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
