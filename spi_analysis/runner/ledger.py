"""The ledger: the state of every step in a small database, with one writer (the run with the lock) and many readers.

Nobody writes into it between runs, and then it carries a checksum of all its bytes, in the field of SQLite's header
that is left to the program (``application_id``). While a run is going on, or after a killed one, the field is 0.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from spi_analysis.errors import ParameterError, StoreError, nearest
from spi_analysis.params import RoundSetup
from spi_analysis.runner.plan import Outcome, Step, plan_steps
from spi_analysis.tables import has_published

Key = tuple[str, str]
Row = TypeVar("Row")
LEDGER = "ledger.sqlite"
# Seconds that a reader waits for the writer, and the writer for a checkpoint.
PATIENCE = 30
# Where SQLite's header holds the number that is left to the program (sqlite.org/fileformat.html, 1.3.15).
_FIELD = 68
_SCHEMA = """
create table if not exists runs (
    run text primary key, started text not null, ended text, pid integer, workers integer, planned integer, state text,
    folder text
);
create table if not exists steps (
    number text, institution_id text, state text not null, run text, started text, ended text, seconds real,
    memory_mb real, engine text, attempts integer, error text, cell integer, traceback text,
    inputs text not null default '{}', outputs text not null default '{}', made text,
    primary key (number, institution_id)
);
create table if not exists code (
    package text, notebook text, digest text not null, primary key (package, notebook)
);
"""


@dataclass(frozen=True)
class Entry:
    """A step as the ledger has it.

    ``state``: running, done, failed, left out, stopped or interrupted (its run was killed), of the last attempt;
    ``inputs`` and ``outputs`` (part or path -> digest) and ``made`` (when) of the last attempt that went through.
    """

    number: str
    institution_id: str
    state: str
    run: str = ""
    started: str = ""
    ended: str = ""
    seconds: float | None = None
    memory_mb: float | None = None
    engine: str = ""
    attempts: int = 1
    error: str = ""
    cell: int | None = None
    traceback: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    made: str = ""

    @property
    def key(self) -> Key:
        """Number and institution."""
        return (self.number, self.institution_id)


def batch_folder(setup: RoundSetup) -> Path:
    """Where ledger, lock and logs of a round are."""
    return setup.workspace.outputs / setup.round.round_id / "batch"


def read_entries(setup: RoundSetup) -> dict[Key, Entry]:
    """All steps that were ever run; of several ledgers the newest entry, and the round's rather than a shard's.

    Raises
    ------
    StoreError   a ledger is damaged.
    """
    found: dict[Key, Entry] = {}
    for entry in _rows(setup, "steps", _entry):
        if entry.key not in found or entry.started >= found[entry.key].started:
            found[entry.key] = entry
    return found


def read_runs(setup: RoundSetup) -> list[dict[str, Any]]:
    """All runs, the oldest first: run, started, ended, pid, workers, planned, state."""
    return sorted(_rows(setup, "runs", _run), key=lambda run: run["started"])


def read_code(setup: RoundSetup) -> dict[tuple[str, str], str]:
    """Digests of package and notebook -> digest of the code that the notebook depends on, as runs have kept them."""
    return dict(_rows(setup, "code", lambda row: ((row["package"], row["notebook"]), row["digest"])))


def _entry(row: dict[str, Any]) -> Entry:
    row |= {name: json.loads(row[name]) for name in ("inputs", "outputs")}
    return Entry(**{name: value for name, value in row.items() if value is not None})


def _run(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"started": str(row["started"])}


def _rows(setup: RoundSetup, table: str, made_of: Callable[[dict[str, Any]], Row]) -> list[Row]:
    rows: list[Row] = []
    for path in sorted(batch_folder(setup).glob("ledger*.sqlite")):
        with _sound(path), closing(sqlite3.connect(_address(path), uri=True, timeout=PATIENCE)) as base:
            base.row_factory = sqlite3.Row
            _require_whole(path, base)
            if base.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone():
                found = [dict(row) for row in base.execute(f"select * from {table}")]
                rows += _understood(path, found, made_of)
    return rows


def _require_whole(path: Path, base: sqlite3.Connection) -> None:
    """Raise if a ledger without a running run was changed; until ``base`` is closed nobody can change the file."""
    base.execute("begin")
    (found,) = base.execute("pragma application_id").fetchone()
    if found and found != _checksum(path.read_bytes()):
        raise _damaged(path, "its content is not that of its checksum")


def _checksum(content: bytes) -> int:
    """The checksum of all bytes except its own; never 0, and signed as in SQLite."""
    unsigned = zlib.crc32(content[:_FIELD] + bytes(4) + content[_FIELD + 4 :]) or 1
    return int.from_bytes(unsigned.to_bytes(4), signed=True)


def _seal(path: Path) -> None:
    """Write the checksum of a ledger that is not open for writing."""
    with open(path, "r+b") as file:
        content = file.read()
        file.seek(_FIELD)
        file.write(_checksum(content).to_bytes(4, signed=True))


def _understood(path: Path, found: list[dict[str, Any]], made_of: Callable[[dict[str, Any]], Row]) -> list[Row]:
    """The rows as entries, checked, since SQLite stores any bytes."""
    try:
        return [made_of(row) for row in found]
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, error) from None


def _address(path: Path) -> str:
    """For a reader: without the right to write beside it, a ledger in WAL opens as a file that nobody writes to.

    While a run is going on its side files are there, and SQLite reads these without that right.
    """
    at_rest = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    return f"{path.absolute().as_uri()}{'?immutable=1' if at_rest else ''}"


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if _is_of_content(error):
            raise _damaged(path, error) from None
        raise OSError(_number(error, path), f"the ledger cannot be read or written ({error})", str(path)) from None
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from None


def _is_of_content(error: sqlite3.OperationalError) -> bool:
    """Whether an error is one of the stored content (a missing column, invalid text)."""
    return getattr(error, "sqlite_errorname", None) in (None, "SQLITE_ERROR")


def _damaged(path: Path, error: Exception | str) -> StoreError:
    return StoreError(
        "the ledger is damaged",
        file=str(path),
        got=error if isinstance(error, str) else f"{type(error).__name__}: {error}",
        hint="remove it: no result is lost, but the next run makes all steps again",
    )


def _number(error: sqlite3.OperationalError, path: Path) -> int:
    """The system's number for a full or a read-only disk, which SQLite has several names for; else 0."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and not shutil.disk_usage(path.parent).free):
        return errno.ENOSPC
    return errno.EROFS if name.startswith("SQLITE_READONLY") else 0


