"""Answers in: the survey platform's export, one row per respondent, one column per item."""

from __future__ import annotations

import datetime as dt
import hmac
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from spi_analysis.errors import HIDDEN, InputError, Problem, nearest
from spi_analysis.params import (
    AnswerStream,
    Instrument,
    Mode,
    ResponseMapping,
    RoundSetup,
    Scale,
    Words,
    codes_by_word,
    frame_mapping,
    load_mapping,
    normalised,
)
from spi_analysis.tables import (
    BY_CHANCE,
    ID_LENGTH,
    OUT_OF_RANGE,
    Store,
    Vault,
    coded,
    mask_text,
    one_writer,
    require_open,
    text_of,
    with_modes,
)
from spi_analysis.tables.importing.answers import (
    CODES_IN_ORDER,
    FILL_IN,
    LABELS_DECIDE,
    OF_COLUMN,
    OUT_OF_SCALE,
    AnswerColumn,
    platform_labels,
)
from spi_analysis.tables.importing.conversation import of_logs
from spi_analysis.tables.importing.events import number_of, sampled_by_phone
from spi_analysis.tables.importing.headers import Header, HeaderWords
from spi_analysis.tables.importing.issues import COLUMNS, Where
from spi_analysis.tables.importing.keeping import flag_answers_of_reported, keep_results
from spi_analysis.tables.importing.logs import (
    LOG_COUNTS,
    Answering,
    Log,
    LogImport,
    OpenAnswer,
    note_headers,
    open_log,
    places_by_token,
    sampled_by_token,
    tokens_in,
)
from spi_analysis.tables.importing.platforms import ANSWER_PLATFORMS
from spi_analysis.tables.importing.readers import Sheet

TITLE = "Hasil pemeriksaan jawaban"
TIMES = ("started_at", "completed_at")


def import_responses(
    files: Iterable[Path],
    setup: RoundSetup,
    store: Store,
    vault: Vault,
    *,
    mapping: Path | None = None,
    institution: str | None = None,
    only: str | None = None,
    mode: Mode = "web",
    stream: AnswerStream = "probability",
    source: str | None = None,
) -> LogImport | None:
    """Add answers to the store. A file may hold several institutions and sources: the token decides.

    A column whose answers cannot be read with certainty stops the import until a mapping says what they mean.
    Of a person's rows the one with the most answers is kept, then the one completed first. People imported before
    stay; a new row takes the place of an earlier one unless that holds more answers.

    Parameters
    ----------
    files : paths             CSV, XLSX, SPSS or Parquet: token, times, and a column per item code (whatever the case)
    mapping : path, optional  columns and item names laid over ``params/mappings/responses.yaml``
    institution : str         refuse tokens of all other institutions
    mode : str                how the answers were given, where no column of the file says it
    stream, source : str      "open": rows without a token came by an open link of this institution and source. Rows
        with the token of a poster (``spi poster``) need no such word. They are kept apart, in ``open_responses``
    only : str                import nothing and return None unless every row is of this institution: then no other
        institution's tables are touched, and several such imports may run side by side
    """
    if institution is not None:
        setup.require(institution)
    nobody = None if stream == "probability" else _nobody(setup, institution, source)
    with one_writer(store.root.parent):
        words: ResponseMapping = load_mapping(setup.workspace, "responses", *([mapping] if mapping else []))
        _check_answer_words(words, setup.instrument)
        codes = item_codes(setup.instrument)
        header_words = HeaderWords(words.fields, words.header, _item_words(setup.instrument, words))
        nothing = frozenset(normalised(word) for word in words.nothing)
        required = words.required if nobody is None else ()
        log, sheets, failed = open_log(files, header_words, required, nothing, words.dates, ANSWER_PLATFORMS)
        log.cells = log.cells.assign(token=log.cells.get("token"))
        without_items = [entry for entry in sheets if not set(codes) & set(entry[1].columns)]
        sheets = [entry for entry in sheets if set(codes) & set(entry[1].columns)]
        log.cells = log.cells.drop(index=[row for _, _, rows in without_items for row in rows])
        failed += [_no_items(sheet, header, codes) for sheet, header, _ in without_items]
        wanted = set(tokens_in(log.cells["token"]))
        book = sampled_by_token(setup, store, vault, wanted, only) | places_by_token(setup, store, vault, wanted, only)
        log.assign_owners(book, institution, otherwise=nobody)
        name_open_answers(log, vault.secret("link_token"))
        if only and (failed or not len(log.cells) or len(log.owners) < len(log.cells)):
            return None
        columns = [_columns(log, *entry, setup.instrument, words) for entry in sheets]
        doubts = [one for entry, of_sheet in zip(sheets, columns, strict=True) for one in _doubts(*entry, of_sheet)]
        if doubts:
            return None if only else _stopped(sheets, columns, [*failed, *doubts], setup.instrument)
        note_headers(log, sheets)
        _note_missing_items(log, sheets, setup.instrument)
        asked = [*codes, *module_codes(setup.instrument)]
        answers = _of_files_with_answers(log, _answers(log, sheets, columns, setup, words), asked)
        answers = answers.assign(mode=_modes(log, answers.index, words, mode)).reindex(
            columns=["institution_id", "person_id", "source", "mode", *TIMES, *asked]
        )
        opened = pd.Series(
            [isinstance(log.owners[row], OpenAnswer) for row in answers.index], answers.index, dtype=bool
        )
        written = keep_open_answers(log, answers[opened], setup, store, vault)
        for institution_id, new in answers[~opened].groupby("institution_id"):
            kept = _against_earlier(log, store.read_if_there("responses", str(institution_id)), new, setup.instrument)
            kept = _with_arms_and_forms(kept, setup, store, str(institution_id))
            written.append(store.write("responses", str(institution_id), kept))
        flag_answers_of_reported(log, sorted(log.accepted), store)
        if setup.round.fieldwork.tokens == "two":
            by_sender = [row for row in sorted(log.accepted) if not isinstance(log.owners[row], Answering | OpenAnswer)]
            log.flag_together(by_sender, "answered_under_senders_token", "token")
        done = keep_results("responses", TITLE, log, failed, written, setup, store, vault, sheets)
        return replace(done, summary={"open": _open_counts(log, store), **done.summary})


