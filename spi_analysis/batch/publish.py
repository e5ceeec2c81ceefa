"""What may leave the house, in one folder and one zip: reports, the tables beside them, the overview. Nothing else."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from rich.console import Console

from spi_analysis.batch.institutions import Outcome, Place, for_each, problems_of
from spi_analysis.batch.plan import INSTITUTION_NOTEBOOKS, NATIONAL_NOTEBOOKS, Step
from spi_analysis.batch.publish_checks import all_problems
from spi_analysis.batch.ready import overview_is_current
from spi_analysis.errors import Problem, StoreError
from spi_analysis.params import RoundSetup
from spi_analysis.reporting.institution.files import page_tables
from spi_analysis.stages.report import institution_page
from spi_analysis.tables.files import whole_file, write_bytes, write_csv

REPORT = next(kind for kind in INSTITUTION_NOTEBOOKS if kind.audience == "report")
OVERVIEW = Step(NATIONAL_NOTEBOOKS[0], "", ())
RECEIVED = ("frame", "sample", "events", "responses")
MANIFEST, LEFT_OUT = "manifest.csv", "left_out.csv"
ALL = ""
# A zip states when its files were written; a fixed day keeps the same content the same bytes.
FIXED_DAY = (1980, 1, 1, 0, 0, 0)
_TABLE = re.compile(r'href="(tables/[a-z0-9_]+\.csv)"')
_LINK = re.compile(r'(<li>)?<a\b[^>]*?href="([^"#]+)(?:#[^"]*)?"[^>]*>(.*?)</a>(</li>)?', re.S)


@dataclass(frozen=True)
class Published:
    """The folder, the zip, the manifest (file, size, sha256, institution_id, round), and what was left out and why."""

    folder: Path
    archive: Path
    manifest: pd.DataFrame
    left_out: pd.DataFrame
    status: str


@dataclass
class _Contents:
    """Files by their name in the package, each with its institution (ALL: the overview)."""

    files: dict[str, bytes] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def add(self, institution_id: str, files: Mapping[str, bytes]) -> None:
        self.files |= files
        self.owners |= dict.fromkeys(files, institution_id)


def publish(setup: RoundSetup, folder: Path, partial: bool, workers: int | None, console: Console) -> Published:
    """Write ``folder/<round>`` and ``folder/<round>.zip``, whole or not at all; the same reports give the same bytes.

    Raises
    ------
    StoreError   a report or the overview is missing, failed, or does not say what the round's data say now (all are
        named), unless ``partial`` leaves those out; or a file holds what may not leave the house: then always.
    """
    outcomes = for_each(
        Place(setup), _look_at, dict.fromkeys(setup.institution_ids), workers, console, "checking reports"
    )
    ready = [outcome.institution_id for outcome in outcomes if outcome.value == ""]
    wanting = problems_of(outcomes)
    overview = _overview_problems(setup)
    if (wanting or overview) and not partial:
        raise StoreError(*wanting, *overview)
    if not ready:
        raise StoreError("there is no report to publish", file=f"outputs/{setup.round.round_id}", hint="run: spi run")
    contents = _contents(setup, ready, with_overview=not overview)
    forbidden = all_problems(contents.files.items())
    if forbidden:
        raise StoreError(*forbidden)
    left_out = _left_out([*outcomes, *([Outcome(ALL, problems=tuple(overview))] if overview else [])])
    return _write(setup, folder, contents, left_out)


def _look_at(place: Place, institution_id: str, _: None) -> str:
    """Nothing if the institution's report may go; else why it is rightly left out. Raises where something is wrong."""
    setup, inputs = place.setup, place.setup.inputs[institution_id]
    folder = setup.workspace.institution_outputs(setup.round.round_id, institution_id)
    pages = [folder / REPORT.page.format(language=language) for language in setup.round.languages]
    if inputs.release == "withheld" and not any(page.exists() for page in pages):
        return f"withheld: {inputs.withheld_reason}"
    problems = [_problem("the report is missing", institution_id, page) for page in pages if not page.exists()]
    problems = problems or list(_failed(folder, institution_id))
    # What was not checked, or is not there, need not be looked at more closely.
    problems = problems or [
        *_page_problems(setup, institution_id, pages),
        *_stale(place, institution_id, folder, pages),
    ]
    if problems:
        raise StoreError(*problems)
    return ""


def _failed(folder: Path, institution_id: str) -> Iterator[Problem]:
    """A report counts as checked if the batch says that its notebook ran to the end and its pages were whole."""
    path = folder / "run.json"
    steps = json.loads(path.read_text(encoding="utf-8")).get("steps", {}) if path.exists() else {}
    if not steps.get(REPORT.number, {}).get("ok"):
        yield _problem("the report was not checked: the batch does not say that it was made", institution_id, path)


def _page_problems(setup: RoundSetup, institution_id: str, pages: Sequence[Path]) -> Iterator[Problem]:
    expected = {
        "institution": f'<meta name="institution" content="{institution_id}">',
        "round": f'<meta name="round" content="{setup.round.round_id}">',
        "status": f'class="mark {setup.round.report_status}"',
    }
    for page, language in zip(pages, setup.round.languages, strict=True):
        text = page.read_text(encoding="utf-8")
        marks = {**expected, "language": f'<html lang="{language}">'}
        wrong = [name for name, mark in marks.items() if mark not in text]
        if wrong:
            yield _problem(f"the report is stale: another {', '.join(wrong)} than now", institution_id, page)


