"""What may leave the house, in one folder and one zip: reports, the tables beside them, the overview. Nothing else."""

from __future__ import annotations

import csv
import hashlib
import html
import io
import os
import re
import shutil
import struct
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import docx
import openpyxl
import pandas as pd

from spi_analysis.errors import Problem, StoreError
from spi_analysis.params import RoundSetup
from spi_analysis.reporting import has_pdfs, pdfs_of, with_pdf_links
from spi_analysis.runner import (
    INSTITUTION_NOTEBOOKS,
    NATIONAL_NOTEBOOKS,
    Entry,
    Key,
    Staleness,
    Step,
    one_run,
    page_paths,
    plan_steps,
    read_entries,
    staleness,
)
from spi_analysis.stages import is_changed, keep_release, release_problems, round_store
from spi_analysis.tables import (
    DECIMALS,
    clear_half_of,
    is_neutral,
    mask_email,
    mask_number,
    whole_file,
    write_bytes,
    write_csv,
)

# What no published file may hold: a network address, a contact of a person, a traceback, a path of this machine.
#
# In a table also no cell that a spreadsheet would run, and no figure with more digits than any page shows.

# A picture inside a page is letters and digits by chance; names of XML vocabularies look like addresses and are none.
_PICTURE = re.compile(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=\s]+")
_VOCABULARY = re.compile(
    r"http://(?:www\.w3\.org/(?:1999/xlink|1999/xhtml|2000/svg|1998/Math/MathML)|schemas\.openxmlformats\.org/[\w/]+)"
    r"(?=[\"'\s])"
)

_ADDRESS = re.compile(
    r"\b(?:https?|ftp|file|wss?)://[^\s\"'<>]+|\bwww\.[a-z0-9-]+\.[a-z]{2,}|(?:src|href)\s*=\s*[\"']//[^\"']+", re.I
)
_NUMBER_ADDRESS = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
_EMAIL = re.compile(r"[a-z0-9_%+'-]+(?:\.[a-z0-9_%+'-]+)*\s?@\s?(?:[a-z0-9-]+\.)+[a-z]{2,}", re.I)
# Mobile numbers as people write them. Digits after a decimal point, inside a word or of a longer number are none.
_PHONE = re.compile(
    r"(?<![\w.,])(?:(?:\+\s?|00)62[\s.\-]?(?:\(0\)\s?)?|62[\s\-]?|\(?0)8\d{1,2}\)?(?:[\s.\-]?\d{2,5}){2,3}(?![\w]|[.,]\d)"
)
_EMPLOYEE_NUMBER = re.compile(r"(?<![\w.,])(?:19|20)\d{2}[01]\d[0-3]\d\s?(?:19|20)\d{4}\s?[12]\s?\d{3}(?![\w])")
_TRACEBACK = re.compile(r"Traceback \(most recent call last\)|\bFile \"[^\"]+\", line \d+|\x1b\[[0-9;]*m")
_PATH = re.compile(r"(?<![\w.:/<])/(?:home|root|tmp|Users|var|mnt|media|opt|workspace)/[\w.-]+|\b[A-Z]:\\{1,2}[\w.-]+")

PDF = b"%PDF-"
# A picture begins so, and has these parts alone.
PNG, PNG_CHUNKS = b"\x89PNG\r\n\x1a\n", {"IHDR", "PLTE", "pHYs", "IDAT", "IEND"}

# No page shows more decimals than the most that any of its columns has.
MOST_DECIMALS = max(places for places in DECIMALS.values() if places is not None)
_TOO_EXACT = re.compile(rf"[+-]?\d+\.\d{{{MOST_DECIMALS + 1},}}(?:[eE][+-]?\d+)?|[+-]?\d(?:\.\d+)?[eE][+-]?\d+")

FORBIDDEN = {
    "a network address": (_ADDRESS, lambda found: found[:40]),
    "a network address in numbers": (_NUMBER_ADDRESS, lambda found: found),
    "an e-mail address": (_EMAIL, mask_email),
    "a phone number": (_PHONE, mask_number),
    "an employee number": (_EMPLOYEE_NUMBER, mask_number),
    "a traceback": (_TRACEBACK, lambda found: found[:40]),
    "a path of this machine": (_PATH, lambda found: found[:40]),
}


def content_problems(name: str, text: str) -> list[Problem]:
    """One problem for everything that the file ``name`` may not hold, with how often and the first (masked)."""
    bare = _VOCABULARY.sub("", _PICTURE.sub("", text))
    # "&#64;" is an @ for every reader.
    shown = html.unescape(bare) if "&" in bare else bare
    problems = []
    for what, (pattern, mask) in FORBIDDEN.items():
        found = pattern.findall(shown)
        problems += _found(name, what, found, mask)
    return problems


