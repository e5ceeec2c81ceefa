"""One writer at a time: what is read, changed and written again must not be changed by another in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spi_analysis.errors import StoreError
from spi_analysis.tables.files import PRIVATE, PRIVATE_FOLDER, make_folder

LOCK = ".lock"
_joined: set[Path] = set()


@contextmanager
def one_writer_in_parts(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for a command whose parts write on their own: here, and in processes that ``join_writer``.

    The parts must not write the same files: each has an institution of its own.
    """
    with one_writer(folder):
        join_writer(folder)
        try:
            yield
        finally:
            _joined.discard(folder.resolve())


def join_writer(folder: Path) -> None:
    """Say that this process is a part of the command that holds ``folder``: it need not ask for it again."""
    _joined.add(folder.resolve())


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Hold ``folder`` (the workspace's ``data``) for one command; the system lets go of it when the process ends.

    What lies there is about people: the folder is opened to its owner alone, also one that was made before or copied.

    Raises
    ------
    StoreError   another command is writing there. Nothing was changed then.
    """
    make_folder(folder, PRIVATE_FOLDER)
    if folder.resolve() in _joined:
        yield
        return
    lock = FileLock(folder / LOCK, mode=PRIVATE)
    try:
        folder.chmod(PRIVATE_FOLDER)
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(
            "another import, draw or change of key is running",
            file=f"{folder.name}/{LOCK}",
            expected="one at a time: each builds on what the one before has written",
            hint="wait until it has ended, then run this again; nothing was changed",
        ) from None
    try:
        yield
    finally:
        lock.release()