def _stale(place: Place, institution_id: str, folder: Path, pages: Sequence[Path]) -> Iterator[Problem]:
    """The report must be younger than what was received, and its tables must be those that follow from the store."""
    made = min(page.stat().st_mtime_ns for page in pages)
    for table in RECEIVED:
        path = place.store.path(table, institution_id)
        if path.exists() and path.stat().st_mtime_ns > made:
            yield _problem(f"the report is stale: the table {table} was written after it", institution_id, pages[0])
    tables = page_tables(institution_page(place.setup, place.store, institution_id))
    for name, table in tables.items():
        path = folder / "tables" / f"{name}.csv"
        if not path.exists():
            yield _problem("a table of the report is missing", institution_id, path)
        elif path.read_bytes() != _csv_bytes(table):
            yield _problem("the report is stale: its figures are not those of the store", institution_id, path)


def _csv_bytes(table: pd.DataFrame) -> bytes:
    """A table as ``write_csv`` writes it."""
    buffer = io.BytesIO()
    table.to_csv(buffer, index=False, encoding="utf-8-sig", lineterminator="\n")
    return buffer.getvalue()


def _problem(what: str, institution_id: str, path: Path) -> Problem:
    return Problem(what, file=f"outputs/{'/'.join(path.parts[path.parts.index(institution_id) - 1:])}",
                   key=institution_id, hint=f"run: spi run {institution_id} (or leave it out: --partial)")  # fmt: skip


def _overview_problems(setup: RoundSetup) -> list[Problem]:
    if overview_is_current(setup, OVERVIEW):
        return []
    return [
        Problem(
            "the national overview is missing or stale",
            file=f"outputs/{setup.round.round_id}",
            hint=f"run: spi run --notebook {OVERVIEW.notebook.number} (or leave it out: --partial)",
        )
    ]


def _contents(setup: RoundSetup, institution_ids: Sequence[str], *, with_overview: bool) -> _Contents:
    """The files that go, each page without links to what stays."""
    base, contents = setup.workspace.outputs / setup.round.round_id, _Contents()
    if with_overview:
        contents.add(ALL, _pages(setup, base, "", OVERVIEW.notebook.page))
    for institution_id in institution_ids:
        contents.add(institution_id, _pages(setup, base / institution_id, f"{institution_id}/", REPORT.page))
    names = set(contents.files)
    for name, content in contents.files.items():
        if name.endswith(".html"):
            page = without_dead_links(content.decode("utf-8"), str(Path(name).parent), names)
            contents.files[name] = page.encode("utf-8")
    return contents


def _pages(setup: RoundSetup, folder: Path, prefix: str, page: str) -> dict[str, bytes]:
    """The pages of a folder in all languages, and the tables that they link to."""
    files = {}
    for language in setup.round.languages:
        name = page.format(language=language)
        files[prefix + name] = (folder / name).read_bytes()
        for table in sorted(set(_TABLE.findall(files[prefix + name].decode("utf-8")))):
            files[prefix + table] = (folder / table).read_bytes()
    return files


def without_dead_links(page: str, folder: str, names: Collection[str]) -> str:
    """The page with links to files of the package alone; of others the words stay, in lists of pages nothing."""

    def kept(link: re.Match[str]) -> str:
        opening, href, words, closing = link.groups(default="")
        target = os.path.normpath(os.path.join(folder, href))
        if target in names or href.startswith("data:"):
            return link[0]
        return "" if opening and closing else f"{opening}{words}{closing}"

    return _LINK.sub(kept, page)


def _left_out(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    rows = [
        (outcome.institution_id or "(overview)", reason)
        for outcome in outcomes
        for reason in dict.fromkeys([*(p.what for p in outcome.problems), *([outcome.value] if outcome.value else [])])
    ]
    return pd.DataFrame(rows, columns=["institution_id", "reason"])


def _write(setup: RoundSetup, folder: Path, contents: _Contents, left_out: pd.DataFrame) -> Published:
    round_id = setup.round.round_id
    manifest = _manifest(contents, round_id)
    target, beside = folder / round_id, folder / f".{round_id}.part"
    shutil.rmtree(beside, ignore_errors=True)
    try:
        for name, content in contents.files.items():
            write_bytes(beside / name, content)
        write_csv(beside / MANIFEST, manifest)
        if len(left_out):
            write_csv(beside / LEFT_OUT, left_out)
        archive = _write_zip(folder / f"{round_id}.zip", beside)
        _take_place(beside, target)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    return Published(target, archive, manifest, left_out, setup.round.report_status)


def _manifest(contents: _Contents, round_id: str) -> pd.DataFrame:
    rows = [
        (name, len(content), hashlib.sha256(content).hexdigest(), contents.owners[name], round_id)
        for name, content in sorted(contents.files.items())
    ]
    return pd.DataFrame(rows, columns=["file", "size", "sha256", "institution_id", "round"])


def _write_zip(path: Path, folder: Path) -> Path:
    with whole_file(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            member = zipfile.ZipInfo(file.relative_to(folder).as_posix(), FIXED_DAY)
            member.create_system, member.external_attr = 3, 0o100644 << 16
            archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return path


def _take_place(beside: Path, target: Path) -> None:
    before = target.with_name(f".{target.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if target.exists():
        os.replace(target, before)
    os.replace(beside, target)
    shutil.rmtree(before, ignore_errors=True)
