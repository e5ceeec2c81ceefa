"""What became of every step, in a small database: one writer (the run that holds the lock), any number of readers."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from spi_analysis.batch.outcome import Outcome
from spi_analysis.batch.plan import Step
from spi_analysis.errors import StoreError
from spi_analysis.params import RoundSetup

Key = tuple[str, str]
Row = TypeVar("Row")
LEDGER = "ledger.sqlite"
# Seconds that a reader waits for the writer, and the writer for a checkpoint.
PATIENCE = 30
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
    """All steps that were ever run; of what several ledgers know the newest, and the round's rather than a shard's.

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
            if base.execute("select 1 from sqlite_master where name = ?", (table,)).fetchone():
                found = [dict(row) for row in base.execute(f"select * from {table}")]
                rows += _understood(path, found, made_of)
    return rows


def _understood(path: Path, found: list[dict[str, Any]], made_of: Callable[[dict[str, Any]], Row]) -> list[Row]:
    """The rows as what they stand for; SQLite keeps whatever bytes it is given."""
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
    """Whether what is stored cannot be understood (a column that is not there, letters that are none)."""
    return getattr(error, "sqlite_errorname", None) in (None, "SQLITE_ERROR")


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        "the ledger is damaged",
        file=str(path),
        got=f"{type(error).__name__}: {error}",
        hint="remove it: no result is lost, but the next run makes all steps again",
    )


def _number(error: sqlite3.OperationalError, path: Path) -> int:
    """The system's number for a full or a read-only disk, which SQLite has several names for; else 0."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and not shutil.disk_usage(path.parent).free):
        return errno.ENOSPC
    return errno.EROFS if name.startswith("SQLITE_READONLY") else 0


class Ledger:
    """The writer's side, for the length of a run."""

    def __init__(self, path: Path, run: str) -> None:
        self.path, self.run = path, run
        path.parent.mkdir(parents=True, exist_ok=True)
        with _sound(path):
            self._base = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            self._base.execute("pragma journal_mode = wal")
            self._base.executescript(_SCHEMA)

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

    def close(self) -> None:
        """Let go of the database; its side files go with it."""
        with _sound(self.path):
            self._base.close()

    def _do(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        with _sound(self.path):
            self._base.execute(sql, values)


def now() -> str:
    """The time, as the ledger and the logs write it (UTC)."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _json(facts: Mapping[str, str]) -> str:
    return json.dumps(dict(facts), sort_keys=True, ensure_ascii=False)
