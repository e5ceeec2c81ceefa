"""One run of a round at a time; shards of the same division may run side by side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from spi_analysis.batch.ledger import batch_folder, read_runs
from spi_analysis.batch.selection import Shard
from spi_analysis.errors import StoreError
from spi_analysis.params import RoundSetup

ALL, GATE = "all", "gate"
# Seconds: whoever only looks who is there holds a lock for less, and another that is starting holds the gate for less.
A_LOOK, PATIENCE = 0.5, 10


@contextmanager
def one_run(setup: RoundSetup, shard: Shard | None = None) -> Iterator[None]:
    """Hold a round's outputs; the system lets go of them when the process ends, however it ends.

    Raises
    ------
    StoreError   another run holds them. Nothing was changed then.
    """
    folder, mine = batch_folder(setup) / "locks", shard.name if shard else ALL
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            with FileLock(folder / f"{GATE}.lock", timeout=PATIENCE):
                for path in sorted(folder.glob("*.lock")):
                    if path.stem not in (GATE, mine) and not (shard and shard.is_beside(path.stem)):
                        FileLock(path, timeout=A_LOOK).acquire().lock.release()
                held.enter_context(FileLock(folder / f"{mine}.lock", timeout=A_LOOK))
        except Timeout as busy:
            raise _busy(setup, busy.lock_file) from None
        yield


def is_running(setup: RoundSetup) -> bool:
    """Whether a run, or a shard of one, is going on."""
    for path in sorted((batch_folder(setup) / "locks").glob("*.lock")):
        try:
            FileLock(path, timeout=0).acquire().lock.release()
        except Timeout:
            return True
        except OSError:
            if _is_held(path):
                return True
    return False


def _is_held(path: Path) -> bool:
    """The same for somebody who may only read."""
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _busy(setup: RoundSetup, lock_file: str) -> StoreError:
    going = [run for run in read_runs(setup) if run["state"] == "running"]
    who = ", ".join(f"process {run['pid']} since {run['started'][:16].replace('T', ' ')} UTC" for run in going)
    return StoreError(
        "another run of this round is going on",
        file=lock_file.partition("/outputs/")[2] and f"outputs/{lock_file.partition('/outputs/')[2]}",
        got=who,
        expected="one at a time; shards of the same division (1/4, 2/4, ...) may run side by side",
        hint="wait until it has ended (spi status --watch), then run this again; nothing was changed",
    )
