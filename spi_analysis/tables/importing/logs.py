"""What imports of contact events and of answers share: files opened, rows given to people."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from spi_analysis.errors import InputError, Problem, SpiError
from spi_analysis.params import DateRules, FieldworkParams, RoundSetup, TimeField, TimeRules
from spi_analysis.tables import (
    TOKEN_LENGTH,
    Reading,
    Store,
    Vault,
    answer_tokens,
    check_codes,
    is_nothing,
    link_tokens,
    open_places,
    open_tokens,
    read_time,
    text_of,
)
from spi_analysis.tables.importing.date_columns import TIME_FIELDS, DateColumn, judged
from spi_analysis.tables.importing.grids import Row, Told
from spi_analysis.tables.importing.headers import Header, HeaderWords, find_header, missing_columns
from spi_analysis.tables.importing.issues import Issues, Where, reasons
from spi_analysis.tables.importing.list_sheets import note_beyond_header, rows_below, rows_of_formulas
from spi_analysis.tables.importing.platforms import Platform, as_exported
from spi_analysis.tables.importing.readers import Sheet, in_order, read_sheets

_NONE = pd.Series(dtype=object)
LOG_COUNTS = ("institution_id", "file", "read", "accepted", "rejected", "flagged")


@dataclass(frozen=True)
class LogImport:
    """What came of an import of events or answers. ``failed`` names the files that could not be used.

    ``counts``: one row per institution and file, read = accepted + rejected; institution "" where no token told it.
    ``summary``: what is said of it in short; ``mapping``: the mapping file that settles what stopped the import;
    ``changes``: how many changes of contacts there are (None: a log of something else).
    """

    counts: pd.DataFrame
    problems: pd.DataFrame
    failed: tuple[Problem, ...]
    written: tuple[Path, ...]
    summary: dict[str, list[dict[str, object]]]
    mapping: dict[str, Any] = field(default_factory=dict)
    changes: int | None = None


@dataclass
class Log:
    """Rows of all files while they are being read: ``cells`` with their place, whose they are, what was noticed.

    ``digests``: file -> digest of its content; ``dates``: how the times of a sheet were read, by column; ``told``: what
    a sheet's file or platform says of it.
    """

    cells: pd.DataFrame
    headers: dict[tuple[str, str], Header]
    digests: dict[str, str] = field(default_factory=dict)
    dates: dict[tuple[str, str], dict[str, DateColumn]] = field(default_factory=dict)
    told: dict[tuple[str, str], Told] = field(default_factory=dict)
    owners: dict[Any, Sampled] = field(default_factory=dict)
    accepted: set[Any] = field(default_factory=set)
    rejected: set[Any] = field(default_factory=set)
    flagged: set[Any] = field(default_factory=set)
    issues: Issues = field(default_factory=Issues)
    _fieldwork: dict[str, FieldworkParams] = field(default_factory=dict)

    def where(self, row: Any) -> Where:
        """The place of a row, with the institution and source its token told."""
        owner = self.owners.get(row)
        whose = owner[:2] if owner else ("", "")
        return Where(*whose, *self._places[row])

    @cached_property
    def _places(self) -> dict[Any, tuple[str, str, int]]:
        """File, sheet and number of every row, read once: a cell at a time takes long. No row is added later."""
        places = self.cells[["file", "sheet", "row"]].itertuples(index=False, name=None)
        return dict(zip(self.cells.index, places, strict=True))

    def reject(self, row: Any, code: str, name: str, **details: object) -> None:
        """Turn a row away."""
        self.rejected.add(row)
        self._find(row, code, name, details)

    def flag(self, row: Any, code: str, name: str, **details: object) -> None:
        """Keep a row with an issue."""
        self.flagged.add(row)
        self._find(row, code, name, details)

    def flag_together(self, rows: Iterable[Any], code: str, name: str, **details: object) -> None:
        """Say once, at the first of its rows, what many rows of a column share; once for each institution and source.

        ``{rows}`` of the reason is their number. A note leaves the rows unflagged.
        """
        groups: dict[tuple[str, ...], list[Any]] = {}
        for row in rows:
            owner = self.owners.get(row)
            groups.setdefault(owner[:2] if owner else ("", ""), []).append(row)
        for found in groups.values():
            self._find(found[0], code, name, {"rows": len(found), **details})
            if reasons()[code].severity == "flagged":
                self.flagged.update(found)

    def _find(self, row: Any, code: str, name: str, details: Mapping[str, object]) -> None:
        where = self.where(row)
        header = self.headers[where.file, where.sheet]
        value = self.cells.at[row, name] if name in self.cells else None
        self.issues.add(where, code, header.label(name), name, value, **details)

    def place(self, row: Any) -> dict[str, object]:
        """The place of a row, as the reasons name the first of two rows."""
        file, _, number = self._places[row]
        return {"first_file": file, "first_row": number}

    def assign_owners(
        self,
        book: Mapping[str, Sampled],
        institution: str | None,
        unknown: str = "unknown_token",
        keys: Sequence[str] | None = None,
        shared: Mapping[str, int] = MappingProxyType({}),
        otherwise: Sampled | None = None,
    ) -> None:
        """Find the person of every row, by its token or by ``keys``; a row without one is turned away.

        ``shared``: keys of several people, and of how many; ``otherwise``: whose rows without a token are.
        """
        by_number = keys is not None and "phone" in self.cells
        for row, token in zip(self.cells.index, tokens_in(self.cells["token"]) if keys is None else keys, strict=True):
            owner = book.get(token) if token else otherwise
            if code := self._set_aside(row):
                self.owners |= {row: owner} if owner else {}
                self.reject(row, code, "token")
            elif token in shared:
                self.reject(row, "phone_of_several", "phone", people=shared[token])
            elif owner is None and token and by_number and not self.cells.get("token", _NONE).get(row):
                self.reject(row, "unknown_phone", "phone")
            elif owner is None:
                self.reject(row, unknown if token else "missing_token", "token")
            elif institution is not None and owner.institution_id != institution:
                self.reject(row, "token_of_another_institution", "token", other=owner.institution_id)
            else:
                self.owners[row] = owner

    def _set_aside(self, row: Any) -> str | None:
        """Why the platform itself says that the row is none of ours."""
        file, sheet, number = self._places[row]
        return self.told[file, sheet].set_aside.get(number)

    def time_of(self, row: Any, cell: object, zone: str, reference: dt.date) -> Reading:
        """A time on the clock of ``zone``; one that names no zone is on the clock that its platform names."""
        theirs = self.told[self._places[row][:2]].zone or zone
        at, problem = read_time(cell, theirs, reference)
        if at is None or theirs == zone:
            return Reading(at, problem)
        return Reading(at.replace(tzinfo=ZoneInfo(theirs)).astimezone(ZoneInfo(zone)).replace(tzinfo=None))

    def check_time(self, row: Any, name: str, at: dt.datetime, setup: RoundSetup, rules: TimeRules) -> None:
        """Flag a time outside fieldwork, with the tolerance of the mapping."""
        institution_id = self.owners[row].institution_id
        if institution_id not in self._fieldwork:
            self._fieldwork[institution_id] = setup.round_for(institution_id).fieldwork
        fieldwork, room = self._fieldwork[institution_id], dt.timedelta(days=rules.tolerance_days)
        if not fieldwork.start - room <= at.date() <= fieldwork.end + room:
            self.flag(row, "time_outside_fieldwork", name, start=fieldwork.start, end=fieldwork.end)

    def counts(self) -> pd.DataFrame:
        """Rows per institution and file; they must add up."""
        index = self.cells.index
        table = pd.DataFrame(
            {
                "institution_id": [self.owners[row].institution_id if row in self.owners else "" for row in index],
                "file": self.cells["file"],
                "read": 1,
                "accepted": [int(row in self.accepted) for row in index],
                "rejected": [int(row in self.rejected) for row in index],
                "flagged": [int(row in self.flagged and row in self.accepted) for row in index],
            }
        )
        if (table["read"] != table["accepted"] + table["rejected"]).any():
            lost = int((table["read"] != table["accepted"] + table["rejected"]).sum())
            raise InputError(
                "rows were lost while files were read", got=f"{lost} rows", expected="accepted or rejected"
            )
        return table.groupby(["institution_id", "file"], as_index=False)[list(LOG_COUNTS[2:])].sum()


def open_log(
    files: Iterable[Path],
    words: HeaderWords,
    required: Iterable[Sequence[str]],
    nothing: frozenset[str],
    dates: DateRules,
    platforms: Sequence[Platform] = (),
) -> tuple[Log, list[tuple[Sheet, Header, pd.Index]], list[Problem]]:
    """Read all files; returns the log, each sheet with its header and rows in the log, and what failed."""
    tables, sheets, failed, start, issues, columns = [], [], [], 0, Issues(), {}
    for path, shown_as in in_order(files).items():
        try:
            exported = [as_exported(sheet, words, platforms) for sheet in read_sheets(path, shown_as)]
            found = _with_headers(exported, words, required)
            times = _dates(found, dates)
        except SpiError as error:
            failed += error.problems
            continue
        for sheet, header in found:
            if header is None:
                issues.add(Where("", "", sheet.file, sheet.name), "sheet_skipped")
                continue
            columns[sheet.file, sheet.name] = times.get(sheet.name, {})
            table = _as_read(_cells(sheet, header, nothing), columns[sheet.file, sheet.name])
            table.index = pd.RangeIndex(start, start := start + len(table))
            tables.append(table)
            sheets.append((sheet, header, table.index))
    cells = pd.concat(tables) if tables else pd.DataFrame(columns=["file", "sheet", "row", "token"])
    headers = {(sheet.file, sheet.name): header for sheet, header, _ in sheets}
    digests = {sheet.file: sheet.digest for sheet, _, _ in sheets}
    told = {(sheet.file, sheet.name): sheet.told for sheet, _, _ in sheets}
    return Log(cells, headers, digests, columns, told, issues=issues), sheets, failed


def _with_headers(
    sheets: Sequence[Sheet], words: HeaderWords, required: Iterable[Sequence[str]]
) -> list[tuple[Sheet, Header | None]]:
    """Every sheet with its header; at least one must have one, and every header all required columns."""
    found = [(sheet, find_header(sheet, words)) for sheet in sheets]
    if all(header is None for _, header in found):
        known = "; ".join(" or ".join(group) for group in required)
        raise InputError("no header row was found", file=sheets[0].file, expected=f"columns for {known}")
    wrong = [
        problem
        for sheet, header in found
        if header is not None
        for problem in (*header.problems, *missing_columns(sheet, header, _required(sheet, required), words))
    ]
    if wrong:
        raise InputError(*wrong)
    return found


def _required(sheet: Sheet, required: Iterable[Sequence[str]]) -> list[Sequence[str]]:
    """The columns that a sheet must have: one with a column per event has neither event nor time."""
    return [group for group in required if not sheet.told.events or not {"event", "at"} & set(group)]


def _dates(found: Sequence[tuple[Sheet, Header | None]], rules: DateRules) -> dict[str, dict[str, DateColumn]]:
    """The decision on every column of times, by the sheet's name; none may contradict itself."""
    columns: dict[str, dict[str, DateColumn]] = {}
    problems = []
    for sheet, header in found:
        for name in TIME_FIELDS if header is not None else ():
            if header is not None and (columns_of := _columns_of(sheet, header, name)):
                column = _judged(sheet, header, name, columns_of, rules)
                columns.setdefault(sheet.name, {})[name] = column
                say = f"a mapping file (--mapping): dates: {{order: {{{name}: day_first}}}}"
                problems.append(column.contradiction(sheet.file, sheet.name, header.label(name), say))
    if any(problems):
        raise InputError(*filter(None, problems))
    return columns


