"""The fingerprint of a step: digests of its inputs, part by part. If all are unchanged, it need not run again."""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.metadata import Distribution, distributions
from pathlib import Path, PurePosixPath

# Imported as a package, so that the code for drawing and exporting is loaded only when it is used.
from spi_analysis import reporting
from spi_analysis.params import Roster, RoundSetup, Workspace, read_csv_table
from spi_analysis.runner import digests
from spi_analysis.runner.digests import code_digest, file_digest, files_digest, package_digest, template_digest
from spi_analysis.runner.import_graph import imported_modules
from spi_analysis.runner.ledger import Entry, Key, batch_folder, read_code
from spi_analysis.runner.plan import DESIGN_SIMULATOR, INSTITUTION_NOTEBOOKS, METHOD_CHECKS, Step, plan_steps
from spi_analysis.tables import Store, without_half, write_record

# The code that a notebook depends on, and the installed packages.


def notebook_code_digest(notebook: Path) -> str:
    """The digest of the code that a notebook depends on: the modules it imports, and all files that are no modules.

    The whole package (without templates) where its imports cannot be determined.
    """
    return _notebook_code_digest(notebook, file_digest(notebook))


@cache
def _notebook_code_digest(notebook: Path, contents: str) -> str:
    found = _FOUND.get((_package_at_first(), contents))
    if found is None:
        modules = imported_modules(notebook, digests.PACKAGE) if contents else None
        found = code_digest(None if modules is None else frozenset(modules))
    return _FOUND.setdefault((_package_at_first(), contents), found)


# Digests of package and notebook -> digest of the notebook's code. It follows from these two alone, and finding it
# takes longer than all else that `spi status` does: a run keeps it in the ledger.
_FOUND: dict[tuple[str, str], str] = {}
_RECALLED: set[Path] = set()


@cache
def _package_at_first() -> str:
    return package_digest()


def _recall(setup: RoundSetup) -> None:
    """Take over what runs of this round have found, once."""
    if (folder := batch_folder(setup)) not in _RECALLED:
        _RECALLED.add(folder)
        _FOUND.update({key: digest for key, digest in read_code(setup).items() if key not in _FOUND})


def found_code() -> dict[tuple[str, str], str]:
    """What the ledger may keep; nothing if a file of the package was changed since the first was found."""
    return dict(_FOUND) if package_digest() == _package_at_first() else {}


@cache
def environment_digest() -> str:
    """The interpreter and every installed package with its version."""
    return hashlib.sha256("\n".join(environment_parts()).encode()).hexdigest()


def environment_parts() -> list[str]:
    """The parts of the digest of the environment: the interpreter, then name==version of all packages."""
    named = map(_name_and_version, distributions())
    return [sys.version, *sorted({f"{name.lower()}=={version}" for name, version in named if name})]


def _name_and_version(one: Distribution) -> tuple[str, str]:
    """The same as its attributes, each of which reads and parses all of the package's description."""
    head = (one.read_text("METADATA") or one.read_text("PKG-INFO") or "").partition("\n\n")[0]
    facts = {key: value.strip() for key, _, value in (line.partition(":") for line in reversed(head.splitlines()))}
    return facts.get("Name", ""), facts.get("Version", "")


_KEPT = (code_digest, _notebook_code_digest, _package_at_first, template_digest, environment_digest)


def forget() -> None:
    """Clear the caches of package and environment at the beginning of a run."""
    _FOUND.clear()
    _RECALLED.clear()
    for one in _KEPT:
        one.cache_clear()


# The part for pages only: if nothing else has changed, pages are made anew from the executed notebook.
LOOK = "look of the pages"
METHOD_CHECKS_PAGE = f"method_checks/{METHOD_CHECKS.page}"
# Records of dependencies and releases, which no notebook reads.
_OWN_RECORDS = ("weights_from", "frame_from", "publications")
_SUFFIXES = (".parquet", ".json")


