"""An exchange: files between machines that share no disk, below an address that all of them can read and write.

A run has a folder of its own there. The name of a file in it is the digest of its contents: what is there is not sent
again, and what arrives is what was sent. ``Staging`` is a worker's folder in the place of the workspace.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import fsspec
from fsspec.implementations.local import LocalFileSystem

from spi_analysis.params import RoundSetup
from spi_analysis.reporting import sheet_files
from spi_analysis.runner import Step, digests
from spi_analysis.runner.dask.sameness import MachinesError, first_line
from spi_analysis.runner.fingerprint import is_output, step_inputs
from spi_analysis.runner.plan import FAILED
from spi_analysis.tables import PRIVATE_FOLDER, whole_file

# Stores that have no folders: making one would make a bucket.
_BUCKETS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl"}
_SIGN = "sign"


class ExchangeError(MachinesError):
    """The exchange cannot be used, or does not hold what was given to it."""

    @property
    def in_short(self) -> str:
        """On one line."""
        return "; ".join(line.strip() for line in str(self).splitlines())


@dataclass(frozen=True)
class Given:
    """A file in the exchange: its digest, and what a copy has from the original (time of the last change, rights)."""

    digest: str
    modified: int
    mode: int

    @classmethod
    def of(cls, path: Path) -> Given:
        """What a file is at this moment."""
        facts = path.stat()
        return cls(digests.file_digest(path), facts.st_mtime_ns, stat.S_IMODE(facts.st_mode))


# Path below the workspace -> what was given.
Manifest = Mapping[str, Given]


class Exchange:
    """The folder of a run below an address that fsspec knows, such as s3://bucket/folder or file:///folder.

    Parameters
    ----------
    address : without keys, which each machine has in its own environment
    run : identifies the run

    Raises
    ------
    ExchangeError   no such kind of address, or its package is missing.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> here, there, exchange = Path(mkdtemp()), Path(mkdtemp()), Exchange("memory://folder", "1")
    >>> exchange.open()
    >>> _ = (here / "a.txt").write_text("hello")
    >>> manifest = exchange.give(here, [here / "a.txt"])
    >>> exchange.take(manifest, there)
    >>> (there / "a.txt").read_text()
    'hello'
    >>> exchange.clear()
    """

    def __init__(self, address: str, run: str) -> None:
        self._files, path = _file_system(address)
        self._folder = f"{path.rstrip('/')}/spi-run-{run}"
        # On every machine the same, whatever folder it is in.
        self.address = self._files.unstrip_protocol(path)
        self._is_disk = isinstance(self._files, LocalFileSystem)
        # Digests of what is known to be there.
        self._there: set[str] = set()

    @property
    def place(self) -> str:
        """The run's folder, in words."""
        return str(self._files.unstrip_protocol(self._folder))

    def open(self) -> None:
        """Make the run's folder, with a random word: who reads this word there has the same exchange.

        Raises
        ------
        ExchangeError   the address cannot be reached or written.
        """
        with self._reached():
            protocol = self._files.protocol
            if not _BUCKETS.intersection([protocol] if isinstance(protocol, str) else protocol):
                self._files.makedirs(self._folder, exist_ok=True)
            if self._is_disk:
                os.chmod(self._folder, PRIVATE_FOLDER)
            self._files.pipe_file(self._at(_SIGN), secrets.token_hex(16).encode())

    def read_sign(self) -> str:
        """The random word that stands there; a word of this machine's own is written beside it.

        Raises
        ------
        ExchangeError   it cannot be read, or this machine may not write.
        """
        with self._reached():
            word = self._files.cat_file(self._at(_SIGN)).decode("ascii")
            self._files.pipe_file(self._at(f"{_SIGN}-{secrets.token_hex(8)}"), word.encode())
        return word

    def give(self, root: Path, paths: Iterable[Path]) -> Manifest:
        """Send the files that are not there yet; returns the names of all below ``root``, with what they are.

        Raises
        ------
        ExchangeError   the exchange cannot be written.
        """
        manifest = {path.relative_to(root).as_posix(): Given.of(path) for path in paths}
        new = {one.digest: str(root / name) for name, one in manifest.items() if one.digest not in self._there}
        if new:
            with self._reached():
                self._put(new)
        self._there.update(new)
        return manifest

    def take(self, manifest: Manifest, root: Path) -> None:
        """Fetch the files that differ here; all are checked before the first is written.

        Raises
        ------
        ExchangeError   a file is missing there or damaged, lies outside ``root``, or the exchange cannot be read.
        """
        here = {name: digests.file_digest(_below(root, name)) for name in manifest}
        differing = {name: one for name, one in manifest.items() if here[name] != one.digest}
        names = {one.digest: name for name, one in differing.items()}
        with tempfile.TemporaryDirectory(prefix="spi-taken-") as folder:
            fetched = {digest: Path(folder) / digest for digest in names}
            if fetched:
                self._get(fetched, names)
            for name, one in differing.items():
                with whole_file(root / name, one.mode) as beside:
                    shutil.copyfile(fetched[one.digest], beside)
        for name, one in manifest.items():
            # A page says when the weights were made.
            os.utime(root / name, ns=(one.modified, one.modified))
        self._there.update(one.digest for one in manifest.values())

    def forget(self, manifest: Manifest) -> None:
        """Do not rely on these any more: what is given next time is sent anew."""
        self._there -= {one.digest for one in manifest.values()}

    def clear(self) -> None:
        """Remove the run's folder: it holds tables of answers.

        Raises
        ------
        ExchangeError   it cannot be removed.
        """
        with self._reached():
            self._files.invalidate_cache()
            self._files.rm(self._folder, recursive=True)

    def _put(self, new: Mapping[str, str]) -> None:
        names = [self._at(digest) for digest in new]
        # On a disk, unlike in a bucket, a file can be read while it is being written.
        beside = [f"{name}.{secrets.token_hex(4)}" for name in names] if self._is_disk else names
        self._files.put(list(new.values()), beside)
        for half, whole in zip(beside, names, strict=True):
            if half != whole:
                self._files.mv(half, whole)

    def _get(self, fetched: Mapping[str, Path], names: Mapping[str, str]) -> None:
        with self._reached():
            try:
                self._files.get([self._at(digest) for digest in fetched], [str(path) for path in fetched.values()])
            except FileNotFoundError:
                self._files.invalidate_cache()
                lost = [digest for digest in fetched if not self._files.exists(self._at(digest))]
                if not lost:
                    raise
                raise self._missing(lost[0], names[lost[0]]) from None
        for digest, path in fetched.items():
            self._require_whole(digest, path, names[digest])

    def _missing(self, digest: str, name: str) -> ExchangeError:
        return ExchangeError(
            "an object of the exchange is missing",
            file=name,
            key=self._named(digest),
            got="nothing there",
            hint="does a rule of expiry remove objects while a run is going on? the step is tried again",
        )

    def _require_whole(self, digest: str, path: Path, name: str) -> None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != digest:
            raise ExchangeError(
                "an object of the exchange is damaged",
                file=name,
                key=self._named(digest),
                got=f"digest {found[:12]}, {path.stat().st_size:,} bytes",
                expected=f"digest {digest[:12]}",
                hint="it was changed there, or cut off on its way; the step is tried again, and the file sent anew",
            )

    def _at(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _named(self, digest: str) -> str:
        return f"{self.place}/{digest[:12]}..."

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except ExchangeError:
            raise
        except Exception as error:  # every kind of store has errors of its own, most of which are no OSError
            raise ExchangeError(
                "the exchange cannot be read or written",
                key=self.place,
                got=first_line(error),
                expected="an address that this machine may read, write and remove below",
                hint="does it exist, is its address right, and has this machine the keys to it in its environment?",
            ) from None


def exchange_facts(address: str, run: str) -> dict[str, str]:
    """What this machine sees of a run's exchange: the word of its sign, and what keeps it from reading or writing."""
    try:
        return {"sign": Exchange(address, run).read_sign(), "trouble": ""}
    except ExchangeError as error:
        return {"sign": "", "trouble": error.problems[0].got}


def _file_system(address: str) -> tuple[fsspec.AbstractFileSystem, str]:
    try:
        return fsspec.core.url_to_fs(address)
    except ImportError as error:
        raise ExchangeError(
            "the package for this kind of exchange is not installed",
            key=address,
            got=first_line(error),
            expected="s3fs for s3://, gcsfs for gs://, adlfs for abfs://, of the same version on all machines",
            hint='for s3:// python -m pip install "spi-analysis[dask,s3]"',
        ) from None
    except ValueError as error:
        raise ExchangeError(
            "this is no address of an exchange",
            key=address,
            got=first_line(error),
            expected="an address that fsspec knows, such as s3://bucket/folder or file:///folder",
            hint="docs/more_machines.md",
        ) from None


def _below(root: Path, name: str) -> Path:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ExchangeError(
            "a file of the exchange would lie outside the workspace",
            file=name,
            expected="a path below the workspace",
            hint="nothing was written; is the other machine's package as this one's?",
        )
    return root / path


@dataclass(frozen=True)
class Changes:
    """What a step has changed: the files that were given, and the names of others, which are not outputs of it."""

    given: Manifest
    others: tuple[str, ...] = ()


# The runner's side.


class RunnerExchange:
    """Hands the inputs of steps to the workers, and takes what they have made; closed, it leaves nothing there.

    All is done by one thread: somebody who stops the run does not stop it halfway through a file.

    Parameters
    ----------
    report : takes messages for the operator
    """

    def __init__(self, address: str, run: str, setup: RoundSetup, report: Callable[[str], None]) -> None:
        self._exchange, self._run, self._setup, self._report = Exchange(address, run), run, setup, report
        self._hand = ThreadPoolExecutor(1, "exchange")
        self._is_open = False

    @property
    def address(self) -> str:
        """As the workers are told it."""
        return self._exchange.address

    @property
    def place(self) -> str:
        """The run's folder there."""
        return self._exchange.place

    def open(self) -> None:
        """Make the run's folder.

        Raises
        ------
        ExchangeError   the address cannot be reached or written.
        """
        self._hand.submit(self._exchange.open).result()
        self._is_open = True

    def facts(self) -> dict[str, str]:
        """What this machine sees of it.

        Raises
        ------
        ExchangeError   it cannot be read any more.
        """
        return {"sign": self._hand.submit(self._exchange.read_sign).result(), "trouble": ""}

    def give(self, step: Step) -> Manifest:
        """Give the inputs of a step.

        Raises
        ------
        ExchangeError   the exchange cannot be written.
        """
        return self._hand.submit(self._give, step).result()

    def take(self, step: Step, changes: Changes, is_done: bool) -> list[str]:
        """Take what a step has made, and remove what it would have removed here; returns notes for the operator.

        Raises
        ------
        ExchangeError   a file is missing or damaged, or the exchange cannot be read; then nothing is taken.
        """
        return self._hand.submit(self._take, step, changes, is_done).result()

    def forget(self, manifest: Manifest) -> None:
        """A step did not come to its end: what it needs is given anew next time."""
        self._exchange.forget(manifest)

    def close(self) -> None:
        """Wait for what is under way, then remove the run's folder; says so if it cannot be removed."""
        self._hand.shutdown(wait=True, cancel_futures=True)
        if self._is_open:
            try:
                self._exchange.clear()
            except ExchangeError as error:
                self._report(f"{self.place} could not be removed, and holds tables of answers: {error.in_short}")

    def _give(self, step: Step) -> Manifest:
        return self._exchange.give(self._setup.workspace.root, step_inputs(self._setup, step))

    def _take(self, step: Step, changes: Changes, is_done: bool) -> list[str]:
        taken = {name: one for name, one in changes.given.items() if is_output(self._setup, step, name)}
        self._exchange.take(taken, self._setup.workspace.root)
        for path in self._outdated(step, taken, is_done):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
        others = [*changes.others, *(name for name in changes.given if name not in taken)]
        what = f"not taken from the worker, since it is no output of this notebook: {', '.join(others)}"
        return [what] if others else []

    def _outdated(self, step: Step, taken: Manifest, is_done: bool) -> list[Path]:
        """Files of an earlier execution, which a run on this machine would have removed."""
        root, folder = self._setup.workspace.root, step.folder(self._setup.workspace, self._setup.round.round_id)
        notebook = f"{step.notebook.name}.ipynb"
        sheets = sheet_files(folder / step.notebook.files, self._setup.round.languages) if is_done else []
        failures = [folder / FAILED / notebook] if (folder / notebook).relative_to(root).as_posix() in taken else []
        found = [path for path in (*sheets, *failures) if path.relative_to(root).as_posix() not in taken]
        return [path for path in found if path.exists()]


# A worker's side.


class Staging:
    """A folder in the place of the workspace, which holds the inputs of one step at a time and nothing else.

    Parameters
    ----------
    parent : where the folder is made (None: where temporary files are)
    """

    def __init__(self, exchange: Exchange, parent: Path | None = None) -> None:
        self._exchange = exchange
        self._manifest: Manifest = {}
        self.root = Path(tempfile.mkdtemp(prefix="spi-workspace-", dir=parent)).resolve()

    def prepare(self, manifest: Manifest) -> None:
        """Bring the folder to exactly these files."""
        self._manifest = manifest
        _keep_only(self.root, manifest)
        self._exchange.take(manifest, self.root)

    def changes(self, is_output: Callable[[str], bool]) -> Changes:
        """Give what the step has made; what else it wrote or removed is named."""
        there = {name: path for name, path in _files_below(self.root) if not _is_half(name)}
        changed = [name for name, path in there.items() if not self._is_as_before(name, path)]
        outputs = [there[name] for name in changed if is_output(name)]
        others = [name for name in changed if not is_output(name)]
        gone = [f"{name} (removed)" for name in self._manifest if name not in there]
        return Changes(self._exchange.give(self.root, outputs), (*others, *gone))

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.root, ignore_errors=True)

    def _is_as_before(self, name: str, path: Path) -> bool:
        return name in self._manifest and digests.file_digest(path) == self._manifest[name].digest


def _files_below(root: Path) -> Iterator[tuple[str, Path]]:
    """Files, but no links, with their names below ``root``."""
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in sorted(names)):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix(), path


def _is_half(name: str) -> bool:
    """Locks, and what is not written to its end: nobody reads it."""
    return any(part.startswith(".") for part in PurePosixPath(name).parts)


def _keep_only(root: Path, manifest: Manifest) -> None:
    for folder, folders, files in os.walk(root, topdown=False):
        for path in (Path(folder, name) for name in (*files, *folders)):
            if path.is_symlink() or not path.is_dir():
                if path.is_symlink() or path.relative_to(root).as_posix() not in manifest:
                    path.unlink()
            elif not any(path.iterdir()):
                path.rmdir()
