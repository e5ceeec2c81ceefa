"""The fingerprint of a step: digests of its inputs, part by part. If all are unchanged, it need not run again."""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import distributions
from pathlib import Path

# Imported as a package, so that the code for drawing and exporting is loaded only when it is used.
from spi_analysis import reporting
from spi_analysis.params import RoundSetup, Workspace, read_csv_table
from spi_analysis.runner import digests
from spi_analysis.runner.digests import code_digest, file_digest, files_digest, template_digest
from spi_analysis.runner.import_graph import imported_modules
from spi_analysis.runner.ledger import Entry, Key
from spi_analysis.runner.plan import INSTITUTION_NOTEBOOKS, Step, plan_steps
from spi_analysis.tables import Store, without_half, write_record

# The code that a notebook depends on, and the installed packages.


def notebook_code_digest(notebook: Path) -> str:
    """The digest of the code that a notebook depends on: the modules it imports, and all files that are no modules.

    The whole package (without templates) where its imports cannot be determined.
    """
    return _notebook_code_digest(notebook, file_digest(notebook))


@cache
def _notebook_code_digest(notebook: Path, contents: str) -> str:
    modules = imported_modules(notebook, digests.PACKAGE) if contents else None
    return code_digest(None if modules is None else frozenset(modules))


@cache
def environment_digest() -> str:
    """The interpreter and every installed package with its version."""
    return hashlib.sha256("\n".join(environment_parts()).encode()).hexdigest()


def environment_parts() -> list[str]:
    """The parts of the digest of the environment: the interpreter, then name==version of all packages."""
    return [sys.version, *sorted({f"{one.name.lower()}=={one.version}" for one in distributions() if one.name})]


_KEPT = (code_digest, _notebook_code_digest, template_digest, environment_digest)


def forget() -> None:
    """Clear the caches of package and environment at the beginning of a run."""
    for one in _KEPT:
        one.cache_clear()


# The part for pages only: if nothing else has changed, pages are made anew from the executed notebook.
LOOK = "look of the pages"
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
    place = setup.workspace
    return {
        "notebook": file_digest(place.notebooks / f"{step.notebook.name}.ipynb"),
        "parameters": files_digest(_parameters(setup, step), place.params),
        "overrides of the institution": file_digest(place.params / "overrides" / f"{step.institution_id}.yaml"),
        **dict(_rows(setup, step)),
        **dict(_tables(setup, step)),
        "tables of all institutions": files_digest(without_half(place.data.glob("*.parquet")), place.data),
        "origin of the data": file_digest(place.data / setup.round.round_id / "origin.json"),
        "method checks": files_digest(_method_checks(place), place.outputs),
        "code": notebook_code_digest(place.notebooks / f"{step.notebook.name}.ipynb"),
        "environment": environment_digest(),
        LOOK: _look(setup, step),
    }


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


def page_paths(setup: RoundSetup, step: Step) -> list[Path]:
    """The pages of a step, each in all languages."""
    folder = step.folder(setup.workspace, setup.round.round_id)
    names = (step.notebook.page, *step.notebook.more)
    return [folder / name.format(language=language) for name in names for language in setup.round.languages]


def page_files(setup: RoundSetup, step: Step) -> list[Path]:
    """The files made from the executed notebook: its pages, and their tables."""
    folder = step.folder(setup.workspace, setup.round.round_id) / step.notebook.files
    return [*page_paths(setup, step), *reporting.sheet_files(folder, setup.round.languages)]


def _look(setup: RoundSetup, step: Step) -> str:
    """The digest of templates, and of the pages outside the run to which pages link."""
    place, folder = setup.workspace, step.folder(setup.workspace, setup.round.round_id)
    linked = [
        f"{name}.{language}"
        for language in setup.round.languages
        for base, name in ((place.outputs, reporting.METHOD_CHECKS_PAGE), (folder, reporting.DESIGNS_PAGE[0]))
        if (base / name.format(language=language)).exists()
    ]
    return " ".join([template_digest(), *linked])