def step_fingerprint(setup: RoundSetup, step: Step) -> dict[str, str]:
    """Part -> digest ("" where there is nothing). The set is rather too large than too small.

    An institution's step depends on all tables and records of this institution, of any round, but for what it or a
    later notebook writes; on the parameter files of its round and those compared with, without the rows and overrides
    of other institutions; on the modules it imports (``import_graph``) and all installed packages. A notebook of all
    institutions depends on these files whole, and on what it reads of every institution.
    """
    return _fingerprint(_Look(setup), step)


def _fingerprint(look: _Look, step: Step) -> dict[str, str]:
    place = look.place
    notebook = place.notebooks / f"{step.notebook.name}.ipynb"
    return {
        "notebook": file_digest(notebook),
        "parameters": look.parameters(bool(step.institution_id), bool(step.notebook.reads)),
        "overrides of the institution": file_digest(place.params / "overrides" / f"{step.institution_id}.yaml"),
        **dict(_rows(look, step)),
        **dict(_tables(look, step)),
        "tables of all institutions": look.tables_of_all,
        "origin of the data": look.origin,
        "method checks": look.method_checks,
        "code": notebook_code_digest(notebook),
        "environment": environment_digest(),
        LOOK: _of_pages(look.setup, step),
    }


class _Look:
    """One look at the files of a workspace: what the fingerprints of several steps have in common is read once."""

    def __init__(self, setup: RoundSetup) -> None:
        self.setup, self.place, self.round_id = setup, setup.workspace, setup.round.round_id
        self.store = self.place.data / self.round_id
        self._parameters: dict[tuple[bool, bool], str] = {}
        self._rows: dict[Path, _Rows] = {}
        self._tables: dict[str, dict[Path, str]] = {}
        _recall(setup)

    def parameters(self, of_one: bool, reads: bool) -> str:
        """The files that count as a whole: for an institution none that has rows or overrides of others."""
        key = (of_one, reads)
        if key not in self._parameters:
            self._parameters[key] = files_digest(_parameters(self.setup, of_one, reads), self.place.params)
        return self._parameters[key]

    def rows(self, path: Path) -> _Rows:
        """What a file with rows of single institutions holds."""
        if path not in self._rows:
            self._rows[path] = _Rows(_digests_of_rows(path, file_digest(path)), self.setup.roster)
        return self._rows[path]

    def tables(self, institution_id: str) -> dict[Path, str]:
        """The folders of tables and records that hold one of this institution -> its digest."""
        if institution_id not in self._tables:
            files = ((folder, folder / f"{institution_id}{suffix}") for folder in self.folders for suffix in _SUFFIXES)
            self._tables[institution_id] = {folder: file_digest(path) for folder, path in files if path.exists()}
        return self._tables[institution_id]

    @cached_property
    def folders(self) -> list[Path]:
        """The folders of tables and records, of all rounds."""
        return sorted(path for path in self.place.data.glob("*/*") if path.is_dir() and path.parent.name != "vault")

    @cached_property
    def tables_of_all(self) -> str:
        """Tables that belong to no institution."""
        return files_digest(without_half(self.place.data.glob("*.parquet")), self.place.data)

    @cached_property
    def origin(self) -> str:
        """The mark of generated data."""
        return file_digest(self.store / "origin.json")

    @cached_property
    def method_checks(self) -> str:
        """Results of simulations."""
        return files_digest(_method_checks(self.place), self.place.outputs)

    @cached_property
    def sizes(self) -> str:
        """The size classes of all institutions."""
        sizes = [f"{code} {one.size_class}" for code, one in self.setup.roster.institutions.items()]
        return hashlib.sha256("\n".join(sizes).encode()).hexdigest()


def step_outputs(setup: RoundSetup, step: Step) -> dict[str, str]:
    """The current outputs of a step: path below the workspace -> digest ("" where it is missing)."""
    place, folder = setup.workspace, step.folder(setup.workspace, setup.round.round_id)
    store, pages = place.data / setup.round.round_id, folder / step.notebook.files
    paths = [
        folder / f"{step.notebook.name}.ipynb",
        *page_paths(setup, step),
        *(store / table / f"{step.institution_id}.parquet" for table in step.notebook.writes),
        *sorted(without_half(path for one in reporting.ENDINGS for path in pages.glob(f"*.{one}"))),
    ]
    return {path.relative_to(place.root).as_posix(): file_digest(path) for path in paths}