def _columns_of(sheet: Sheet, header: Header, name: TimeField) -> list[int]:
    """Where the times of a field stand: in its column, or in those of all events."""
    if name == "at" and sheet.told.events:
        return list(sheet.told.events)
    return [header.columns[name]] if name in header.columns else []


def _judged(sheet: Sheet, header: Header, name: TimeField, columns: list[int], rules: DateRules) -> DateColumn:
    cells = ((number, row[i] if i < len(row) else None) for number, row in rows_below(sheet, header) for i in columns)
    if sheet.told.month_first:
        rules = rules.model_copy(update={"otherwise": "month_first"})
    return judged(cells, rules, rules.order.get(name), days_from_1904=sheet.told.days_from_1904)


def _as_read(table: pd.DataFrame, columns: Mapping[str, DateColumn]) -> pd.DataFrame:
    """The cells with every time as its column says it is to be read."""
    for name, column in columns.items():
        table[name] = pd.Series([column.as_read(cell) for cell in table[name]], table.index, dtype=object)
    return table


def _cells(sheet: Sheet, header: Header, nothing: frozenset[str]) -> pd.DataFrame:
    """The cells by field; blank rows are left out, and what says "nothing" is None."""
    rows = []
    for number, row in rows_below(sheet, header):
        cells = [row[i] if i < len(row) else None for i in header.columns.values()]
        known = (number, *(None if is_nothing(cell, nothing) else cell for cell in cells))
        rows += [(*known, *happened) for happened in _events_in(row, sheet.told.events, nothing)]
    columns = ["row", *header.columns, *(("event", "at") if sheet.told.events else ())]
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    return table.assign(file=sheet.file, sheet=sheet.name)


