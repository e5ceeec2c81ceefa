"""What a step is made from, part by part: if all parts are as they were, its outputs need not be made again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

# As a whole, so that only who asks for pages loads what draws and exports them.
from spi_analysis import reporting
from spi_analysis.params import RoundSetup, Workspace
from spi_analysis.runner import digests
from spi_analysis.runner.digests import code_digest, file_digest, files_digest, template_digest
from spi_analysis.runner.import_graph import imported_modules
from spi_analysis.runner.plan import INSTITUTION_NOTEBOOKS, Step
from spi_analysis.tables import Store

# The code that has a say in a notebook, and what is installed beside it.


def notebook_code_digest(notebook: Path) -> str:
    """All of the package that can change what a notebook shows: the modules it imports, and whatever is no module.

    The whole package (but for the templates) where its imports cannot be told.
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
    """What the digest of the environment is made from: the interpreter, then name==version of all packages."""
    return [sys.version, *sorted({f"{one.name.lower()}=={one.version}" for one in distributions() if one.name})]


_KEPT = (code_digest, _notebook_code_digest, template_digest, environment_digest)


def forget() -> None:
    """Look at package and environment again: a run begins."""
    for one in _KEPT:
        one.cache_clear()


# The part that concerns pages alone: if nothing else has changed, they are made anew from the executed notebook.
LOOK = "look of the pages"
# Records of what was made from what and what was released, which no notebook reads.
_OWN_RECORDS = ("weights_from", "frame_from", "publications")
_SUFFIXES = (".parquet", ".json")


def step_fingerprint(setup: RoundSetup, step: Step) -> dict[str, str]:
    """Part -> digest ("" where there is nothing). Too much is among them rather than too little.

    An institution's step depends on all tables and records of this institution, of any round, but for what it or a
    later notebook writes; on all parameter files but the overrides of others; on the modules it imports
    (``import_graph``) and all installed packages. The overview depends on all parameters and on the estimates of all
    institutions.
    """
    place = setup.workspace
    return {
        "notebook": file_digest(place.notebooks / f"{step.notebook.name}.ipynb"),
        "parameters": files_digest(_parameters(place, step), place.params),
        "overrides of the institution": file_digest(place.params / "overrides" / f"{step.institution_id}.yaml"),
        **dict(_tables(setup, step)),
        "tables of all institutions": files_digest(_plain(place.data.glob("*.parquet")), place.data),
        "origin of the data": file_digest(place.data / setup.round.round_id / "origin.json"),
        "method checks": files_digest(_method_checks(place), place.outputs),
        "code": notebook_code_digest(place.notebooks / f"{step.notebook.name}.ipynb"),
        "environment": environment_digest(),
        LOOK: _look(setup, step),
    }


def step_outputs(setup: RoundSetup, step: Step) -> dict[str, str]:
    """What a step has made, as it is now: path below the workspace -> digest ("" where it is missing)."""
    place, folder = setup.workspace, step.folder(setup.workspace, setup.round.round_id)
    store = place.data / setup.round.round_id
    paths = [
        folder / f"{step.notebook.name}.ipynb",
        *page_paths(setup, step),
        *(store / table / f"{step.institution_id}.parquet" for table in step.notebook.writes),
        *sorted(
            path for ending in reporting.ENDINGS for path in _plain((folder / step.notebook.files).glob(f"*.{ending}"))
        ),
    ]
    return {path.relative_to(place.root).as_posix(): file_digest(path) for path in paths}


def page_paths(setup: RoundSetup, step: Step) -> list[Path]:
    """The pages of a step, each in all languages."""
    folder = step.folder(setup.workspace, setup.round.round_id)
    names = (step.notebook.page, *step.notebook.more)
    return [folder / name.format(language=language) for name in names for language in setup.round.languages]


def page_files(setup: RoundSetup, step: Step) -> list[Path]:
    """What is made from the executed notebook: its pages, and their tables as files."""
    folder = step.folder(setup.workspace, setup.round.round_id) / step.notebook.files
    return [*page_paths(setup, step), *reporting.sheet_files(folder, setup.round.languages)]


def _look(setup: RoundSetup, step: Step) -> str:
    """What pages look like, and which there are to link to that belong to no round's run."""
    place, folder = setup.workspace, step.folder(setup.workspace, setup.round.round_id)
    linked = [
        f"{name}.{language}"
        for language in setup.round.languages
        for base, name in ((place.outputs, reporting.METHOD_CHECKS_PAGE), (folder, reporting.DESIGNS_PAGE[0]))
        if (base / name.format(language=language)).exists()
    ]
    return " ".join([template_digest(), *linked])


def _parameters(place: Workspace, step: Step) -> Iterator[Path]:
    """All parameter files, for an institution without overrides: they concern one institution each."""
    overrides = place.params / "overrides"
    files = _plain(path for path in place.params.rglob("*") if path.is_file())
    return (path for path in files if not step.institution_id or overrides not in path.parents)


def _tables(setup: RoundSetup, step: Step) -> Iterator[tuple[str, str]]:
    data = setup.workspace.data
    if not step.institution_id:
        for table in ("estimates", "responses"):
            folder = data / setup.round.round_id / table
            yield f"table {table}", files_digest(_plain(folder.glob("*.parquet")), folder)
        yield (
            "reports that are out of date",
            file_digest(setup.workspace.stale_reports(setup.round.round_id)),
        )
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
    return _plain(place.outputs.glob("method_checks/*.csv"))


def _plain(paths: Iterator[Path]) -> Iterator[Path]:
    """Without what a killed process left half-written."""
    return (path for path in paths if not path.name.startswith("."))


# What a result was made from, as one digest: an interrupted command goes on where it was, and repeats nothing.


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
    """Whether the result that record ``name`` speaks of was made from just these inputs."""
    return (store.read_record(name, institution_id) or {}).get("inputs") == digest


def keep_done(store: Store, name: str, institution_id: str, digest: str) -> None:
    """Remember what a result was made from."""
    store.write_record(name, institution_id, {"inputs": digest})