class Ledger:
    """The writer's side, during a run."""

    def __init__(self, path: Path, run: str) -> None:
        self.path, self.run = path, run
        path.parent.mkdir(parents=True, exist_ok=True)
        with _sound(path):
            self._base = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            _require_whole(path, self._base)
            self._base.execute("rollback")
            self._base.execute("pragma journal_mode = wal")
            self._base.execute("pragma application_id = 0")
            self._base.executescript(_SCHEMA)
        self._is_open = True

    def begin_run(self, pid: int, workers: int | None, planned: int, folder: str) -> list[str]:
        """Note a run with so many workers (None: all there are); what a killed one was at counts as interrupted.

        Returns the folders for temporary files of runs that were killed.
        """
        with _sound(self.path):
            killed = self._base.execute("select folder from runs where state = 'running'").fetchall()
        self._do("update steps set state = 'interrupted' where state = 'running'")
        self._do("update runs set state = 'killed' where state = 'running'")
        values = (self.run, now(), pid, workers, planned, folder)
        self._do(
            "insert into runs (run, started, pid, workers, planned, folder, state)"
            " values (?, ?, ?, ?, ?, ?, 'running')",
            values,
        )
        return [name for (name,) in killed if name]

    def end_run(self, state: str) -> None:
        """``state``: done, failed or stopped."""
        if state == "stopped":
            self._do("update steps set state = 'stopped' where state = 'running'")
        self._do("update runs set state = ?, ended = ? where run = ?", (state, now(), self.run))

    def begin(self, step: Step, attempt: int) -> None:
        """A step starts; what is known of its last success stays."""
        self._do(
            "insert into steps (number, institution_id, state, run, started, attempts)"
            " values (?, ?, 'running', ?, ?, ?)"
            " on conflict do update set state = excluded.state, run = excluded.run, started = excluded.started,"
            " attempts = excluded.attempts, ended = null, seconds = null, memory_mb = null, error = null, cell = null,"
            " traceback = null",
            (*step.key, self.run, now(), attempt),
        )

    def end(self, outcome: Outcome, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> None:
        """A step ended; ``inputs`` and ``outputs`` count if it went through."""
        state = "done" if outcome.ok else "failed" if outcome.was_run else "left out"
        facts = (state, self.run, now(), round(outcome.seconds, 3), outcome.memory_mb, outcome.engine,
                 outcome.error, outcome.cell, outcome.traceback)  # fmt: skip
        self._do(
            "insert into steps (number, institution_id, state, run, started, ended, seconds, memory_mb, engine, error,"
            " cell, traceback) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " on conflict do update set state = excluded.state, run = excluded.run, ended = excluded.ended,"
            " seconds = excluded.seconds, memory_mb = excluded.memory_mb, engine = excluded.engine,"
            " error = excluded.error, cell = excluded.cell, traceback = excluded.traceback"
            + ("" if outcome.was_run else ", started = excluded.started"),
            (*outcome.key, *facts[:2], now(), *facts[2:]),
        )
        if outcome.ok:
            self._do(
                "update steps set inputs = ?, outputs = ?, made = ended where number = ? and institution_id = ?",
                (_json(inputs), _json(outputs), *outcome.key),
            )

    def rendered(self, entry: Entry, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> None:
        """Pages were made anew from what was executed: those parts change, all else that is known stays."""
        facts = asdict(entry) | {
            "inputs": _json({**entry.inputs, **inputs}),
            "outputs": _json({**entry.outputs, **outputs}),
        }
        places = ", ".join("?" * len(facts))
        self._do(f"insert or replace into steps ({', '.join(facts)}) values ({places})", tuple(facts.values()))

    def keep_code(self, found: Mapping[tuple[str, str], str]) -> None:
        """Keep what ``read_code`` gives, so that whoever only looks need not find it again; no other package's."""
        for (package, notebook), digest in found.items():
            self._do("delete from code where package <> ?", (package,))
            self._do("insert or replace into code values (?, ?, ?)", (package, notebook, digest))

    def close(self) -> None:
        """Close the database; its side files are removed, and everything is in one file with its checksum."""
        if not self._is_open:
            return
        self._is_open = False
        with _sound(self.path):
            (busy, *_) = self._base.execute("pragma wal_checkpoint(truncate)").fetchone()
            self._base.close()
        # If the folder was removed during the run, there is no ledger to seal.
        if not busy and self.path.exists():
            _seal(self.path)

    def _do(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        with _sound(self.path):
            self._base.execute(sql, values)


def now() -> str:
    """The time, as the ledger and the logs write it (UTC)."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _json(facts: Mapping[str, str]) -> str:
    return json.dumps(dict(facts), sort_keys=True, ensure_ascii=False)


# The selection of steps of a run.

# States of the ledger after which a step has to be run again.
UNDONE = ("failed", "left out", "stopped", "interrupted", "running")
_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)\Z")


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of ``of``: every ``of``-th institution of the round, in the order of the roster."""

    number: int
    of: int

    @property
    def name(self) -> str:
        """For files: 2-of-4."""
        return f"{self.number}-of-{self.of}"

    def is_beside(self, name: str) -> bool:
        """Whether the shard of that name shares no institution with this one."""
        number, _, of = name.partition("-of-")
        return of == str(self.of) and number != str(self.number)


def read_shard(text: str) -> Shard:
    """A shard from "2/4".

    Raises
    ------
    ParameterError   it is not of this form, or beyond the last.
    """
    found = _SHARD.match(text)
    if found and int(found[1]) <= int(found[2]):
        return Shard(int(found[1]), int(found[2]))
    raise ParameterError("this is no shard", got=text, expected="i/n, such as 1/4, with i from 1 to n")


@dataclass(frozen=True)
class Selection:
    """What to run: each field narrows it down, an empty one does not.

    ``types``: of institutions, as the roster has them; ``notebooks``: two-digit numbers; ``only_failed``: steps that
    failed last time, and steps that build on them. The overview belongs to no institution: shards leave it out, since
    none of them knows when the others are finished.
    """

    institutions: Sequence[str] = ()
    types: Sequence[str] = ()
    notebooks: Sequence[str] | None = None
    only_failed: bool = False
    shard: Shard | None = None


def selected_institutions(setup: RoundSetup, selection: Selection) -> list[str]:
    """Institution codes, in the order of the round (or as they were named).

    Raises
    ------
    ParameterError   an institution or a type that this round does not have, or none that is of both.
    """
    named = dict.fromkeys(setup.require(code) for code in selection.institutions)
    types = {setup.roster[code].type for code in setup.institution_ids}
    for one in selection.types:
        if one not in types:
            raise ParameterError(
                "no institution of this round is of this type",
                got=one,
                expected=", ".join(sorted(types)),
                hint=nearest(one, sorted(types)),
            )
    found = [
        code
        for code in named or setup.institution_ids
        if not selection.types or setup.roster[code].type in selection.types
    ]
    if not found:
        raise ParameterError(
            "none of these institutions is of this type", got=", ".join(named), expected=", ".join(selection.types)
        )
    return [code for code in found if selection.shard is None or _in_shard(setup, code, selection.shard)]


def selected_steps(setup: RoundSetup, selection: Selection) -> list[Step]:
    """The steps of a selection, in an order that respects what each needs."""
    steps = plan_steps(selected_institutions(setup, selection), selection.notebooks)
    # The overview is one of published years; pages of all institutions can be made neither from a part of them nor
    # from parameters that are wrong.
    if not has_published(setup.workspace) or selection.shard is not None or setup.blocked:
        steps = [step for step in steps if step.institution_id]
    if selection.only_failed:
        states = {key: entry.state for key, entry in read_entries(setup).items()}
        steps = _with_followers(steps, {key for key, state in states.items() if state in UNDONE})
    return steps


def without(steps: Sequence[Step], keys: set[tuple[str, str]]) -> list[Step]:
    """The other steps, waiting for none of these."""
    return [
        replace(step, after=tuple(key for key in step.after if key not in keys))
        for step in steps
        if step.key not in keys
    ]


def _in_shard(setup: RoundSetup, code: str, shard: Shard) -> bool:
    return setup.institution_ids.index(code) % shard.of == shard.number - 1


def _with_followers(steps: Sequence[Step], wanted: set[tuple[str, str]]) -> list[Step]:
    kept: set[tuple[str, str]] = set()
    for step in steps:
        if step.key in wanted or any(key in kept for key in step.after):
            kept.add(step.key)
    return without(steps, {step.key for step in steps} - kept)


# One run of a round at a time; shards of the same division may run side by side.

ALL, GATE = "all", "gate"
# Seconds that are longer than any reader holds the lock, or another starting run holds the gate.
A_LOOK, GATE_PATIENCE = 0.5, 10


@contextmanager
def one_run(setup: RoundSetup, shard: Shard | None = None) -> Iterator[None]:
    """Lock a round's outputs; the system releases the lock when the process ends, in whatever way.

    Raises
    ------
    StoreError   another run holds them. Nothing was changed then.
    """
    folder, mine = batch_folder(setup) / "locks", shard.name if shard else ALL
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            with FileLock(folder / f"{GATE}.lock", timeout=GATE_PATIENCE):
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
    """The same check without write permission."""
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