def _events_in(row: Row, events: Mapping[int, str], nothing: frozenset[str]) -> list[tuple[object, ...]]:
    """Event and time for every event of a row that has a column per event; a row of which none happened stays one."""
    if not events:
        return [()]
    times = {i: row[i] if i < len(row) else None for i in events}
    found = [(events[i], cell) for i, cell in times.items() if not is_nothing(cell, nothing)]
    return found or [(None, None)]


def _note_formulas(log: Log, sheet: Sheet, header: Header, rows: pd.Index) -> None:
    """Say once for each column which formulas were never computed, though their rows may be blank without them."""
    for name, numbers in rows_of_formulas(sheet, header).items():
        here = rows[log.cells.loc[rows, "row"].isin(numbers)]
        log.flag_together(here, "formula_without_value", name)
        if here.empty:
            where = Where("", "", sheet.file, sheet.name, numbers[0])
            log.issues.add(where, "formula_without_value", header.label(name), rows=len(numbers))


def note_headers(log: Log, sheets: Iterable[tuple[Sheet, Header, pd.Index]]) -> None:
    """Note misspelt and unknown headers, and what does not stand below them, for every institution in the sheet."""
    for sheet, header, rows in sheets:
        _note_formulas(log, sheet, header, rows)
        for institution_id in sorted({log.owners[row].institution_id for row in rows if row in log.owners} or {""}):
            where = Where(institution_id, "", sheet.file, sheet.name, header.row + 1)
            for name in header.guessed:
                log.issues.add(where, "header_read_as", header.label(name), known_as=name)
            for i in header.unused:
                log.issues.add(where, "column_ignored", header.shown(i))
            note_beyond_header(sheet, header, where, log.issues)
            _note_told(log, sheet, header, where)
            if rows.empty:
                log.issues.add(where, "no_rows")