# Answers by an open link: of whoever found it, once or twice, drawn or not. They are kept apart from all others.


def _nobody(setup: RoundSetup, institution: str | None, source: str | None) -> OpenAnswer:
    """Whose the rows without a token are, when a file came by an open link."""
    if institution is None or source is None:
        raise InputError(
            "answers by an open link carry no token, so somebody has to say whose they are",
            key="--stream open", expected="--institution and --source",
            hint="a link made by spi poster says it by itself",
        )  # fmt: skip
    require_open(setup, institution, source)
    return OpenAnswer(institution, source, "")


def name_open_answers(log: Log, secret: bytes) -> None:
    """Give every answer by an open link a code of its own, from what stands in its row.

    A file that comes in again, or a later one that holds its rows, too, brings no answer twice. Rows that are alike in
    every cell are told apart by their order.
    """
    seen = Counter[str]()
    cells = log.cells.drop(columns=["file", "sheet", "row"])
    for row, owner in list(log.owners.items()):
        if isinstance(owner, OpenAnswer):
            text = "|".join([*owner[:2], *map(text_of, cells.loc[row].dropna())])
            seen[text] += 1
            digest = hmac.digest(secret, f"{text}|{seen[text]}".encode(), "sha256")
            log.owners[row] = owner._replace(person_id=digest.hex()[:ID_LENGTH])


def keep_open_answers(log: Log, answers: pd.DataFrame, setup: RoundSetup, store: Store, vault: Vault) -> list[Path]:
    """Write them beside those that are there, with what is known of people who were drawn as well."""
    answers, written = answers.assign(also_sampled=_also_sampled(log, answers, setup, store, vault)), []
    for institution_id, new in answers.groupby("institution_id"):
        earlier = store.read_if_there("open_responses", str(institution_id))
        earlier = None if earlier is None else earlier.rename(columns={"response_id": "person_id"})
        kept = _against_earlier(log, earlier, new, setup.instrument).drop(columns="mode")
        kept = kept.rename(columns={"person_id": "response_id"})
        written.append(store.write("open_responses", str(institution_id), kept))
    return written


