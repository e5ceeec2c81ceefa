"""Files of lists opened: each on its own, but all files of an institution and source together or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from spi_analysis.errors import InputError, NoRows, Problem, SpiError
from spi_analysis.params import FrameMapping, RoundParams, RoundSetup, frame_mapping
from spi_analysis.tables.importing.addressing import form_doubt, institution_of, source_of, stream_of
from spi_analysis.tables.importing.file_notes import nobody_left, others_named, problems_of, set_aside
from spi_analysis.tables.importing.headers import Header, HeaderWords, find_header, missing_columns
from spi_analysis.tables.importing.issues import Where
from spi_analysis.tables.importing.list_sheets import CONTACT_FIELDS, ListSheet
from spi_analysis.tables.importing.readers import Sheet, in_order, read_sheets


@dataclass(frozen=True)
class Asked:
    """What the caller said of the files, beyond what their names say."""

    setup: RoundSetup
    mapping: Path | None
    institution: str | None
    source: str | None
    stream: str | None = None

    def institution_of(self, path: Path) -> str:
        """Whose list the file is."""
        return self.institution or institution_of(path, self.setup, self.mapping_for(None))

    def source_of(self, path: Path, sheet: str, mapping: FrameMapping) -> str:
        """Which source of the round the file, or the sheet, lists."""
        words = {source: listed for source, listed in mapping.sources.items() if source in self.setup.round.sources}
        return self.source or source_of(path, sheet, words)

    def mapping_for(self, institution_id: str | None) -> FrameMapping:
        """The mapping for an institution's files."""
        return frame_mapping(self.setup.workspace, institution_id, self.mapping)


@dataclass
class Opened:
    """What came of opening the files: sheets to import, sheets passed over, problems of files that cannot be used.

    ``broken``: institution, source and file of every list that cannot be used.
    """

    sheets: list[ListSheet] = field(default_factory=list)
    skipped: list[Where] = field(default_factory=list)
    failed: list[Problem] = field(default_factory=list)
    broken: set[tuple[str, str, str]] = field(default_factory=set)

    def without_halves(self) -> Opened:
        """Without the lists of which another file cannot be used: half a list would take the place of a whole one."""
        for institution_id, source in sorted({whose[:2] for whose in self.broken}):
            held = [s for s in self.sheets if (s.institution_id, s.source) == (institution_id, source)]
            if held:
                self.failed.append(self._held_back(institution_id, source, held))
                self.sheets = [sheet for sheet in self.sheets if sheet not in held]
        return self

    def _held_back(self, institution_id: str, source: str, held: list[ListSheet]) -> Problem:
        causes = sorted({file for code, part, file in self.broken if (code, part) == (institution_id, source)})
        return Problem(
            "not imported, since another file of the same list cannot be used",
            file=", ".join(sorted({sheet.sheet.file for sheet in held})),
            key=f"{institution_id}, {source}",
            got=f"cannot be used: {', '.join(causes)}",
            expected="all files of an institution and source together",
            hint="mend that file and import all files of this source again; what was imported before is kept",
        )


def open_lists(
    files: Iterable[Path],
    setup: RoundSetup,
    mapping: Path | None,
    institution: str | None,
    source: str | None,
    stream: str | None = None,
) -> Opened:
    """Open every file; what is wrong with one list never keeps the lists of others from being opened."""
    asked, opened = Asked(setup, mapping, institution, source, stream), Opened()
    for path, shown_as in in_order(files).items():
        try:
            _open_one(path, shown_as, asked, opened)
        except SpiError as error:
            opened.failed.extend(error.problems)
            opened.broken |= _whose(path, shown_as, asked)
    opened.sheets.sort(key=lambda sheet: sheet.stream)
    return opened.without_halves()


def _whose(path: Path, shown_as: str, asked: Asked) -> set[tuple[str, str, str]]:
    """The lists a file that cannot be used may belong to: all sources of the institution, if its name does not say."""
    try:
        institution_id = asked.institution_of(path)
    except SpiError:
        return set()
    try:
        sources = (asked.source_of(path, "", asked.mapping_for(institution_id)),)
    except SpiError:
        sources = tuple(asked.setup.round.sources)
    return {(institution_id, source, shown_as) for source in sources}