def _note_told(log: Log, sheet: Sheet, header: Header, where: Where) -> None:
    """Note what of the sheet is hidden (it is read), and how its times were read."""
    hidden = [
        number for number, _ in rows_below(sheet, header) if sheet.told.hidden or number in sheet.told.hidden_rows
    ]
    if hidden:
        log.issues.add(where._replace(row=hidden[0]), "hidden_rows_read", rows=len(hidden))
    if sheet.told.platform:
        log.issues.add(where, "platform_known", platform=sheet.told.platform)
    if sheet.told.events:
        log.issues.add(where, "event_columns", columns=len(sheet.told.events))
    for code, name, numbers in sheet.told.notes:
        log.issues.add(where._replace(row=numbers[0]), code, header.label(name), rows=len(numbers))
    for name, column in log.dates.get((sheet.file, sheet.name), {}).items():
        for code, rows in column.issues():
            log.issues.add(where._replace(row=rows[0]), code, header.label(name), rows=len(rows))


# Whose link a token is: tokens are made again from the sample and the vault, and looked up.

_TOKEN = re.compile(rf"(?<![a-z0-9])[a-z2-7]{{{TOKEN_LENGTH}}}(?![a-z0-9])")


class Sampled(NamedTuple):
    """A sampled person in the source the link was made for."""

    institution_id: str
    source: str
    person_id: str