def step_inputs(setup: RoundSetup, step: Step) -> list[Path]:
    """The files that a step may read, rather too many than too few; never those of the vault.

    For a machine that does not see the workspace. An institution's step gets the tables and records of this institution
    alone, of all rounds; a notebook of all institutions the tables that it reads, and all records of the round.
    """
    look, place = _Look(setup), setup.workspace
    rounds = sorted({folder.parent for folder in look.folders if not folder.parent.name.startswith(".")})
    paths = [
        *place.params.rglob("*"),
        place.notebooks / f"{step.notebook.name}.ipynb",
        *place.data.glob("*"),
        *(path for folder in {look.store, *rounds} for path in folder.glob("*")),
        *(_own_tables(look, step, rounds) if step.institution_id else _tables_of_all(look, step)),
        *place.outputs.glob("method_checks/*"),
        place.stale_reports(look.round_id),
        *(path for _, _, path in _links(setup, step)),
    ]
    return sorted({path for path in without_half(paths) if path.is_file()})


def _own_tables(look: _Look, step: Step, rounds: Collection[Path]) -> Iterator[Path]:
    for folder in (folder for folder in look.folders if folder.parent in rounds):
        # Beside a record may lie what belongs to it, such as the people who were drawn.
        yield from folder.glob(f"{step.institution_id}.*")


def _tables_of_all(look: _Look, step: Step) -> Iterator[Path]:
    for table in step.notebook.reads:
        yield from (look.store / table).glob("*.parquet")
    yield from look.store.glob("*/*.json")


def is_output(setup: RoundSetup, step: Step, name: str) -> bool:
    """Whether a step may write this file: in its folder of outputs, or as one of its tables.

    The path is below the workspace. The ledger and folders of institutions are no outputs of a notebook of all.
    """
    place, round_id, path = setup.workspace, setup.round.round_id, PurePosixPath(name)
    store, folder = place.data / round_id, step.folder(place, round_id)
    if ".." in path.parts:
        return False
    if any(place.root / path == store / table / f"{step.institution_id}.parquet" for table in step.notebook.writes):
        return True
    if not (place.root / path).is_relative_to(folder):
        return False
    below = (place.root / path).relative_to(folder).parts
    own = ("run.json",) if step.institution_id else ("batch", *setup.roster.institutions)
    return bool(below) and below[0] not in own


def page_paths(setup: RoundSetup, step: Step) -> list[Path]:
    """The pages of a step, each in all languages."""
    folder = step.folder(setup.workspace, setup.round.round_id)
    names = (step.notebook.page, *step.notebook.more)
    return [folder / name.format(language=language) for name in names for language in setup.round.languages]


def page_files(setup: RoundSetup, step: Step) -> list[Path]:
    """The files made from the executed notebook: its pages, and their tables."""
    folder = step.folder(setup.workspace, setup.round.round_id) / step.notebook.files
    return [*page_paths(setup, step), *reporting.sheet_files(folder, setup.round.languages)]


def _of_pages(setup: RoundSetup, step: Step) -> str:
    """The digest of templates, and of the pages outside the run to which pages link."""
    linked = [f"{name}.{language}" for name, language, path in _links(setup, step) if path.exists()]
    return " ".join([template_digest(), *linked])


def _links(setup: RoundSetup, step: Step) -> Iterator[tuple[str, str, Path]]:
    """Pages outside the run to which pages link where they are there: name, language and file."""
    place, folder = setup.workspace, step.folder(setup.workspace, setup.round.round_id)
    for language in setup.round.languages:
        for base, name in ((place.outputs, METHOD_CHECKS_PAGE), (folder, DESIGN_SIMULATOR.page)):
            yield name, language, base / name.format(language=language)