def _also_sampled(log: Log, answers: pd.DataFrame, setup: RoundSetup, store: Store, vault: Vault) -> pd.Series:
    """Whether the number in each row is that of somebody who was drawn; missing where there is none."""
    rules = frame_mapping(setup.workspace).phones
    cells = log.cells.reindex(columns=["phone"]).loc[answers.index, "phone"]
    numbers = cells.map(lambda cell: number_of(cell, rules)).loc[lambda found: found != ""]
    drawn = sampled_by_phone(setup, store, vault, set(numbers))
    log.flag_together(numbers.index[numbers.isin(drawn)], "open_answer_of_sampled", "phone")
    log.flag_together(numbers.index[numbers.duplicated(keep=False)], "open_answer_twice", "phone")
    return numbers.isin(drawn).astype("boolean").reindex(answers.index)


def _open_counts(log: Log, store: Store) -> list[dict[str, object]]:
    """How many answers came by open links, by institution and source; ``others``: those that earlier files brought."""
    opened = [owner for row in log.accepted if isinstance(owner := log.owners[row], OpenAnswer)]
    found = []
    for (code, source), n in sorted(Counter(owner[:2] for owner in opened).items()):
        stored = store.read("open_responses", code, ["source", "response_id"]).query("source == @source")
        others = ~stored["response_id"].isin([owner.person_id for owner in opened])
        found.append({"institution_id": code, "source": source, "answers": n, "others": int(others.sum())})
    return found


def _with_arms_and_forms(answers: pd.DataFrame, setup: RoundSetup, store: Store, institution_id: str) -> pd.DataFrame:
    """The answers with everybody's arm and form, where the draw gave any; without arms, no columns of the modules."""
    answers = answers.drop(columns=[*BY_CHANCE], errors="ignore")
    sample = store.read("sample", institution_id).set_index(["source", "person_id"])
    if "arm" not in sample:
        answers = answers.drop(columns=module_codes(setup.instrument), errors="ignore")
    theirs = sample[[column for column in BY_CHANCE if column in sample]].reindex(_people(answers))
    return answers.assign(**{column: theirs[column].to_numpy() for column in theirs})


def _item_words(instrument: Instrument, words: ResponseMapping) -> dict[str, tuple[str, ...]]:
    """What may stand above the answers to an item beside its code: words of the mapping, and its text if no other's."""
    texts = {
        question.code: {normalised(text) for text in question.text.by_language().values()}
        for part in instrument.questions.values()
        for question in part
    }
    times = Counter(text for own in texts.values() for text in own)
    own = {code: tuple(sorted(text for text in found if times[text] == 1)) for code, found in texts.items()}
    asked = [*item_codes(instrument), *module_codes(instrument)]
    return {code: (*words.items.get(code, ()), *own.get(code, ())) for code in asked}


def item_codes(instrument: Instrument) -> list[str]:
    """The response columns of all sources, in the order of the questionnaire."""
    return [code for source in instrument.sources for code in instrument.codes(source)]


def module_codes(instrument: Instrument) -> list[str]:
    """The response columns of the optional modules of all sources."""
    return [code for source in instrument.sources for code in instrument.module_codes(source)]


def _check_answer_words(words: ResponseMapping, instrument: Instrument) -> None:
    """The scales and codes to which the mapping gives words must be the instrument's."""
    wrong = [
        Problem(
            "the mapping names no scale of the instrument",
            key=f"answers: {name}",
            hint=nearest(name, instrument.scales),
        )
        for name in words.answers
        if name not in instrument.scales
    ]
    for name, scale in instrument.scales.items():
        known = {*range(scale.minimum, scale.maximum + 1), *scale.missing}
        wrong += [
            Problem(
                "the mapping names no code of the scale", key=f"answers: {name}", got=str(code), expected=_listed(known)
            )
            for code in sorted(set(words.answers.get(name, {})) - known)
        ]
    if wrong:
        raise InputError(*wrong)