class Answering(Sampled):
    """The same, known by the questionnaire's token and not by the sender's."""


class OpenAnswer(Sampled):
    """Nobody who was drawn: an answer by an open link. ``person_id`` is the code of the answer itself."""


def places_by_token(
    setup: RoundSetup, store: Store, vault: Vault, wanted: set[str], only: str | None = None
) -> dict[str, OpenAnswer]:
    """The wanted tokens of open links (``spi poster``); their answers get a code each once they are read."""
    secret, round_id, book = vault.secret("link_token"), setup.round.round_id, dict[str, OpenAnswer]()
    for institution_id in setup.institution_ids if only is None else [only]:
        for source, places in open_places(store, institution_id).items():
            tokens = open_tokens(places, round_id, institution_id, source, secret)
            book |= dict.fromkeys(wanted & set(tokens), OpenAnswer(institution_id, source, ""))
    return book


def sampled_by_token(
    setup: RoundSetup, store: Store, vault: Vault, wanted: Collection[str], only: str | None = None
) -> dict[str, Sampled]:
    """The wanted tokens of the round (or of one institution only) with their people. Nothing of this is ever written.

    In a round of two tokens these are the sender's and the questionnaire's: a log of events may come from either.

    Only the wanted are kept: those of a whole country's sample would take gigabytes.
    """
    secret, two = vault.secret("link_token"), setup.round.fieldwork.tokens == "two"
    makers = ((link_tokens, Sampled), (answer_tokens, Answering)) if two else ((link_tokens, Sampled),)
    book: dict[str, Sampled] = {}
    for institution_id in store.institutions("sample") if only is None else [only]:
        for source, people in store.read("sample", institution_id).groupby("source")["person_id"]:
            for make, known in makers:
                tokens = make(people, setup.round.round_id, institution_id, str(source), secret)
                for token, person in zip(tokens, people, strict=True):
                    if token in wanted:
                        book[token] = known(institution_id, str(source), person)
    return book


def listed_by_code(
    setup: RoundSetup, store: Store, vault: Vault, wanted: Collection[str], only: str | None = None
) -> dict[str, Sampled]:
    """The wanted check codes of everyone listed, sampled or not, and the wanted tokens of the sample."""
    secret, book = vault.secret("link_token"), dict[str, Sampled]()
    for institution_id in store.institutions("frame") if only is None else [only]:
        if store.has("sample", institution_id):
            book |= sampled_by_token(setup, store, vault, wanted, institution_id)
        people = store.read("frame", institution_id, ["source", "person_id"]).drop_duplicates()
        for source, listed in people.groupby("source")["person_id"]:
            codes = check_codes(listed, setup.round.round_id, institution_id, str(source), secret)
            pairs = zip(codes, listed, strict=True)
            book |= {code: Sampled(institution_id, str(source), person) for code, person in pairs if code in wanted}
    return book


def tokens_in(cells: Iterable[object]) -> list[str]:
    """The token of each cell, which may stand inside a whole link; "" where there is none."""
    found = ((_TOKEN.search(text.lower()), text) for text in map(text_of, cells))
    return [match[0] if match else text for match, text in found]