def _parameters(setup: RoundSetup, of_one: bool, reads: bool) -> Iterator[Path]:
    """Parameter files; ``of_one``: for the notebook of an institution; ``reads``: it reads tables."""
    place, reads_all = setup.workspace.params, not of_one and reads
    by_institution = set(_files_of_rows(setup)) if of_one else set()
    compared = {setup.round.round_id, setup.round.previous_round, setup.round.response.previous_round}
    for path in without_half(path for path in place.rglob("*") if path.is_file()):
        room = path.relative_to(place).parts[0]
        others = room == "rounds" and path.name.partition(".")[0] not in compared
        if not (others or path in by_institution or room == "packs" or (room == "overrides" and not reads_all)):
            yield path


def _files_of_rows(setup: RoundSetup) -> list[Path]:
    """Parameter files with rows of single institutions."""
    place, name = setup.workspace.params, setup.round.round_id
    rounds = [place / "rounds" / f"{name}.{kind}.csv" for kind in ("institutions", "units", "components")]
    return [place / "institutions.csv", place / "targets.csv", *rounds]


class _Rows:
    """The digests of a file's rows by institution, and of those of no institution, such as the nation's targets."""

    def __init__(self, digests_: Mapping[str, str], roster: Roster) -> None:
        self.placed = {code: (place, digest) for place, (code, digest) in enumerate(digests_.items())}
        self.of_none = {placed for code, placed in self.placed.items() if code not in roster.institutions}

    def seen_by(self, institution_id: str) -> str:
        """The digests of its rows and of those of no institution, in the order of the file."""
        own = {self.placed[institution_id]} if institution_id in self.placed else set()
        return " ".join(digest for _, digest in sorted(self.of_none | own))


def _rows(look: _Look, step: Step) -> Iterator[tuple[str, str]]:
    """Of these files: the institution's rows, and those of no institution.

    A report is compared with institutions of its size class, so it depends on the size class of all.
    """
    if not step.institution_id:
        return
    for path in _files_of_rows(look.setup):
        yield f"rows of the institution in {path.name}", look.rows(path).seen_by(step.institution_id)
    if step.notebook.audience == "report":
        yield "size classes of all institutions", look.sizes


@lru_cache(maxsize=16)
def _digests_of_rows(path: Path, contents: str) -> dict[str, str]:
    """Institution -> digest of its rows, with the names of the columns."""
    if not contents:
        return {}
    found = defaultdict(hashlib.sha256)
    for _, row in read_csv_table(path).rows:
        found[row["institution_id"]].update(repr(row).encode())
    return {code: digest.hexdigest() for code, digest in found.items()}


def _tables(look: _Look, step: Step) -> Iterator[tuple[str, str]]:
    if not step.institution_id:
        for table in step.notebook.reads:
            folder = look.store / table
            yield f"table {table}", files_digest(without_half(folder.glob("*.parquet")), folder)
        if step.notebook.needs:
            yield "reports that are out of date", file_digest(look.place.stale_reports(look.round_id))
        return
    written = _written_from(step)
    for folder, digest in look.tables(step.institution_id).items():
        this_round = folder.parent.name == look.round_id
        if folder.name not in _OWN_RECORDS and not (this_round and folder.name in written):
            yield f"table {folder.name}" if this_round else f"table {folder.name} of {folder.parent.name}", digest


def _written_from(step: Step) -> set[str]:
    """Tables that this notebook or a later one writes."""
    later = [kind for kind in INSTITUTION_NOTEBOOKS if kind.number >= step.notebook.number]
    return {table for kind in later for table in kind.writes}


def _method_checks(place: Workspace) -> Iterator[Path]:
    return without_half(place.outputs.glob("method_checks/*.csv"))


# The inputs of a result as one digest, so that an interrupted command continues without repeating finished work.