def _listed(codes: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(codes)))


def _no_items(sheet: Sheet, header: Header, codes: list[str]) -> Problem:
    unused = [header.labels[i] for i in header.unused]
    return Problem(
        "no column is an item of the instrument",
        file=sheet.file,
        row=header.row + 1,
        key=sheet.name,
        got=", ".join(header.shown(i) for i in header.unused[:10]),
        expected=f"columns such as {', '.join(codes[:3])}",
        hint=nearest(unused[0], codes) if unused else "name the columns under items in a mapping file (--mapping)",
    )


def _note_missing_items(log: Log, sheets: Iterable[Any], instrument: Instrument) -> None:
    """Note the items that a file lacks although people of their source answered in it."""
    for sheet, header, rows in sheets:
        for institution_id, source in sorted({log.owners[row][:2] for row in rows if row in log.owners}):
            missing = [code for code in instrument.codes(source) if code not in header.columns]
            if missing:
                where = Where(institution_id, source, sheet.file, sheet.name, header.row + 1)
                log.issues.add(where, "item_missing", items=", ".join(missing))


Columns = dict[str, AnswerColumn]


def _answers(
    log: Log, sheets: Iterable[Any], columns: Iterable[Columns], setup: RoundSetup, words: ResponseMapping
) -> pd.DataFrame:
    """One row per person: who, when, and the codes of the answers."""
    tables = []
    for (_, _, rows), of_sheet in zip(sheets, columns, strict=True):
        rows = _ours(log, rows)
        codes = {code: _codes(log, rows, code, column) for code, column in of_sheet.items()}
        tables.append(pd.DataFrame(codes, index=rows, dtype=float))
    answers = pd.concat(tables) if tables else pd.DataFrame()
    owners = pd.DataFrame(
        [log.owners[row] for row in answers.index], answers.index, ["institution_id", "source", "person_id"]
    )
    _drop_foreign(log, answers, owners["source"], setup.instrument)
    times = pd.DataFrame({name: _times(log, answers.index, name, setup, words) for name in TIMES}, answers.index)
    _check_order(log, times)
    return _one_per_person(log, pd.concat([owners, times, answers], axis=1), list(answers.columns))


def _of_files_with_answers(log: Log, answers: pd.DataFrame, asked: list[str]) -> pd.DataFrame:
    """The rows without those of files in which not one answer can be read: nobody there is known to have broken off."""
    read = answers.reindex(columns=asked).notna().any(axis=1)
    useless = ~read.groupby(log.cells.loc[answers.index, "file"]).transform("any").astype(bool)
    for row in answers.index[useless]:
        log.reject(row, "no_answer_in_file", "token")
    return answers[~useless]


def _ours(log: Log, rows: pd.Index) -> pd.Index:
    """The rows that are somebody's answers."""
    return pd.Index([row for row in rows if row in log.owners and row not in log.rejected])


def _scales(instrument: Instrument) -> dict[str, str]:
    """Item -> name of its scale."""
    asked = [*instrument.questions.values(), *(part.modules.questions for part in instrument.sources.values())]
    return {question.code: question.scale for part in asked for question in part}


def _columns(
    log: Log, sheet: Sheet, header: Header, rows: pd.Index, instrument: Instrument, words: ResponseMapping
) -> Columns:
    """The columns of the items in a sheet."""
    rows = _ours(log, rows)
    return {
        code: _column(log, rows, code, sheet, header, instrument.scales[name], words, words.answers.get(name, {}))
        for code, name in _scales(instrument).items()
        if code in header.columns
    }