def _parameters(setup: RoundSetup, step: Step) -> Iterator[Path]:
    """The files that count as a whole: for an institution none that has rows or overrides of others."""
    place, reads_all = setup.workspace.params, not step.institution_id and step.notebook.reads
    by_institution = set(_files_of_rows(setup)) if step.institution_id else set()
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


def _rows(setup: RoundSetup, step: Step) -> Iterator[tuple[str, str]]:
    """Of these files: the institution's rows, and those of no institution, such as the nation's targets.

    A report is compared with institutions of its size class, so it depends on the size class of all.
    """
    if not step.institution_id:
        return
    for path in _files_of_rows(setup):
        rows = _digests_of_rows(path, file_digest(path))
        ours = [
            digest
            for code, digest in rows.items()
            if code == step.institution_id or code not in setup.roster.institutions
        ]
        yield f"rows of the institution in {path.name}", " ".join(ours)
    if step.notebook.audience == "report":
        sizes = [f"{code} {one.size_class}" for code, one in setup.roster.institutions.items()]
        yield "size classes of all institutions", hashlib.sha256("\n".join(sizes).encode()).hexdigest()


@lru_cache(maxsize=16)
def _digests_of_rows(path: Path, contents: str) -> dict[str, str]:
    """Institution -> digest of its rows, with the names of the columns."""
    if not contents:
        return {}
    found = defaultdict(hashlib.sha256)
    for _, row in read_csv_table(path).rows:
        found[row["institution_id"]].update(repr(row).encode())
    return {code: digest.hexdigest() for code, digest in found.items()}


def _tables(setup: RoundSetup, step: Step) -> Iterator[tuple[str, str]]:
    data = setup.workspace.data
    if not step.institution_id:
        for table in step.notebook.reads:
            folder = data / setup.round.round_id / table
            yield f"table {table}", files_digest(without_half(folder.glob("*.parquet")), folder)
        if step.notebook.needs:
            yield "reports that are out of date", file_digest(setup.workspace.stale_reports(setup.round.round_id))
        return
    for folder in sorted(path for path in data.glob("*/*") if path.is_dir() and path.parent.name != "vault"):
        this_round = folder.parent.name == setup.round.round_id
        if folder.name in _OWN_RECORDS or (this_round and folder.name in _written_from(step)):
            continue
        for path in (folder / f"{step.institution_id}{suffix}" for suffix in _SUFFIXES):
            if path.exists():
                yield (
                    f"table {folder.name}" if this_round else f"table {folder.name} of {folder.parent.name}",
                    file_digest(path),
                )


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


def input_changes(setup: RoundSetup, step: Step, entry: Entry) -> list[str]:
    """The inputs of a step's outputs that have changed, without the templates of pages."""
    return [text for text in _changes(entry.inputs, step_fingerprint(setup, step)) if not text.startswith(LOOK)]


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
    for step in (step for step in plan_steps(setup.institution_ids) if step.institution_id):
        if any(key in found for key in step.after) or _is_behind(setup, step, entries.get(step.key)):
            found[step.key] = step
    return [step for step in found.values() if any(path.exists() for path in page_paths(setup, step))]


def _is_behind(setup: RoundSetup, step: Step, entry: Entry | None) -> bool:
    if entry is None or entry.state == "running":
        return False
    return entry.state != "done" or bool(input_changes(setup, step, entry))


def keep_stale(setup: RoundSetup, entries: Mapping[Key, Entry]) -> None:
    """Record the stale reports for the overview; no record is left where none is stale."""
    stale = sorted(step.institution_id for step in stale_steps(setup, entries) if step.notebook.audience == "report")
    path = setup.workspace.stale_reports(setup.round.round_id)
    if stale:
        write_record(path, {"stale": stale})
    else:
        path.unlink(missing_ok=True)