def inputs_digest(setup: RoundSetup, institution_id: str, files: Iterable[Path], options: Iterable[str] = ()) -> str:
    """SHA-256 over the files' contents, the institution's parameters, the mappings, the code, and options."""
    mappings = sorted((setup.workspace.params / "mappings").glob("*.yaml"))
    parts = [
        code_digest(),
        setup.round_for(institution_id).model_dump_json(),
        setup.instrument.model_dump_json(),
        *(f"{path.name} {file_digest(path)}" for path in [*mappings, *sorted(files)]),
        *options,
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_done(store: Store, name: str, institution_id: str, digest: str) -> bool:
    """Whether the result described by record ``name`` was made from exactly these inputs."""
    return (store.read_record(name, institution_id) or {}).get("inputs") == digest


def keep_done(store: Store, name: str, institution_id: str, digest: str) -> None:
    """Record the inputs of a result."""
    store.write_record(name, institution_id, {"inputs": digest})


# Whether a step is up to date, and if not, why.

BY_HAND = "changed by hand"


@dataclass(frozen=True)
class Staleness:
    """``why``: reasons to run the step; ``look``: reasons to make its pages anew from the executed notebook."""

    why: tuple[str, ...] = ()
    look: tuple[str, ...] = ()

    @property
    def by_hand(self) -> tuple[str, ...]:
        """The reasons that no command explains: an output file differs from the one that the run made."""
        return tuple(text for text in (*self.why, *self.look) if text.endswith(BY_HAND))

    @property
    def is_up_to_date(self) -> bool:
        """Whether nothing is to be done."""
        return not self.why and not self.look

    @property
    def in_words(self) -> str:
        """What has to be done, and why."""
        if self.is_up_to_date:
            return "up to date"
        return f"run: {'; '.join(self.why)}" if self.why else f"pages only: {'; '.join(self.look)}"


def staleness(setup: RoundSetup, step: Step, entries: Mapping[Key, Entry]) -> Staleness:
    """Compare the recorded inputs and outputs of a step with the current files."""
    entry = entries.get(step.key)
    if entry is None or not entry.inputs:
        return Staleness(("not run yet" if entry is None or entry.state == "done" else f"last time: {entry.state}",))
    if entry.state != "done":
        return Staleness((f"last time: {entry.state}", *_changes(entry.inputs, step_fingerprint(setup, step))))
    changes = list(_changes(entry.inputs, step_fingerprint(setup, step)))
    pages = {path.relative_to(setup.workspace.root).as_posix() for path in page_paths(setup, step)}
    outputs = [_by_whom(text) for text in _changes(entry.outputs, step_outputs(setup, step))]
    look = [text for text in changes if text.startswith(LOOK)]
    look += [text for text in outputs if text.rpartition(" is ")[0] in pages]
    return Staleness(tuple(text for text in [*changes, *outputs] if text not in look), tuple(look))


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name, ""), now.get(name, "")
        if old != new:
            yield f"{name} is {'gone' if not new else 'new' if not old else 'changed'}"


def _by_whom(text: str) -> str:
    """Tables of the store are also written by commands; files in outputs/ only by the run, which records them."""
    name, _, what = text.rpartition(" is ")
    return f"{name} is {BY_HAND}" if what == "changed" and name.startswith("outputs/") else text


# Stale reports: inputs have changed, or an attempt failed since they were made.


def stale_steps(setup: RoundSetup, entries: Mapping[Key, Entry]) -> list[Step]:
    """Steps whose pages are stale, or that build on a stale step.

    Their last attempt failed, or their inputs have changed since. One that was made before a further page belonged to
    it is among them, too.
    """
    found: dict[Key, Step] = {}
    look = _Look(setup)
    for step in (step for step in plan_steps(setup.institution_ids) if step.institution_id):
        if any(key in found for key in step.after) or _is_behind(look, step, entries.get(step.key)):
            found[step.key] = step
    return [step for step in found.values() if any(path.exists() for path in page_paths(setup, step))]


def _is_behind(look: _Look, step: Step, entry: Entry | None) -> bool:
    """Whether its last attempt failed, or an input has changed since; the templates of pages are none."""
    if entry is None or entry.state == "running":
        return False
    changes = (text for text in _changes(entry.inputs, _fingerprint(look, step)) if not text.startswith(LOOK))
    return entry.state != "done" or any(True for _ in changes)


def keep_stale(setup: RoundSetup, entries: Mapping[Key, Entry]) -> None:
    """Record the stale reports for the overview; no record is left where none is stale."""
    stale = sorted(step.institution_id for step in stale_steps(setup, entries) if step.notebook.audience == "report")
    path = setup.workspace.stale_reports(setup.round.round_id)
    if stale:
        write_record(path, {"stale": stale})
    else:
        path.unlink(missing_ok=True)