def _column(
    log: Log, rows: pd.Index, code: str, sheet: Sheet, header: Header, scale: Scale, mapping: ResponseMapping,
    words: dict[int, Words],
) -> AnswerColumn:  # fmt: skip
    """The column of an item in a sheet, with what the file and the mapping say of it."""
    i = header.columns[code]
    cells = log.cells.loc[rows, code]
    labels = sheet.labels.get(i) or platform_labels(sheet.told.platform, scale, set(cells.dropna()))
    if labels and i not in sheet.labels:
        shown = ", ".join(f"{value} = {text}" for value, text in labels.items())
        log.flag_together(rows, CODES_IN_ORDER, code, labels=shown)
    nothing = {normalised(word) for word in mapping.nothing}
    missing = {*sheet.missing.get(i, ()), *(value for value, text in labels.items() if normalised(text) in nothing)}
    return AnswerColumn(scale, cells, labels, missing, words)


# A column that cannot be read with certainty: nothing comes in before a mapping file says what its cells mean.

MOST_KINDS = 20


def _doubts(sheet: Sheet, header: Header, rows: pd.Index, columns: Columns) -> list[Problem]:
    """One problem for each column of a sheet that stops the import, with the kinds of its cells."""
    return [_doubt(sheet, header, code, column, found) for code, column in columns.items()
            if (found := column.unsettled())]  # fmt: skip


def _doubt(sheet: Sheet, header: Header, code: str, column: AnswerColumn, found: dict[str, int]) -> Problem:
    kinds = [f"{mask_text(text)!r} ({rows:,} rows)" for text, rows in found.items()]
    more = [f"and {len(kinds) - MOST_KINDS} more"] if len(kinds) > MOST_KINDS else []
    return Problem(
        "what stands in a column of answers cannot be read with certainty, so nothing was imported",
        file=sheet.file,
        row=header.row + 1,
        column=mask_text(header.label(code)),
        got=", ".join([*kinds[:MOST_KINDS], *more]),
        expected=f"{column.expected}, or the questionnaire's words for them",
        hint=f"say what each means in a mapping file (--mapping), under answers; {FILL_IN} stands for a code",
    )


def _stopped(
    sheets: list[Any], columns: Iterable[Columns], failed: Iterable[Problem], instrument: Instrument
) -> LogImport:
    """What is said of an import that was stopped: nothing was written."""
    empty = pd.DataFrame(columns=list(LOG_COUNTS))
    issues = pd.DataFrame(columns=list(COLUMNS))
    mapping = _settling(columns, _scales(instrument))
    return LogImport(empty, issues, tuple(failed), (), of_logs(sheets, ()), mapping)


def _settling(columns: Iterable[Columns], scales: dict[str, str]) -> dict[str, Any]:
    """The lines of a mapping file that resolve all doubts; what is masked in messages is in none of them."""
    found: dict[str, dict[int | str, list[str]]] = {}
    for code, column in [entry for of_sheet in columns for entry in of_sheet.items()]:
        for answer, texts in column.proposed().items():
            known = found.setdefault(scales[code], {}).setdefault(answer, [])
            known += [text for text in texts if text not in known and HIDDEN not in mask_text(text)]
    return {"answers": found}


def _codes(log: Log, rows: pd.Index, code: str, column: AnswerColumn) -> list[float | None]:
    """Codes of one item's cells; what is no answer of ours is noted and left empty.

    A cell outside the scale is named by itself; what many cells share is said once for all of them.
    """
    values, alike = [], {}
    for row, cell in zip(rows, log.cells.loc[rows, code], strict=True):
        value, problem = column.reading(cell)
        values.append(value)
        if problem == OUT_OF_SCALE:
            log.flag(row, problem, code, expected=column.expected)
        elif problem:
            of_column = problem in OF_COLUMN
            alike.setdefault((problem, "" if of_column else text_of(cell)), (cell, []))[1].append(row)
    for (problem, _), (cell, found) in alike.items():
        log.flag_together(found, problem, code, **column.details(problem, cell))
    if renamed := column.renamed():
        log.flag_together(rows, LABELS_DECIDE, code, labels=renamed)
    return values


