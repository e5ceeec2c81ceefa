"""What a killed run leaves half-written, cleared away by the next one."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spi_analysis.batch.forks.wire import short_folder
from spi_analysis.batch.plan import INSTITUTION_NOTEBOOKS
from spi_analysis.errors import StoreError
from spi_analysis.params import RoundSetup
from spi_analysis.tables.locking import one_writer

# As tables/files.py names what is not whole yet.
_HALF = re.compile(r"\..+\.[a-z0-9_]{8}(\.[a-z]+)?\Z")
_PREFIX = "spi-run-"
# In a run's temporary folder, held as long as the run lives.
_LOCK = "run.lock"


@contextmanager
def own_temporary_folder() -> Iterator[Path]:
    """One folder for all temporary files of a run and of the processes that run its notebooks.

    The environment of this process stays as it is: what else is started from here meanwhile, such as a Dask worker that
    its nanny replaces, outlives the run, and must not have its files in a folder that goes with it.
    """
    folder, before = short_folder(_PREFIX), tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        with FileLock(folder / _LOCK):
            yield folder
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def clear_temporary_folders(names: Sequence[str]) -> None:
    """Remove what killed runs left in theirs; nothing else, whatever the ledger says.

    The ledger of a copied workspace names the folder of a run that may be going on in the original.
    """
    for folder in map(Path, names):
        if folder.name.startswith(_PREFIX) and folder.is_dir() and not folder.is_symlink() and not _is_used(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_used(folder: Path) -> bool:
    """Whether its run still lives; also where that cannot be told."""
    try:
        with FileLock(folder / _LOCK, timeout=0):
            return False
    except (Timeout, OSError):
        return True


def clear_leftovers(setup: RoundSetup, institution_ids: list[str], national: bool) -> int:
    """Remove half-written files of these institutions' outputs and tables; returns how many there were.

    Only the run that holds the lock may call this. All is left alone while another command writes: an import writes
    not only tables, but also what it found, beside the pages.
    """
    if not setup.workspace.data.is_dir():
        return 0
    found: list[Path] = []
    with contextlib.suppress(StoreError), one_writer(setup.workspace.data):
        found = [*_half_outputs(setup, institution_ids, national), *_half_tables(setup, institution_ids)]
        for path in found:
            path.unlink(missing_ok=True)
    return len(found)


def _half_outputs(setup: RoundSetup, institution_ids: list[str], national: bool) -> Iterator[Path]:
    base = setup.workspace.outputs / setup.round.round_id
    for code in institution_ids:
        yield from _half_written((base / code).rglob(".*"))
    for folder in (base, base / "tables") if national else ():
        yield from _half_written(folder.glob(".*"))


def _half_tables(setup: RoundSetup, institution_ids: list[str]) -> Iterator[Path]:
    store = setup.workspace.data / setup.round.round_id
    own = {f".{code}" for code in institution_ids}
    for table in (table for kind in INSTITUTION_NOTEBOOKS for table in kind.writes):
        for path in _half_written((store / table).glob(".*")):
            if path.name.rsplit(".", 2)[0] in own:
                yield path


def _half_written(paths: Iterator[Path]) -> Iterator[Path]:
    return (path for path in paths if _HALF.match(path.name) and path.is_file())