def _picture_problems(name: str, content: bytes) -> list[Problem]:
    """A picture holds points and no words: nothing but the chunks that every PNG has."""
    place, kinds = len(PNG), []
    while content.startswith(PNG) and place + 8 <= len(content):
        size, kind = struct.unpack(">I4s", content[place : place + 8])
        kinds.append(kind.decode("latin-1"))
        place += size + 12
    words = sorted(set(kinds) - PNG_CHUNKS) if kinds else ["no PNG"]
    return _found(name, "a picture with more than points", words, str)


def table_problems(name: str, text: str) -> list[Problem]:
    """What the cells of a published CSV may not be."""
    cells = [cell for row in csv.reader(io.StringIO(text, newline="")) for cell in row]
    return _cell_problems(name, cells, [cell for cell in cells if not is_neutral(cell)])


def workbook_problems(name: str, content: bytes) -> list[Problem]:
    """What the cells of a published workbook may not hold or be."""
    sheets = openpyxl.load_workbook(io.BytesIO(content))
    cells = [cell for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    texts = [str(cell.value) for cell in cells]
    formulas = [str(cell.value) for cell in cells if cell.data_type == "f"]
    return content_problems(name, "\n".join(texts)) + _cell_problems(name, texts, formulas)


def _cell_problems(name: str, cells: Sequence[str], formulas: Sequence[str]) -> list[Problem]:
    too_exact = [cell for cell in cells if _TOO_EXACT.fullmatch(cell)]
    return [
        *_found(name, "a cell that a spreadsheet would run", formulas, lambda found: found[:40]),
        *_found(name, "a figure with more digits than a page shows", too_exact, lambda found: found[:40]),
    ]


def _found(name: str, what: str, found: Sequence[str], mask: Callable[[str], str]) -> list[Problem]:
    """One problem for all that was found of a kind, with the first of them."""
    if not found:
        return []
    return [
        Problem(
            f"a file that is to be published holds {what}",
            file=name,
            got=f"{mask(found[0])} ({len(found)} in all)",
            expected="nothing of the kind",
            hint="find out how it came there; nothing was published",
        )
    ]


def all_problems(files: Iterable[tuple[str, bytes]]) -> list[Problem]:
    """The problems of all files; one that is no text is a problem, too."""
    problems = []
    for name, content in files:
        if name.endswith(".xlsx"):
            problems += workbook_problems(name, content)
            continue
        if name.endswith(".png"):
            problems += _picture_problems(name, content)
            continue
        if name.endswith(".docx"):
            problems += content_problems(name, "\n".join(docx.Document(io.BytesIO(content)).element.itertext()))
            continue
        if name.endswith(".pdf"):
            # Its words are those of the page that it is made from, which is looked at.
            problems += [] if content.startswith(PDF) else _found(name, "a file that is no PDF", ["other bytes"], str)
            continue
        try:
            text = content.decode("utf-8-sig")
            problems += content_problems(name, text)
            problems += table_problems(name, text) if name.endswith(".csv") else []
        except UnicodeDecodeError:
            problems.append(Problem("a file that is to be published is no text", file=name, expected="UTF-8"))
    return problems


REPORT = next(kind for kind in INSTITUTION_NOTEBOOKS if kind.audience == "report")
OVERVIEW = tuple(Step(kind, "", ()) for kind in NATIONAL_NOTEBOOKS)
_SUBJECT = {"90": "the national overview", "92": "the page that checks the published years"}
MANIFEST, LEFT_OUT = "manifest.csv", "left_out.csv"
ALL = ""
MISSING_REPORT = "the report is missing"
# Institutions that a message names; a national round has 640.
MOST_NAMED = 5
# A zip states when its files were written; a fixed day keeps the same content the same bytes.
FIXED_DAY = (1980, 1, 1, 0, 0, 0)
# What a page links to, and goes with it.
LINKED = re.compile(
    r'(?:href|content)="((?:tables|published_years)/[a-z0-9_-]+(?:\.[a-z]{2})?\.(?:csv|xlsx|docx|png))"'
)
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


def publish(setup: RoundSetup, folder: Path, partial: bool, reason: str = "") -> Published:
    """Write ``folder/<round>`` and ``folder/<round>.zip``, whole or not at all; the same reports give the same bytes.

    A report goes if `spi run` would pass over it, and over what it stands on: nothing has changed since it was made
    and checked.

    Raises
    ------
    StoreError   a run of the round is going on; a report or the overview is missing, failed or stale, or tells a hidden
        figure too closely (all are named, with what can be worked out), unless ``partial`` leaves those out; or a file
        holds what may not leave the house, or figures are others than those released before, without a ``reason``:
        then always.
    """
    with one_run(setup):
        return _publish(setup, folder, partial, read_entries(setup), reason)


def _publish(setup: RoundSetup, folder: Path, partial: bool, entries: Mapping[Key, Entry], reason: str) -> Published:
    withheld = {code: setup.inputs[code].withheld_reason for code in setup.institution_ids if _is_withheld(setup, code)}
    wanting = {code: _wanting(setup, code, entries) for code in setup.institution_ids if code not in withheld}
    ready = [code for code, problems in wanting.items() if not problems]
    told = {code: _told(setup, code) for code in ready}
    ready = [code for code in ready if not told[code]]
    wanting |= {code: found for code, found in told.items() if found}
    overview = _overview_problems(setup, entries) + _overview_told(told)
    problems = [problem for found in [*wanting.values(), overview] for problem in found]
    if problems and not partial:
        raise StoreError(*problems)
    if not ready:
        refused = [problem for found in told.values() for problem in found]
        raise StoreError(*(refused or _nothing_to_publish(f"outputs/{setup.round.round_id}", wanting, withheld)))
    if unexplained := [] if reason.strip() else _changed_without_reason(setup, ready):
        raise StoreError(*unexplained)
    contents = _contents(setup, ready, with_overview=not overview)
    forbidden = all_problems(contents.files.items())
    if forbidden:
        raise StoreError(*forbidden)
    made = _write(setup, folder, contents, _left_out(withheld, {**wanting, "(overview)": overview}))
    for code in ready:
        keep_release(setup, round_store(setup), code, reason)
    return made


def _changed_without_reason(setup: RoundSetup, ready: Iterable[str]) -> list[Problem]:
    """Figures that are others than those that were released: readers will ask why."""
    return [
        Problem(
            "figures are others than those that were released, without a reason",
            key=code,
            expected="a reason, which the register of the report will show",
            hint='spi publish --reason "a late file of answers was added"',
        )
        for code in ready
        if is_changed(setup, round_store(setup), code)
    ]


def _told(setup: RoundSetup, institution_id: str) -> list[Problem]:
    """What the report of an institution, with the last one and the lists, would tell too closely."""
    return release_problems(setup, round_store(setup), institution_id)


def _overview_told(told: Mapping[str, Sequence[Problem]]) -> list[Problem]:
    """The overview shows the results of all: it stays where a report has to."""
    stay = [code for code, found in told.items() if found]
    what = "the national overview shows results that must not go yet"
    return [Problem(what, key=_named(stay), hint="leave it out: --partial")] if stay else []


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
    judged = {step.notebook.name: staleness(setup, step, entries) for step in steps}
    return [
        _problem(_what("the report", f"stale: {name} is not up to date", found), institution_id, None, found)
        for name, found in judged.items()
        if not found.is_up_to_date
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


def _problem(what: str, institution_id: str, page: Path | None, found: Staleness | None = None) -> Problem:
    file, command = f"outputs/{'/'.join(page.parts[-3:])}" if page else "", f"spi run {institution_id}"
    return Problem(what, file=file, key=institution_id, got=found.in_words if found else "", hint=_hint(command, found))


def _what(subject: str, stale: str, found: Staleness) -> str:
    return f"{subject} was changed by hand since the run made it" if found.by_hand else f"{subject} is {stale}"


def _hint(command: str, found: Staleness | None) -> str:
    lost = " makes it anew, and what was changed is lost" if found and found.by_hand else ""
    return f"run: {command}{lost} (or leave it out: --partial)"


def _overview_problems(setup: RoundSetup, entries: Mapping[Key, Entry]) -> list[Problem]:
    judged = ((step, staleness(setup, step, entries)) for step in OVERVIEW)
    return [
        Problem(
            _what(_SUBJECT[step.notebook.number], "missing or stale", found),
            file=f"outputs/{setup.round.round_id}",
            got=found.in_words,
            hint=_hint(f"spi run --notebook {step.notebook.number}", found),
        )
        for step, found in judged
        if not found.is_up_to_date
    ]


def _contents(setup: RoundSetup, institution_ids: Sequence[str], *, with_overview: bool) -> _Contents:
    """The files that go, each page without links to what stays."""
    base, contents = setup.workspace.outputs / setup.round.round_id, _Contents()
    if with_overview:
        for step in OVERVIEW:
            for page in (step.notebook.page, *step.notebook.more):
                contents.add(ALL, _pages(setup, base, "", page))
    for institution_id in institution_ids:
        for page in (REPORT.page, *REPORT.more):
            contents.add(institution_id, _pages(setup, base / institution_id, f"{institution_id}/", page))
        if has_pdfs(setup, institution_id):
            contents.add(institution_id, _with_pdfs(setup, institution_id, contents.files))
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
        for table in sorted(set(LINKED.findall(files[prefix + name].decode("utf-8")))):
            files[prefix + table] = (folder / table).read_bytes()
    return files


def _with_pdfs(setup: RoundSetup, institution_id: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The report's PDFs, made from the pages that go, and these pages with links to them."""
    made = {f"{institution_id}/{name}": content for name, content in pdfs_of(setup, institution_id).items()}
    for language in setup.round.languages:
        name = f"{institution_id}/{REPORT.page.format(language=language)}"
        made[name] = with_pdf_links(files[name].decode("utf-8"), language).encode("utf-8")
    return made


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
    clear_half_of(folder / f"{round_id}.zip")
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