def _drop_foreign(log: Log, answers: pd.DataFrame, source: pd.Series, instrument: Instrument) -> None:
    """Empty the answers to questions that were not for the person's source."""
    for name in instrument.sources:
        own = {*instrument.codes(name), *instrument.module_codes(name)}
        foreign = [code for code in answers.columns if code not in own]
        given = answers.loc[source == name, foreign].stack().dropna()
        for row, code in given.index:
            log.flag(row, "answer_of_another_source", code)
        answers.loc[source == name, foreign] = float("nan")


def _times(log: Log, rows: pd.Index, name: str, setup: RoundSetup, words: ResponseMapping) -> list[dt.datetime | None]:
    """Times of one column; one that cannot be read is unknown, since the answers are worth keeping."""
    values = []
    for row, cell in zip(rows, log.cells.loc[rows, name] if name in log.cells else [None] * len(rows), strict=True):
        if cell is None or cell != cell:
            values.append(None)
            continue
        at, problem = log.time_of(row, cell, words.times.zone, setup.round.fieldwork.start)
        if at is not None:
            log.check_time(row, name, at, setup, words.times)
        else:
            log.flag(row, f"{name}_{'out_of_range' if problem == OUT_OF_RANGE else 'unreadable'}", name)
        values.append(at)
    return [None if value is None else pd.Timestamp(value) for value in values]


def _modes(log: Log, rows: pd.Index, words: ResponseMapping, otherwise: Mode) -> list[str]:
    """How each answer was given: as its row says, else as the whole file is said to be."""
    codes, found = codes_by_word(dict(words.modes)), []
    cells = log.cells.reindex(columns=["mode"]).loc[rows, "mode"]
    for row, cell in zip(rows, cells, strict=True):
        given = coded(cell, codes) if isinstance(cell, str) else None
        if given is None and isinstance(cell, str):
            log.flag(row, "unknown_mode", "mode", read_as=otherwise)
        found.append(given or otherwise)
    return found


def _check_order(log: Log, times: pd.DataFrame) -> None:
    for row in times.index[pd.to_datetime(times["completed_at"]) < pd.to_datetime(times["started_at"])]:
        log.flag(row, "completed_before_started", "completed_at")


def _one_per_person(log: Log, people: pd.DataFrame, items: list[str]) -> pd.DataFrame:
    """The row of each person with the most answers, then the one completed first; others are turned away."""
    order = people.assign(n_answered=people[items].notna().sum(axis=1)).sort_values(
        ["n_answered", "completed_at"], ascending=[False, True], na_position="last", kind="stable"
    )
    kept: dict[tuple[str, ...], Any] = {}
    for row, *person in order[["institution_id", "source", "person_id"]].itertuples():
        first = kept.setdefault(tuple(person), row)
        if first != row:
            log.reject(row, "duplicate_respondent", "token", **log.place(first))
    return people.loc[sorted(kept.values())]


def _against_earlier(log: Log, earlier: pd.DataFrame | None, new: pd.DataFrame, instrument: Instrument) -> pd.DataFrame:
    """The new rows with the people imported before; an earlier row stays if it holds more answers."""
    people = [_without_fuller(log, earlier, new, item_codes(instrument))]
    log.accepted.update(people[0].index)
    if earlier is not None:
        stays = with_modes(earlier[~_people(earlier).isin(_people(people[0]))]).reindex(columns=list(new.columns))
        people = [stays, *people] if len(stays) else people
    rank = {source: i for i, source in enumerate(instrument.sources)}
    return pd.concat(people).sort_values(
        ["source", "person_id"], key=lambda c: c.map(rank) if c.name == "source" else c
    )


def _without_fuller(log: Log, earlier: pd.DataFrame | None, new: pd.DataFrame, codes: list[str]) -> pd.DataFrame:
    """The new rows without those of people whose earlier row holds more answers; these are turned away."""
    if earlier is None:
        return new
    before = earlier.reindex(columns=codes).notna().sum(axis=1).set_axis(_people(earlier))
    fuller = before.reindex(_people(new)).fillna(0).to_numpy() > new[codes].notna().sum(axis=1).to_numpy()
    for row in new.index[fuller]:
        log.reject(row, "fuller_answers_stored", "token")
    return new[~fuller]


def _people(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(table[["source", "person_id"]])
