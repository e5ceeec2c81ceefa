"""What may leave the house, in one folder and one zip: reports, the tables beside them, the overview. Nothing else."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from spi_analysis.batch.currency import verdict
from spi_analysis.batch.keys import page_paths
from spi_analysis.batch.ledger import Entry, Key, read_entries
from spi_analysis.batch.locks import one_run
from spi_analysis.batch.plan import INSTITUTION_NOTEBOOKS, NATIONAL_NOTEBOOKS, Step, plan_steps
from spi_analysis.batch.publish_checks import all_problems
from spi_analysis.errors import Problem, StoreError
from spi_analysis.params import RoundSetup
from spi_analysis.tables.files import whole_file, write_bytes, write_csv

REPORT = next(kind for kind in INSTITUTION_NOTEBOOKS if kind.audience == "report")
OVERVIEW = Step(NATIONAL_NOTEBOOKS[0], "", ())
MANIFEST, LEFT_OUT = "manifest.csv", "left_out.csv"
ALL = ""
MISSING_REPORT = "the report is missing"
# Institutions that a message names; a national round has 640.
MOST_NAMED = 5
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


def publish(setup: RoundSetup, folder: Path, partial: bool) -> Published:
    """Write ``folder/<round>`` and ``folder/<round>.zip``, whole or not at all; the same reports give the same bytes.

    A report goes if `spi run` would pass over it, and over what it stands on: nothing has changed since it was made
    and checked.

    Raises
    ------
    StoreError   a run of the round is going on; a report or the overview is missing, failed or stale (all are named),
        unless ``partial`` leaves those out; or a file holds what may not leave the house: then always.
    """
    with one_run(setup):
        return _publish(setup, folder, partial, read_entries(setup))


def _publish(setup: RoundSetup, folder: Path, partial: bool, entries: Mapping[Key, Entry]) -> Published:
    withheld = {code: setup.inputs[code].withheld_reason for code in setup.institution_ids if _is_withheld(setup, code)}
    wanting = {code: _wanting(setup, code, entries) for code in setup.institution_ids if code not in withheld}
    ready = [code for code, problems in wanting.items() if not problems]
    overview = _overview_problems(setup, entries)
    problems = [problem for found in [*wanting.values(), overview] for problem in found]
    if problems and not partial:
        raise StoreError(*problems)
    if not ready:
        raise StoreError(*_nothing_to_publish(f"outputs/{setup.round.round_id}", wanting, withheld))
    contents = _contents(setup, ready, with_overview=not overview)
    forbidden = all_problems(contents.files.items())
    if forbidden:
        raise StoreError(*forbidden)
    return _write(setup, folder, contents, _left_out(withheld, {**wanting, "(overview)": overview}))


def _is_withheld(setup: RoundSetup, institution_id: str) -> bool:
    """Whether an institution is rightly left out: its result is withheld, and no page says so."""
    pages = page_paths(setup, _report_steps(institution_id)[-1])
    return setup.inputs[institution_id].release == "withheld" and not any(page.exists() for page in pages)


def _wanting(setup: RoundSetup, institution_id: str, entries: Mapping[Key, Entry]) -> list[Problem]:
    """What keeps a report from going: its pages are not there, or a step that it stands on is not up to date."""
    steps = _report_steps(institution_id)
    missing = [page for page in page_paths(setup, steps[-1]) if not page.exists()]
    if missing:
        return [_problem(MISSING_REPORT, institution_id, page) for page in missing]
    verdicts = [(step, verdict(setup, step, entries)) for step in steps]
    return [
        _problem(f"the report is stale: {step.notebook.name} is not up to date", institution_id, None, found.in_words)
        for step, found in verdicts
        if not found.is_current
    ]


def _nothing_to_publish(
    place: str, wanting: Mapping[str, Sequence[Problem]], withheld: Collection[str]
) -> list[Problem]:
    """Why not one report can go: how many were never made, how many are out of date, and what has changed since."""
    missing = [code for code, found in wanting.items() if found[0].what == MISSING_REPORT]
    stale = [code for code in wanting if code not in missing]
    why = dict.fromkeys(problem.got for code in stale for problem in wanting[code])
    what, problems = "there is no report to publish: ", []
    if stale:
        problems.append(
            Problem(
                f"{what}{len(stale)} of {len(wanting)} are out of date",
                file=place,
                key=_named(stale),
                got="; ".join(why),
                expected="reports made from what is there now",
                hint="run: spi run (it makes them anew), then spi publish again",
            )
        )
    if missing:
        absent = f"{what}{len(missing)} of {len(wanting)} were not made yet"
        problems.append(Problem(absent, file=place, key=_named(missing), hint="run: spi run"))
    return problems or [Problem(f"{what}all results are withheld", file=place, key=_named(list(withheld)))]


def _named(institution_ids: Sequence[str]) -> str:
    more = f" and {len(institution_ids) - MOST_NAMED} more" if len(institution_ids) > MOST_NAMED else ""
    return ", ".join(institution_ids[:MOST_NAMED]) + more


def _report_steps(institution_id: str) -> list[Step]:
    """The report's step, and before it those whose tables it stands on."""
    return [
        step
        for step in plan_steps([institution_id])
        if step.institution_id and (step.notebook.writes or step.notebook == REPORT)
    ]


def _problem(what: str, institution_id: str, page: Path | None, got: str = "") -> Problem:
    file = f"outputs/{'/'.join(page.parts[-3:])}" if page else ""
    return Problem(what, file=file, key=institution_id, got=got,
                   hint=f"run: spi run {institution_id} (or leave it out: --partial)")  # fmt: skip


def _overview_problems(setup: RoundSetup, entries: Mapping[Key, Entry]) -> list[Problem]:
    found = verdict(setup, OVERVIEW, entries)
    if found.is_current:
        return []
    return [
        Problem(
            "the national overview is missing or stale",
            file=f"outputs/{setup.round.round_id}",
            got=found.in_words,
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


def _left_out(withheld: Mapping[str, str], wanting: Mapping[str, Sequence[Problem]]) -> pd.DataFrame:
    rows = [(code, f"withheld: {reason}") for code, reason in withheld.items()]
    rows += [(code, what) for code, found in wanting.items() for what in dict.fromkeys(p.what for p in found)]
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