def _open_one(path: Path, shown_as: str, asked: Asked, opened: Opened) -> None:
    institution_id = asked.institution_of(path)
    mapping = asked.mapping_for(institution_id)
    words = HeaderWords(mapping.fields, mapping.header)
    found, problems, passed, unlike = [], [], [], []
    for sheet in (found.in_words() for found in read_sheets(path, shown_as)):
        header = find_header(sheet, words)
        if header is None:
            passed.append(sheet)
            continue
        whose = asked.source_of(path, sheet.name, mapping)
        wrong = [*header.problems, *missing_columns(sheet, header, mapping.required[whose], words)]
        wrong += _unnamed_nominators(sheet, header, asked.setup.round_for(institution_id), whose)
        stream = asked.stream or stream_of(path, sheet.name, mapping)
        if asked.stream is None and stream == "list":
            wrong += form_doubt(sheet, header, mapping)
        if not wrong:
            listed = set_aside(ListSheet(institution_id, whose, stream, sheet, header, mapping), asked.setup)
            if doubts := _doubts(listed, asked):
                problems += doubts
                opened.broken.add((institution_id, whose, shown_as))
            else:
                found.append(listed)
        elif header.problems or {"name", *CONTACT_FIELDS} & set(header.columns):
            problems += wrong
            opened.broken.add((institution_id, whose, shown_as))
        else:
            # Neither names nor contacts: a summary or instructions, unless it is all there is.
            passed.append(sheet)
            unlike += wrong
    if not found and not problems:
        raise InputError(*(unlike or [_no_header(shown_as, len(passed), mapping)]))
    if found and not any(sheet.has_people for sheet in found):
        raise InputError(*problems, _no_rows(found[0]))
    if aside := nobody_left(found):
        raise InputError(*problems, aside)
    opened.sheets.extend(found)
    opened.failed.extend(problems)
    opened.skipped.extend(Where(institution_id, asked.source or "", shown_as, sheet.name) for sheet in passed)


def _unnamed_nominators(sheet: Sheet, header: Header, round_: RoundParams, source: str) -> list[Problem]:
    """Nothing else of a list says who put each name forward; where the round draws by it, the column must be there."""
    design = round_.sources[source].design
    if design is None or "nominator" not in design.strata or "nominator" in header.columns:
        return []
    return [
        Problem(
            "the list does not say who put each name forward, and the round draws by it",
            file=sheet.file,
            row=header.row + 1,
            key=f"{source}, nominator",
            got="columns " + ", ".join(header.shown(i) for i, label in enumerate(header.labels) if label),
            expected="a column such as Pengusul, with the institution or the commission in every row",
            hint=f"add the column, name its heading in a mapping file (--mapping), or take nominator out of "
            f"sources.{source}.design.strata",
        )
    ]


def _doubts(listed: ListSheet, asked: Asked) -> list[Problem]:
    """What keeps a sheet from being read although it is a list; one that is set aside is not looked at."""
    if listed.aside or not listed.has_people:
        return []
    # Who says whose list it is has looked at it.
    named = [] if asked.institution else others_named(listed, asked.setup)
    return [*named, *problems_of(listed)]


def _no_header(file: str, sheets: int, mapping: FrameMapping) -> Problem:
    return Problem(
        "no header row was found",
        file=file,
        got=f"{sheets} sheet(s) without a row of known headers",
        expected=f"headers such as nama, unit kerja, no hp in one of the first {mapping.header.search_rows} rows",
        hint="add the header row, or name the headers in a mapping file (--mapping)",
    )


def _no_rows(sheet: ListSheet) -> Problem:
    return NoRows(
        "the list holds no rows",
        file=sheet.sheet.file,
        row=sheet.header.row + 1,
        got="formulas that were never computed" if sheet.sheet.unvalued else "a header alone",
        expected="at least one person below it",
        hint="an empty list never takes the place of an earlier one; what was imported before is kept",
    )
